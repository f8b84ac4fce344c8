"""Delays in segments, populations that share a group, sums of 32 bits: none of them changes what is computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    AllToAll,
    Clipped,
    FixedIndegree,
    FixedTotalNumber,
    IafPscDelta,
    IafPscExp,
    Network,
    Normal,
    Poisson,
    Simulation,
    SpikeTrains,
    Static,
    Uniform,
)
from distsim.connect.source_index import EVERY_SOURCE
from distsim.spiking import table_making
from distsim.spiking.input_bound import InputBound
from distsim.spiking.synapses import segments
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.table import Table
from tests.connections import built, stored
from tests.simulating import simulate

DELAYS = Clipped(Normal(1.0, 0.4), low=0.3, high=2.0)


def random_table(n_source=20, n_target=30, longest=9, n_edges=3000, weights=None):
    """A table in segments, and its edges (source, target, weight, delay)."""
    random = np.random.default_rng(1)
    source, target = random.integers(0, n_source, n_edges), random.integers(0, n_target, n_edges)
    delay = random.integers(3, longest + 1, n_edges)
    weight = random.integers(-500, 500, n_edges).astype(np.int32) if weights is None else weights
    order = np.lexsort((target, delay, source))
    counts = np.stack([np.bincount(delay[source == s], minlength=longest + 1) for s in range(n_source)])
    offsets = np.concatenate(([0], np.cumsum(counts.sum(axis=1))))
    ends = np.cumsum(counts, axis=1).astype(np.uint16)
    own = weight[order] if len(weight) > 1 else weight
    table = Table(5, n_source, EVERY_SOURCE, offsets, target[order].astype(np.uint16), own, np.empty(0, np.uint8), ends)
    table = replace(table, one_weight=True) if len(weight) == 1 else table.with_own(own)
    return table, (source, target, np.broadcast_to(weight, n_edges), delay)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("stored", ["weights", "one weight"])
def test_every_event_arrives_once_and_in_its_step(monkeypatch, kind, compiled, stored):
    if not compiled:
        monkeypatch.setattr(segments, "deliver_until", segments.deliver_until.py_func)
    one_weight = np.array([3.0]) if stored == "one weight" else None
    table, (source, target, weight, delay) = random_table(weights=one_weight)
    random = np.random.default_rng(2)
    n, interval, end = 30, 3, 60
    ring, arrived = np.zeros((interval, n), kind), np.zeros((end + interval + 1, n))
    expected = np.zeros((end + 100, n))
    delivery = segments.SegmentDelivery(table)
    now = 0
    while now < end:
        start, now = now, min(now + int(random.integers(1, interval + 1)), end)  # also intervals cut short
        for step in range(start + 1, now + 1):  # what the update does: read and clear
            arrived[step] = ring[step % interval]
            ring[step % interval] = 0
        stamps = np.sort(random.integers(start + 1, now + 1, random.integers(0, 20)))
        gids = random.integers(0, 30, len(stamps))  # some are not in the table
        for gid, stamp in zip(gids, stamps, strict=True):
            mine = source == gid - 5
            np.add.at(expected, (stamp + delay[mine], target[mine]), weight[mine])
        for n in (0, len(gids))[int(random.integers(2)) :]:  # some is added before the spikes of the interval come
            delivery.deliver(gids[:n], stamps[:n], ring, Grid(1.0, np.inf), now, now + interval)
    assert np.abs(expected[: end + 1]).sum() > 5e4
    assert (arrived[: end + 1] == expected[: end + 1]).all()


# ---------------------------------------------------------------- whole networks


def network(split=False, size=40):
    """Two populations of each of two models; ``split``: parameters of each neuron, equal, so that groups are apart."""
    net = Network(dt=0.1)
    spread = (lambda x: np.full(size, x)) if split else (lambda x: x)
    common = {"E_L": 0.0, "V_reset": 0.0, "V_th": 15.0}
    net.population("A", size, IafPscExp(I_e=spread(350.0), **common), V_m=Uniform(0.0, 15.0))
    net.population("D", size, IafPscDelta(I_e=spread(350.0), tau_m=12.0, **common), V_m=Uniform(0.0, 15.0))
    net.population("B", size, IafPscExp(I_e=280.0, t_ref=1.0, **common), V_m=Uniform(0.0, 15.0))
    net.population("E", size, IafPscDelta(I_e=290.0, **common), V_m=Uniform(0.0, 15.0))
    for source, target in ("AA", "AB", "BA", "BB", "DA"):
        net.connect(source, target, FixedIndegree(150), Static(Normal(3.0, 6.0), DELAYS))
    for source, target in ("AD", "DE", "ED", "EE"):
        net.connect(source, target, FixedTotalNumber(8000), Static(0.03, DELAYS))
    for name, weight in (("A", 20.0), ("B", 20.0), ("E", 0.1)):
        net.stimulate(name, Poisson(rate=5000.0, weight=weight))
    for name in "ABDE":
        net.record_spikes(name)
    net.record_states("B", "V_m", neurons=[3, 39], interval=0.7)
    return net


def outcome(**options):
    net = network(options.pop("split", False))
    simulation = simulate(net, 20.0, 30.0, **options)
    assert simulation.spike_count() > 500
    return simulation.spike_hash(), simulation.states("B").value.tobytes()


def test_segments_and_groups_change_nothing(monkeypatch):
    local = built(network())
    assert [[share.population.name for share in group.shares] for group in local.groups] == [["A", "B"], ["D", "E"]]
    assert len(local.tables) == 2
    assert all(table.segmented for table in local.tables)
    reference = outcome()
    assert outcome(interval=0.1) == reference
    assert len(built(network(split=True)).groups) == 4
    assert outcome(split=True) == reference
    monkeypatch.setattr(table_making, "EDGES_PER_SEGMENT", 1e9)
    assert not any(table.segmented for table in built(network()).tables)
    assert outcome() == reference


def test_segments_change_nothing_in_single_precision(monkeypatch):
    reference = outcome(precision="single")
    assert reference != outcome()  # weights and sums are rounded more coarsely
    monkeypatch.setattr(table_making, "EDGES_PER_SEGMENT", 1e9)
    assert outcome(precision="single") == reference


# ---------------------------------------------------------------- sums of 32 bits


@pytest.mark.parametrize(("precision", "ring", "size"), [("double", "int64", 10), ("single", "int32", 6)])
def test_static_input_is_counted_in_32_bits_unless_double(precision, ring, size):
    local = built(network(), precision=precision)
    assert {ring.dtype for group in local.groups for ring in group.rings} == {np.dtype(ring)}
    for table in (t.table for t in local.tables):
        bytes_per_synapse = (table.targets.nbytes + table.weights.nbytes) / table.n_edges
        assert bytes_per_synapse == pytest.approx(size if len(table.weights) > 1 else 2, abs=0.01)


def test_rounded_weights_are_close():
    wide, narrow = stored(network()), stored(network(), precision="single")
    largest = max(np.abs(one.weight).max() for one in wide)
    for one, other in zip(wide, narrow, strict=True):
        assert (one.delay == other.delay).all()
        np.testing.assert_allclose(other.weight, one.weight, rtol=0.0, atol=1e-6 * largest)


@pytest.mark.parametrize("weight", [1e-6, 0.1, 7e6])
def test_no_sum_of_32_bits_overflows_when_everything_arrives_at_once(weight):
    """5,000 spikes of one step, the most that can come together, add up to the number that exact sums give."""
    n = 5000
    net = Network(dt=0.1)
    net.population("X", n, SpikeTrains([[0.1]]))
    net.population("A", 3, IafPscDelta(E_L=0.0, V_reset=0.0, V_th=1e12))
    weights = np.linspace(0.5, 1.0, 3 * n).reshape(3, n) * weight
    net.connect("X", "A", AllToAll(), Static(weights, 0.1))
    net.record_states("A", "V_m")
    with Simulation(net, comm=MPI.COMM_SELF, precision="single") as simulation:
        simulation.run(0.2)
        np.testing.assert_allclose(simulation.states("A").value[1], weights.sum(axis=1), rtol=1e-6)


def test_the_unit_leaves_room_for_rounding():
    bound = InputBound(2)
    bound.fixed[:] = [1.0, 3.99]
    for narrow, bits in ((True, 30), (False, 62)):
        unit = bound.grid(MPI.COMM_SELF, narrow).unit
        assert 2.0 ** (bits - 1) <= 3.99 / unit <= 2.0**bits
