"""What is told of all flips without keeping any: the hash as defined, and mean activities as the flips have them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mpi4py import MPI

from distsim import AllToAll, BinaryNetwork, BinarySimulation, FixedIndegree
from distsim.binary.flip_tally import tally
from distsim.core.rng import draw, streams_of
from distsim.parallel.event_hash import LANES
from tests.on_ranks import found_alone


def network(*, recorded: bool = True) -> BinaryNetwork:
    result = BinaryNetwork()
    result.population("E", 60, theta=0.2, tau=1.0, m_0=0.5)
    result.population("none", 0, theta=0.0)
    result.population("I", 41, theta=-0.4, tau=2.0)
    result.connect("E", "E", FixedIndegree(12), J=0.2)
    result.connect("E", "I", AllToAll(), J=0.01)
    result.connect("I", "E", FixedIndegree(9), J=-0.3)
    for name in ("E", "I") if recorded else ():
        result.record_flips(name)
        result.record_activity(name)
    return result


def run(net: BinaryNetwork, *durations: float, comm: MPI.Comm = MPI.COMM_SELF, **options: float) -> BinarySimulation:
    simulation = BinarySimulation(net, comm, seed=4, **options)
    for duration in durations:
        simulation.run(duration)
    return simulation


def test_the_hash_is_as_defined():
    simulation = run(network(), 6.0)
    sums = [0] * LANES
    for name in "EI":
        flips = simulation.flips(name)
        gids = flips.neuron + simulation.network.find(name).first_gid
        for lane in range(LANES):
            streams = streams_of(0, "spike hash", lane, gids)
            sums[lane] += sum(int(draw(streams, i, stamp)) for i, stamp in enumerate(flips.time.view(np.uint64)))
    assert simulation.flip_count() > 100
    assert simulation.flip_hash() == "".join(f"{lane % 2**64:016x}" for lane in sums)


def test_neither_recording_nor_windows_nor_pieces_count():
    hashes = {
        simulation.flip_hash()
        for simulation in (
            run(network(), 6.0),
            run(network(recorded=False), 6.0),
            run(network(), 1.0, 2.0, 3.0),
            run(network(), 6.0, window=0.01),
        )
    }
    assert len(hashes) == 1
    assert run(network(), 5.9).flip_hash() not in hashes


def test_mean_activities_are_those_of_the_flips():
    simulation = run(network(), 2.0)
    assert simulation.mean_activities()["E"] == pytest.approx(simulation.activity("E").mean(0.0, 2.0), abs=1e-6)
    simulation.forget_times()
    assert math.isnan(simulation.mean_activities()["E"])
    simulation.run(5.0)
    found = simulation.mean_activities()
    for name in "EI":
        assert found[name] == pytest.approx(simulation.activity(name).mean(2.0, 7.0), abs=1e-6)
    assert math.isnan(found["none"])


def told(comm: MPI.Comm, case: float) -> dict[str, object]:
    simulation = run(network(recorded=False), 1.0, comm=comm)
    simulation.forget_times()
    simulation.run(case)
    return {"hash": simulation.flip_hash(), **{name: simulation.mean_activities()[name] for name in "EI"}}


@pytest.mark.mpi(min_size=2)
def test_the_same_bits_on_any_number_of_ranks(comm):
    assert told(comm, 4.0) == found_alone(comm, told, 4.0)


def test_the_kernel_gives_the_same_bits_as_plain_python():
    random = np.random.default_rng(1)
    time, index = random.uniform(0.0, 9.0, 50), random.integers(0, 30, 50).astype(np.int32)
    gids, state = np.arange(30) * 3, random.integers(0, 2, 50).astype(np.uint8)
    first = np.array([0, 10, 10, 30])
    found = []
    for kernel in (tally, tally.py_func):
        sums, active, moments = np.zeros(LANES, np.uint64), np.zeros(3, np.int64), np.zeros(3, np.int64)
        with np.errstate(over="ignore"):
            kernel(gids, first, time, time.view(np.uint64), index, state, sums, active, moments)
        found.append([*sums.tolist(), *active.tolist(), *moments.tolist()])
    assert found[0] == found[1]
    assert found[0][3] == 0
