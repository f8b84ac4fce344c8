"""The two-population STDP network as a ``Network``.

    E -> E   K_E inputs per neuron, plastic          X -> E, X -> I   Poisson input of rate nu_X, weight I_X
    E -> I   K_E inputs per neuron, weight I_E
    I -> E   K_I inputs per neuron, weight I_I       one delay everywhere
    I -> I   K_I inputs per neuron, weight I_I

Sources of the rules and parameters: defaults.toml beside this file.
"""

from __future__ import annotations

from typing import Any

from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.core.distributions import Uniform
from distsim.models.two_population.parameters import Parameters
from distsim.spiking.drives.poisson import Poisson
from distsim.spiking.network import Network
from distsim.spiking.neurons.iaf_psc_alpha import IafPscAlpha
from distsim.spiking.neurons.ignore_and_fire import IgnoreAndFire
from distsim.spiking.synapses.static import Static
from distsim.spiking.synapses.stdp_power_law import StdpPowerLaw


def build_network(parameters: Parameters) -> Network:
    """Populations "E" and "I", their projections and Poisson input; the spikes of both are recorded.

    ``T`` and ``seed`` are no part of a network: the simulation takes them.
    """
    p = parameters
    network = Network(dt=p.dt)
    model, initial = _neurons(p)
    excitatory = network.population("E", p.N_E, model, **initial)
    inhibitory = network.population("I", p.N_I, model, **initial)

    from_excitatory, from_inhibitory = _rule(p, p.K_E), _rule(p, p.K_I)
    static_inhibitory = Static(weight=p.I_I, delay=p.delay)
    network.connect(excitatory, excitatory, from_excitatory, _plastic(p))
    network.connect(excitatory, inhibitory, from_excitatory, Static(weight=p.I_E, delay=p.delay))
    network.connect(inhibitory, excitatory, from_inhibitory, static_inhibitory)
    network.connect(inhibitory, inhibitory, from_inhibitory, static_inhibitory)

    for population in (excitatory, inhibitory):
        network.stimulate(population, Poisson(rate=p.nu_X, weight=p.I_X, delay=p.delay))
        network.record_spikes(population)
    return network


def _neurons(p: Parameters) -> tuple[IafPscAlpha | IgnoreAndFire, dict[str, Any]]:
    """The neuron model of both populations, and the distributions of its initial states."""
    integrate_and_fire = IafPscAlpha(
        C_m=p.C_m,
        tau_m=p.tau_m,
        t_ref=p.t_ref,
        E_L=p.E_L,
        V_th=p.theta,
        V_reset=p.V_reset,
        tau_syn_ex=p.tau_s,
        tau_syn_in=p.tau_s,
        I_e=p.I_DC,
    )
    initial = {"V_m": Uniform(p.V_init_min, p.V_init_max)}
    if p.neuron_model == "iaf_psc_alpha":
        return integrate_and_fire, initial
    integrated = integrate_and_fire if p.integrate_input else None
    ignore_and_fire = IgnoreAndFire(
        rate=Uniform(p.rate_min, p.rate_max), phase=Uniform(p.phase_min, p.phase_max), integrate=integrated
    )
    return ignore_and_fire, initial if p.integrate_input else {}


def _rule(p: Parameters, indegree: int) -> FixedIndegree:
    return FixedIndegree(indegree, autapses=p.allow_autapses, multapses=p.allow_multapses)


def _plastic(p: Parameters) -> StdpPowerLaw:
    return StdpPowerLaw(
        weight=p.I_E,
        delay=p.delay,
        alpha=p.stdp_alpha,
        lambda_=p.stdp_lambda,
        mu=p.stdp_mu_plus,
        tau_plus=p.stdp_tau_plus,
        tau_minus=p.tau_minus,
    )
