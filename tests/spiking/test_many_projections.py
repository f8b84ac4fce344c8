"""Networks of many populations and projections: few tables, drawn together, that give what one for each would give."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import FixedIndegree, IafPscExp, Network, Poisson, Simulation, Static, Uniform
from distsim.spiking import drawn_edges, incoming
from distsim.spiking.spiking_memory import memory_of_spiking
from tests.checkpointing import in_parts
from tests.connections import built, stored
from tests.programs import clusters
from tests.programs.fingerprint import fingerprint
from tests.threads import on_ranks

T = 30.0


def alone(monkeypatch):
    """From now on each projection is drawn by itself, and each kind of synapse has a table."""
    monkeypatch.setattr(drawn_edges, "piece_of", lambda edges, own: -1.0)
    monkeypatch.setattr(incoming, "MOST_TABLES", 10**6)


def edges(ranks):
    return [stored(clusters.build_network(factor), ranks) for factor in (1, 8)]


def columns(connections):
    return [getattr(c, name).tolist() for c in connections for name in ("source", "target", "weight", "delay")]


@pytest.mark.parametrize("ranks", [1, 3])
def test_edges_are_those_of_projections_drawn_alone(ranks, monkeypatch):
    together = edges(ranks)
    alone(monkeypatch)
    for some, others in zip(together, edges(ranks), strict=True):
        assert columns(some) == columns(others)


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("factor", [1, 8])
def test_nothing_is_changed_by_sharing_tables(factor, precision, monkeypatch):
    def outcome():
        with Simulation(clusters.build_network(factor), seed=3, precision=precision) as simulation:
            simulation.run(T)
            return fingerprint(simulation), [group.grid.unit for group in simulation._local.groups]

    together = outcome()
    assert together[0]["spikes"] > 20
    alone(monkeypatch)
    assert outcome() == together


def test_tables_are_few():
    """The plastic synapses, the static ones of each group, and four projections of drawn weights, with four delays."""
    tables = built(clusters.build_network()).tables
    assert len(tables) == 7
    assert sum(len(local.projections) for local in tables) == (2 * clusters.POPULATIONS) ** 2
    assert [local.table.kinds.in_runs for local in tables if local.table.kinds is not None] == [False] * 2
    many = built(clusters.build_network(8)).tables
    assert [local.table.kinds.in_runs for local in many if local.table.kinds is not None] == [True] * 2
    assert sum("more" in local.name for local in tables) == 3


@pytest.mark.mpi
def test_ranks_do_not_matter(comm):
    one = on_ranks(1, lambda alone: clusters.outcome(alone, 10.0))[0]
    assert clusters.outcome(comm, 10.0) == one


def test_a_rank_without_neurons_has_arrays_of_the_same_types():
    """So that what is compiled for it is compiled for all."""

    def types(rank):
        tables = [local.table for local in built(clusters.build_network(), rank, 1000).tables]
        arrays = [[t.offsets, t.targets, t.weights, t.delays, *(t.kinds or ())] for t in tables]
        return [[np.asarray(array).dtype for array in of_table] for of_table in arrays]

    assert types(900) == types(3)


def test_an_interrupted_run_goes_on(tmp_path):
    parts = [(2, 11.25), (3, 8.0), (1, T - 19.25)]
    found = in_parts(Simulation, clusters.build_network, parts, tmp_path / "kept", fingerprint, seed=3)
    whole = in_parts(Simulation, clusters.build_network, [(1, T)], tmp_path / "whole", fingerprint, seed=3)
    assert found == whole


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("factor", [1, 8])
def test_weights_of_a_shared_table_are_set(factor, precision, monkeypatch):
    def outcome():
        with Simulation(clusters.build_network(factor), seed=3, precision=precision) as simulation:
            simulation.run(5.0)
            simulation.set_weights("B1", "B2", 3.5)
            simulation.run(10.0)
            assert (simulation.weights("B1", "B2").weight == 3.5).all()
            return fingerprint(simulation)

    together = outcome()
    alone(monkeypatch)
    assert outcome() == together


@pytest.mark.parametrize("factor", [1, 8])
def test_the_estimate_of_memory_is_that_of_shared_tables(factor):
    network = clusters.build_network(factor)
    tables = sum(local.table.nbytes() for local in built(network).tables)
    assert memory_of_spiking(network).tables == pytest.approx(tables, rel=0.2)


def test_populations_that_are_alike_are_advanced_as_one():
    network = Network()
    a, b, c = (network.population(n, 10, IafPscExp(), V_m=Uniform(-70.0, -55.0)) for n in "abc")
    other = network.population("d", 10, IafPscExp(tau_m=12.0))
    for population in (a, b, c, other):
        network.record_spikes(population)
    network.stimulate(a + b[:] + c[:5] + other, Poisson(9000.0, 90.0))
    network.connect(a + b, c + other, FixedIndegree(5), Static(20.0, 1.0))
    stretches = built(network).groups[0].stretches
    assert stretches.bounds.tolist() == [0, 20, 25, 30, 40]
    assert stretches.population.tolist() == [0, 2, 2, 3]
    assert stretches.leader.tolist() == [0, 0, 2, 3]


def test_what_is_set_apart_is_no_longer_alike():
    """As if a population had had other parameters from the beginning."""

    def spikes(t_ref, change):
        network = Network()
        for name, refractory in zip("abc", (2.0, t_ref, 2.0), strict=True):
            network.population(name, 10, IafPscExp(t_ref=refractory), V_m=Uniform(-70.0, -55.0))
            network.record_spikes(name)
        network.stimulate(network.populations[0] + network.populations[1], Poisson(9000.0, 90.0))
        network.stimulate("c", Poisson(9000.0, 90.0))
        with Simulation(network) as simulation:
            if change:
                simulation.set("b", t_ref=change)
            simulation.run(40.0)
            groups = simulation._local.groups
            return [simulation.spikes(name).step.tolist() for name in "abc"], [g.stretches.n for g in groups]

    described, as_described = spikes(7.0, None)
    changed, after = spikes(2.0, 7.0)
    assert changed == described
    assert as_described == after == [3]
    assert spikes(2.0, None)[1] == [2]


def test_many_kinds_of_delays_of_one_weight_each():
    """Weights of their own, and a delay of each projection."""
    network = Network()
    names = [network.population(f"P{k}", 5, IafPscExp()).name for k in range(3)]
    for number, (source, target) in enumerate((s, t) for s in names for t in names):
        weights = np.arange(25.0).reshape(5, 5) + 1.0
        network.connect(source, target, FixedIndegree(5), Static(weights, 0.1 * (10 + number)))
    (local,) = built(network).tables
    assert local.table.kinds.each
    assert sorted(local.table.weights_of(np.arange(225))) == sorted(9 * list(range(1, 26)))
