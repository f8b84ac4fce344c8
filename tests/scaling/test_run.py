"""The harness with the engine, in one job: records, resuming, the same hashes on any number of ranks."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest

from distsim.analysis.published_statistics import STATISTICS
from distsim.core.errors import InputError
from distsim.models import registry
from distsim.scaling.options import parse
from distsim.scaling.process import session
from distsim.scaling.report.summary import SAME
from distsim.scaling.session import Session, run
from tests import documents
from tests.mpi import JOB_ENVIRONMENT, outside_of_any_job
from tests.threads import on_ranks

HARNESS = ["-m", "distsim.scaling"]
SIZES = ["--sizes", "50", "101", "--indegree", "20", "--time", "30"]
SMALL = [*HARNESS, *SIZES, "--out", "out"]
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join(sys.path)}
FIELDS = {
    # the point
    "model", "kind", "variant", "size", "indegree", "ranks", "seed", "repetition", "N", "T_ms", "presimulation_ms",
    "dt_ms", "precision", "interval_ms", "exchange", "exchange_plan", "loop", "loop_used", "parameters", "network",
    # its costs
    "build_time", "sim_time", "compile_time", "wall_time", "parts", "real_time_factor", "phase_times", "speedup",
    "efficiency", "memory_start", "memory_built", "memory_peak", "bytes_per_synapse", "load_balance",
    "energy", "energy_per_event", "events_per_second_and_core", "synapses_built_per_second_and_core",
    # what it computed
    "n_spikes", "n_synapses", "n_events", "rate", "rates", "activity", "activities",
    "spike_hash", "weight_hash", "rate_hash", "flip_hash",
    "weight_mean", "weight_sd", "weight_min", "weight_max", "weight_median",
    "plastic_weight_mean", "plastic_weight_sd", "plastic_weight_min", "plastic_weight_max", "plastic_weight_median",
    "plastic_weight_count",
    # where and with what
    "versions", "git_commit", "hosts", "cpu_model", "cores", "cores_per_rank", "cores_used", "pinning",
    "oversubscribed", "load_average", "involuntary_switches", "waited_for_cores", "disturbed",
    "format", "platform", "mpi_library", "launch_line", "environment", "date",
}  # fmt: skip
PHASES = {"create", "connect", "index", "update", "wait", "communicate", "deliver", "record", "other"}


def read(folder):
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()]


def hashes(folder):
    return {
        (json.dumps(record["variant"]), record["N"], record["seed"]): (record["spike_hash"], record["weight_hash"])
        for record in read(folder)
    }


def start(arguments, folder):
    environment = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, **ENVIRONMENT}
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(job, code=0):
    stdout, stderr = job.communicate(timeout=300)
    assert job.returncode == code, stdout + stderr
    return stdout + stderr


def run_on(ranks, arguments, folder):
    """The exit code of the harness on so many threads, each of them a rank; results go to ``folder``."""
    codes = on_ranks(ranks, lambda comm: run(comm, [*arguments, "--out", str(folder / "out")]))
    assert len(set(codes)) == 1
    return codes[0]


@pytest.fixture(scope="module")
def one_rank(tmp_path_factory):
    """An experiment of four points on one rank: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("one_rank")
    return folder, finish(start(SMALL, folder))


def test_records_table_and_figure(one_rank):
    folder, printed = one_rank
    assert {path.name for path in (folder / "out").iterdir()} == {
        "experiment.json", "runs.jsonl", "scaling.png", "scaling.pdf",
    }  # fmt: skip
    rows = read(folder / "out")
    assert [(row["N"], row["variant"]["neuron_model"]) for row in rows] == [
        (size, model) for size in (50, 101) for model in ("iaf_psc_alpha", "ignore_and_fire")
    ]
    for row in rows:
        assert set(row) == FIELDS
        assert row["n_synapses"] == row["N"] * 20
        assert row["rate"] == pytest.approx(row["n_spikes"] / (row["N"] * 0.03))
        sizes = {name: row["parameters"][f"N_{name}"] for name in ("E", "I")}
        assert sum(sizes[name] * rate * 0.03 for name, rate in row["rates"].items()) == pytest.approx(row["n_spikes"])
        assert len(row["spike_hash"]) == 32
        assert len(row["weight_hash"]) == 64
        assert row["ranks"] == len(row["memory_peak"]) == 1
        assert set(row["phase_times"]) == PHASES
        spent = sum(phase["mean"] for phase in row["phase_times"].values())
        assert spent == pytest.approx(row["build_time"] + row["sim_time"])
    assert "[4/4] ignore_and_fire, N = 101, seed 1, 1 rank: build" in printed
    assert printed.count("    weights (pA), mean, SD, min, median, max: first 200 x 200: ") == 4
    assert "real-time" in printed


def test_every_field_of_a_record_is_documented():
    text = documents.text_of("docs/scaling.md")
    named = set(re.findall(r"`(\w+)`", text))
    named |= {f"weight_{name}" for name in STATISTICS} | {f"plastic_weight_{name}" for name in STATISTICS}
    assert named >= FIELDS
    assert set(re.findall(r"\w+", text)) >= PHASES


@pytest.mark.parametrize("ranks", [2, 7])
def test_hashes_do_not_depend_on_ranks(one_rank, tmp_path, ranks):
    assert run_on(ranks, [*SIZES, "--no-plot"], tmp_path) == 0
    assert hashes(tmp_path / "out") == hashes(one_rank[0] / "out")


def test_points_with_fewer_ranks_run_on_a_part_of_the_job(one_rank, tmp_path, mpirun):
    """Strong scaling within one job of 3 ranks: the same network, shared among as many as asked for."""
    arguments = [*SMALL, "--kind", "strong", "--sizes", "50", "--ranks", "1", "2", "3", "--no-plot"]
    mpirun(3, arguments, cwd=tmp_path, env=ENVIRONMENT)
    rows = read(tmp_path / "out")
    assert [row["ranks"] for row in rows] == [1, 1, 2, 2, 3, 3]
    assert all(len(row["memory_peak"]) == len(row["pinning"]) == row["ranks"] for row in rows)
    assert all(row["hosts"] == dict.fromkeys(row["hosts"], row["ranks"]) for row in rows)
    assert {row["efficiency"] for row in rows if row["ranks"] == 1} == {1.0}
    assert hashes(tmp_path / "out").items() <= hashes(one_rank[0] / "out").items()
    for row in rows:  # neurons are dealt out one by one
        assert row["load_balance"]["neurons"] == pytest.approx(-(-50 // row["ranks"]) * row["ranks"] / 50, rel=0.05)


def test_what_is_presimulated_is_not_measured(one_rank, tmp_path):
    """10 + 20 ms give the hashes of 30 ms, and the spikes of the last 20."""
    run_on(1, [*SIZES, "--no-plot", "--sizes", "101", "--presimulation", "10", "--time", "20"], tmp_path)
    assert hashes(tmp_path / "out").items() <= hashes(one_rank[0] / "out").items()
    whole = {row["spike_hash"]: row for row in read(one_rank[0] / "out")}
    for row in read(tmp_path / "out"):
        assert row["n_spikes"] <= whole[row["spike_hash"]]["n_spikes"]
        assert row["n_events"] <= whole[row["spike_hash"]]["n_events"]
        assert row["rate"] == pytest.approx(row["n_spikes"] / (101 * 0.02))


@pytest.mark.parametrize("model", registry.MODELS)
def test_every_model_scales_with_equal_hashes(model, tmp_path):
    arguments = ["--model", model, "--kind", "strong", "--sizes", "1260", "--ranks", "1", "2", "--time", "20"]
    assert run_on(2, [*arguments, "--no-plot"], tmp_path) == 0
    rows = read(tmp_path / "out")
    assert {row["ranks"] for row in rows} == {1, 2}
    assert {row["model"] for row in rows} == {model}
    by_variant = {}
    for row in rows:
        found = tuple(row[name] for name in SAME)
        assert any(found)
        by_variant.setdefault(json.dumps(row["variant"]), set()).add(found)
    assert all(len(results) == 1 for results in by_variant.values())


WRONG = [
    (["--size", "50"], "unknown option '--size'; did you mean '--sizes'?"),
    (["--interval", "3"], "interval = 3 ms is longer than the delay of 1.5 ms"),
    (["broken.toml"], "broken.toml: not valid TOML"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=["option", "model", "file"])
def test_wrong_input_is_an_error_on_all_ranks(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.toml").write_text("sizes = [", encoding="utf-8")

    def refused(comm):
        with pytest.raises(InputError, match=re.escape(message)):
            run(comm, arguments)
        return True

    assert on_ranks(3, refused) == [True] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["broken.toml"]


def test_wrong_input_ends_a_job_with_one_sentence(tmp_path, mpirun):
    done = mpirun(2, [*HARNESS, *WRONG[1][0]], cwd=tmp_path, check=False, env=ENVIRONMENT)
    assert done.returncode == 2
    assert done.stderr.count(WRONG[1][1]) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_spent_budget_leaves_points_for_later(tmp_path, capsys):
    assert run_on(2, [*SIZES, "--no-plot", "--budget", "0.001s"], tmp_path) == 3
    assert "4 of 4 points left: the budget is spent; --resume goes on with them" in capsys.readouterr().out
    assert run_on(2, [*SIZES, "--no-plot", "--budget", "1h", "--resume"], tmp_path) == 0
    assert len(read(tmp_path / "out")) == 4


@pytest.mark.parametrize(("ranks", "loop"), [(1, "compiled"), (2, "python")])
def test_a_budget_ends_the_point_that_runs(ranks, loop, tmp_path, monkeypatch, capsys):
    """No other point has foretold its time: rank 0 asks between the parts of the point, and all ranks end it."""
    left = iter([3600.0, 3600.0, 3600.0])
    monkeypatch.setattr(Session, "left", lambda session: next(left, 0.0))
    assert run_on(ranks, [*SIZES, "--no-plot", "--loop", loop, "--budget", "1h"], tmp_path) == 3
    assert "4 of 4 points left: the budget is spent" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"experiment.json"}


def test_a_full_disk_is_reported_and_earlier_points_are_kept(one_rank, tmp_path):
    """No file may grow beyond the size of two records, which hold the command line, too: the third does not fit."""
    lines = (one_rank[0] / "out" / "runs.jsonl").read_bytes().splitlines(keepends=True)
    limit = 2 * max(map(len, lines)) + 2000
    assert limit < 3 * min(map(len, lines))
    code = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit},) * 2);"
        f"from distsim.scaling.__main__ import main; sys.exit(main({[*SMALL[2:], '--no-plot']!r}))"
    )
    printed = finish(start(["-c", code], tmp_path), code=4)
    assert "runs.jsonl cannot take the record (File too large); earlier ones are safe" in printed
    assert "Traceback" not in printed
    assert len(read(tmp_path / "out")) == 2
    assert run_on(1, [*SIZES, "--no-plot", "--resume"], tmp_path) == 0
    assert hashes(tmp_path / "out") == hashes(one_rank[0] / "out")


def test_two_jobs_in_one_folder(tmp_path):
    options = parse([*SIZES, "--no-plot", "--out", str(tmp_path / "out")])
    with Session(None, options, 1, 1), pytest.raises(InputError, match=r"another job works in output folder .*process"):
        run_on(2, [*SIZES, "--no-plot", "--resume"], tmp_path)


def kill(job):
    """Kill -9 of all processes of a job."""
    for process in session(job.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    job.communicate()


def test_resume_after_kills_at_random_moments(one_rank, tmp_path):
    """Kill -9 at six random moments: no record is lost, doubled or broken."""
    arguments = [*SMALL, "--no-plot", "--resume", "--repetitions", "20"]
    moments = random.Random(5)
    seen = []
    for _ in range(6):
        job = start(arguments, tmp_path)
        time.sleep(moments.uniform(0.5, 2.0))
        kill(job)
        with contextlib.suppress(FileNotFoundError):
            data = (tmp_path / "out" / "runs.jsonl").read_bytes()
            whole = [line for line in data.split(b"\n")[:-1] if line]
            assert whole[: len(seen)] == seen
            seen = whole
    assert run_on(1, arguments[2:], tmp_path) == 0
    rows = read(tmp_path / "out")
    points = {(json.dumps(row["variant"]), row["N"], row["repetition"]) for row in rows}
    assert len(rows) == len(points) == 80
    assert hashes(tmp_path / "out") == hashes(one_rank[0] / "out")
