"""Settings and fixtures for all tests."""

import gc
import os
import signal
import tempfile
from pathlib import Path

# Before numba and matplotlib are imported by any test.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of some hundred processes compiles the package's source

import hypothesis
import pytest

from tests import longest_first, mpi
from tests.on_ranks import (  # noqa: F401 # a fixture, and hooks that pytest finds here
    comm,
    pytest_collection_modifyitems,
    pytest_generate_tests,
    pytest_pyfunc_call,
    pytest_runtest_logreport,
)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts in the background ignore it

# The same examples in every run; no deadline, because the first example may compile a kernel.
hypothesis.settings.register_profile("distsim", deadline=None, derandomize=True)
hypothesis.settings.load_profile("distsim")


def pytest_addoption(parser):
    parser.addoption("--fuzz", type=int, default=1, metavar="N", help="N times as many examples of randomised tests")


def pytest_configure(config):
    """Under mpirun, give each rank its own folder for temporary files: one that is shared is cleaned up under way."""
    config.pluginmanager.register(longest_first)
    rank = mpi.own_rank(os.environ)
    if rank is not None:
        folder = Path(tempfile.gettempdir(), f"pytest-rank-{rank}")
        folder.mkdir(exist_ok=True)
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)


def pytest_collection_finish(session):
    """What is there by now stays: looking through it for garbage, over and over, would take a tenth of all tests."""
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(scope="session")
def mpirun():
    """``mpirun(ranks, arguments, timeout=120, env=None, check=True, cwd=None)``: see tests/mpi.py."""
    return mpi.mpirun
