"""The job templates, run to the end by a real Slurm of two nodes on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from itertools import count
from pathlib import Path

import pytest

from distsim.core.kernel_cache import wanted_folder
from distsim.parallel.job import SUSPENDED
from distsim.scaling.report.command import read_all, text
from tests import slurm
from tests.documents import ROOT
from tests.mpi import JOB_ENVIRONMENT, NOT_STARTED, launcher, outside_of_any_job

SITE = ROOT / "jobs" / "site.sh"
TEMPLATES = sorted(set((ROOT / "jobs").glob("*.sh")) - {SITE})
TINY = ["--sizes", "60", "--indegree", "20", "--time", "20", "--seeds", "1", "--no-plot"]


@dataclass
class Cluster:
    """A Slurm that takes jobs."""

    variables: dict[str, str]

    def environment(self) -> dict[str, str]:
        programs = [str(Path(launcher()[0]).parent), str(Path(sys.executable).parent), self.variables["PATH"]]
        return {
            **outside_of_any_job(os.environ),
            **JOB_ENVIRONMENT,
            **self.variables,
            "PATH": os.pathsep.join(programs),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
            "XDG_CACHE_HOME": str(wanted_folder().parent),  # nothing is compiled that is compiled already
        }

    def run(self, *command: str, cwd: Path | None = None, timeout: float = 60) -> str:
        done = subprocess.run(
            command, cwd=cwd, env=self.environment(), capture_output=True, text=True, check=False, timeout=timeout
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{logs_of(cwd) if cwd else ''}"
        return done.stdout

    def submit(self, folder: Path, *words: str, wait: bool = True) -> str:
        """Submit a job, wait for its end, unless told otherwise, and return its number; ``--wait`` looks every 10 s."""
        if not (folder / "jobs").exists():
            (folder / "jobs").symlink_to(ROOT / "jobs")
        number = self.run("sbatch", "--parsable", *words, cwd=folder).strip()
        if wait:
            self.wait_until_empty()
            assert self.exit_codes(number) == {0}, logs_of(folder)
        return number

    def exit_codes(self, number: str) -> set[int]:
        """Those of a job, or of all jobs of an array."""
        codes = re.findall(r"ExitCode=(\d+):0", self.run("scontrol", "show", "job", number))
        assert codes, number
        return set(map(int, codes))

    def warn(self, number: str, folder: Path) -> None:
        """Send a job, once it has finished a point, what --signal of its template sends before its time is over."""
        self.wait_for_a_point(folder)
        self.run("scancel", "--batch", "--signal=USR1", number)

    def wait_for_a_point(self, folder: Path) -> None:
        while self.run("squeue", "-h") and not (folder / "runs.jsonl").exists():
            time.sleep(0.05)

    def end_all(self) -> None:
        """Cancel what is queued or runs."""
        self.run("scancel", "--user", slurm.owner())
        self.wait_until_empty()

    def wait_until_empty(self) -> None:
        """Wait until no job is queued or runs."""
        deadline = time.monotonic() + 240
        while self.run("squeue", "-h") and time.monotonic() < deadline:
            time.sleep(0.2)
        assert self.run("squeue", "-h") == ""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    try:
        with slurm.running(tmp_path_factory.mktemp("slurm")) as variables:
            yield Cluster(variables)
    except slurm.SlurmError as error:
        pytest.skip(f"Slurm does not start: {error}")


def logs_of(folder: Path) -> str:
    """What jobs said, and what points said that are jobs of their own."""
    logs = (*folder.glob("*.log"), *folder.glob("*/failed.jsonl"))
    return "\n".join(log.read_text(encoding="utf-8") for log in logs)


def once_started(test: Callable[[Cluster, Path], None]) -> Callable[[Cluster, Path], None]:
    """A test of jobs begins anew, in another folder, where it failed and Open MPI did not start one of them."""

    @wraps(test)
    def run(cluster: Cluster, tmp_path: Path) -> None:
        for attempt in count():
            folder = tmp_path / str(attempt)
            folder.mkdir()
            try:
                return test(cluster, folder)
            except Exception:
                if NOT_STARTED not in logs_of(folder):
                    raise
                cluster.end_all()

    return run


def read(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()]


@once_started
def test_single_node(cluster, tmp_path):
    options = ["--ntasks-per-node=2", "jobs/single_node.sh", str(ROOT / "scaling" / "quick.toml"), *TINY]
    cluster.submit(tmp_path, *options)
    rows = read(tmp_path / "quick-results")
    assert [row["ranks"] for row in rows] == [2, 2]
    assert all("SLURM_JOB_ID" in row["environment"] for row in rows)
    assert all(row["environment"]["OMP_NUM_THREADS"] == "1" for row in rows)


@once_started
def test_the_signal_before_the_end_of_time(cluster, tmp_path):
    """One sentence, the finished points are kept, and the next job goes on (with fewer points, to be over sooner)."""
    script = ["--ntasks-per-node=2", "jobs/single_node.sh", str(ROOT / "scaling" / "quick.toml"), *TINY]
    warned = cluster.submit(tmp_path, *script, "--repetitions", "20", wait=False)
    cluster.warn(warned, tmp_path / "quick-results")
    cluster.wait_until_empty()
    assert cluster.exit_codes(warned) == {SUSPENDED}
    said = (tmp_path / f"distsim-size-{warned}.log").read_text(encoding="utf-8")
    assert said.count("points left: stopped by SIGUSR1") == 1
    assert "Traceback" not in said
    kept = read(tmp_path / "quick-results")
    assert 1 <= len(kept) < 40
    cluster.submit(tmp_path, *script)
    rows = read(tmp_path / "quick-results")
    assert rows[: len(kept)] == kept
    assert {row["variant"]["neuron_model"] for row in rows} == {"iaf_psc_alpha", "ignore_and_fire"}


@once_started
def test_many_nodes(cluster, tmp_path):
    """Weak scaling on one rank and on two; with one task on a node, as many nodes follow as there are ranks."""
    options = ["--vary", "neuron_model=iaf_psc_alpha", "--size-per-rank", "60", *TINY[2:]]
    script = ["jobs/many_nodes.sh", str(ROOT / "scaling" / "weak.toml"), "--ranks", "1", "2", *options]
    number = cluster.submit(tmp_path, "--ntasks=2", "--ntasks-per-node=1", *script)
    rows = read(tmp_path / "weak-results")
    assert [(row["ranks"], row["N"]) for row in rows] == [(1, 60), (2, 120)]
    assert all(row["launcher"].startswith("mpirun") for row in rows)
    assert "NumNodes=2" in cluster.run("scontrol", "show", "job", number)


@once_started
def test_strong_array(cluster, tmp_path):
    """All folders are reported together, with the efficiency of two ranks beside one."""
    options = ["--array=1,2", "--ntasks=2", "jobs/strong_array.sh", str(ROOT / "scaling" / "strong.toml"), *TINY]
    cluster.submit(tmp_path, "--ntasks-per-node=1", *options)
    folders = [tmp_path / "strong-results" / f"ranks-{ranks}" for ranks in (1, 2)]
    one, two = (read(folder) for folder in folders)
    assert {row["ranks"] for row in two} == {2}
    assert [row["spike_hash"] for row in one] == [row["spike_hash"] for row in two]
    assert "efficiency" in text(read_all(folders))


@once_started
def test_run(cluster, tmp_path):
    small = ["two_population", "--set", "N=60", "K=20", "--time", "20"]
    number = cluster.submit(tmp_path, "--ntasks=2", "--ntasks-per-node=2", "jobs/run.sh", *small)
    summary = json.loads((tmp_path / "run-results" / number / "summary.json").read_text(encoding="utf-8"))
    assert (summary["ranks"], summary["parameters"]["N"]) == (2, 60)


@once_started
def test_chain(cluster, tmp_path):
    """The time of the first job is over while it works; the second does the rest and cancels the third."""
    script = ["jobs/chain.sh", str(ROOT / "scaling" / "quick.toml"), *TINY, "--repetitions", "20"]
    first = cluster.submit(tmp_path, "--ntasks-per-node=1", *script, wait=False)
    cluster.warn(first, tmp_path / "quick-results")
    cluster.wait_until_empty()
    check_chain(tmp_path)
    assert cluster.exit_codes(first) == {SUSPENDED}
    assert "points left: stopped by SIGUSR1" in (tmp_path / f"distsim-chain-{first}.log").read_text(encoding="utf-8")


@pytest.mark.slow  # two jobs of Slurm, one of them killed: 15 s
@once_started
def test_chain_after_a_node_that_failed(cluster, tmp_path):
    script = ["jobs/chain.sh", str(ROOT / "scaling" / "quick.toml"), *TINY, "--repetitions", "20"]
    first = cluster.submit(tmp_path, "--ntasks-per-node=1", *script, wait=False)
    cluster.wait_for_a_point(tmp_path / "quick-results")
    cluster.run("scancel", "--full", "--signal=KILL", first)
    cluster.wait_until_empty()
    check_chain(tmp_path)


def check_chain(folder: Path) -> None:
    """Two jobs have done all 40 points, each once; the second went on with what the first had done."""
    points = [(row["variant"]["neuron_model"], row["repetition"]) for row in read(folder / "quick-results")]
    assert len(points) == len(set(points)) == 40
    by_number = sorted(folder.glob("distsim-chain-*.log"), key=lambda log: int(log.stem.split("-")[-1]))
    logs = [log.read_text(encoding="utf-8") for log in by_number]
    assert len(logs) == 2
    assert "40 points, 0 of them done before" in logs[0]
    assert "40 points, 0 of them done before" not in logs[1]


@pytest.mark.slow  # two jobs of Slurm: 20 s
@once_started
def test_a_network_of_ones_own(cluster, tmp_path):
    """The file lies beside that of the experiment, wherever the job runs; points are jobs of their own."""
    script = ["jobs/many_nodes.sh", str(ROOT / "docs" / "own" / "my_experiment.toml"), *TINY, "--ranks", "2"]
    cluster.submit(tmp_path, "--ntasks=2", "--ntasks-per-node=1", *script)
    rows = read(tmp_path / "my_experiment-results")
    assert [(row["model"], row["ranks"], row["variant"]) for row in rows] == [
        ("my_network", 2, {"g": 1.0}), ("my_network", 2, {"g": 4.0}),
    ]  # fmt: skip


# Without Slurm


@pytest.mark.parametrize("says", [NOT_STARTED, "a mistake"])
def test_what_open_mpi_did_not_start_is_no_fault_of_a_job(says, tmp_path):
    class Idle:
        def end_all(self): ...

    folders = []

    @once_started
    def two_jobs(cluster, tmp_path):
        (tmp_path / "job-1.log").write_text("" if folders else says, encoding="utf-8")
        folders.append(tmp_path)
        assert len(folders) == 2

    with nullcontext() if says == NOT_STARTED else pytest.raises(AssertionError):
        two_jobs(Idle(), tmp_path)
    assert len(folders) == len(set(folders)) == (2 if says == NOT_STARTED else 1)


# What the templates say


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_templates_are_sound(template):
    text = template.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(template)], check=True)
    assert os.access(template, os.X_OK)
    for word in ("# site", ". jobs/site.sh", "--cpus-per-task=1", "--mem=0", "--signal=B:USR1@120", "$launcher"):
        assert word in text
    for file in re.findall(r"scaling/\w+\.toml", text):
        assert (ROOT / file).exists()
    assert "--resume" in text
    assert "--checkpoint 10m" in text


def test_there_are_five_templates():
    assert [path.stem for path in TEMPLATES] == ["chain", "many_nodes", "run", "single_node", "strong_array"]


def test_caches_lie_where_nobody_else_can_make_them():
    text = SITE.read_text(encoding="utf-8")
    assert "NUMBA_CACHE_DIR=" in text
    assert "/tmp" not in text  # a name there that others know, they can make first
    assert "TMPDIR" not in text


@pytest.mark.parametrize("file", ["many_nodes", "strong_array", "README"])
def test_examples_have_room_for_their_ranks(file):
    """Every line of sbatch that names ranks asks, together with the script's own lines, for as many tasks."""
    path = ROOT / "README.md" if file == "README" else ROOT / "jobs" / f"{file}.sh"
    lines = re.findall(r"sbatch (.*jobs/(\w+)\.sh.*)", path.read_text(encoding="utf-8"))
    counted = 0
    for line, template in lines:
        own = (ROOT / "jobs" / f"{template}.sh").read_text(encoding="utf-8")
        given = dict(re.findall(r"^#SBATCH --(\w+)=([\d,]+)", own, re.MULTILINE))
        given |= dict(re.findall(r"--(\w+)=([\d,]+)", line))
        ranks = re.findall(r"--ranks ((?:\d+ ?)+)", line)
        named = [*given.get("array", "").split(","), *" ".join(ranks).split()]
        if numbers := [int(number) for number in named if number]:
            assert max(numbers) <= int(given["ntasks"]), line
            counted += 1
    assert counted


LAUNCHERS = {
    "mpirun (Open MPI) 5.0.11": "mpirun --map-by core --bind-to core -x OMP_NUM_THREADS",
    "HYDRA build details:": "mpirun --bind-to core -n",
    "something else": "srun --cpu-bind=cores",
}


@pytest.mark.parametrize("says", LAUNCHERS)
def test_the_launcher_is_that_of_the_library(says, tmp_path):
    mpirun = tmp_path / "mpirun"
    mpirun.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    mpirun.chmod(0o755)
    assert found_launcher(tmp_path).startswith(LAUNCHERS[says])
    assert found_launcher(tmp_path, LAUNCHER="srun --mpi=pmi2 -n") == "srun --mpi=pmi2 -n"


def found_launcher(folder: Path, **variables: str) -> str:
    """What site.sh finds with the ``mpirun`` in ``folder`` (there is no environment of the project's own)."""
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), **variables}
    command = ["bash", "-euc", f'. {SITE} && echo "$launcher"']
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
