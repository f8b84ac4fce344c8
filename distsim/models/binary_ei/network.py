"""The binary network as a ``BinaryNetwork``: fixed in-degrees, without autapses and multapses."""

from __future__ import annotations

from distsim.binary.binary_network import BinaryNetwork
from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.models.binary_ei.parameters import Parameters


def build_network(parameters: Parameters) -> BinaryNetwork:
    """The populations and their couplings; their mean activities are recorded at every update, and all flips."""
    p = parameters
    network = BinaryNetwork()
    for name, size, theta in zip(p.names, p.N, p.thresholds, strict=True):
        population = network.population(name, size, theta=theta, tau=p.tau, m_0=p.m_0)
        network.record_activity(population)
        network.record_flips(population)
    for target, indegrees, strengths in zip(p.names, p.K, p.J, strict=True):
        for source, indegree, strength in zip(p.names, indegrees, strengths, strict=True):
            if indegree:
                network.connect(source, target, FixedIndegree(indegree, autapses=False, multapses=False), J=strength)
    return network
