"""The binary network as a ``BinaryNetwork``: fixed in-degrees, without autapses and multapses."""

from __future__ import annotations

from distsim.binary.binary_network import BinaryNetwork
from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.models.binary_ei.parameters import COUPLINGS, CSV, UPDATES, Parameters

Names = tuple[str, ...]
Matrix = tuple[tuple[float, ...], ...]


def build_network(parameters: Parameters) -> BinaryNetwork:
    """The populations and their couplings; recorded are all flips, mean activities at each, and what ``keep`` says."""
    p = parameters
    network = BinaryNetwork()
    for name, size, theta in zip(p.names, p.N, p.thresholds, strict=True):
        population = network.population(name, size, theta=theta, tau=p.tau, m_0=p.m_0)
        network.record_activity(population)
        network.record_flips(population)
    for name, size, m in zip(p.names_ext, p.N_ext, p.m_ext, strict=True):
        network.external_population(name, int(size), m=m, tau=p.tau)
        network.record_activity(name)
        network.record_flips(name)
    _connect(network, p.names, p.names, p.K, p.J)
    if p.N_ext:
        _connect(network, p.names_ext, p.names, p.K_ext, p.J_ext)
    if {UPDATES, CSV} & set(p.kept):
        network.record_updates()
    if COUPLINGS in p.kept:
        for source, target in dict.fromkeys((q.source.name, q.target.name) for q in network.projections):
            network.record_couplings(source, target)
    if p.state_times:
        network.record_states(p.state_times)
    return network


def _connect(network: BinaryNetwork, sources: Names, targets: Names, K: Matrix, J: Matrix) -> None:
    """Couplings with a row of ``K`` and ``J`` for each target population; none where K is 0."""
    for target, indegrees, strengths in zip(targets, K, J, strict=True):
        for source, indegree, strength in zip(sources, indegrees, strengths, strict=True):
            if indegree:
                rule = FixedIndegree(int(indegree), autapses=False, multapses=False)
                network.connect(source, target, rule, J=strength)
