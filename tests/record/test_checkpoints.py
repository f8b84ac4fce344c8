"""A run that is stopped, and goes on from its checkpoint on other ranks, comes to the same bits."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    BinarySimulation,
    FixedIndegree,
    IafPscExp,
    InputError,
    Network,
    Normal,
    Poisson,
    RateSimulation,
    Simulation,
    Static,
    Uniform,
)
from distsim.core.reused_memory import Reused
from distsim.models import registry
from distsim.parallel.communicator import patient_barrier
from distsim.record import checkpoint_files
from distsim.record.read_ahead import PartReader
from distsim.spiking.synapses.segments import SegmentDelivery
from distsim.spiking.synapses.static import StaticDelivery
from tests import binary_reference
from tests.checkpointing import durations, in_parts, look
from tests.plasticity import DT, RULE, network_of_trains
from tests.programs import devices_network, mixed_network, rate_network, recording
from tests.programs.fingerprint import digest
from tests.threads import on_ranks

RANKS = (1, 3, 2, 7, 1)
FEW = (3, 1, 2)  # 7 ranks as threads take their time


def model(name, **values):
    found = registry.find(name)
    return lambda: found.build_network(found.load(values))


SPIKING = {
    "mixed": (mixed_network.build_network, 40.0, FEW),
    "devices": (devices_network.build_network, 30.0, FEW),
    "two_population": (model("two_population", neuron_model="iaf_psc_alpha", N=100, K=50), 100.0, RANKS),
    "ignore_and_fire": (model("two_population", neuron_model="ignore_and_fire", N=100, K=50), 100.0, FEW),
    "brunel": (model("brunel", order=25), 40.0, FEW),
    "microcircuit": (model("microcircuit", N_scaling=0.01, K_scaling=0.05), 30.0, FEW),
    "liquid_state": (model("liquid_state", rate=100.0), 50.0, FEW),
}
SINGLE = ("mixed", "devices", "two_population", "microcircuit")
"""A network of everything: test_everything_goes_on.py."""


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


@pytest.mark.parametrize("kind", ["spiking", "external"])
def test_what_is_told_since_times_were_forgotten(kind, tmp_path):
    simulation, build, T = KINDS[kind]

    def since(restored):
        restored.run(T)
        return repr(restored.mean_activities() if kind == "external" else restored.spike_rates())

    with simulation(build(), MPI.COMM_SELF) as whole:
        whole.run(T)
        whole.forget_times()
        whole.run(0.5 * T)
        whole.save(tmp_path / "c")
        expected = since(whole)
    found = on_ranks(3, lambda comm: since(simulation.restore(build(), tmp_path / "c", comm)))
    assert found == [expected] * 3


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
            simulation.save(folder / "d", files=comm.size if comm.size == 3 else 1)  # in one they write together
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

    parts = [(1, 18.0), (2, 0.25), (1, 0.75), (3, 1.0), (1, 40.0)]
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
        simulation.save(tmp_path / f"of {comm.size} in parts", files=comm.size)

    on_ranks(3, again)
    on_ranks(1, again)
    contents = []
    for name in ("a", "of 3", "of 3 in parts", "of 1"):
        head = checkpoint_files.read_head(tmp_path / name)
        reader = PartReader(tmp_path / name, head)
        contents.append({})
        for column in head["columns"]:
            contents[-1][column] = digest(reader.read(column, 0, reader.size(column), Reused()))
        contents[-1]["numbers"] = head["numbers"]
    assert all(each == contents[0] for each in contents)


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
    settled = any((t.delivery._up_to_date() > t.delivery.t_last).any() for t in simulation._local.tables if t.plastic)
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
    assert sum(n for n, _, _ in history["parts"]) < 100  # and not the spikes since the source fell silent


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
