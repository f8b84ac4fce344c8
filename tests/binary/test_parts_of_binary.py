"""Parts of populations of binary neurons: coupled as a matrix says, on any number of ranks, and recorded."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import AllToAll, BinaryNetwork, BinarySimulation, EdgeList, FixedIndegree, InputError, OneToOne, Uniform
from distsim.parallel.communicator import alone
from tests.threads import on_ranks


def populations() -> tuple[BinaryNetwork, list]:
    network = BinaryNetwork()
    made = [network.population(name, n, theta=0.12, tau=2.0, m_0=0.5) for name, n in (("A", 20), ("Z", 0), ("B", 15))]
    made.append(network.external_population("X", 10, m=0.4))
    return network, made


def of_parts(rule_of_union=None) -> BinaryNetwork:
    network, (a, _, b, x) = populations()
    network.connect(a[::2] + b[:5], b[[9, 3]] + a[15:], rule_of_union or AllToAll(autapses=False), 0.2)
    network.connect(a[5:10], a[:5], OneToOne(), [0.1, 0.2, 0.3, 0.4, 0.5])
    network.connect(x[3:], a + b, FixedIndegree(3) if rule_of_union else AllToAll(), 0.05)
    network.connect(b[::-1], a[2:8], EdgeList([0, 0, 14], [5, 1, 1]), [-1.0, -2.0, -1.5])
    network.connect(a, b, FixedIndegree(4) if rule_of_union else AllToAll(), -0.1)
    if rule_of_union:
        network.connect(b + a, a[3:] + b[3:], FixedIndegree(6), Uniform(-0.3, 0.1))
    network.record_flips(a[3:6] + b)
    network.record_states([0.5, 3.0], a[[7, 2]])
    network.record_activity("A")
    return network


def as_matrix() -> np.ndarray:
    """The same couplings, (targets, sources), A first, then B, then X."""
    a, b, x = np.arange(20), np.arange(20, 35), np.arange(35, 45)
    J = np.zeros((45, 45))
    sources, targets = np.r_[a[::2], b[:5]], np.r_[b[[9, 3]], a[15:]]
    J[np.ix_(targets, sources)] += 0.2
    J[targets[np.isin(targets, sources)], targets[np.isin(targets, sources)]] -= 0.2
    J[a[:5], a[5:10]] += [0.1, 0.2, 0.3, 0.4, 0.5]
    J[np.ix_(np.r_[a, b], x[3:])] += 0.05
    for source, target, strength in ((14, 5, -1.0), (14, 1, -2.0), (0, 1, -1.5)):
        J[a[2:8][target], b[source]] += strength
    J[np.ix_(b, a)] -= 0.1
    return np.round(J, 10)


def by_matrix() -> BinaryNetwork:
    network, _ = populations()
    network.connect_matrix(as_matrix())
    network.record_flips("A")
    network.record_flips("B")
    return network


def flips(network, part, comm=None):
    with BinarySimulation(network, comm or alone(), seed=2) as simulation:
        simulation.run(20.0)
        found = simulation.flips(part(simulation.network))
        pairs = [simulation.couplings(s, t) for s in "ABX" for t in "AB" if _coupled(network, s, t)]
        matrix = np.zeros((45, 45))
        begin = {"A": 0, "B": 20, "X": 35}
        for (s, t), pair in zip(((s, t) for s in "ABX" for t in "AB" if _coupled(network, s, t)), pairs, strict=True):
            np.add.at(matrix, (begin[t] + pair.target, begin[s] + pair.source), pair.weight)
        return (
            [column.tolist() for column in found],
            simulation.flip_hash(),
            matrix.tolist(),
            simulation.inputs("A").sum(),
        )


def _coupled(network, source, target):
    try:
        return bool(network.find_projections(source, target))
    except InputError:
        return False


def chosen(network):
    a, b = network.find("A"), network.find("B")
    return b[5:] + a[3:6]


def test_couplings_of_parts_are_those_of_a_matrix():
    parts, matrix = flips(of_parts(), chosen), flips(by_matrix(), chosen)
    assert np.allclose(parts[2], as_matrix(), atol=1e-12)
    assert len(parts[0][0]) > 10
    assert parts[:2] == matrix[:2]


@pytest.mark.parametrize("rule", [None, FixedIndegree(3)])
def test_parts_on_any_number_of_ranks(rule):
    one = flips(of_parts(rule), chosen)
    assert on_ranks(3, lambda comm: flips(of_parts(rule), chosen, comm)) == [one] * 3


def test_recordings_of_parts(tmp_path):
    with BinarySimulation(of_parts(), alone(), seed=2, file=tmp_path / "run.h5") as simulation:
        simulation.run(5.0)
        a = simulation.network.find("A")
        assert set(simulation.flips("A").neuron) <= {3, 4, 5}
        assert np.array_equal(simulation.states(a[[7, 2]]), simulation.states("A")[[7, 2]])
        assert simulation.recorded_states("A").neuron.tolist() == [7, 2]
        assert simulation.activity("A").value[-1] == simulation.states("A").mean()  # of all its neurons
        simulation.save(tmp_path / "checkpoint")
        simulation.run(5.0)
        whole = simulation.flips("A"), simulation.flip_hash()

    def go_on(comm):
        with BinarySimulation.restore(of_parts(), tmp_path / "checkpoint", comm) as restored:
            restored.run(5.0)
            return restored.flips("A").neuron.tolist(), restored.flip_hash()

    late = whole[0].neuron[whole[0].time > 5.0].tolist()
    assert on_ranks(2, go_on) == [(late, whole[1])] * 2


def test_what_is_refused():
    network, (a, _, b, x) = populations()
    with pytest.raises(InputError, match="'X' is an external population, which has no input"):
        network.connect(a, b + x[:2], AllToAll(), 1.0)
    with pytest.raises(InputError, match="a part says which neurons are recorded"):
        network.record_flips(a[:5], neurons=[1])


def test_couplings_and_recorded_states_of_parts():
    network = of_parts(FixedIndegree(7))
    network.record_couplings(network.find("A")[3:5] + network.find("B"), network.find("A")[[7, 2]])
    a, b = network.find("A"), network.find("B")
    assert [(r.source, r.target, r.targets.tolist()) for r in network.coupling_recordings] == [
        ("A", "A", [2, 7]),
        ("B", "A", [2, 7]),
    ]
    sources, targets = b[::-1] + a[2:9], a[[7, 2]] + b[4:]

    def read(comm):
        with BinarySimulation(network, comm, seed=2) as simulation:
            simulation.run(4.0)
            some = simulation.couplings(sources, targets, sources=range(12, 20))
            states = simulation.recorded_states(a[[7]]).value, simulation.recorded_states("A").value
            whole = [(s, t, simulation.couplings(s, t)) for s in (a, b) for t in (a, b)]
            return some, simulation.couplings(sources, targets), states, whole

    some, every, (one, both), whole = read(alone())
    wanted = sorted(
        (int(i), int(j), float(w))
        for s, t, pairs in whole
        for i, j, w in zip(
            sources.index_of(s.first_gid + pairs.source),
            targets.index_of(t.first_gid + pairs.target),
            pairs.weight,
            strict=True,
        )
        if i >= 0 and j >= 0
    )
    assert sorted(zip(*(column.tolist() for column in every), strict=True)) == wanted
    assert [column.tolist() for column in some] == [
        column[every.source >= 12][: len(some.source)].tolist() for column in every
    ]
    assert one[:, 0].tolist() == both[:, 1].tolist()
    for found in on_ranks(3, read):
        assert all(np.array_equal(x, y) for x, y in zip(found[1], every, strict=True))
