"""Tests marked ``mpi`` run on ranks: those of pytest itself under ``--with-mpi``, else on 1 and 3 of its own.

    python -m pytest                                           all tests; marked ones once for each number of ranks
    mpirun -n 3 --oversubscribe python -m pytest --with-mpi    all of them on these ranks

A test that is marked ``mpi(min_size=2)`` is skipped on one rank, one marked ``mpi(also=(2, 7))`` runs on 2 and 7, too.
On one rank a marked test is run where it is; for each other number of ranks one job runs the tests for that number, of
all modules that were collected, since to start ranks takes longer than most tests. Every rank writes what became of
them to a file of its own, where the outer run looks them up. A test that fails on a rank ends its job: others would
wait for it. ``conftest.py`` takes the hooks for pytest to find.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests import mpi

RANKS = (1, 3)
REPORT = "DISTSIM_TEST_REPORT"
"""The variable that tells the ranks of a launched job in which folder to report."""
TIMEOUT = 900.0  # s for all marked tests on some ranks

_modules = pytest.StashKey[dict[int, list[str]]]()


def is_launched(config: pytest.Config) -> bool:
    """Whether marked tests are to run in jobs of their own: not where pytest itself runs on ranks."""
    return not (config.getoption("--with-mpi") or config.getoption("--only-mpi"))


def wanted_ranks(mark: pytest.Mark) -> list[int]:
    """The numbers of ranks that a test with that mark is run on."""
    return [n for n in sorted({*RANKS, *mark.kwargs.get("also", ())}) if n >= mark.kwargs.get("min_size", 1)]


def ranks_of(item: pytest.Item) -> int | None:
    """The number of ranks that a test of the outer run stands for; None for a test that is not marked."""
    return getattr(item, "callspec", None) and item.callspec.params.get("launched_ranks")


@pytest.fixture
def comm():
    """The ranks that a marked test runs on."""
    from mpi4py import MPI

    return MPI.COMM_WORLD


_found_alone: dict[tuple[str, str], Any] = {}


def found_alone(comm: Any, compute: Callable[..., Any], *arguments: Any) -> Any:
    """What ``compute(comm, *arguments)`` gives rank 0 on its own, told to all; computed once for the same arguments."""
    from mpi4py import MPI

    from distsim.parallel.communicator import patient_barrier

    key = f"{compute.__module__}.{compute.__qualname__}", repr(arguments)
    if key not in _found_alone:
        found = compute(MPI.COMM_SELF, *arguments) if comm.rank == 0 else None
        patient_barrier(comm)  # the others leave rank 0 the cores
        _found_alone[key] = comm.bcast(found)
    return _found_alone[key]


def pytest_generate_tests(metafunc):
    """In the outer run a marked test is there once for each number of ranks that it can run on."""
    mark = metafunc.definition.get_closest_marker("mpi")
    if mark and is_launched(metafunc.config):
        ranks = wanted_ranks(mark)
        metafunc.fixturenames.append("launched_ranks")
        metafunc.parametrize("launched_ranks", ranks, ids=[f"{n}-ranks" for n in ranks])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Take back pytest-mpi's mark that skips marked tests where pytest is not on ranks itself.

    In a launched job only those tests stay that are looked up.
    """
    if REPORT in os.environ:
        ranks = int(Path(os.environ[REPORT]).name)
        items[:] = [item for item in items if ranks in wanted_ranks(item.get_closest_marker("mpi"))]
    if is_launched(config):
        marked = [item for item in items if ranks_of(item) is not None]
        for item in marked:
            item.own_markers = [mark for mark in item.own_markers if mark.name != "skip"]
        config.stash[_modules] = {
            ranks: sorted({str(item.path) for item in marked if ranks_of(item) == ranks})
            for ranks in {ranks_of(item) for item in marked}
        }


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """In the outer run, look up what became of a marked test on its ranks."""
    ranks = ranks_of(pyfuncitem)
    if ranks is None or ranks == 1:
        return None
    name = pyfuncitem.nodeid.replace(f"[{ranks}-ranks]", "").replace(f"[{ranks}-ranks-", "[")
    outcomes = launched(tuple(pyfuncitem.config.stash[_modules][ranks]), pyfuncitem.config.rootpath, ranks)
    for rank, outcome in enumerate(outcomes):
        became = outcome.get(name, f"did not run; the last that did: {list(outcome.items())[-1:]}")
        if became != "passed":
            pytest.fail(f"on rank {rank} of {ranks}: {became}", pytrace=False)
    return True


def pytest_runtest_logreport(report):
    """On a rank of a launched job, write down what became of a test; one that failed ends the job."""
    if REPORT not in os.environ or (report.when != "call" and report.passed):
        return
    outcome = "passed" if report.passed else f"{report.outcome}\n{report.longreprtext}"
    with Path(os.environ[REPORT], f"{mpi.own_rank(os.environ)}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps([report.nodeid, outcome]) + "\n")
    if report.failed:
        from mpi4py import MPI

        MPI.COMM_WORLD.Abort(1)


@cache
def launched(modules: tuple[str, ...], root: Path, ranks: int) -> list[dict[str, str]]:
    """Run the marked tests of ``modules`` on so many ranks; what became of each, rank by rank.

    Where tests run side by side, the first process that asks starts the job, and the others wait for what it finds.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"process-{os.getpid()}")
    folder = Path(tempfile.gettempdir(), f"distsim-tests-{run}", str(ranks))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _launch(modules, root, ranks, folder)
    files = [folder / f"{rank}.jsonl" for rank in range(ranks)]
    if not all(file.exists() for file in files):
        raise mpi.JobError((folder / "done").read_text(encoding="utf-8"))
    return [dict(map(json.loads, file.read_text(encoding="utf-8").splitlines())) for file in files]


def _launch(modules: tuple[str, ...], root: Path, ranks: int, folder: Path) -> None:
    """Start the job, and put down in ``folder`` what it printed when it is over."""
    arguments = ["-m", "pytest", "--with-mpi", "-m", "mpi", "-q", "-p", "no:cacheprovider", *modules]
    try:
        done = mpi.mpirun(ranks, arguments, TIMEOUT, cwd=root, check=False, env={REPORT: str(folder)})
        said = mpi.report("no test ran", done.args, done.stdout, done.stderr)
    except mpi.JobError as error:
        said = str(error)
    (folder / "done").write_text(said, encoding="utf-8")
