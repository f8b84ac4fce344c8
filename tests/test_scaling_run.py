"""The harness with the engine, as a user starts it: records, resuming, the same hashes on any number of ranks."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.mpi import JOB_ENVIRONMENT, outside_of_any_job

SMALL = ["-m", "distsim.scaling", "--sizes", "50", "101", "--indegree", "20", "--time", "30", "--out", "out"]
FIELDS = {
    "model",
    "neuron_model",
    "N",
    "K",
    "T_ms",
    "dt_ms",
    "seed",
    "precision",
    "interval_ms",
    "exchange",
    "ranks",
    "build_time",
    "sim_time",
    "compile_time",
    "real_time_factor",
    "phase_times",
    "memory_built",
    "memory_peak",
    "rate",
    "n_spikes",
    "n_synapses",
    "spike_hash",
    "weight_hash",
    "weight_mean",
    "weight_sd",
    "weight_min",
    "weight_max",
    "weight_median",
    "plastic_weight_mean",
    "plastic_weight_sd",
    "plastic_weight_min",
    "plastic_weight_max",
    "plastic_weight_median",
    "plastic_weight_count",
    "parameters",
    "versions",
    "git_commit",
    "hosts",
    "cpu_model",
    "cores",
    "cores_per_rank",
    "platform",
    "mpi_library",
    "launch_line",
    "environment",
    "date",
}


def read(folder):
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()]


def hashes(folder):
    return {
        (record["neuron_model"], record["N"], record["seed"]): (record["spike_hash"], record["weight_hash"])
        for record in read(folder)
    }


def start(arguments, folder):
    environment = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def one_rank(tmp_path_factory):
    """An experiment of four points on one rank: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("one_rank")
    job = start(SMALL, folder)
    stdout, stderr = job.communicate(timeout=300)
    assert job.returncode == 0, stdout + stderr
    return folder, stdout


def test_records_table_and_figure(one_rank):
    folder, stdout = one_rank
    assert {path.name for path in (folder / "out").iterdir()} == {
        "experiment.json", "runs.jsonl", "network_size_scaling.png", "network_size_scaling.pdf",
    }  # fmt: skip
    rows = read(folder / "out")
    assert [(row["N"], row["neuron_model"]) for row in rows] == [
        (size, model) for size in (50, 101) for model in ("iaf_psc_alpha", "ignore_and_fire")
    ]
    for row in rows:
        assert set(row) == FIELDS
        assert row["n_synapses"] >= row["N"] * 20
        assert row["rate"] == pytest.approx(row["n_spikes"] / (row["N"] * 0.03))
        assert row["parameters"]["N_E"] == int(0.8 * row["N"])
        assert len(row["spike_hash"]) == len(row["weight_hash"]) == 64
        assert row["ranks"] == len(row["memory_peak"]) == 1
        assert {"create", "connect", "index", "update", "wait", "communicate", "deliver"} <= set(row["phase_times"])
    assert "[4/4] ignore_and_fire, N = 101, seed 1: build" in stdout
    assert "neuron model" in stdout


@pytest.mark.parametrize("ranks", [2, 3])
def test_hashes_do_not_depend_on_ranks(one_rank, tmp_path, mpirun, ranks):
    mpirun(ranks, [*SMALL, "--no-plot"], cwd=tmp_path, env={"PYTHONPATH": os.pathsep.join(sys.path)})
    assert hashes(tmp_path / "out") == hashes(one_rank[0] / "out")


def test_wrong_input_ends_all_ranks_before_anything_is_written(tmp_path, mpirun):
    for arguments, message in [
        (["--size", "50"], "unknown option '--size'; did you mean '--sizes'?"),
        (["--interval", "3"], "interval = 3 ms is longer than the delay of 1.5 ms"),
        (["broken.toml"], "broken.toml: not valid TOML"),
    ]:
        (tmp_path / "broken.toml").write_text("sizes = [", encoding="utf-8")
        done = mpirun(
            2, ["-m", "distsim.scaling", *arguments],
            cwd=tmp_path, check=False, env={"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert done.returncode == 2
        assert done.stderr.count(message) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["broken.toml"]


def test_resume_runs_what_a_killed_job_left(one_rank, tmp_path):
    job = start([*SMALL, "--no-plot"], tmp_path)
    runs = tmp_path / "out" / "runs.jsonl"
    while job.poll() is None and not (runs.exists() and runs.read_bytes().count(b"\n")):
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    with runs.open("ab") as file:
        file.write(b'{"neuron_model": "iaf_psc')
    refused = start([*SMALL, "--no-plot"], tmp_path)
    assert "--resume goes on" in refused.communicate(timeout=120)[1]
    assert refused.returncode == 2
    resumed = start([*SMALL, "--no-plot", "--resume"], tmp_path)
    stdout, stderr = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, stdout + stderr
    assert len(read(tmp_path / "out")) == 4
    assert hashes(tmp_path / "out") == hashes(one_rank[0] / "out")
