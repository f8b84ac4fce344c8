"""A run that is stopped, and goes on from its checkpoint on other ranks, comes to the same bits."""

from __future__ import annotations

import os
import tempfile
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    BinarySimulation,
    ConstantRate,
    FixedIndegree,
    IafPscDelta,
    IafPscExp,
    InputError,
    Network,
    Normal,
    Poisson,
    RateNetwork,
    RateSimulation,
    Simulation,
    Static,
    StdpPowerLaw,
    StorageError,
    Uniform,
)
from distsim.models import registry
from distsim.parallel.communicator import patient_barrier
from distsim.record import checkpoint, checkpoint_files, disk
from distsim.spiking.neurons.neuron_group import NeuronGroup
from distsim.spiking.protocols import Group
from distsim.spiking.synapses.plastic_delivery import PlasticDelivery
from distsim.spiking.synapses.segments import SegmentDelivery
from distsim.spiking.synapses.static import StaticDelivery
from distsim.spiking.synapses.synapse_model import Delivery
from tests import binary_reference
from tests.checkpointing import durations, in_parts
from tests.plasticity import DT, RULE, network_of_trains
from tests.programs import every_kernel, mixed_network, own_synapse, rate_network, recording
from tests.programs.fingerprint import digest, fingerprint
from tests.spiking.test_own_neuron import busy_network
from tests.threads import on_ranks

RANKS = (1, 3, 2, 7, 1)
FEW = (3, 1, 2)  # 7 ranks as threads take their time


def look(simulation):
    """All that is recorded or can be asked for."""
    network = simulation.network
    spikes = [simulation.spikes(r.population) for r in network.spike_recordings]
    pairs = dict.fromkeys((p.source, p.target) for p in network.projections)
    edges = [simulation.weights(*pair, at=at) for pair in pairs for at in ("last_spike", "now")]
    recorded = digest(*(array for s in spikes for array in (s.step, s.neuron)))
    numbers = simulation.spike_counts(), repr(simulation.spike_rates())
    weights = digest(*(e.weight for e in edges))
    return {**fingerprint(simulation), "recorded": recorded, "weights": weights, "numbers": numbers}


def model(name, **values):
    found = registry.find(name)
    return lambda: found.build_network(found.load(values))


SPIKING = {
    "every kernel": (every_kernel.build_network, 20.0, RANKS),
    "mixed": (mixed_network.build_network, 40.0, FEW),
    "own neurons": (busy_network, 40.0, FEW),
    "own synapses": (own_synapse.plastic_network, 60.0, FEW),
    "two_population": (model("two_population", neuron_model="iaf_psc_alpha", N=100, K=50), 100.0, RANKS),
    "ignore_and_fire": (model("two_population", neuron_model="ignore_and_fire", N=100, K=50), 100.0, FEW),
    "brunel": (model("brunel", order=25), 40.0, FEW),
    "microcircuit": (model("microcircuit", N_scaling=0.01, K_scaling=0.05), 15.0, FEW),
    "liquid_state": (model("liquid_state", rate=100.0), 50.0, FEW),
}
SINGLE = ("every kernel", "mixed", "two_population", "microcircuit")


@pytest.mark.parametrize(
    ("name", "precision"), [(name, "double") for name in SPIKING] + [(name, "single") for name in SINGLE]
)
def test_every_spiking_network_goes_on_to_the_same_bits(name, precision, tmp_path):
    build, T, ranks = SPIKING[name]
    options = {"seed": 3, "precision": precision}
    whole = in_parts(Simulation, build, [(1, T)], tmp_path, look, **options)
    assert whole["spikes"] > 5
    parts = durations(T, build().dt, ranks)
    assert in_parts(Simulation, build, parts, tmp_path / "checkpoint", look, **options) == whole


def look_at_rates(simulation):
    recorded = [simulation.rates(r.population) for r in simulation.network.recordings]
    return simulation.rate_hash(), digest(*(array for r in recorded for array in (r.step, r.neuron, r.value)))


def test_rate_networks_go_on_to_the_same_bits(tmp_path):
    def build():
        return rate_network.build_network(40, 10)

    whole = in_parts(RateSimulation, build, [(1, 5.0)], tmp_path, look_at_rates, seed=3)
    assert in_parts(RateSimulation, build, durations(5.0, 0.1, RANKS), tmp_path / "c", look_at_rates, seed=3) == whole


def look_at_flips(simulation):
    network = simulation.network
    flips = [array for p in network.populations for array in simulation.flips(p)]
    activity = [array for name in network.activity_recordings for array in vars(simulation.activity(name)).values()]
    states = [
        f(p) for p in network.populations for f in (simulation.states, simulation.initial_states, simulation.inputs)
    ]
    sampled = [array for name in network.state_recordings for array in simulation.recorded_states(name)]
    updates = [simulation.updates()] if network.update_recordings else []
    means = [array for u in updates for array in (u.time, u.neuron, u.mean, *u.activity.values())]
    counts = simulation.update_count(), simulation.flip_count(), simulation.time, simulation.flip_hash()
    return (
        digest(*flips, *states, *map(np.asarray, activity), *sampled, *means),
        counts,
        repr(simulation.mean_activities()),
    )


def recorded_binary(case="external"):
    """With every recording that binary networks have; states also at the ends of parts."""
    network = binary_reference.build(binary_reference.CASES[case])
    network.record_activity("P0")
    network.record_activity(network.populations[-1], interval=0.5)
    network.record_updates()
    network.record_states([0.0, 0.5, 1.25, 3.3, 4.0, 6.5, 7.0, 99.0], "P0", neurons=[3, 0, 2])
    network.record_states([0.125, 3.25], network.populations[-1])
    network.record_couplings("P0", "P0", sources=[0, 2])
    return network


@pytest.mark.parametrize("case", ["drawn", "seven", "external"])
def test_binary_networks_go_on_to_the_same_bits(case, tmp_path):
    def build():
        return recorded_binary(case)

    parts = [(1, 1.25), (3, 2.0), (2, 0.125), (7, 1.5), (1, 3.0)]
    runs = [(1, T) for _, T in parts]
    whole = in_parts(BinarySimulation, build, runs, tmp_path / "whole", look_at_flips, seed=3)
    assert whole[1][1] > 15
    assert in_parts(BinarySimulation, build, parts, tmp_path / "parts", look_at_flips, seed=3) == whole


@pytest.mark.mpi(also=(2,))
def test_ranks_that_are_processes_go_on_from_what_one_rank_saved(comm):
    """And that one from what they save."""
    with tempfile.TemporaryDirectory() as own:
        folder = Path(comm.bcast(own))
        if comm.rank == 0:
            in_parts(Simulation, mixed_network.build_network, [(1, 10.0), (1, 0.0)], folder / "c", repr, seed=3)
        patient_barrier(comm)
        with Simulation.restore(mixed_network.build_network(), folder / "c", comm) as simulation:
            simulation.run(10.0)
            simulation.save(folder / "d", files=comm.size)
            found = look(simulation)
        if comm.rank == 0:
            with Simulation.restore(mixed_network.build_network(), folder / "d", MPI.COMM_SELF) as alone:
                assert look(alone) == found
            with Simulation(mixed_network.build_network(), MPI.COMM_SELF, 3) as whole:
                whole.run(20.0)
                assert look(whole) == found
        patient_barrier(comm)


# ---------------------------------------------------------------- what is on its way, and what is long ago


def delayed_network():
    """Delays of 4 to 40 steps; on one rank or two all synapses are segmented, so that rings have 4 slots."""
    network = Network(dt=0.25)
    network.population("A", 20, IafPscExp(tau_syn_in=5.0), V_m=Uniform(-70.0, -55.0))
    network.connect("A", "A", FixedIndegree(800), Static(Normal(2.0, 10.0), Uniform(1.0, 10.0)))
    network.stimulate("A", Poisson(rate=9000.0, weight=60.0))
    network.record_spikes("A")
    return network


@pytest.mark.parametrize("interval", [None, 0.5])
def test_input_that_the_rings_do_not_hold_yet_arrives(interval, tmp_path):
    whole = in_parts(Simulation, delayed_network, [(1, 60.0)], tmp_path, look)
    kinds = []

    def look_and_see(simulation):
        deliveries = [table.delivery for table in simulation._local.tables]
        rings = [len(ring) for group in simulation._local.groups for ring in group.rings]
        kinds.append((simulation.comm.size, *rings, type(deliveries[0])))
        return look(simulation)

    parts = [(1, 20.0), (2, 0.25), (1, 0.75), (3, 1.0), (1, 38.0)]
    found = in_parts(Simulation, delayed_network, parts, tmp_path / "c", look_and_see, interval=interval)
    assert found == whole
    assert {(1, 4, 4, SegmentDelivery), (2, 40, 40, SegmentDelivery), (3, 40, 40, StaticDelivery)} < set(kinds)
    assert kinds[-1] == (1, 4, 4, SegmentDelivery)  # as they were


def test_a_checkpoint_that_is_saved_at_once_is_the_one_that_was_restored(tmp_path):
    """Also of what is still to come; and what a file holds does not depend on ranks."""
    in_parts(Simulation, delayed_network, [(2, 20.0), (1, 0.0)], tmp_path / "a", look)

    def again(comm):
        simulation = Simulation.restore(delayed_network(), tmp_path / "a", comm)
        simulation.save(tmp_path / f"of {comm.size}", files=1)

    on_ranks(3, again)
    on_ranks(1, again)
    contents = []
    for name in ("a", "of 3", "of 1"):
        head = checkpoint_files.read_head(tmp_path / name)
        reader = checkpoint_files.PartReader(tmp_path / name, head)
        contents.append({})
        for column, about in head["columns"].items():
            pieces = [
                reader.read(part, column, begin[1], end[1], begin[2], about["kind"])
                for part, found in enumerate(about["pieces"])
                for begin, end in pairwise(found)
            ]
            contents[-1][column] = digest(np.concatenate(pieces))
        contents[-1]["numbers"] = head["numbers"]
    assert contents[0] == contents[1] == contents[2]


def network_with_a_silent_source():
    generator = np.random.default_rng(3)
    pre, post = (
        [DT * np.sort(generator.choice(np.arange(3, 1500), 60, replace=False)) for _ in range(n)] for n in (5, 7)
    )
    pre[0], post[0] = pre[0][[1, -1]], DT * np.arange(3, 1500, 4)
    delays = DT * generator.integers(5, 40, (7, 5))
    return network_of_trains(pre, post, 20.0, delays, **{**RULE, "alpha": 0.1, "lambda_": 0.05})


def look_at_weights(simulation):
    edges = [simulation.weights("pre", "post", at=at) for at in ("last_spike", "now")]
    settled = any((t.delivery.settled_until > t.delivery.t_last).any() for t in simulation._local.tables if t.plastic)
    settled_somewhere = any(simulation.comm.allgather(settled))
    return simulation.weight_hash(), digest(*(e.weight for e in edges)), settled_somewhere


def test_synapses_of_a_silent_source_that_were_settled(tmp_path):
    T = 1500 * DT
    whole = in_parts(Simulation, network_with_a_silent_source, [(1, T)], tmp_path, look_at_weights)
    seen = []

    def look_and_see(simulation):
        seen.append(look_at_weights(simulation))
        return seen[-1]

    parts = durations(T, DT, (1, 3, 2, 7, 1))
    found = in_parts(Simulation, network_with_a_silent_source, parts, tmp_path / "c", look_and_see)
    assert found[:2] == whole[:2]
    assert any(settled for _, _, settled in seen)
    numbers = checkpoint_files.read_head(tmp_path / "c")["columns"]
    history = next(column for name, column in numbers.items() if name.endswith("history/values"))
    assert sum(part[-1][1] for part in history["pieces"]) < 100  # and not the spikes since the source fell silent


# ---------------------------------------------------------------- files of results


def contents(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item[()].tolist()}) if hasattr(item, "dtype") else None)
        return found, file.attrs["T"]


KINDS = {
    "spiking": (Simulation, recording.build_network, 40.0),
    "rates": (RateSimulation, lambda: rate_network.build_network(12, 5), 2.0),
    "binary": (BinarySimulation, lambda: recorded_binary("drawn"), 2.0),
    "external": (BinarySimulation, recorded_binary, 2.0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_of_a_run_goes_on(kind, tmp_path):
    simulation, build, T = KINDS[kind]
    with simulation(build(), MPI.COMM_SELF, file=tmp_path / "whole.h5") as whole:
        for _ in range(3):
            whole.run(T)
    in_parts(simulation, build, [(1, T), (3, T)], tmp_path / "c", repr, tmp_path / "run.h5")
    assert contents(tmp_path / "run.h5")[1] == 2 * T  # what comes after the checkpoint is computed once more
    with simulation.restore(build(), tmp_path / "c", MPI.COMM_SELF, file=tmp_path / "run.h5") as last:
        assert last.time == T
        last.run(T)
        last.run(T)
    assert contents(tmp_path / "run.h5") == contents(tmp_path / "whole.h5")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_file_may_begin_at_a_checkpoint(tmp_path):
    """With all that was in memory; a file of another run is not gone on with."""
    build = recording.build_network
    in_parts(Simulation, build, [(2, 20.0), (1, 0.0)], tmp_path / "c", repr)
    with Simulation.restore(build(), tmp_path / "c", MPI.COMM_SELF, file=tmp_path / "new.h5") as simulation:
        simulation.run(20.0)
    with Simulation(build(), MPI.COMM_SELF, file=tmp_path / "whole.h5") as whole:
        whole.run(40.0)
    new, expected = contents(tmp_path / "new.h5")[0], contents(tmp_path / "whole.h5")[0]
    assert {k: v for k, v in new.items() if "weights" not in k} == {
        k: v for k, v in expected.items() if "weights" not in k
    }
    with pytest.raises(InputError, match="the checkpoint is of a run without a file"):
        Simulation.restore(build(), tmp_path / "c", MPI.COMM_SELF, file=tmp_path / "whole.h5")
    in_parts(Simulation, build, [(1, 20.0), (1, 0.0)], tmp_path / "d", repr, tmp_path / "run.h5")
    os.replace(tmp_path / "whole.h5", tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        file["spikes/E/timestamps"][0] += 1.0
    with pytest.raises(InputError, match="not the file of the run as it was at the checkpoint"):
        Simulation.restore(build(), tmp_path / "d", MPI.COMM_SELF, file=tmp_path / "run.h5")


# ---------------------------------------------------------------- what is refused, and what a fault leaves


def small_network(n=5, weight=3.0):
    network = Network(dt=0.25)
    network.population("A", n, IafPscDelta(), V_m=Uniform(-70.0, -55.0))
    network.connect("A", "A", FixedIndegree(3), StdpPowerLaw(weight, 1.0))
    network.stimulate("A", Poisson(rate=9000.0, weight=1.0))
    return network


@pytest.fixture
def saved(tmp_path):
    """A checkpoint at 10 ms, the one before at 5 ms."""
    with Simulation(small_network(), MPI.COMM_SELF) as simulation:
        for _ in range(2):
            simulation.run(5.0)
            simulation.save(tmp_path / "c")
    return tmp_path / "c"


def restored(path, network=None, **options):
    return Simulation.restore(network or small_network(), path, MPI.COMM_SELF, **options)


def test_the_last_two_are_kept(saved):
    assert restored(saved).time == 10.0
    assert restored(saved.with_name("c.before")).time == 5.0
    assert sorted(path.name for path in saved.parent.iterdir()) == ["c", "c.before"]


def rate_network_of_one():
    network = RateNetwork(dt=0.1)
    network.population("A", 1, ConstantRate(mean=1.0))
    return network


@pytest.mark.parametrize(
    ("restore", "message"),
    [
        (lambda path: restored(path, small_network(n=6)), r"another network: size of 'A' .* is 5 there, but 6 here"),
        (lambda path: restored(path, small_network(weight=3.5)), r"weight of .* is 3 there, but 3\.5 here"),
        (lambda path: restored(path, seed=2), "a checkpoint with seed = 1, not 2"),
        (lambda path: restored(path, precision="single"), "a checkpoint with precision = double, not single"),
        (lambda path: restored(path, exchange="x"), "unknown exchange plan 'x'"),
        (lambda path: restored(path, speed=1), "unknown parameter 'speed'"),
        (lambda path: restored(path.with_name("d")), "there is no checkpoint '.*d'"),
        (lambda path: RateSimulation.restore(rate_network_of_one(), path, MPI.COMM_SELF), "not of a RateSimulation"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_in_a_sentence(saved, restore, message):
    with pytest.raises(InputError, match=message) as error:
        restore(saved)
    assert "\n" not in str(error.value)


def test_another_version_of_the_format_is_refused(saved, monkeypatch):
    monkeypatch.setattr(checkpoint_files, "VERSION", 2)
    with pytest.raises(InputError, match="a checkpoint of format 1, but this version of distsim reads 2"):
        restored(saved)


def test_a_damaged_checkpoint_is_refused_wherever_the_damage_is(saved):
    """In the head, in data, or at the end; the one before is named. What does no harm is no damage."""
    whole = saved.read_bytes()
    reference = restored(saved).spike_hash()
    refused = 0
    places = np.linspace(0, len(whole) - 1, 30).astype(int).tolist()
    for damaged in [whole[:place] for place in places[::5]] + [
        whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :] for place in places
    ]:
        saved.write_bytes(damaged)
        try:
            found = restored(saved).spike_hash()
        except InputError as error:
            found = str(error)
            refused += 1
        if found != reference:
            assert "is no checkpoint, or it is damaged" in found
            assert found.endswith(f"the one before it is '{saved}.before'")
    assert refused > 20


def test_a_part_that_is_missing_or_of_another_checkpoint_is_found_out(tmp_path):
    def save(comm):
        with Simulation(small_network(), comm) as simulation:
            for _ in range(2):
                simulation.run(5.0)
                simulation.save(tmp_path / "c", files=2)

    on_ranks(2, save)
    part, before = (tmp_path / checkpoint_files.read_head(tmp_path / name)["parts"][0] for name in ("c", "c.before"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["c", "c.before", part.name, before.name])
    part.write_bytes(before.read_bytes())
    with pytest.raises(InputError, match="belongs to another checkpoint"):
        restored(tmp_path / "c")
    part.unlink()
    for ranks in (1, 3):
        with pytest.raises(InputError, match=r"c\.\w+\.1' is no checkpoint, or it is damaged"):
            on_ranks(ranks, lambda comm: Simulation.restore(small_network(), tmp_path / "c", comm))


@pytest.mark.parametrize("call", range(0, 40, 6))
def test_a_full_disk_leaves_the_checkpoint_before(saved, call, monkeypatch):
    class Full:
        """The system, on which the calls that write fail from number ``call`` on."""

        calls = 0

        def __getattr__(self, name):
            return self.write if name in ("pwrite", "fsync") else getattr(os, name)

        def write(self, *arguments):
            self.calls += 1
            if self.calls > call:
                raise OSError(28, "No space left on device")
            return (os.pwrite if len(arguments) == 3 else os.fsync)(*arguments)

    simulation = restored(saved)
    simulation.run(5.0)
    monkeypatch.setattr(disk, "os", Full())
    try:
        simulation.save(saved)
        said = ""
    except StorageError as error:
        said = str(error)
    assert "cannot be written (No space left on device)" in said or call > 20
    assert restored(saved).time == (10.0 if said else 15.0)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["c", "c.before"]
    simulation.run(1.0)


def test_what_is_no_checkpoint_is_not_replaced(tmp_path):
    (tmp_path / "data").write_text("precious")
    with Simulation(small_network(), MPI.COMM_SELF) as simulation:
        for path, message in (
            (tmp_path / "data", "exists and is no checkpoint that could be replaced"),
            (tmp_path / "nowhere" / "c", "cannot be written: No such file or directory"),
            (3, "save: path must be a path"),
        ):
            with pytest.raises(InputError, match=message):
                simulation.save(path)
        with pytest.raises(InputError, match="save: files must be at most 1"):
            simulation.save(tmp_path / "c", files=2)
        assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (tmp_path / "data").read_text() == "precious"


# ---------------------------------------------------------------- pieces, and users' own


def test_columns_are_written_and_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "PIECE", 64)
    whole = in_parts(Simulation, small_network, [(1, 30.0)], tmp_path, look)
    parts = durations(30.0, 0.25, (1, 3, 7, 2))  # there are 5 neurons
    assert in_parts(Simulation, small_network, parts, tmp_path / "c", look) == whole
    head = checkpoint_files.read_head(tmp_path / "c")
    assert max(len(pieces) for column in head["columns"].values() for pieces in column["pieces"]) > 2


def test_what_a_checkpoint_would_not_know_of_is_refused(tmp_path):
    class Own(Group):
        def update(self, *arguments):
            return 0

    class Remembers(StaticDelivery):
        def __init__(self, table):
            super().__init__(table)
            self.memory = np.zeros(3)

    network = small_network()
    network.phase_recordings = ["A"]
    with (
        Simulation(network, MPI.COMM_SELF) as simulation,
        pytest.raises(InputError, match="a checkpoint of a Simulation cannot keep phase_recordings"),
    ):
        simulation.save(tmp_path / "c")
    with pytest.raises(InputError, match="Own: 'remembered' is missing"):
        Own().remembered()
    with pytest.raises(InputError, match=r"Remembers: 'transfer' is missing, which says .* of memory"):
        Remembers(None).transfer(None)
    StaticDelivery(None).transfer(None)
    assert {NeuronGroup.remembered, PlasticDelivery.transfer} & {Group.remembered, Delivery.transfer} == set()
