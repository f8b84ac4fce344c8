"""Tests marked ``mpi`` run on ranks: those of pytest itself under ``--with-mpi``, else on 1 to 4 that are launched.

    python -m pytest                                       all tests; marked ones once for each number of ranks
    mpirun -n 3 --oversubscribe python -m pytest --with-mpi    all of them on these ranks

A launched job runs all marked tests of a module; every rank writes what became of them to a file of its own, and each
test of the outer run looks up its own there. ``conftest.py`` takes the hooks below for pytest to find.
"""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests import mpi

RANKS = (1, 2, 3, 4)
REPORT = "DISTSIM_TEST_REPORT"
"""The variable that tells the ranks of a launched job in which folder to report."""


def is_launched(config: pytest.Config) -> bool:
    """Whether marked tests are to run in jobs of their own: not where pytest itself runs on ranks."""
    return not (config.getoption("--with-mpi") or config.getoption("--only-mpi"))


def ranks_of(item: pytest.Item) -> int | None:
    """The number of ranks that a test of the outer run stands for; None for a test that is not marked."""
    return getattr(item, "callspec", None) and item.callspec.params.get("launched_ranks")


@pytest.fixture
def comm(request):
    """The ranks that a marked test runs on; None in the outer run, where its body is not executed."""
    if is_launched(request.config):
        return None
    from mpi4py import MPI

    return MPI.COMM_WORLD


def pytest_generate_tests(metafunc):
    """In the outer run a marked test is there once for each number of ranks."""
    if metafunc.definition.get_closest_marker("mpi") and is_launched(metafunc.config):
        metafunc.fixturenames.append("launched_ranks")
        metafunc.parametrize("launched_ranks", RANKS, ids=[f"{n}-ranks" for n in RANKS])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Take back pytest-mpi's mark that skips marked tests where pytest is not on ranks itself."""
    if is_launched(config):
        for item in items:
            if ranks_of(item) is not None:
                item.own_markers = [mark for mark in item.own_markers if mark.name != "skip"]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """In the outer run, look up what became of a marked test on its ranks."""
    ranks = ranks_of(pyfuncitem)
    if ranks is None:
        return None
    name = pyfuncitem.nodeid.replace(f"[{ranks}-ranks]", "").replace(f"[{ranks}-ranks-", "[")
    outcomes = launched(pyfuncitem.path, pyfuncitem.config.rootpath, ranks)
    for rank, outcome in enumerate(outcomes):
        if outcome.get(name, "did not run") != "passed":
            pytest.fail(f"on rank {rank} of {ranks}: {outcome.get(name, 'did not run')}", pytrace=False)
    return True


def pytest_runtest_logreport(report):
    """On a rank of a launched job, write down what became of a test."""
    if REPORT not in os.environ or (report.when != "call" and report.passed):
        return
    outcome = "passed" if report.passed else f"{report.outcome}\n{report.longreprtext}"
    with Path(os.environ[REPORT], f"{mpi.own_rank(os.environ)}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps([report.nodeid, outcome]) + "\n")


@cache
def launched(module: Path, root: Path, ranks: int) -> list[dict[str, str]]:
    """Run the marked tests of ``module`` on so many ranks; what became of each, rank by rank."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["-m", "pytest", "--with-mpi", "-m", "mpi", "-q", "-p", "no:cacheprovider", str(module)]
        done = mpi.mpirun(ranks, arguments, cwd=root, check=False, env={REPORT: folder})
        files = [Path(folder, f"{rank}.jsonl") for rank in range(ranks)]
        if not all(file.exists() for file in files):
            raise mpi.JobError(mpi.report("no test ran", done.args, done.stdout, done.stderr))
        return [dict(map(json.loads, file.read_text(encoding="utf-8").splitlines())) for file in files]
