"""Compiled kernels compute what their source says: run as plain Python they give the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.programs import every_kernel


def test_compiled_and_plain_kernels_give_the_same_bits(pytestconfig):
    compiled = every_kernel.result()
    assert compiled["spikes"] > 100
    assert compiled["plastic_weights"]["sd"] > 1.0
    # plain Python warns where 64-bit integers wrap around, as random streams mean them to
    program = [sys.executable, "-W", "ignore::RuntimeWarning", "-m", "tests.programs.every_kernel"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    job = subprocess.run(
        program, env=environment, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=100, check=False
    )
    assert job.returncode == 0, job.stderr
    assert json.loads(job.stdout) == compiled
