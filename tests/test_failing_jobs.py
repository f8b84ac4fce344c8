"""Wrong input to a simulation is refused on all ranks, in one voice; a fault on one rank ends the whole job."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from mpi4py import MPI

from distsim import AllToAll, IafPscAlpha, InputError, Network, Simulation, Static
from distsim.analysis.read import read_parameters


def refused(call, *words):
    """Assert that ``call`` raises InputError with a message that holds all ``words``."""
    with pytest.raises(InputError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def connected():
    network = Network(dt=0.1)
    network.population("A", 5, IafPscAlpha())
    network.connect("A", "A", AllToAll(), Static(weight=1.0, delay=1.0))
    return network


SIMULATIONS = [
    ({"precision": "dubble"}, ["precision 'dubble'", "'double'"]),
    ({"exchange": "gather"}, ["exchange plan 'gather'", "'allgather'"]),
    ({"interval": 1.1}, ["interval = 1.1 ms", "minimum delay of 1 ms"]),
    ({"interval": 0.25}, ["interval = 0.25 ms", "dt = 0.1 ms", "0.2 or 0.3"]),
    ({"interval": 0.0}, ["interval = 0 ms", "at least 0.1 ms"]),
    ({"seed": 1.5}, ["seed", "whole number"]),
    ({"presicion": "double"}, ["Simulation", "unknown parameter 'presicion'", "'precision'"]),
]


@pytest.mark.parametrize(("options", "words"), SIMULATIONS)
def test_simulations(options, words):
    refused(lambda: Simulation(connected(), **{"comm": MPI.COMM_WORLD, **options}), *words)


def test_durations():
    simulation = Simulation(connected(), comm=MPI.COMM_WORLD)
    refused(lambda: simulation.run(0.25), "duration = 0.25 ms", "dt = 0.1 ms", "0.2 or 0.3")
    refused(lambda: simulation.run(-1.0), "duration = -1 ms", "at least 0 ms")
    refused(lambda: simulation.run(float("nan")), "duration", "finite")
    refused(lambda: simulation.run(1e12), "duration = 1e+12 ms", "2147483647 steps")
    assert simulation.step == 0


# ---------------------------------------------------------------- jobs of several ranks


@pytest.fixture
def failing(mpirun, pytestconfig):
    def run(*arguments):
        program = ["-m", "tests.programs.failing", *arguments]
        return mpirun(3, program, timeout=60, check=False, cwd=pytestconfig.rootpath)

    return run


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("misspelt", "IafPscAlpha: unknown parameter 'C_mm'; did you mean 'C_m'?"),
        ("too_long_interval", "interval = 1.5 ms is longer than the minimum delay of 1 ms"),
        ("existing_file", "exists already; remove it or choose another file"),
        ("input_of_one_rank", "only rank 1 sees this"),
    ],
)
def test_wrong_input_is_told_once(failing, tmp_path, case, message):
    existing = tmp_path / "run.h5"
    existing.write_text("years of work")
    job = failing(case, str(existing))
    assert job.returncode == 2
    assert job.stderr.count(message) == 1
    assert len(re.findall("^distsim: error: ", job.stderr, re.MULTILINE)) == 1
    assert "Traceback" not in job.stderr
    assert existing.read_text() == "years of work"


def test_a_full_disk_is_told_once(failing, tmp_path):
    job = failing("full_disk", str(tmp_path / "run.h5"))
    assert job.returncode == 4
    assert len(re.findall(r"^distsim: error: .*File too large.* complete up to \d+ ms", job.stderr, re.MULTILINE)) == 1
    assert "Traceback" not in job.stderr
    assert read_parameters(tmp_path / "run.h5")["T"] > 0.0


@pytest.mark.parametrize(
    ("case", "rank", "cause"),
    [
        ("fault_of_one_rank", 1, "OSError: the disk of rank 1 is full"),
        ("fault_of_progress", 0, "ZeroDivisionError: no progress"),
    ],
)
def test_a_fault_on_one_rank_ends_the_job(failing, case, rank, cause):
    job = failing(case)
    assert job.returncode not in (0, 2)
    assert f"distsim: rank {rank} of 3 failed: {cause}\nTraceback" in job.stderr


def test_a_killed_rank_ends_the_job(failing):
    assert failing("killed").returncode not in (0, 2)


def test_a_launcher_of_another_library_is_refused():
    program = "from distsim.errors import InputError; from distsim.parallel import world\nworld()"
    environment = {**os.environ, "OMPI_COMM_WORLD_SIZE": "4"}
    job = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert job.returncode == 1
    assert "InputError: the launcher started 4 ranks, but mpi4py sees one" in job.stderr
    assert "use the mpirun of that library" in job.stderr
