"""A run says what it needs before it begins, and is refused where the machine has less."""

from __future__ import annotations

import pytest

from distsim import (
    BinaryNetwork,
    BinarySimulation,
    FixedIndegree,
    InputError,
    Simulation,
    SpatialBernoulli,
    Static,
    Uniform,
    lattice,
)
from distsim.binary.binary_memory import memory_of_binary
from distsim.binary.couplings import build_couplings
from distsim.command.request import parse
from distsim.models import registry
from distsim.models.liquid_state.trials import memory_of_trials
from distsim.models.run import run
from distsim.parallel import machine
from distsim.parallel.communicator import alone
from distsim.parallel.lone_rank import LoneRank
from distsim.parallel.progress import silent
from distsim.parallel.timers import Timers
from distsim.spiking.local_network import build
from distsim.spiking.network import Network
from distsim.spiking.neurons.iaf_psc_exp import IafPscExp
from distsim.spiking.spiking_memory import memory_of_spiking

NETWORKS = [
    ("two_population", {"N": 1000, "K": 200}),
    ("two_population", {"N": 1000, "K": 200, "neuron_model": "ignore_and_fire"}),
    ("brunel", {"order": 200}),
    ("microcircuit", {"N_scaling": 0.02, "K_scaling": 0.5, "thalamus": True}),
    ("liquid_state", {}),
]


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("ranks", [1, 4])
@pytest.mark.parametrize(("model", "overrides"), NETWORKS)
def test_the_estimate_is_that_of_the_tables_that_are_built(model, overrides, ranks, precision):
    experiment = registry.find(model)
    network = experiment.build_network(experiment.load(overrides))
    local = build(network, LoneRank(0, ranks), 1, precision, Timers().phase)
    expected = memory_of_spiking(network, ranks, precision)
    assert expected.tables == pytest.approx(sum(part.table.nbytes() for part in local.tables), rel=0.3)
    assert expected.rings == pytest.approx(sum(ring.nbytes for group in local.groups for ring in group.rings), rel=0.3)


def test_tables_without_sources_take_next_to_nothing():
    network = Network()
    network.population("A", 0, IafPscExp())
    network.population("B", 10, IafPscExp())
    network.connect("A", "B", FixedIndegree(0), Static(1.0, Uniform(1.0, 2.0)))
    assert memory_of_spiking(network, 2).tables < 100.0


def test_the_estimate_of_binary_networks():
    parameters = registry.find("binary_ei").load({})
    network = registry.find("binary_ei").build_network(parameters)
    couplings = build_couplings(network, LoneRank(0, 2), 1)
    built = couplings.targets.nbytes + couplings.each.nbytes + couplings.offsets.nbytes
    assert memory_of_binary(network, 2).tables == pytest.approx(built, rel=0.3)


@pytest.mark.parametrize(
    "words",
    [
        ["two_population", "--set", "N=1000000000"],
        ["two_population", "--set", "K=2147483648"],
        ["brunel", "--set", "order=100000000"],
        ["microcircuit", "--set", "N_scaling=10000"],
        ["binary_ei", "--set", "N=[1000000000,1000000000]"],
        ["liquid_state", "--set", "pairs=1000000000000"],
    ],
)
def test_more_than_the_machine_has_is_refused_before_it_begins(words):
    asked = parse(["run", *words])
    model = registry.find(asked.model)
    with pytest.raises(InputError, match=r"needs about \d.* [TP]B of memory.*machine has .*B free"):
        run(model, alone(), model.load(asked.overrides), None, silent)


def test_less_than_the_machine_has_is_not(monkeypatch):
    network = Network()
    network.population("A", 100, IafPscExp())
    network.connect("A", "A", FixedIndegree(50), Static(Uniform(1.0, 2.0), 1.0))
    needed = memory_of_spiking(network).total
    for free, refused in ((2.0 * needed, False), (0.5 * needed, True), (None, False)):
        monkeypatch.setattr(machine, "available_bytes", lambda free=free: free)
        if refused:
            with pytest.raises(InputError, match="Simulation: the network needs about"):
                Simulation(network, alone())
        else:
            Simulation(network, alone())


def test_positions_that_each_rank_needs_are_refused_with_their_size(monkeypatch):
    """They are all looked through on each rank, however few neurons it has."""
    network = Network()
    network.population("A", 27_000, IafPscExp(), positions=lattice((30, 30, 30)))
    network.connect("A", "A", SpatialBernoulli(0.1, 1.0), Static(1.0, 1.0))
    on_one, on_many = (memory_of_spiking(network, ranks).total for ranks in (1, 1000))
    assert on_many > 27_000 * (3 * 8 + 36)
    monkeypatch.setattr(machine, "available_bytes", lambda: 0.9 * on_one)
    with pytest.raises(InputError, match=r"needs about [\d.]+ MB of memory, but"):
        Simulation(network, alone())


def test_trials_need_more_side_by_side():
    experiment = registry.find("liquid_state")
    network = experiment.build_network(experiment.load({}))
    assert memory_of_trials(network, 100).total > 5.0 * memory_of_trials(network, 10).total


def test_free_memory_is_that_of_the_machine_within_its_control_groups(tmp_path, monkeypatch):
    own = tmp_path / "groups" / "slurm" / "job"
    own.mkdir(parents=True)
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable:   64 kB\n", encoding="ascii")
    (tmp_path / "own").write_text("0::/slurm/job\n", encoding="ascii")
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "groups")
    assert machine.available_bytes() == 65536
    for folder, limit in ((own, "max"), (own.parent, "30000")):
        (folder / "memory.max").write_text(limit, encoding="ascii")
        (folder / "memory.current").write_text("20000", encoding="ascii")
        (folder / "memory.stat").write_text("anon 15000\ninactive_file 5000\n", encoding="ascii")
    assert machine.available_bytes() == 15000
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "nothing")
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "nothing")
    assert machine.available_bytes() is None or machine.available_bytes() > 1e6  # what the system has in all


def test_a_number_of_bytes_in_words():
    assert [machine.in_words(n) for n in (12, 999.7, 5.12e12, 99.6e9, 24e9, 1e21)] == [
        "12 B", "1 kB", "5.1 TB", "100 GB", "24 GB", "1000000 PB",
    ]  # fmt: skip


def test_binary_simulations_that_never_end_are_refused():
    network = BinaryNetwork()
    network.population("A", 10, theta=0.5, tau=10.0)
    with BinarySimulation(network, alone()) as simulation, pytest.raises(InputError, match="updates per neuron"):
        simulation.run(1e12)
    with (
        BinarySimulation(network, alone(), window=1e-5) as simulation,
        pytest.raises(InputError, match=r"window = 1e-05 ms must be at least 0\.001 ms"),
    ):
        simulation.run(1.0)
