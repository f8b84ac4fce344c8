"""One rank of many, simulated alone: what it gives is what it gives among the others, to the bit."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    BinaryNetwork,
    BinarySimulation,
    DryRun,
    DryRunError,
    FixedIndegree,
    IafPscAlpha,
    IgnoreAndFire,
    InputError,
    Network,
    Normal,
    PoissonSource,
    Redrawn,
    Simulation,
    Static,
    StdpPowerLaw,
    Uniform,
    read_spikes,
)
from distsim.models import registry
from distsim.parallel import on_root
from distsim.spiking import exchange_steps, replay
from docs.own import my_network
from tests.programs import mixed_network

NETWORKS: dict[str, tuple[Any, float]] = {
    "two_population": (("two_population", {"N": 300, "K": 60}), 100.0),
    "ignore_and_fire": (("two_population", {"N": 300, "K": 60, "neuron_model": "ignore_and_fire"}), 60.0),
    "brunel": (("brunel", {"order": 40}), 60.0),
    "microcircuit": (("microcircuit", {"N_scaling": 0.004, "K_scaling": 0.02}), 60.0),
    "a user's own": (my_network.build_network, 60.0),
    "of everything": (mixed_network.build_network, 30.0),
}


def network_of(name: str, recorded: bool = True) -> Network:
    made = NETWORKS[name][0]
    if callable(made):
        network = made()
    else:
        model = registry.find(made[0])
        network = model.build_network(model.load(made[1]))
    network.record_nothing()
    for population in network.populations if recorded else ():
        network.record_spikes(population)
    return network


def record(name: str, path: Path, comm: MPI.Comm = MPI.COMM_SELF, seed: int = 3) -> dict[str, Any]:
    """What becomes of a network whose spikes go to a file: spikes by population, and plastic weights."""
    with Simulation(network_of(name), comm, seed, file=path) as simulation:
        simulation.run(NETWORKS[name][1])
        return result(simulation) | {"spikes in all": simulation.spike_count()}


def result(simulation: Simulation) -> dict[str, Any]:
    """Spikes by population, as (step, neuron), and plastic weights, as (source, target, weight), all as sets."""
    spikes = {p.name: simulation.spikes(p) for p in simulation.network.populations}
    plastic = {(p.source.name, p.target.name) for p in simulation.network.projections if p.synapse.plastic}
    weights = {pair: simulation.weights(*pair) for pair in sorted(plastic)}
    return {
        "spikes": {name: set(zip(s.step.tolist(), s.neuron.tolist(), strict=True)) for name, s in spikes.items()},
        "weights": {
            pair: sorted(zip(w.source.tolist(), w.target.tolist(), w.weight.tolist(), strict=True))
            for pair, w in weights.items()
        },
    }


def dry(name: str, comm: DryRun, parts: int = 1, **options: Any) -> dict[str, Any]:
    """What becomes of one rank, in so many runs."""
    with Simulation(network_of(name), comm, 3, **options) as simulation:
        for _ in range(parts):
            simulation.run(NETWORKS[name][1] / parts)
        return result(simulation) | {"events": simulation.loads()[0]["events"]}


def together(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What ranks have found, each alone."""
    names, pairs = found[0]["spikes"], found[0]["weights"]
    return {
        "spikes": {name: set.union(*(one["spikes"][name] for one in found)) for name in names},
        "weights": {pair: sorted(itertools.chain(*(one["weights"][pair] for one in found))) for pair in pairs},
    }


@pytest.mark.parametrize(("ranks", "loop", "parts"), [(2, "compiled", 4), (4, "python", 1)], ids=["2 ranks", "4 ranks"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_rank_alone_gives_what_it_gives_among_others(name, ranks, loop, parts, tmp_path):
    whole = record(name, tmp_path / "spikes.h5")
    comms = [DryRun(rank, ranks, tmp_path / "spikes.h5") for rank in range(ranks)]
    found = [dry(name, comm, parts, loop=loop) for comm in comms]
    assert together(found) == {kind: whole[kind] for kind in ("spikes", "weights")}
    assert whole["spikes in all"] > 5
    assert [comm.wrong for comm in comms] == [0] * ranks
    assert all(comm.intervals >= 15 and set(comm.known.values()) == {"recording"} for comm in comms)
    assert sum(int(comm.counts[3].sum()) for comm in comms) == sum(one["events"] for one in found)


@pytest.mark.mpi(min_size=2)
def test_a_recording_may_come_from_any_ranks(comm, tmp_path):
    path = on_root(comm, lambda: tmp_path / "spikes.h5")
    whole = record("two_population", path, comm)
    alone = DryRun(comm.rank, comm.size, path)
    mine = dry("two_population", alone)
    found = together([{**each, "events": 0} for each in comm.allgather(mine)])
    assert found == {kind: whole[kind] for kind in ("spikes", "weights")}
    assert alone.wrong == 0


def test_spikes_may_be_arrays_or_computed(tmp_path):
    whole = record("ignore_and_fire", tmp_path / "spikes.h5")
    arrays = {name: read_spikes(tmp_path / "spikes.h5", name) for name in ("E", "I")}
    given = [{**arrays}, {"E": arrays["E"]}, None]
    for spikes in given:
        comms = [DryRun(rank, 3, spikes) for rank in range(3)]
        found = together([dry("ignore_and_fire", comm, 2) for comm in comms])
        assert found["spikes"] == whole["spikes"]
        assert comms[0].known == {"delays": "bounds", "input of 'E'": "this rank", "input of 'I'": "this rank"}


@pytest.mark.parametrize("exchange", ["allgather", "alltoall"])
def test_few_spikes_at_a_time_give_the_same(exchange, tmp_path, monkeypatch):
    """Windows of one interval, runs of a few spikes, stretches of a few intervals; each of many ranks needs few."""
    record("brunel", tmp_path / "spikes.h5")
    expected = dry("brunel", DryRun(7, 60, tmp_path / "spikes.h5"), exchange=exchange)
    for name, value in {"WINDOW": 1, "SHARE": 0.0, "RUN": 5, "FIRST_STRETCH": 4.0, "MOST_STRETCH": 9.0}.items():
        monkeypatch.setattr(replay, name, value)
    comm = DryRun(7, 60, tmp_path / "spikes.h5")
    assert dry("brunel", comm, exchange=exchange) == expected
    received, targeted = comm.counts[1:3].sum(axis=1)
    assert targeted == received if exchange == "alltoall" else targeted < received


def test_a_rank_of_very_many():
    """In a network of which nobody holds more than a part; which sources send, and when, is computed."""

    def network() -> Network:
        made = Network(dt=0.1)
        neurons = made.population("E", 2_000_000, IgnoreAndFire(rate=10.0, phase=Uniform(0.0, 1.0)))
        sources = made.population("X", 1_000_000, PoissonSource(rate=50.0))
        made.connect(sources, neurons, FixedIndegree(20), Static(Redrawn(Normal(40.0, 4.0), 0.0, 80.0), 1.5))
        made.record_spikes(sources)
        return made

    comm = DryRun(rank=99_999, ranks=100_000)
    with Simulation(network(), comm) as simulation:
        simulation.run(20.0)
        assert simulation.loads()[0]["neurons"] == 20
        assert len(simulation.spikes("X").step) == pytest.approx(10, abs=9)
        assert simulation.exchange_plan["plan"] == "alltoall"
    assert comm.counts[1].sum() == comm.counts[2].sum() == pytest.approx(400, rel=0.2)


def test_a_rank_has_the_blocks_and_lists_that_it_would_have_among_others():
    """One block for each rank, and as many entries in the lists as this rank asks of others."""
    network = Network(dt=0.1)
    network.population("E", 4000, IgnoreAndFire(rate=100.0))
    network.connect("E", "E", FixedIndegree(5), Static(weight=1.0, delay=1.0))
    for exchange, places in (("allgather", 0), ("auto", 200)):
        comm = DryRun(3, 200)
        with Simulation(network, comm, exchange=exchange) as simulation:
            simulation.run(10.0)
            plan = simulation._loop.exchange
            assert (comm.wrong, simulation.exchange_plan["plan"]) == (0, "alltoall" if places else "allgather")
            assert plan._incoming.size == 200 * plan.own[exchange_steps.ALLOCATED]
            if places:
                needed = simulation.local.needed.between(0, 3999)
                assert (plan._lists.places, int(plan._lists.offsets[-1])) == (places, len(needed))


def test_other_spikes_are_found(tmp_path):
    record("two_population", tmp_path / "spikes.h5")
    times, neurons = read_spikes(tmp_path / "spikes.h5", "E")
    own = np.flatnonzero(neurons % 2 == 1)[3]
    spikes = {name: read_spikes(tmp_path / "spikes.h5", name) for name in ("E", "I")}
    spikes["E"] = np.delete(times, own), np.delete(neurons, own)
    end = 1.5 * np.ceil(times[own] / 1.5)
    with pytest.raises(DryRunError, match=f"rank 1 of 2 .* intervals, first in that which ends at {end:g} ms"):
        dry("two_population", DryRun(1, 2, spikes))
    comm = DryRun(1, 2, spikes, refuses=False)
    dry("two_population", comm)
    assert (comm.wrong > 0, comm.first_wrong) == (True, pytest.approx(end))


def test_what_cannot_be_replayed_is_refused(tmp_path):
    path = tmp_path / "spikes.h5"
    record("two_population", path)
    other = network_of("brunel")

    def simulate(network: Network | None = None, comm: DryRun | None = None, seed: int = 3, **options: Any) -> Any:
        return Simulation(network or network_of("two_population"), comm or DryRun(0, 2, path), seed, **options)

    for words, refused in {
        "rank = 2 is beyond the last of 2 ranks, which is 1": lambda: DryRun(2, 2),
        "spikes must be a path": lambda: DryRun(0, 2, 7),  # type: ignore[arg-type]
        "there is no recording": lambda: simulate(comm=DryRun(0, 2, tmp_path / "none.h5")),
        "cannot be read as the file of a run": lambda: simulate(comm=DryRun(0, 2, __file__)),
        "of another run: seed is 3 there, but 4 here": lambda: simulate(seed=4),
        "precision is 'double' there, but 'single' here": lambda: simulate(precision="single"),
        "of another run: network.": lambda: simulate(other),
        "'E' are in no recording, and cannot be computed": lambda: simulate(comm=DryRun(0, 2)),
        "unknown population 'e'": lambda: simulate(comm=DryRun(0, 2, {"e": ([], [])})),
        "its neurons are 0 to 239, not 5 to 240": lambda: simulate(
            comm=DryRun(0, 2, {"E": ([1.0, 2.0], [5, 240]), "I": ([], [])})
        ),
        "must be \\(times, neurons\\)": lambda: simulate(comm=DryRun(0, 2, {"E": None, "I": ([], [])})),
        "two arrays \\(n,\\) of one length": lambda: simulate(comm=DryRun(0, 2, {"E": ([1.0], []), "I": ([], [])})),
        "file: a dry run is one rank of 2": lambda: simulate(file=tmp_path / "new.h5"),
        "ends at 100 ms, before the run, which ends at 101 ms": lambda: simulate().run(101.0),
        "save: a dry run": lambda: simulate().save(tmp_path / "checkpoint"),
        "a change: a dry run": lambda: simulate().set("E", V_th=20.0),
        "restore: a dry run": lambda: Simulation.restore(other, path, DryRun(0, 2)),  # type: ignore[arg-type]
        "BinarySimulation, which cannot replay": lambda: BinarySimulation(BinaryNetwork(), DryRun(0, 2)),  # type: ignore[arg-type]
    }.items():
        with pytest.raises(InputError, match=words):
            refused()
    some = network_of("two_population", recorded=False)
    some.record_spikes("E", first=10)
    some.record_spikes("I")
    with Simulation(some, MPI.COMM_SELF, 3, file=tmp_path / "some.h5") as simulation:
        simulation.run(5.0)
    with pytest.raises(InputError, match="'E' are in no recording"):
        simulate(comm=DryRun(0, 2, tmp_path / "some.h5"))
    with Simulation(network_of("two_population"), MPI.COMM_SELF, 3, file=tmp_path / "set.h5") as simulation:
        simulation.set("E", V_m=0.0)
    with pytest.raises(InputError, match="whose network was changed"):
        simulate(comm=DryRun(0, 2, tmp_path / "set.h5"))


def test_arrays_of_another_network_are_found(tmp_path):
    """Long arrays stand in a description by shape and bounds; the recording has a digest of all of them."""

    def network(order: int) -> Network:
        made = Network(dt=0.5)
        neurons = made.population("E", 50, IafPscAlpha(I_e=np.linspace(300.0, 400.0, 50)[::order]))
        made.connect(neurons, neurons, FixedIndegree(5), StdpPowerLaw(10.0, 1.0))
        made.record_spikes(neurons)
        return made

    with Simulation(network(1), MPI.COMM_SELF, file=tmp_path / "spikes.h5") as simulation:
        simulation.run(5.0)
    Simulation(network(1), DryRun(0, 2, tmp_path / "spikes.h5")).run(5.0)
    with pytest.raises(InputError, match=r"of another run"):
        Simulation(network(-1), DryRun(0, 2, tmp_path / "spikes.h5"))
