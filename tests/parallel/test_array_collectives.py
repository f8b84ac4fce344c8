"""What is gathered goes in pieces that MPI can count, arrives in order, and only where it is wanted."""

from __future__ import annotations

import itertools
import math
from functools import partial

import h5py
import numpy as np
import pytest

from distsim import AllToAll, FixedIndegree, IafPscAlpha, Network, Poisson, Simulation, StdpPowerLaw, Uniform
from distsim.parallel import array_collectives, rows
from distsim.parallel.array_collectives import gather_array, share_array, sorted_pieces, spans, sum_array
from distsim.parallel.gather import gather_numbers
from distsim.spiking.plastic_weights import exact_parts
from tests.threads import Meeting, ThreadComm, on_ranks

LIMIT = 100
"""Entries and bytes that a collective of ``Limited`` counts, as MPI counts 2^31."""


class Limited(ThreadComm):
    """A communicator whose counts and places have fewer bits than those of MPI."""

    longest = 0

    def check(self, array, counts=None):
        counts = [array.size] if counts is None else list(counts)
        assert sum(counts) * array.itemsize <= LIMIT, (counts, array.dtype)
        Limited.longest = max(Limited.longest, sum(counts) * array.itemsize)

    def Allgatherv(self, mine, into):  # noqa: N802
        self.check(*into)
        super().Allgatherv(mine, into)

    def Gatherv(self, mine, into):  # noqa: N802
        self.check(mine)
        if self.rank == 0:
            self.check(*into)
        super().Gatherv(mine, into)

    def Allreduce(self, mine, total, *op, **options):  # noqa: N802
        self.check(mine)
        super().Allreduce(mine, total, *op, **options)

    def Alltoallv(self, outgoing, into):  # noqa: N802
        self.check(*outgoing)
        self.check(*into)
        super().Alltoallv(outgoing, into)

    def Bcast(self, array, root=0):  # noqa: N802
        self.check(array)
        super().Bcast(array, root)


def limited(comm):
    """The same rank with that limit."""
    return Limited(comm.meeting, comm.rank)


@pytest.fixture(autouse=True)
def _lower_limit(monkeypatch):
    monkeypatch.setattr(array_collectives, "MOST", LIMIT)
    monkeypatch.setattr(rows, "MOST", LIMIT - 8 * 7)  # pieces have up to one entry more for each rank
    monkeypatch.setattr(array_collectives, "ROWS", 12)
    monkeypatch.setattr(array_collectives, "_WAYS", 8)
    monkeypatch.setattr(Limited, "longest", 0)


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64])
def test_arrays_of_any_length_are_gathered_in_pieces(ranks, kind):
    """One rank has nearly all; on the others there is nothing, unless it is wanted everywhere."""
    arrays = [np.arange(3 * rank % 5 if rank else 333).astype(kind) for rank in range(ranks)]
    whole = np.concatenate(arrays)

    def gathered(comm):
        return [gather_array(arrays[comm.rank], limited(comm), everywhere) for everywhere in (True, False)]

    for rank, (everywhere, on_root) in enumerate(on_ranks(ranks, gathered)):
        assert everywhere.dtype == on_root.dtype == kind
        np.testing.assert_array_equal(everywhere, whole)
        np.testing.assert_array_equal(on_root, whole if rank == 0 else whole[:0])
    assert LIMIT - 8 < Limited.longest <= LIMIT


@pytest.mark.parametrize("shape", [(0,), (1,), (50, 3), (7, 0)])
def test_an_array_of_rank_0_is_shared_in_pieces(shape):
    array = np.random.default_rng(1).random(shape)
    for found in on_ranks(3, lambda comm: share_array(array if comm.rank == 0 else None, limited(comm))):
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("known", [False, True], ids=["unknown", "known"])
def test_what_goes_from_each_rank_to_each_goes_in_pieces(known):
    """Of some pairs much, of others nothing; between two ranks that have little, in one piece."""

    def exchanged(comm):
        counts = np.array([[0, 200, 3], [5, 1, 0], [0, 33, 44]])
        outgoing = [1000 * comm.rank + 300 * other + np.arange(n) for other, n in enumerate(counts[comm.rank])]
        arriving = counts[:, comm.rank]
        found, came = rows.alltoall(
            limited(comm), np.concatenate(outgoing), counts[comm.rank], arriving if known else None
        )
        assert came.tolist() == arriving.tolist()
        expected = [1000 * other + 300 * comm.rank + np.arange(n) for other, n in enumerate(arriving)]
        np.testing.assert_array_equal(found, np.concatenate(expected))
        few, _ = rows.alltoall(limited(comm), np.full(3, comm.rank), [1, 1, 1])
        assert few.tolist() == [0, 1, 2]

    on_ranks(3, exchanged)
    assert Limited.longest > LIMIT // 2


def test_arrays_are_summed_in_pieces():
    arrays = np.arange(3 * 40).reshape(3, 20, 2)
    for found in on_ranks(3, lambda comm: sum_array(arrays[comm.rank], limited(comm))):
        np.testing.assert_array_equal(found, arrays.sum(axis=0))


FIRST_COLUMNS = {
    "unsigned": lambda rng, n: rng.integers(0, 1 << 63, n, np.uint64) * np.uint64(2),
    "few values": lambda rng, n: rng.integers(-3, 4, n),
    "one value": lambda rng, n: np.full(n, 5),
    "far apart": lambda rng, n: rng.choice([np.iinfo(np.int64).min, 0, 1, 2, np.iinfo(np.int64).max], n),
    "reals": lambda rng, n: rng.choice([-1e300, -2.5, -0.0, 0.0, 1e-300, 7.0, math.inf], n),
}


@pytest.mark.parametrize("kind", FIRST_COLUMNS)
@pytest.mark.parametrize("ranks", [1, 3, 7])
def test_rows_come_sorted_and_in_pieces(ranks, kind):
    """As if all were sorted in one place; those that agree in both columns stay in the order of ranks."""
    rng = np.random.default_rng(ranks)
    of_rank = [
        [FIRST_COLUMNS[kind](rng, n), rng.integers(0, 3, n), np.arange(n) + 100 * rank]
        for rank, n in enumerate(rng.integers(0, 40, ranks).tolist())
    ]
    columns = [np.concatenate(column) for column in zip(*of_rank, strict=True)]
    order = np.lexsort(columns[1::-1])

    def in_pieces(comm, everywhere):
        return list(sorted_pieces(of_rank[comm.rank], comm, everywhere))

    for everywhere in (True, False):
        for rank, pieces in enumerate(on_ranks(ranks, partial(in_pieces, everywhere=everywhere))):
            if rank > 0 and not everywhere:
                assert all(len(column) == 0 for piece in pieces for column in piece)
                continue
            found = [np.concatenate(column) for column in zip(*pieces, strict=True)]
            for ours, theirs in zip(found, columns, strict=True):
                np.testing.assert_array_equal(ours, theirs[order])
            for first, *_ in pieces:
                assert len(first) <= array_collectives.ROWS or (first == first[0]).all()
                assert len(first)


def test_a_single_column_is_sorted_by_itself():
    values = [np.array([7, 3, 3], np.uint64), np.array([], np.uint64), np.array([5, 3], np.uint64)]
    found = on_ranks(3, lambda comm: list(sorted_pieces([values[comm.rank]], comm, everywhere=True)))
    assert [np.concatenate([piece[0] for piece in pieces]).tolist() for pieces in found] == [[3, 3, 3, 5, 7]] * 3
    assert on_ranks(2, lambda comm: list(sorted_pieces([values[1]], comm, everywhere=True))) == [[], []]


def test_spans_of_values_have_few_rows():
    """They follow upon each other, have rows, and none has more than it may, unless it is one value."""
    keys = np.sort(np.random.default_rng(3).geometric(0.02, 500).astype(np.uint64))
    comm = ThreadComm(Meeting(1), 0)
    upto = partial(keys.searchsorted, side="right")
    assert list(spans(upto, comm, 5, 4, 12)) == []
    found = list(spans(upto, comm, 0, (1 << 64) - 1, array_collectives.ROWS))
    counts = [int(np.count_nonzero((keys >= low) & (keys <= high))) for low, high in found]
    assert sum(counts) == 500
    assert min(counts) > 0
    assert all(n <= array_collectives.ROWS or low == high for n, (low, high) in zip(counts, found, strict=True))
    assert all(low > before for (_, before), (low, _) in itertools.pairwise(found))


def test_numbers_of_every_rank_keep_their_kinds():
    for rank, found in enumerate(on_ranks(3, lambda comm: gather_numbers({"n": comm.rank, "s": 0.5}, comm, False))):
        assert found == ([{"n": k, "s": 0.5} for k in range(3)] if rank == 0 else [])
        assert rank or isinstance(found[0]["n"], int)


def test_exact_parts_have_the_sum_of_all():
    values = np.random.default_rng(5).standard_normal(100) * 10.0 ** np.arange(-50, 50)
    halves = [*exact_parts(values[:50].tolist()), *exact_parts(values[50:].tolist())]
    assert math.fsum(halves) == math.fsum(values.tolist())
    assert len(halves) < 20
    assert exact_parts([]) == exact_parts([1.0, -1.0]) == []


# ---------------------------------------------------------------- what a simulation gathers


def plastic_network():
    network = Network(dt=0.1)
    neuron = IafPscAlpha(tau_m=20.0, C_m=250.0, t_ref=2.0, E_L=0.0, V_th=20.0, V_reset=0.0)
    network.population("E", 23, neuron, V_m=Uniform(0.0, 20.0))
    network.connect("E", "E", FixedIndegree(6), StdpPowerLaw(weight=30.0, delay=1.5))
    network.connect("E", "E", AllToAll(), StdpPowerLaw(weight=1.0, delay=Uniform(1.0, 2.0)))
    network.stimulate("E", Poisson(rate=4000.0, weight=60.0))
    network.record_spikes("E")
    network.record_states("E", "V_m", interval=1.0)
    network.record_weights("E", "E")
    return network


def recorded(comm, path):
    """Everything that a run tells, in memory and in its file."""
    comm = limited(comm)
    with Simulation(plastic_network(), comm, file=path, exchange="allgatherv") as simulation:
        simulation.run(60.0)
        told = [simulation.spike_hash(), simulation.weight_hash(), simulation.plastic_weight_statistics()]
        read_back = [simulation.spikes("E"), simulation.states("E"), simulation.weights("E", "E")]
        told.append(len(simulation.loads(everywhere=False)))
    in_memory = Simulation(plastic_network(), comm, exchange="allgatherv")
    in_memory.run(60.0)
    kept = [in_memory.spikes("E"), in_memory.states("E"), in_memory.weights("E", "E")]
    return told, [vars(some) for some in read_back], [vars(some) for some in kept]


def contents(path):
    """All datasets of a file by name."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return found


def test_spikes_states_and_weights_pass_through_a_lower_limit(tmp_path, monkeypatch):
    """More of each than a collective counts; the same on any number of ranks, and as with one piece of each."""
    monkeypatch.setattr(array_collectives, "MOST", 1 << 26)
    monkeypatch.setattr(array_collectives, "ROWS", 1 << 22)
    monkeypatch.setattr(Limited, "check", lambda *arguments: None)
    ((told, *_),) = on_ranks(1, partial(recorded, path=tmp_path / "whole.h5"))
    monkeypatch.undo()
    monkeypatch.setattr(array_collectives, "MOST", LIMIT)
    monkeypatch.setattr(rows, "MOST", LIMIT - 8 * 7)
    monkeypatch.setattr(array_collectives, "ROWS", LIMIT // 8)
    whole = contents(tmp_path / "whole.h5")
    assert len(whole["spikes/E/node_ids"]) * 8 > LIMIT
    for ranks in (2, 3):
        path = tmp_path / f"{ranks}.h5"
        for rank, (ours, read_back, kept) in enumerate(on_ranks(ranks, partial(recorded, path=path))):
            assert ours == [*told[:3], 0 if rank else ranks]
            for one, other in zip(read_back, kept, strict=True):
                for name in one:
                    np.testing.assert_array_equal(one[name], other[name])
        for name, values in contents(path).items():
            np.testing.assert_array_equal(values, whole[name])
