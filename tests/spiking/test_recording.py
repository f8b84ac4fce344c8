"""What a simulation records: in memory and in its HDF5 file, in one run and in several, on any number of ranks."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import EdgeList, IafPscAlpha, InputError, Network, Simulation, SpikeTrains, Static
from distsim.analysis import read
from tests.programs import recording
from tests.simulating import potential, simulate

# ---------------------------------------------------------------- in memory


def test_only_the_first_neurons_are_recorded():
    network = Network(dt=0.5)
    network.population("X", 4, SpikeTrains([[1.0], [0.5, 2.0], [1.0], [0.5]]))
    network.record_spikes("X", first=3)
    spikes = simulate(network, 5.0).spikes("X")
    assert spikes.step.tolist() == [1, 2, 2, 4]
    assert spikes.neuron.tolist() == [1, 0, 2, 1]
    assert spikes.times(0.5).tolist() == [0.5, 1.0, 1.0, 2.0]


def test_only_chosen_neurons_are_recorded_and_kept():
    """In memory, too: of 4 sources in one group, the spikes of two are kept."""
    network = Network(dt=0.5)
    network.population("X", 4, SpikeTrains([[1.0], [0.5, 2.0], [1.0], [0.5]]))
    network.population("Y", 1, SpikeTrains([[0.5, 1.5, 2.0]]))
    network.record_spikes("X", neurons=[3, 1, 3])
    simulation = simulate(network, 5.0)
    spikes = simulation.spikes("X")
    assert spikes.step.tolist() == [1, 1, 4]
    assert spikes.neuron.tolist() == [1, 3, 1]
    assert sum(len(stamps) for stamps in simulation.recorders.of_spikes["X"].stamps) == 3
    assert simulation.spike_counts() == {"X": 5, "Y": 3}


def test_chosen_neurons_are_checked():
    network = Network()
    network.population("A", 4, IafPscAlpha())
    with pytest.raises(InputError, match="record_spikes 'A': neuron 4 is out of range; 'A' has neurons 0 to 3"):
        network.record_spikes("A", neurons=[1, 4])
    with pytest.raises(InputError, match="takes either the number of neurons, first, or which neurons"):
        network.record_spikes("A", first=1, neurons=[1])


def charging(interval, neurons=None, size=4):
    network = Network(dt=0.1)
    network.population("A", size, IafPscAlpha(I_e=100.0 * np.arange(size)))
    network.record_states("A", "V_m", neurons=neurons, interval=interval)
    return network


@pytest.mark.parametrize(("interval", "steps"), [(None, 1), (0.1, 1), (0.3, 3), (1.0, 10), (1.7, 17), (5.0, 50)])
def test_states_at_any_interval(interval, steps):
    every = simulate(charging(None), 10.0).states("A")
    some = simulate(charging(interval), 3.3, 0.2, 6.5).states("A")
    assert some.step.tolist() == list(range(steps, 101, steps))
    assert some.times(0.1) == pytest.approx(0.1 * some.step)
    assert (some.value == every.value[some.step - 1]).all()


def test_states_come_in_the_order_in_which_neurons_were_chosen():
    every = simulate(charging(1.0), 10.0).states("A")
    some = simulate(charging(1.0, [3, 0, 3]), 10.0).states("A")
    assert every.neuron.tolist() == [0, 1, 2, 3]
    assert some.neuron.tolist() == [3, 0, 3]
    assert (some.value == every.value[:, [3, 0, 3]]).all()
    assert simulate(charging(1.0, []), 10.0).states("A").value.shape == (10, 0)


def test_recording_changes_nothing():
    watched = recording.build_network()
    alone = recording.build_network()
    for kind in (alone.state_recordings, alone.weight_recordings):
        kind.clear()
    assert simulate(watched, 50.0, seed=2).spike_hash() == simulate(alone, 50.0, seed=2).spike_hash()


def test_what_is_not_recorded_is_refused():
    simulation = simulate(recording.build_network(), 1.0)
    with pytest.raises(
        InputError, match=r"I_syn_ex of 'E' is not recorded; call network\.record_states\('E', 'I_syn_ex'\)"
    ):
        simulation.states("E", "I_syn_ex")
    with pytest.raises(InputError, match="unknown population 'e'; did you mean 'E'"):
        simulation.spikes("e")
    with pytest.raises(InputError, match="there is no projection 'I->I'"):
        simulation.weights("I", "I")
    with pytest.raises(InputError, match="unknown time 'then'"):
        simulation.weights("E", "E", at="then")
    network = charging(1.0)
    with pytest.raises(InputError, match=r"spikes of 'A' are not recorded; call network\.record_spikes\('A'\)"):
        simulate(network, 1.0).spikes("A")


def test_weights_of_chosen_neurons():
    network = Network(dt=0.1)
    network.population("A", 3, IafPscAlpha())
    source, target = [2, 0, 1, 2, 0, 2], [0, 1, 1, 0, 0, 2]
    network.connect("A", "A", EdgeList(source, target), Static(np.arange(6.0), 0.1 * np.arange(1, 7)))
    simulation = simulate(network, 1.0)
    edges = simulation.weights("A", "A")
    assert list(zip(edges.source, edges.target, strict=True)) == [(0, 0), (0, 1), (1, 1), (2, 0), (2, 0), (2, 2)]
    assert edges.weight.tolist() == [4.0, 1.0, 2.0, 0.0, 3.0, 5.0]
    assert edges.delay == pytest.approx([0.5, 0.2, 0.3, 0.1, 0.4, 0.6])
    some = simulation.weights("A", "A", sources=[2, 1], targets=[0, 1])
    assert some.weight.tolist() == [2.0, 0.0, 3.0]
    assert simulation.synapse_count() == 6


# ---------------------------------------------------------------- to a file


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A simulation that wrote to a file, one of the same network that did not, and the file."""
    path = tmp_path_factory.mktemp("recording") / "run.h5"
    to_file = simulate(recording.build_network(), 33.3, 0.1, 250.0, seed=5, file=path)
    in_memory = simulate(recording.build_network(), 33.3, 0.1, 250.0, seed=5)
    to_file.close()
    return to_file, in_memory, path


def test_file_holds_what_memory_would(written):
    to_file, memory, path = written
    assert to_file.weight_hash() == memory.weight_hash()
    for name in ("E", "I"):
        times, neurons = read.read_spikes(path, name)
        spikes = memory.spikes(name)
        assert len(times) > 10
        assert (times == spikes.times(0.1)).all()
        assert (neurons == spikes.neuron).all()
    for name, variable in recording.PLACES:
        states, expected = read.read_states(path, name, variable), memory.states(name, variable)
        assert (states.time == expected.times(0.1)).all()
        assert (states.neuron == expected.neuron).all()
        assert (states.value == expected.value).all()


def test_file_says_whose_spikes_were_recorded(written):
    *_, path = written
    assert read.read_recorded_neurons(path, "E").tolist() == list(range(50))
    assert read.read_recorded_neurons(path, "I").tolist() == sorted(recording.OF_I)
    with pytest.raises(InputError, match="has no spikes of 'X'"):
        read.read_recorded_neurons(path, "X")


def test_weights_are_written_before_the_first_and_after_every_run(written):
    _, memory, path = written
    last = read.read_connections(path, "E", "E")
    expected = memory.weights("E", "E", sources=range(0, 50, 2))
    assert last.time == 283.4
    for name in ("source", "target", "weight", "delay"):
        assert (getattr(last, name) == getattr(expected, name)).all()
    first = simulate(recording.build_network(), 33.3, seed=5).weights("E", "E", sources=range(0, 50, 2))
    assert (read.read_connections(path, "E", "E", time=33.3).weight == first.weight).all()
    assert (first.weight != last.weight).any()
    static = read.read_connections(path, "I", "E")
    assert set(static.target) == {7, 8, 9}
    assert len(static.weight) == 9
    with h5py.File(path) as file:
        assert np.unique(file["weights/I->E/time"]).tolist() == [0.0, 33.3, 33.4, 283.4]
    before = read.read_connections(path, "E", "E", time=0.0)
    assert (before.weight == 30.0).all()
    for name in ("source", "target", "delay"):
        assert (getattr(before, name) == getattr(last, name)).all()


def test_parts_of_a_run_are_one_run_to_recorded_weights(tmp_path):
    with Simulation(recording.build_network(), seed=5, file=tmp_path / "run.h5") as simulation:
        simulation.run(0.0)
        for duration, goes_on in ((10.0, True), (10.0, True), (5.0, False)):
            simulation.run(duration, goes_on=goes_on)
    with h5py.File(tmp_path / "run.h5") as file:
        times = file["weights/I->E/time"][()]
    assert np.unique(times, return_counts=True)[1].tolist() == [9, 9]
    assert times[-1] == 25.0


def test_file_says_how_to_repeat_the_run(written):
    *_, path = written
    about = read.read_parameters(path)
    assert (about["dt"], about["T"], about["seed"]) == (0.1, 283.4, 5)
    assert (about["precision"], about["ranks"]) == ("double", 1)
    for package in ("distsim", "numpy", "numba", "h5py"):
        assert about["versions"][package] == importlib.import_module(package).__version__
    assert about["versions"]["python"] == sys.version.split()[0]
    assert about["network"] == json.loads(json.dumps(recording.build_network().description()))


def test_results_are_read_back_from_the_file_while_it_is_open(tmp_path):
    simulation = simulate(charging(1.0), 5.0, file=tmp_path / "run.h5")
    assert simulation.states("A").step.tolist() == [10, 20, 30, 40, 50]
    assert read.read_states(tmp_path / "run.h5", "A", "V_m").time == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0])
    simulation.run(2.0)
    assert read.read_parameters(tmp_path / "run.h5")["T"] == 7.0
    assert potential(simulation, "A", 7.0, neuron=3) == potential(simulate(charging(1.0), 7.0), "A", 7.0, neuron=3)
    simulation.close()


def test_an_existing_file_is_left_alone(tmp_path):
    path = tmp_path / "run.h5"
    path.write_bytes(b"years of work")
    with pytest.raises(InputError, match=r"run\.h5 exists already; remove it or choose another file"):
        simulate(charging(1.0), file=path)
    assert path.read_bytes() == b"years of work"
    with pytest.raises(InputError, match=r"no_folder/run.h5' cannot be written: No such file or directory"):
        simulate(charging(1.0), file=tmp_path / "no_folder" / "run.h5")


def test_no_file_is_left_of_a_run_that_cannot_begin(tmp_path):
    network = charging(1.0)
    network.connect("A", "A", EdgeList([0], [0]), Static(weight=1.0, delay=0.5))
    with pytest.raises(InputError, match="interval = 2 ms is longer than the minimum delay"):
        simulate(network, interval=2.0, file=tmp_path / "run.h5")
    assert not (tmp_path / "run.h5").exists()
    network.record_spikes("A")  # not frozen: there is no simulation of it
    simulate(network, 1.0, file=tmp_path / "run.h5").close()


def test_recordings_of_nothing(tmp_path):
    network = charging(1.0, [])
    network.population("empty", 0, IafPscAlpha())
    network.record_states("empty", "V_m")
    network.record_spikes("empty")
    network.record_spikes("A", first=0)
    simulation = simulate(network, 5.0, file=tmp_path / "run.h5")
    assert simulation.states("A").value.shape == (5, 0)
    assert simulation.spikes("empty").step.size == 0
    simulation.close()
    assert read.read_states(tmp_path / "run.h5", "A", "V_m").value.shape == (5, 0)
    assert read.read_spikes(tmp_path / "run.h5", "A")[0].size == 0


def test_spikes_are_read_as_sonata(written):
    libsonata = pytest.importorskip("libsonata")
    _, memory, path = written
    reader = libsonata.SpikeReader(str(path))
    assert set(reader.get_population_names()) == {"E", "I"}
    assert str(reader["E"].sorting) == "by_time"
    found, spikes = reader["E"].get(), memory.spikes("E")
    assert [node for node, _ in found] == spikes.neuron.tolist()
    assert [time for _, time in found] == spikes.times(0.1).tolist()


def test_the_format_is_that_of_hdf5_1_10(written):
    """Superblock of version 3, without the mark of a file that is being written."""
    *_, path = written
    assert path.read_bytes()[8:12] == bytes([3, 8, 8, 0])


KILLED = """
import sys
from mpi4py import MPI
from distsim import Simulation
from tests.programs import recording
simulation = Simulation(recording.build_network(), comm=MPI.COMM_WORLD, seed=5, file=sys.argv[1])
simulation.run(1e7)
"""


def test_a_killed_run_leaves_what_it_had_done(tmp_path, written, pytestconfig):
    _, memory, _ = written
    path = tmp_path / "run.h5"
    job = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], cwd=pytestconfig.rootpath)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and job.poll() is None:
            time.sleep(0.05)
            if path.exists() and path.stat().st_size and is_complete_up_to(path, 400.0):
                break
    finally:
        job.kill()
    assert job.wait() == -signal.SIGKILL
    about = read.read_parameters(path)
    assert 400.0 <= about["T"] < 1e7
    assert about["seed"] == 5
    times, neurons = read.read_spikes(path, "E", stop=283.4)
    assert (times == memory.spikes("E").times(0.1)).all()
    assert (neurons == memory.spikes("E").neuron).all()
    assert read.read_spikes(path, "E")[0][-1] > 390.0
    states = read.read_states(path, "E", "V_m")
    assert (states.value[:404] == memory.states("E", "V_m").value).all()
    assert states.time[-1] > 399.0


KILLED_BINARY = """
import sys
from mpi4py import MPI
from distsim import BinaryNetwork, BinarySimulation
network = BinaryNetwork()
network.population("A", 50, theta=-1.0, m_0=0.5)
network.population("B", 50, theta=1.0, m_0=0.5)
network.record_flips("A")
network.record_activity("B", interval=10.0)
BinarySimulation(network, MPI.COMM_WORLD, 5, file=sys.argv[1]).run(1e8)
"""


def test_a_killed_binary_run_leaves_what_it_had_done(tmp_path, pytestconfig):
    path = tmp_path / "run.h5"
    job = subprocess.Popen([sys.executable, "-c", KILLED_BINARY, str(path)], cwd=pytestconfig.rootpath)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and job.poll() is None and not is_complete_up_to(path, 400.0):
            time.sleep(0.05)
    finally:
        job.kill()
    assert job.wait() == -signal.SIGKILL
    T = read.read_parameters(path)["T"]
    assert T >= 400.0
    _, neurons, states = read.read_flips(path, "A")
    initial, final = read.read_binary_states(path, "A")
    assert sorted(neurons) == np.flatnonzero(initial == 0).tolist()  # each is above its threshold for ever
    assert (states == 1).all()
    assert (initial == final).all()  # no run came to its end
    sampled, _ = read.read_activity(path, "B")
    assert sampled.tolist() == (10.0 * np.arange(len(sampled))).tolist()
    assert sampled[-1] > T - 10.0


def is_complete_up_to(path, time):
    try:
        return read.read_parameters(path)["T"] >= time
    except InputError:  # being created
        return False


# ---------------------------------------------------------------- several ranks


@pytest.mark.mpi(min_size=2)
def test_content_and_order_do_not_depend_on_ranks(comm, tmp_path):
    """Every rank is given the same records, in memory or from a file, and the file is that of one rank."""
    path, three = tmp_path / "one.h5", comm.bcast(tmp_path / "three.h5")
    expected = recording.record(MPI.COMM_SELF)
    assert recording.record(MPI.COMM_SELF, file=path) == expected
    for options in ({}, {"file": three}):
        assert comm.allgather(recording.record(comm, **options)) == [expected] * comm.size
    with h5py.File(path) as one, h5py.File(three) as other:
        names: list[str] = []
        one.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        assert len(names) == 5 + 9 + 10 + 3  # and arrays of the network
        for name in names:
            assert one[name].dtype == other[name].dtype
            assert (one[name][()] == other[name][()]).all()
