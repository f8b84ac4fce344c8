"""Couplings read out, networks from matrices, every update and states at chosen times: exact on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    BinaryNetwork,
    BinarySimulation,
    FixedIndegree,
    InputError,
    Normal,
    read_couplings,
    read_states,
    read_updates,
)
from distsim.analysis.activity_plots import states_at
from tests.binary_reference import CASES, build, outgoing_edges

NAN = float("nan")
SMALL = {"N": [40, 30], "K": [[8, 6], [9, 5]], "J": [[0.1, -0.2], [0.1, -0.2]], "theta": [-0.1, 0.1], "T": 6.0}
MULTAPSES = {"N": [6, 9], "K": [[9, 14], [7, 12]], "J": [["normal", 1.0], [-0.3, 0.7]], "T": 1.0}
READ_OUT = {"multapses": MULTAPSES, "drawn": CASES["drawn"], "external": CASES["external"]}


def simulated(network: BinaryNetwork, T: float, comm: MPI.Comm = MPI.COMM_SELF, **options: object) -> BinarySimulation:
    simulation = BinarySimulation(network, comm, 1, **options)
    simulation.run(T)
    return simulation


def dense(simulation: BinarySimulation) -> np.ndarray:
    """The matrix (targets, sources) of all couplings."""
    network = simulation.network
    J = np.zeros((network.size, network.size))
    for of in network.populations:
        for to in network.populations:
            source, target, weight = simulation.couplings(of, to)
            np.add.at(J, (target + to.first_gid, source + of.first_gid), weight)
    return J


# ---------------------------------------------------------------- couplings


@pytest.mark.mpi(also=(7,))
@pytest.mark.parametrize("name", READ_OUT)
def test_couplings_are_those_that_act_in_one_order(comm, name):
    case = READ_OUT[name]
    network = build(case)
    outgoing = outgoing_edges(build(case), 1)
    with BinarySimulation(network, comm, 1) as simulation:
        for of in network.populations:
            for to in network.populations:
                found = simulation.couplings(of, to)
                expected = []
                for j in range(of.size):
                    targets, J = outgoing[of.first_gid + j]
                    mine = (targets >= to.first_gid) & (targets < to.first_gid + to.size)
                    order = np.argsort(targets[mine], kind="stable")
                    pairs = zip(targets[mine][order] - to.first_gid, J[mine][order], strict=True)
                    expected += [(j, int(i), weight) for i, weight in pairs]
                assert list(zip(found.source.tolist(), found.target.tolist(), strict=True)) == [e[:2] for e in expected]
                assert found.weight == pytest.approx([e[2] for e in expected], rel=1e-12)
                some = simulation.couplings(of, to, sources=[3, 0] if of.size else [], targets=range(min(4, to.size)))
                chosen = np.isin(found.source, [0, 3]) & (found.target < 4)
                for column, part in zip(found, some, strict=True):
                    assert (column[chosen] == part).all()


def test_strengths_that_are_one_number_are_read_out_as_they_were_given():
    for J in (0.1, -0.2, 1e-9, 123456.789012345, 0.30000000000000004):
        network = BinaryNetwork()
        network.population("A", 5, theta=0.0)
        network.connect("A", "A", FixedIndegree(2), J)
        assert set(BinarySimulation(network, MPI.COMM_SELF).couplings("A", "A").weight.tolist()) == {J}


@pytest.mark.mpi(also=(7,))
def test_couplings_in_the_file(comm, tmp_path_factory, monkeypatch):
    monkeypatch.setattr("distsim.binary.coupled_pairs.TOGETHER", 64)  # in many pieces
    path = comm.bcast(tmp_path_factory.mktemp("couplings") / "run.h5")
    network = build(SMALL)
    network.record_couplings("P0", "P1")
    network.record_couplings("P1", "P1", sources=[4, 2], targets=range(10))
    with BinarySimulation(network, comm, 1, file=path) as simulation:
        whole, part = simulation.couplings("P0", "P1"), simulation.couplings("P1", "P1", [2, 4], range(10))
    for stored, found in ((read_couplings(path, "P0", "P1"), whole), (read_couplings(path, "P1", "P1"), part)):
        assert all((a == b).all() for a, b in zip(stored, found, strict=True))
    assert len(whole.source) == 30 * 9
    with pytest.raises(InputError, match="no couplings of 'P0->P0'"):
        read_couplings(path, "P0", "P0")
    comm.Barrier()


# ---------------------------------------------------------------- from a matrix


@pytest.mark.mpi(also=(7,))
@pytest.mark.parametrize("kind", [np.float64, np.float32, "mapped"])
def test_a_network_from_the_matrix_of_another_has_its_trajectory(comm, kind, tmp_path_factory):
    """The thresholds lie between the values that inputs can have, as float32(0.1) is not 0.1."""
    case = {**SMALL, "theta": [-0.15, 0.05]}
    original = simulated(build(case), 6.0, comm)
    J = dense(original)
    if kind == "mapped":
        path = comm.bcast(tmp_path_factory.mktemp("matrix") / "J.npy")
        if comm.rank == 0:
            np.save(path, J)
        comm.Barrier()
        J = np.load(path, mmap_mode="r")
    else:
        J = J.astype(kind)
    network = build({**case, "K": [[0, 0], [0, 0]]})
    made = network.connect_matrix(J)
    assert [(p.name, isinstance(p.J, float)) for p in made] == [
        (name, True) for name in ("P0->P0", "P1->P0", "P0->P1", "P1->P1")
    ]
    assert all(np.shares_memory(p.rule.matrix, J) for p in made)
    again = simulated(network, 6.0, comm)
    for name in ("P0", "P1"):
        for mine, theirs in zip(again.flips(name), original.flips(name), strict=True):
            assert (mine == theirs).all()
    assert len(original.flips("P0").time) > 20
    comm.Barrier()


def test_matrices_of_pairs_and_of_drawn_strengths():
    random = np.random.default_rng(5)
    J = np.where(random.random((7, 4)) < 0.5, random.normal(size=(7, 4)), 0.0)
    network = BinaryNetwork()
    network.population("A", 4, theta=-0.5)
    network.population("B", 7, theta=0.1)
    network.population("none", 0, theta=0.0)
    (projection,) = network.connect_matrix(J.tolist(), "A", "B")
    assert network.connect_matrix(np.zeros((11, 11), int)) == []  # zero is no coupling
    assert (projection.name, projection.rule.expected_edges(projection.ends)) == ("A->B", np.count_nonzero(J))
    done = simulated(network, 20.0)
    source, target, weight = done.couplings("A", "B")
    assert weight == pytest.approx(J[target, source], rel=1e-12)
    assert len(weight) == np.count_nonzero(J)
    assert done.inputs("B") == pytest.approx(J @ done.states("A"), abs=1e-12)
    about = network.description()["projections"][0]
    assert about["rule"]["matrix"]["shape"] == about["J"]["shape"] == [7, 4]


# ---------------------------------------------------------------- updates and states


@pytest.mark.mpi(also=(7,))
@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize("name", ["seven", "external"])
def test_every_update_with_the_activities_after_it(comm, name, file, tmp_path_factory, monkeypatch):
    """Flips, which the sequential algorithm confirms elsewhere, give the same step functions."""
    monkeypatch.setattr("distsim.binary.binary_simulation.MOST_KEPT", 50)  # to the file every now and then
    monkeypatch.setattr("distsim.binary.window_loop.STRETCH_UPDATES", 20)
    case, T = CASES[name], 6.0
    network = build(case)
    network.record_updates()
    times = [0.0, 0.5, 2.0, 2.0, 5.999, 6.0, 7.0]
    for population in network.populations:
        network.record_states(times, population, range(min(population.size, 5)) if population.size > 3 else None)
    path = comm.bcast(tmp_path_factory.mktemp("updates") / "run.h5") if file else None
    with BinarySimulation(network, comm, 1, file=path) as simulation:
        simulation.run(2.0)
        simulation.run(T - 2.0)
        updates, alone = simulation.updates(), simulation.updates(everywhere=False)
        states = {p.name: simulation.recorded_states(p) for p in network.populations}
        flips = {p.name: simulation.flips(p) for p in network.populations}
        initial = {p.name: simulation.initial_states(p) for p in network.populations}
        n = simulation.update_count()
    assert len(updates.time) == n == len(np.unique(updates.time))
    assert len(alone.time) == (n if comm.rank == 0 else 0)
    assert (np.diff(updates.time) > 0.0).all()
    assert updates.time[0] > 0.0
    assert updates.time[-1] <= T
    active = np.zeros(n)
    for p in network.populations:
        when, _, after = flips[p.name]
        number = initial[p.name].sum(dtype=int) + np.concatenate(([0], np.cumsum(2 * after.astype(int) - 1)))
        expected = number[np.searchsorted(when, updates.time, side="right")]
        assert (updates.activity[p.name] == expected / max(p.size, 1)).all()
        assert np.isin(when, updates.time).all()
        active += expected
        found = states[p.name]
        assert found.time.tolist() == [0.0, 0.5, 2.0, 5.999, 6.0]
        assert found.value.dtype == np.uint8
        for row, time in zip(found.value, found.time, strict=True):
            assert (row == states_at(initial[p.name], flips[p.name], time)[found.neuron]).all()
    assert (updates.mean == active / network.size).all()
    if path is not None:
        stored = read_updates(path)
        assert all(
            (a == b).all() for a, b in zip(stored[:3], (updates.time, updates.neuron, updates.mean), strict=True)
        )
        assert all((stored.activity[p] == updates.activity[p]).all() for p in updates.activity)
        for p, found in states.items():
            assert all((a == b).all() for a, b in zip(read_states(path, p, "state"), found, strict=True))
    comm.Barrier()


def test_what_is_not_everywhere_is_on_rank_0_alone(tmp_path):
    """The same two ways, in memory and in the file, for all that is recorded."""
    from tests.threads import on_ranks

    def everything(comm, file=None):
        network = build(SMALL)
        network.record_activity("P0")
        network.record_updates()
        network.record_states([1.0])
        with BinarySimulation(network, comm, 1, file=file) as simulation:
            simulation.run(2.0)
            return [
                len(simulation.flips("P0", everywhere=False).time),
                len(simulation.activity("P0", everywhere=False).time) > 5,
                len(simulation.updates(everywhere=False).time),
                len(simulation.recorded_states("P0", everywhere=False).time),
                len(simulation.states("P0", everywhere=False)),
                len(simulation.couplings("P0", "P0", everywhere=False).weight),
            ]

    for file in (None, tmp_path / "run.h5"):
        first, second = on_ranks(2, lambda comm, file=file: everything(comm, file))
        assert first == everything(MPI.COMM_SELF)
        assert second == [0, False, 0, 0, 0, 0]


# ---------------------------------------------------------------- wrong input


def two() -> BinaryNetwork:
    network = BinaryNetwork()
    network.population("A", 2, theta=0.0)
    network.external_population("X", 3, m=0.5)
    network.connect("X", "A", FixedIndegree(1), 1.0)
    return network


def full(value: float) -> np.ndarray:
    J = np.zeros((2, 3))
    J[1, 2] = value
    return J


WRONG = [
    (lambda: two().connect_matrix(np.ones((3, 2)), "X", "A"), ["(3, 2)", "(2, 3)", "row for each target"]),
    (lambda: two().connect_matrix(np.ones((2, 2))), ["(2, 2)", "(5, 5)"]),
    (lambda: two().connect_matrix(full(NAN), "X", "A"), ["matrix[1, 2]", "finite"]),
    (lambda: two().connect_matrix(full(np.inf).astype(np.float32), "X", "A"), ["matrix[1, 2]", "finite"]),
    (lambda: two().connect_matrix(full(1e13), "X", "A"), ["matrix[1, 2]", "at most 1e+12"]),
    (lambda: two().connect_matrix([[1.0, 2.0], [3.0]]), ["rows of equal length"]),
    (lambda: two().connect_matrix("J"), ["rows of equal length"]),
    (lambda: two().connect_matrix(np.ones((2, 3)), "X"), ["source and target go together"]),
    (lambda: two().connect_matrix(np.ones((5, 5))), ["'A->X'", "external population", "no input"]),
    (lambda: two().connect("A", "X", FixedIndegree(1), 1.0), ["'A->X'", "external population", "no input"]),
    (lambda: two().external_population("Y", 3, m=1.5), ["'Y'", "m is a probability", "1.5"]),
    (lambda: two().external_population("Y", 3, m=Normal(0.5, 0.1)), ["'Y': m", "Clipped"]),
    (lambda: two().external_population("Y", 3, m=None), ["'Y': m", "number"]),
    (lambda: two().external_population("Y", 3, m=0.5, m_0=[1.0]), ["'Y': m_0", "(1,)", "(3,)"]),
    (lambda: two().population("Y", 3, theta=None), ["'Y': theta", "number"]),
    (lambda: two().record_states([-1.0]), ["times[0]", "at least 0"]),
    (lambda: two().record_states([NAN], "A"), ["times[0]", "finite"]),
    (lambda: two().record_states([1.0], neurons=[0]), ["give that population"]),
    (lambda: two().record_states([1.0], "A", [5]), ["'A'", "neuron 5", "0 to 1"]),
    (lambda: two().record_couplings("X", "A", targets=[2]), ["'X->A'", "neuron 2"]),
    (lambda: two().record_couplings("A", "A"), ["there is no projection 'A->A'"]),
    (lambda: BinarySimulation(two(), MPI.COMM_SELF).updates(), ["record_updates()"]),
    (lambda: BinarySimulation(two(), MPI.COMM_SELF).recorded_states("A"), ["record_states(times, 'A')"]),
    (lambda: BinarySimulation(two(), MPI.COMM_SELF).couplings("A", "Z"), ["unknown population 'Z'"]),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_wrong_input(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_what_is_recorded_is_said_once():
    network = two()
    network.record_couplings("X", "A")
    network.record_states([1.0])
    network.record_updates()
    again = (
        lambda: network.record_couplings("X", "A"),
        lambda: network.record_states([2.0], "X"),
        network.record_updates,
    )
    for call in again:
        with pytest.raises(InputError, match="recorded already"):
            call()
    network.record_nothing()
    for call in again:
        call()
