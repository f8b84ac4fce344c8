"""The hash of all spikes: as defined, of every neuron, whether or not its spikes are recorded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpi4py import MPI

from distsim import FixedIndegree, IafPscDelta, IgnoreAndFire, Network, Poisson, Simulation, Static, Uniform
from distsim.core.rng import draw, streams_of
from distsim.parallel.event_hash import LANES, EventHash
from distsim.spiking.exchange import pack

SPIKES = st.lists(st.tuples(st.integers(0, 2**40 - 1), st.integers(1, 2**31 - 1)), max_size=30)


def network(**recorded: int | None) -> Network:
    """Two populations; ``recorded`` says of which so many neurons are recorded, None for all."""
    result = Network(dt=0.5)
    result.population("E", 40, IafPscDelta(), V_m=Uniform(-70.0, -55.0))
    result.population("F", 9, IgnoreAndFire(rate=Uniform(10.0, 90.0), phase=Uniform(0.0, 1.0)))
    result.connect("E", "E", FixedIndegree(4), Static(1.0, 1.5))
    result.stimulate("E", Poisson(9000.0, 0.3))
    for population, first in recorded.items():
        result.record_spikes(population, first=first)
    return result


def run(net: Network, T: float = 60.0, seed: int = 1) -> Simulation:
    simulation = Simulation(net, comm=MPI.COMM_SELF, seed=seed)
    simulation.run(T)
    return simulation


def add(spike_hash: EventHash, gids: np.ndarray, steps: np.ndarray) -> None:
    index, packed = np.arange(len(gids), dtype=np.int32), np.empty(len(gids), np.uint64)
    counts = np.zeros(len(gids), np.int64)
    pack(np.ascontiguousarray(gids), index, np.ascontiguousarray(steps), 0, packed, 0, spike_hash.sums, counts)
    assert (counts == 1).all()


def hash_of(gids: np.ndarray, steps: np.ndarray) -> str:
    spike_hash = EventHash()
    add(spike_hash, gids, steps)
    return spike_hash.over_ranks(MPI.COMM_SELF)


def test_it_is_as_defined():
    gids, steps = np.array([3, 0, 2**39, 7]), np.array([1, 2, 2**31 - 1, 2])
    sums = [
        sum(int(draw(streams_of(0, "spike hash", k, gids), i, steps[i])) for i in range(4)) % 2**64
        for k in range(LANES)
    ]
    assert hash_of(gids, steps) == "".join(f"{lane:016x}" for lane in sums)


@given(SPIKES, st.randoms())
def test_order_and_pieces_do_not_count_but_every_spike_does(spikes, random):
    whole = hash_of(*np.array(spikes, np.int64).reshape(-1, 2).T)
    random.shuffle(spikes)
    cut = random.randint(0, len(spikes))
    pieces = EventHash()
    for piece in (spikes[:cut], spikes[cut:]):
        add(pieces, *np.array(piece, np.int64).reshape(-1, 2).T)
    assert pieces.over_ranks(MPI.COMM_SELF) == whole
    if spikes:
        assert hash_of(*np.array(spikes[1:], np.int64).reshape(-1, 2).T) != whole
        gid, step = spikes[0]
        for changed in ((gid + 1, step), (gid, step + 1), (step, gid)):
            if changed != spikes[0]:
                assert hash_of(*np.array([changed, *spikes[1:]], np.int64).T) != whole


def test_the_hash_does_not_hang_on_what_is_recorded():
    """Without recordings every run used to have the hash of nothing."""
    everything = run(network(E=None, F=None))
    spikes = [everything.spikes(name) for name in "EF"]
    gids = np.concatenate((spikes[0].neuron, spikes[1].neuron + 40))
    assert everything.spike_hash() == hash_of(gids, np.concatenate([s.step for s in spikes]))
    assert len(gids) == everything.spike_count() > 50
    hashes = {run(net).spike_hash() for net in (network(), network(E=3), network(F=None), network(E=0))}
    assert hashes == {everything.spike_hash()}
    assert run(network(), seed=2).spike_hash() != everything.spike_hash()


def test_parts_of_a_run_have_the_hash_of_the_whole():
    simulation = run(network(), 20.0)
    simulation.run(40.0)
    assert simulation.spike_hash() == run(network()).spike_hash()


@pytest.mark.parametrize("first", [0, 1, 7, 40])
def test_only_spikes_that_are_recorded_are_kept(first):
    simulation = run(network(E=first))
    kept = sum(len(stamps) for stamps in simulation.recorders.of_spikes["E"].stamps)
    found, everything = simulation.spikes("E"), run(network(E=None)).spikes("E")
    assert kept == len(found.step)
    assert found.neuron.tolist() == everything.neuron[everything.neuron < first].tolist()
    assert found.step.tolist() == everything.step[everything.neuron < first].tolist()
