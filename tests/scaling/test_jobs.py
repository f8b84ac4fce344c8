"""The job templates, run to the end by a real Slurm of two nodes on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from distsim.core.kernel_cache import wanted_folder
from distsim.scaling.report.command import read_all, text
from tests import slurm
from tests.documents import ROOT
from tests.mpi import JOB_ENVIRONMENT, launcher, outside_of_any_job

TEMPLATES = sorted((ROOT / "jobs").glob("*.sh"))
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
        logs = "\n".join(log.read_text(encoding="utf-8") for log in cwd.glob("*.log")) if cwd else ""
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{logs}"
        return done.stdout

    def submit(self, folder: Path, *words: str, wait: bool = True) -> str:
        """Submit a job, wait for its end, unless told otherwise, and return its number; ``--wait`` looks every 10 s."""
        (folder / "jobs").symlink_to(ROOT / "jobs")
        number = self.run("sbatch", "--parsable", *words, cwd=folder).strip()
        if wait:
            self.wait_until_empty()
            codes = re.findall(r"ExitCode=(\S+)", self.run("scontrol", "show", "job", number, cwd=folder))
            logs = "\n".join(log.read_text(encoding="utf-8") for log in folder.glob("*.log"))
            assert codes, number
            assert set(codes) == {"0:0"}, logs
        return number

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


def read(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()]


def test_single_node(cluster, tmp_path):
    options = ["--ntasks-per-node=2", "jobs/single_node.sh", str(ROOT / "scaling" / "quick.toml"), *TINY]
    cluster.submit(tmp_path, *options)
    rows = read(tmp_path / "quick-results")
    assert [row["ranks"] for row in rows] == [2, 2]
    assert all("SLURM_JOB_ID" in row["environment"] for row in rows)
    assert all(row["environment"]["OMP_NUM_THREADS"] == "1" for row in rows)


def test_many_nodes(cluster, tmp_path):
    """Weak scaling on one rank and on two; two do not fit on a node of one task."""
    options = ["--vary", "neuron_model=iaf_psc_alpha", "--size-per-rank", "60", *TINY[2:]]
    script = ["jobs/many_nodes.sh", str(ROOT / "scaling" / "weak.toml"), "--ranks", "1", "2", *options]
    cluster.submit(tmp_path, "--nodes=2", "--ntasks-per-node=1", *script)
    rows = read(tmp_path / "weak-results")
    assert [(row["ranks"], row["N"]) for row in rows] == [(1, 60), (2, 120)]
    assert all(row["launcher"].startswith("mpirun -n") for row in rows)


def test_strong_array(cluster, tmp_path):
    """All folders are reported together, with the efficiency of two ranks beside one."""
    options = ["--array=1,2", "--ntasks=2", "jobs/strong_array.sh", str(ROOT / "scaling" / "strong.toml"), *TINY]
    cluster.submit(tmp_path, *options)
    folders = [tmp_path / "strong-results" / f"ranks-{ranks}" for ranks in (1, 2)]
    one, two = (read(folder) for folder in folders)
    assert {row["ranks"] for row in two} == {2}
    assert [row["spike_hash"] for row in one] == [row["spike_hash"] for row in two]
    assert "efficiency" in text(read_all(folders))


def test_chain(cluster, tmp_path):
    """The first job is killed while it works; the second does the rest and cancels the third."""
    options = [*TINY, "--repetitions", "20"]
    script = ["jobs/chain.sh", str(ROOT / "scaling" / "quick.toml"), *options]
    first = cluster.submit(tmp_path, "--ntasks-per-node=1", *script, wait=False)
    while cluster.run("squeue", "-h") and not (tmp_path / "quick-results" / "runs.jsonl").exists():
        time.sleep(0.05)
    cluster.run("scancel", "--full", "--signal=KILL", first)
    cluster.wait_until_empty()
    points = [(row["variant"]["neuron_model"], row["repetition"]) for row in read(tmp_path / "quick-results")]
    assert len(points) == len(set(points)) == 40
    logs = [log.read_text(encoding="utf-8") for log in sorted(tmp_path.glob("distsim-chain-*.log"))]
    assert len(logs) == 2
    assert "40 points, 0 of them done before" in logs[0]
    assert "40 points, 0 of them done before" not in logs[1]


@pytest.mark.slow  # two jobs of Slurm: 20 s
def test_a_network_of_ones_own(cluster, tmp_path):
    """The file lies beside that of the experiment, wherever the job runs; points are jobs of their own."""
    script = ["jobs/many_nodes.sh", str(ROOT / "docs" / "own" / "my_experiment.toml"), *TINY, "--ranks", "2"]
    cluster.submit(tmp_path, "--nodes=2", "--ntasks-per-node=1", *script)
    rows = read(tmp_path / "my_experiment-results")
    assert [(row["model"], row["ranks"], row["variant"]) for row in rows] == [
        ("my_network", 2, {"g": 1.0}), ("my_network", 2, {"g": 4.0}),
    ]  # fmt: skip


# What the templates say, without Slurm


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_templates_are_sound(template):
    text = template.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(template)], check=True)
    assert os.access(template, os.X_OK)
    for word in ("# site", "OMP_NUM_THREADS=1", "NUMBA_CACHE_DIR=", "--bind-to core", "--cpus-per-task=1", "--resume"):
        assert word in text
    assert "/tmp" not in text  # a name there that others know, they can make first
    assert "TMPDIR" not in text
    for file in re.findall(r"scaling/\w+\.toml", text):
        assert (ROOT / file).exists()


def test_there_are_four_templates():
    assert [path.stem for path in TEMPLATES] == ["chain", "many_nodes", "single_node", "strong_array"]


def test_examples_of_arrays_have_room_for_their_ranks():
    """Every line of sbatch in the text asks, together with the script's own lines, for as many tasks as ranks."""
    text = (ROOT / "jobs" / "strong_array.sh").read_text(encoding="utf-8")
    own = dict(re.findall(r"^#SBATCH --(\w+)=([\d,]+)", text, re.MULTILINE))
    cores = int(own["ntasks"])
    lines = re.findall(r"^#     sbatch (.*)jobs/strong_array.sh", text, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        given = own | dict(re.findall(r"--(\w+)=([\d,]+)", line))
        most = max(map(int, given["array"].split(",")))
        assert most <= int(given["ntasks"]) <= cores * int(given["nodes"])
