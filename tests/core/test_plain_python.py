"""Compiled kernels compute what their source says: run as plain Python they give the same bits, every one of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from mpi4py import MPI

from tests.programs import every_network


@pytest.mark.slow  # plain Python, kernel by kernel
def test_compiled_and_plain_kernels_give_the_same_bits(pytestconfig):
    compiled = json.loads(json.dumps(every_network.results(MPI.COMM_SELF)))
    assert compiled["spiking"]["spikes"] > 100
    assert compiled["spiking"]["plastic_weights"]["sd"] > 1.0
    # plain Python warns where 64-bit integers wrap around, as random streams mean them to
    program = [sys.executable, "-W", "ignore::RuntimeWarning", "-m", "tests.programs.every_network"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    job = subprocess.run(
        program, env=environment, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=200, check=False
    )
    assert job.returncode == 0, job.stderr
    plain = json.loads(job.stdout)
    assert plain["results"] == compiled
    assert every_network.kernels() - set(plain["called"]) == set()
