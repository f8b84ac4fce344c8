"""Brunel's network of spiking neurons as a ``Network``.

    E -> E, I   C_E inputs per neuron, weight J        X -> E, X -> I   Poisson input of rate nu_X, weight J
    I -> E, I   C_I inputs per neuron, weight -g J     one delay everywhere

Neurons are iaf_psc_delta; sources are drawn with replacement, the neuron itself included.
"""

from __future__ import annotations

from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.models.brunel.parameters import Parameters, load
from distsim.spiking.drives.poisson import Poisson
from distsim.spiking.network import Network
from distsim.spiking.neurons.iaf_psc_delta import IafPscDelta
from distsim.spiking.synapses.static import Static


def build_network(parameters: Parameters | None = None) -> Network:
    """Populations "E" and "I", their projections and Poisson input (default: as published); all spikes are recorded.

    ``T``, ``presimulation`` and ``seed`` are no part of a network: the simulation takes them.
    """
    p = parameters or load()
    network = Network(dt=p.dt)
    neuron = IafPscDelta(tau_m=p.tau_m, t_ref=p.t_ref, E_L=0.0, V_th=p.theta, V_reset=p.V_reset)
    for name, size in (("E", p.N_E), ("I", p.N_I)):
        network.population(name, size, neuron, V_m=p.V_init)
    for target in ("E", "I"):
        for source, number, weight in p.inputs:
            network.connect(source, target, FixedIndegree(number), Static(weight=weight, delay=p.delay))
        network.stimulate(target, Poisson(rate=p.nu_X, weight=p.J_E, delay=p.delay))
        network.record_spikes(target)
    return network
