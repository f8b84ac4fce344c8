"""What launchers of jobs tell the ranks that they start: which of them are known, and those of another MPI library."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from distsim.parallel import communicator
from tests.mpi import outside_of_any_job


def test_a_launcher_of_another_library_is_refused():
    program = "from distsim.core.errors import InputError; from distsim.parallel import world\nworld()"
    environment = {**os.environ, "OMPI_COMM_WORLD_SIZE": "4"}
    job = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert job.returncode == 1
    assert "InputError: the launcher started 4 ranks, but mpi4py sees one" in job.stderr
    assert "use the mpirun of that library" in job.stderr


LAUNCHERS = [
    ({}, (False, 1, 0)),
    ({"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2"}, (True, 4, 2)),
    ({"PMI_SIZE": "4", "PMI_RANK": "3"}, (True, 4, 3)),
    ({"PMIX_RANK": "2", "PMIX_NAMESPACE": "job"}, (True, 1, 2)),  # PMIx does not tell how many
    ({"PMIX_RANK": "2", "SLURM_STEP_NUM_TASKS": "4"}, (True, 4, 2)),  # srun --mpi=pmix
    ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1"}, (True, 4, 1)),
    ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, (False, 1, 0)),  # a batch script
    ({"PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "1"}, (False, 1, 0)),  # srun --pty bash
    ({"OMPI_COMM_WORLD_SIZE": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}, (True, 1, 1)),
]


@pytest.mark.parametrize(("variables", "known"), LAUNCHERS)
def test_launchers_are_known_by_what_they_set(monkeypatch, variables, known):
    for name in [name for name in os.environ if name.startswith(("OMPI_", "PMI", "SLURM_"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (communicator.launched(), communicator.launched_ranks(), communicator.launched_rank()) == known


@pytest.mark.parametrize("variables", [{"PMIX_RANK": "1"}, {"SLURM_STEP_NUM_TASKS": "4"}, {"PMI_SIZE": "4"}])
def test_another_library_is_noticed_under_any_launcher(variables):
    program = "from distsim.parallel import world\nworld()"
    environment = {**outside_of_any_job(os.environ), **variables}
    job = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert job.returncode != 0
    assert "but mpi4py sees one: it uses another MPI library than the launcher" in job.stderr


def test_the_fast_network_stays_on_under_pmix(mpirun):
    """Open MPI's own variables are not there where Slurm starts the ranks."""
    program = """
import os
of_others = ("OMPI_COMM_WORLD", "OMPI_MCA_mtl", "OMPI_MCA_btl")  # the tests themselves have switched it off
for name in [name for name in os.environ if name.startswith(of_others)]:
    del os.environ[name]
from distsim.parallel import launched, world
print(launched(), world().size, os.environ.get("OMPI_MCA_mtl"), os.environ.get("OMPI_MCA_btl"))
"""
    assert mpirun(2, ["-c", program]).stdout.splitlines() == ["True 2 None None"] * 2
