"""The liquid as a ``Network``: a column of excitatory and inhibitory neurons on a lattice, and a stimulus for all.

    EE, EI, IE, II   synapses with short-term plasticity, probability C exp(-(d / lambda_)^2)
    stimulus         one spike train to every neuron, into a current of its own

Sources of the rules and parameters: defaults.toml beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence

from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.spatial_bernoulli import SpatialBernoulli
from distsim.core.distributions import Distribution, Normal, Uniform
from distsim.core.one_signed import Gamma, Replaced
from distsim.core.positions import lattice
from distsim.models.liquid_state.parameters import PROJECTIONS, Parameters
from distsim.models.liquid_state.stimuli import single_stimulus
from distsim.spiking.network import Network
from distsim.spiking.neurons.lif_multisynapse import STIMULUS, LifMultisynapse
from distsim.spiking.sources.spike_trains import SpikeTrains
from distsim.spiking.synapses.static import Static
from distsim.spiking.synapses.tsodyks_markram import TsodyksMarkram


def build_network(parameters: Parameters, stimulus: Sequence[float] | None = None) -> Network:
    """Populations "E" and "I", whose spikes are recorded, and "stimulus", a single source.

    stimulus: its spike times (ms), whole multiples of dt; by default a Poisson train drawn with ``seed``. Positions
    are shuffled with ``seed``; the simulation takes it for all that it draws.
    """
    p = parameters
    network = Network(dt=p.dt)
    times = single_stimulus(p) if stimulus is None else stimulus
    network.population(STIMULUS, 1, SpikeTrains([times]))
    positions = lattice((p.N_x, p.N_y, p.N_z), shuffle=p.seed)
    initial = Uniform(p.V_reset, p.V_th)
    for name, own in (("E", slice(0, p.N_E)), ("I", slice(p.N_E, p.N))):
        network.population(name, own.stop - own.start, _neurons(p, name), positions=positions[own], V_m=initial)
        weight = getattr(p, f"J_{name}")
        network.connect(STIMULUS, name, AllToAll(), Static(weight=weight, delay=p.dt, receptor=STIMULUS))
        network.record_spikes(name)
    for projection in PROJECTIONS:
        rule = SpatialBernoulli(p.of("C", projection), p.lambda_)
        network.connect(projection[0], projection[1], rule, _synapses(p, projection))
    return network


def _neurons(p: Parameters, name: str) -> LifMultisynapse:
    """Receptor 0 has the current from excitatory neurons, receptor 1 that from inhibitory ones."""
    return LifMultisynapse(
        tau_m=p.tau_m,
        t_ref=getattr(p, f"t_ref_{name}"),
        R_m=p.R_m,
        V_th=p.V_th,
        V_reset=p.V_reset,
        I_e=p.I_e,
        tau_syn=(p.of("tau_I", f"E{name}"), p.of("tau_I", f"I{name}")),
        tau_stimulus=getattr(p, f"tau_stimulus_{name}"),
    )


def _synapses(p: Parameters, projection: str) -> TsodyksMarkram:
    U, D, F = (_positive(p.of(name, projection), p.sd) for name in "UDF")
    return TsodyksMarkram(
        weight=Gamma(1.0, p.of("A", projection)),
        delay=p.of("delay", projection),
        U=U,
        D=D,
        F=F,
        tau_I=p.of("tau_I", projection),
        receptor=int(projection[0] == "I"),
    )


def _positive(mean: float, sd: float) -> Distribution:
    """Normal with a standard deviation of ``sd`` means, values at or below 0 replaced by the mean."""
    return Replaced(Normal(mean, sd * mean), by=mean)
