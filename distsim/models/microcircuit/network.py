"""The cortical microcircuit as a ``Network``: eight populations, 64 projections, background input, maybe a thalamus.

    projection   a fixed total number of synapses, pairs drawn at random (multapses and autapses occur)
    weights      normal, of mean ``weight`` and relative standard deviation weight_rel_sd, drawn again where the sign
                 would change
    delays       normal, of mean delay_ex or delay_in and relative standard deviation delay_rel_sd, drawn again where
                 below dt / 2, then rounded to dt
    background   Poisson input of rate indegree_ext rate_ext, or the constant current of the same mean
    thalamus     Poisson spikes of N_thalamus neurons from thalamic_start on, for thalamic_duration

Sources of the rules and parameters: defaults.toml beside this file.
"""

from __future__ import annotations

from distsim.connect.rules.fixed_total_number import FixedTotalNumber
from distsim.core.distributions import Normal, Redrawn
from distsim.models.microcircuit.parameters import POPULATIONS, Parameters, is_excitatory
from distsim.spiking.drives.poisson import Poisson
from distsim.spiking.network import Network, Population
from distsim.spiking.neurons.iaf_psc_exp import IafPscExp
from distsim.spiking.sources.poisson_source import PoissonSource
from distsim.spiking.synapses.static import Static

THALAMUS = "thalamus"


def build_network(parameters: Parameters) -> Network:
    """The populations of ``POPULATIONS``, and "thalamus" where it is wanted; all spikes are recorded.

    ``T``, ``T_presim`` and ``seed`` are no part of a network: the simulation takes them.
    """
    p = parameters
    network = Network(dt=p.dt)
    populations = [_population(network, p, i) for i in range(len(POPULATIONS))]
    for i, target in enumerate(populations):
        for j, source in enumerate(populations):
            if p.n_synapses[i][j]:
                delay = p.delay_ex if is_excitatory(j) else p.delay_in
                synapse = _synapse(p, p.weight[i][j], delay)
                network.connect(source, target, FixedTotalNumber(p.n_synapses[i][j]), synapse)
        if p.input == "poisson":
            rate = p.indegree_ext[i] * p.rate_ext
            network.stimulate(target, Poisson(rate=rate, weight=p.weight_ext, delay=p.delay_ext))
    if p.thalamus:
        _add_thalamus(network, p, populations)
    for population in network.populations:
        network.record_spikes(population)
    return network


def _population(network: Network, p: Parameters, i: int) -> Population:
    neuron = IafPscExp(
        C_m=p.C_m, tau_m=p.tau_m, t_ref=p.t_ref, E_L=p.E_L, V_th=p.V_th, V_reset=p.V_reset,
        tau_syn_ex=p.tau_syn, tau_syn_in=p.tau_syn, I_e=p.I_e[i],
    )  # fmt: skip
    initial = Normal(p.V_init_mean_original, p.V_init_sd_original)
    if p.V_init == "optimised":
        initial = Normal(p.V_init_mean[i], p.V_init_sd[i])
    return network.population(POPULATIONS[i], p.N[i], neuron, V_m=initial)


def _synapse(p: Parameters, weight: float, delay: float) -> Static:
    """Synapses of mean ``weight`` (pA) and ``delay`` (ms)."""
    weights = Normal(weight, p.weight_rel_sd * abs(weight))
    delays = Normal(delay, p.delay_rel_sd * delay)
    of_sign = Redrawn(weights, low=0.0) if weight >= 0.0 else Redrawn(weights, high=0.0)
    return Static(weight=of_sign, delay=Redrawn(delays, low=0.5 * p.dt))


def _add_thalamus(network: Network, p: Parameters, targets: list[Population]) -> None:
    stop = p.thalamic_start + p.thalamic_duration
    thalamus = network.population(THALAMUS, p.N_thalamus, PoissonSource(p.thalamic_rate, p.thalamic_start, stop))
    for target, number in zip(targets, p.n_thalamic_synapses, strict=True):
        if number:
            synapse = _synapse(p, p.weight_thalamus, p.thalamic_delay)
            network.connect(thalamus, target, FixedTotalNumber(number), synapse)
