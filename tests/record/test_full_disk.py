"""A disk that is full for a moment or for ever: one sentence, exit code 4, no wrong result, nothing earlier lost."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import BinarySimulation, FixedIndegree, InputError, RateSimulation, Simulation
from distsim.analysis import read
from distsim.binary.binary_network import BinaryNetwork
from distsim.command import run_command as command
from distsim.command.request import parse
from distsim.core.errors import StorageError
from distsim.models.brunel.mean_field import mean_field
from distsim.parallel import run_main
from distsim.record import disk, storage
from tests.mpi import JOB_ENVIRONMENT, outside_of_any_job
from tests.programs import recording

MOMENTS = 20
SMALL = ["--set", "N=100", "K=10", "T=100000"]


PAGE = 4096


class Disk:
    """The system as the files of results see it: counts all calls that write, refuses number ``first``, or all from it.

    ``after`` is called after each that is done.
    """

    def __init__(self, monkeypatch, first=-1, for_ever=False, after=lambda: None):
        self.calls, self.first, self.for_ever, self.after = 0, first, for_ever, after
        for module in (disk, storage):
            monkeypatch.setattr(module, "os", self)

    def __getattr__(self, name):
        function = getattr(os, name)
        return self.watched(function) if name in ("pwrite", "write", "ftruncate", "fsync", "replace") else function

    def watched(self, function):
        def call(*arguments):
            number = self.calls
            self.calls += 1
            if number == self.first or (self.for_ever and number > self.first > -1):
                if function is os.pwrite:  # the pages that still fit
                    descriptor, data, place = arguments
                    fits = (place + len(data) // 2) // PAGE * PAGE - place
                    function(descriptor, bytes(data)[: max(0, fits)], place)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            done = function(*arguments)
            self.after()
            return done

        return call


# ---------------------------------------------------------------- at every moment of a run

SPIKING = {
    "two_population": ["N=100", "K=10", "T=450"],
    "brunel": ["order=20", "T=450", "T_mean_field=1"],
    "microcircuit": ["N_scaling=0.0015", "K_scaling=0.0015", "T=210", "T_presim=0"],
}
OTHERS = {"binary_ei": ["N=[40, 40]", "K=[[8, 8], [8, 8]]", "T=450"], "liquid_state": ["pairs=1", "T=20", "N_z=1"]}
MODELS = {**SPIKING, **OTHERS}


class Picture:
    """A figure that is drawn at once."""

    def savefig(self, file, **_):
        file.write(b"picture")

    def set_layout_engine(self, layout):
        """It has none."""


@pytest.fixture
def run(monkeypatch, capfd):
    """``run(model, folder)``: exit code and standard error of the command, with one small figure."""
    run = command.run_model
    monkeypatch.setattr(command, "run_model", lambda *given: replace(run(*given), figures={"figure": Picture}))

    def run_model(model, folder):
        request = parse(["run", model, "--set", *MODELS[model], "--out", str(folder)])
        code = run_main(lambda comm: command.run(comm, request), MPI.COMM_WORLD)
        return code, capfd.readouterr().err

    return run_model


def content(path):
    """All datasets of a file, as far as they are there for sure, by name; and the time up to which they are."""
    found = {}

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            assert item.attrs["checked"][0] <= len(item)
            found[name] = item[: int(item.attrs["checked"][0])]

    with h5py.File(path) as file:
        file.visititems(add)
        return found, float(file.attrs["T"])


def check_is_beginning(part, whole):
    """Every dataset of ``part`` is the beginning of that of ``whole``, and holds all that was up to its time."""
    found, T = part
    assert found.keys() == whole[0].keys()
    for name, values in found.items():
        expected = whole[0][name]
        if not name.endswith("/final"):
            assert (values == expected[: len(values)]).all(), name
        if name.endswith(("/time", "/timestamps")):
            begun = T > 0.0 or not name.startswith("weights")  # those at time 0 come with the first run
            assert len(values) >= np.count_nonzero(expected <= T) * begun, name
    return T


@pytest.mark.parametrize("model", MODELS)
def test_a_full_disk_at_any_moment_of_a_run(model, run, tmp_path, monkeypatch):
    with monkeypatch.context() as patches:
        writes = Disk(patches)
        assert run(model, tmp_path / "whole")[0] == 0
    names = {path.name: path for path in (tmp_path / "whole").iterdir()}
    files = [name for name in names if name.endswith(".h5")]
    whole = {name: content(names[name]) for name in files}
    times = set()
    for k, moment in enumerate(np.linspace(0, writes.calls - 1, MOMENTS).astype(int).tolist()):
        folder = tmp_path / str(k)
        with monkeypatch.context() as patches:
            Disk(patches, moment, for_ever=k % 2 == 0)
            code, said = run(model, folder)
        assert code == 4, (moment, said)
        assert said.count("\n") == 1
        assert said.startswith("distsim: error: ")
        assert "No space left on device" in said
        assert {path.name for path in folder.iterdir()} < names.keys()  # nothing half written, and not all
        for path in folder.iterdir():
            if path.name in files:
                times.add(check_is_beginning(content(path), whole[path.name]))
            elif path.suffix == ".json":
                assert json.loads(path.read_text())["model"] == model
            else:
                assert path.read_bytes() == names[path.name].read_bytes()
    assert len(times) >= 2 or not files


# ---------------------------------------------------------------- killed between any two writes


def binary_network():
    network = BinaryNetwork()
    network.population("A", 30, theta=0.0, m_0=0.5)
    network.population("B", 20, theta=0.5, tau=2.0, m_0=0.5)
    network.connect("A", "B", FixedIndegree(5), 0.3)
    network.connect("B", "A", FixedIndegree(5), -0.3)
    for name in ("A", "B"):
        network.record_flips(name)
    network.record_activity("A")
    network.record_activity("B", interval=7.0)
    network.record_updates()
    network.record_states([0.0, 7.5, 200.0, 400.0])
    network.record_couplings("A", "B")
    return network


@pytest.mark.parametrize("kind", ["spiking", "binary", "rates"])
def test_the_file_is_whole_after_every_single_write(kind, tmp_path, monkeypatch):
    """A job that is killed at any moment leaves a file that plain HDF5 opens, with all up to its last flush."""
    path, copies = tmp_path / "run.h5", []
    if kind == "spiking":
        simulation = Simulation(recording.build_network(), MPI.COMM_WORLD, 5, file=path)
    elif kind == "binary":
        simulation = BinarySimulation(binary_network(), MPI.COMM_WORLD, 5, file=path)
    else:
        simulation = RateSimulation(mean_field(), MPI.COMM_WORLD, 5, file=path)
    with monkeypatch.context() as patches, simulation:
        Disk(patches, after=lambda: copies.append(path.read_bytes()))
        simulation.run(3.3)
        simulation.run(201.0)
    whole, _ = content(path)
    times = [check_is_beginning(content(io.BytesIO(copy)), (whole, 204.3)) for copy in copies]
    assert times == sorted(times)
    assert len(set(times)) >= 3
    assert len(copies) > 50


# ---------------------------------------------------------------- what the simulation says of it


def test_results_are_not_read_from_a_disk_that_lost_them(tmp_path):
    path = tmp_path / "run.h5"
    simulation = Simulation(recording.build_network(), MPI.COMM_WORLD, 5, file=path)
    simulation.run(200.0)
    before = simulation.spikes("E")
    with h5py.File(path) as file:
        place = file["spikes/E/node_ids"].id.get_chunk_info(0).byte_offset
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes([before.neuron[0] + 1]))
    with pytest.raises(StorageError, match="does not hold what was written to it"):
        simulation.spikes("E")


def test_every_later_call_says_it_again(tmp_path, monkeypatch):
    simulation = Simulation(recording.build_network(), MPI.COMM_WORLD, 5, file=tmp_path / "run.h5")
    simulation.run(200.0)
    with monkeypatch.context() as patches:
        Disk(patches, 3)
        with pytest.raises(StorageError, match=r"run\.h5 cannot be written \(No space left .* complete up to 200 ms"):
            simulation.run(200.0)
    for call in (lambda: simulation.spikes("E"), lambda: simulation.run(1.0)):
        with pytest.raises(StorageError, match="complete up to 200 ms"):
            call()
    simulation.close()
    assert read.read_parameters(tmp_path / "run.h5")["T"] == 200.0


def test_a_limit_of_the_size_of_files(tmp_path):
    """``ulimit -f``, which the system itself watches over."""
    path = tmp_path / "run.h5"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    simulation = Simulation(recording.build_network(), MPI.COMM_WORLD, 5, file=path)
    simulation.run(200.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10_000, hard))
    try:
        with pytest.raises(StorageError, match=r"File too large.*complete up to 200 ms"):
            simulation.run(1000.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read.read_spikes(path, "E")[0][-1] <= 200.0


def test_a_file_that_was_closed_is_named(tmp_path):
    simulation = Simulation(recording.build_network(), MPI.COMM_WORLD, 5, file=tmp_path / "run.h5")
    simulation.close()
    simulation.close()
    for call in (lambda: simulation.spikes("E"), lambda: simulation.run(1.0)):
        with pytest.raises(InputError, match="the simulation is closed"):
            call()


def test_no_file_is_left_where_none_can_be_begun(tmp_path, monkeypatch):
    Disk(monkeypatch, 0)
    with pytest.raises(StorageError, match=r"run\.h5 cannot be written \(No space left on device\)"):
        Simulation(recording.build_network(), MPI.COMM_WORLD, 5, file=tmp_path / "run.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a small disk is mounted, which takes root")
def test_a_small_disk(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("no disk may be mounted here")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "distsim", "run", "two_population", *SMALL, "--out", tmp_path / "out"],
            env={**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr.count("\n") == 1
        assert "No space left on device" in done.stderr
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["spikes.h5"]
        T = read.read_parameters(tmp_path / "out" / "spikes.h5")["T"]
        assert f"complete up to {T:g} ms" in done.stderr
        assert 0.0 < T < 100_000.0
    finally:
        subprocess.run(["umount", tmp_path], check=True)
