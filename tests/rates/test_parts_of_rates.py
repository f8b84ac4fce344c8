"""Parts of populations of rate neurons: connected as lists of edges say, on any number of ranks, and recorded."""

from __future__ import annotations

import numpy as np

from distsim import (
    AllToAll,
    ConstantRate,
    DiffusionConnection,
    EdgeList,
    FixedIndegree,
    OneToOne,
    RateNetwork,
    RateSimulation,
    SiegertNeuron,
)
from distsim.parallel.communicator import alone
from tests.threads import on_ranks

LINK = DiffusionConnection(0.002, 0.0005)


def network_of(connect) -> RateNetwork:
    network = RateNetwork(dt=0.1)
    e = network.population("E", 20, SiegertNeuron(tau=5.0), rate=np.linspace(0.0, 20.0, 20))
    i = network.population("I", 15, SiegertNeuron(tau=3.0), rate=5.0)
    x = network.population("X", 6, ConstantRate(mean=3000.0), rate=3000.0)
    connect(network, e, i, x)
    return network


def by_parts(network, e, i, x):
    network.connect(x[:4], e + i, AllToAll(), LINK)
    network.connect(e[::2] + i[:5], i[[9, 3]] + e[15:], AllToAll(autapses=False), LINK)
    network.connect(e[5:10], e[:5], OneToOne(), LINK)
    network.record_rates(e[[3, 1]] + i, interval=1.0)


def drawn(network, e, i, x):
    by_parts(network, e, i, x)
    network.connect(x + e, i[3:] + e[7:], FixedIndegree(5), LINK)
    network.connect(e, e, AllToAll(autapses=False), LINK)


def by_edges(network, e, i, x):
    e_index, i_index = np.arange(20), np.arange(15)
    for target, n in ((e, 20), (i, 15)):
        network.connect(x, target, EdgeList(np.tile(np.arange(4), n), np.repeat(np.arange(n), 4)), LINK)
    for source, sources in ((e, e_index[::2]), (i, i_index[:5])):
        for target, targets in ((i, i_index[[9, 3]]), (e, e_index[15:])):
            pairs = [(s, t) for t in targets for s in sources if not (source is target and s == t)]
            network.connect(source, target, EdgeList(*map(list, zip(*pairs, strict=True))), LINK)
    network.connect(e, e, EdgeList(e_index[5:10], e_index[:5]), LINK)
    network.record_rates("E", interval=1.0)


def run(network, comm=None):
    with RateSimulation(network, comm or alone(), seed=2) as simulation:
        simulation.run(10.0)
        part = simulation.network.find("E")[[1, 3]]
        recorded = simulation.rates(part).value
        count = simulation.connection_count()
        return simulation.rate_hash(), simulation.current_rates("E"), simulation.current_rates(part), recorded, count


def test_connections_of_parts_are_those_of_lists_of_edges():
    parts, edges = run(network_of(by_parts)), run(network_of(by_edges))
    assert parts[-1] == edges[-1] == 4 * 35 + 15 * 7 - 2 - 1 + 5
    for a, b in zip(parts[1:4], edges[1:4], strict=True):
        assert np.allclose(a, b, rtol=1e-12)
    assert np.array_equal(parts[1][[1, 3]], parts[2])
    assert np.array_equal(parts[3][-1], parts[2])


def test_parts_on_any_number_of_ranks():
    one = run(network_of(drawn))
    for found in on_ranks(3, lambda comm: run(network_of(drawn), comm)):
        assert found[0] == one[0]
        assert np.array_equal(found[3], one[3])
