"""The same hashes with another C library, other versions of numpy's and scipy's functions, and another processor."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mpi import JOB_ENVIRONMENT, outside_of_any_job
from tests.programs import other_functions

DATA = Path(__file__).parents[1] / "data"
EXPECTED = json.loads((DATA / "hashes.json").read_text(encoding="utf-8"))
COMPILER = shutil.which("gcc")

NETWORKS = ("every kernel", "mixed", "microcircuit", "rates", "liquid_state, experiment", "binary, drawn")
"""Together they use every distribution, rule, stimulus, and model of neurons and synapses."""


def program(root: Path, *arguments: str, timeout: float = 600.0, **environment: str) -> str:
    """What ``python ARGUMENTS`` prints."""
    variables = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, **environment}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=root, env=variables, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def different(found: dict[str, dict[str, object]]) -> list[str]:
    return [f"{name}: {key}" for name in found for key, value in EXPECTED[name].items() if found[name][key] != value]


@pytest.fixture(scope="module")
def other_libm(tmp_path_factory):
    """A shared library whose exp, log, pow ... are wrong by three units in the last place."""
    if COMPILER is None or not sys.platform.startswith("linux"):
        pytest.skip("needs gcc and a loader that knows LD_PRELOAD")
    library = tmp_path_factory.mktemp("libm") / "other_libm.so"
    command = [COMPILER, "-O1", "-fno-builtin", "-shared", "-fPIC", str(DATA / "other_libm.c"), "-o", str(library)]
    subprocess.run([*command, "-ldl"], check=True)
    return library


@pytest.mark.slow  # six networks are simulated, with the compiled kernels of the cache or without
def test_hashes_do_not_hang_on_the_functions_of_libraries(other_libm, pytestconfig):
    right = other_functions.probe()
    printed = program(
        pytestconfig.rootpath, "-m", "tests.programs.other_functions", *NETWORKS, LD_PRELOAD=str(other_libm)
    )
    found = json.loads(printed)
    of_libm = [name for name in right if name.startswith(("math.", "**"))]
    assert [name for name in of_libm if found["before"][name] == right[name]] == []
    assert [name for name in right if name != "**" and found["after"][name] == found["before"][name]] == []
    assert sorted(found["hashes"]) == sorted(NETWORKS)
    assert different(found["hashes"]) == []


@pytest.mark.slow  # the kernels of rates are compiled anew
def test_hashes_do_not_hang_on_the_processor(pytestconfig, tmp_path):
    """Kernels compiled for the least processor of this kind: none of its vector instructions beyond the first ones.

    Those of spiking networks for such a processor are in test_kernels_stay_within_their_arrays.
    """
    environment = {"NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": str(tmp_path)}
    printed = program(pytestconfig.rootpath, "-m", "tests.programs.network_hashes", "brunel, Siegert", **environment)
    assert different(json.loads(printed)) == []
    assert list(tmp_path.rglob("*.kernel"))  # the cache was in use, so that no kernel of this processor's was
