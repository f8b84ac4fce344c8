"""The benchmark against NEST: its options, its summary, a small run of distsim's side. No test looks at a wall time."""

import json
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests import benchmark_programs
from tests.benchmark_programs import BENCHMARKS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="cores are pinned and memory is read as Linux does it")


def run(*arguments: str) -> CompletedProcess[str]:
    return benchmark_programs.run("against_nest.py", *arguments)


def record(simulator: str, **changes: Any) -> dict[str, Any]:
    """What one run of a simulator prints, with round numbers."""
    nest = simulator == "NEST"
    values = {
        "simulator": simulator,
        "cores": 1,
        "build": 4.0 if nest else 0.2,
        "build_wall": 5.0 if nest else 0.25,
        "simulate": 6.0 if nest else 0.5,
        "simulate_wall": 6.0 if nest else 0.5,
        "simulate_cpu": 6.0 if nest else 0.5,
        "bare_bytes": 80_000_000,
        "peak_bytes": 680_000_000 if nest else 200_000_000,
        "synapses": 10_000_000,
        "spikes": 12_500,
        "rate": 1.0,
        "weight_count": 4_000,
        "weight_mean": 30.5,
        "weight_sd": 7.0,
        "I_E": 31.90080273888664,
        "nu_X": 1729.7971034581633,
    }
    return values | ({"prepare": 1.0} if nest else {}) | changes


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import report

    return report


def test_help_describes_the_measurement() -> None:
    done = run("--help")
    assert done.returncode == 0, done.stderr
    assert "--nest-python" in done.stdout
    assert "nest.Prepare()" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "0"], "0 is not a positive whole number"),
        (["--time", "0.3"], "0.3 ms is not a positive multiple of 0.5 ms"),
        (["--time", "nan"], "not a positive multiple"),
        (["--cases", "iaf_psc_exp"], "invalid choice"),
        (["--distsim-only", "--nest-only"], "not allowed with"),
        (["--distsim-only", "--ranks", "100000"], "cores to pin to"),
        (["--distsim-only", "--cases", "brunel", "--sizes", "12"], "brunel: --sizes and --indegree must be multiples"),
        (["--distsim-only", "--cores", "100000"], "name each core once"),
        (["--distsim-only", "--out", "nowhere/result.json"], "its folder does not exist"),
        (["--nest-python", "/nowhere/python"], "cannot be run"),
    ],
)
def test_wrong_input_ends_with_one_message_and_exit_code_2(arguments: list[str], message: str) -> None:
    benchmark_programs.check_refused("against_nest.py", arguments, message)


def test_existing_results_are_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    out.write_text("kept")
    done = run("--distsim-only", "--ranks", "1", "--out", str(out))
    assert done.returncode == 2
    assert "is not overwritten" in done.stderr
    assert out.read_text() == "kept"


def test_a_small_run_of_distsim_stores_its_numbers(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    small = ["--sizes", "200", "--indegree", "20", "--time", "20", "--repetitions", "1", "--ranks", "1"]
    done = run("--distsim-only", *small, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "simulate (s)" in done.stdout

    result = json.loads(out.read_text())
    assert result["benchmark"] == "against_nest"
    assert "--distsim-only" in result["command"]
    assert {"date", "cpu", "cores", "memory", "commit"} <= set(result["machine"])
    assert [case["case"] for case in result["cases"]] == ["iaf_psc_alpha", "ignore_and_fire", "brunel"]
    for case in result["cases"]:
        brunel = case["case"] == "brunel"
        dt = 0.1 if brunel else 0.125
        assert (case["N"], case["K"], case["T_ms"], case["dt_ms"], case["ranks"]) == (200, 20, 20.0, dt, 1)
        (only,) = case["runs"]
        assert only["simulator"] == "distsim"
        assert only["synapses"] == 200 * 20
        plastic = 0 if brunel else 160 * 16  # all of E -> E: there are fewer than 200 excitatory neurons
        assert only["weight_count"] == plastic
        weight, rate = (0.1, 20_000.0) if brunel else (31.90080273888664, 1729.7971034581633)  # published
        assert only["I_E"] == pytest.approx(weight, rel=1e-12)
        assert only["nu_X"] == pytest.approx(rate, rel=1e-12)
        assert only["peak_bytes"] >= only["bare_bytes"] > 0
        assert min(only["build"], only["simulate"], only["build_wall"], only["simulate_wall"]) > 0
        assert case["summary"]["build"]["distsim"]["median"] == only["build"]
        assert case["summary"]["build"]["ratio"] is None
        assert case["summary"]["same_work"] is None


def test_summary_takes_medians_and_ratios_of_neighbouring_runs(report: Any) -> None:
    runs = []
    for nest, distsim in ((6.0, 0.5), (7.0, 0.25), (5.0, 0.5)):
        runs += [record("NEST", simulate=nest), record("distsim", simulate=distsim)]
    summary = report.summarise(runs)
    assert summary["simulate"]["NEST"] == {"median": 6.0, "min": 5.0, "max": 7.0}
    assert summary["simulate"]["ratio"] == 12.0
    assert (summary["simulate"]["ratio_min"], summary["simulate"]["ratio_max"]) == (10.0, 28.0)
    assert summary["build"]["ratio"] == 25.0  # create, connect and prepare
    assert summary["build_without_prepare"]["ratio"] == 20.0
    assert summary["memory"]["ratio"] == 5.0
    assert summary["memory_per_synapse"]["distsim"]["median"] == 12.0
    assert summary["same_work"] is True
    assert not report.remarks(summary)
    assert "12.00" in report.table(summary)


@pytest.mark.parametrize("changes", [{"synapses": 9_999_999}, {"I_E": 31.7774}, {"nu_X": 1730.0}])
def test_other_work_is_noticed(report: Any, changes: dict[str, float]) -> None:
    summary = report.summarise([record("NEST"), record("distsim", **changes)])
    assert summary["same_work"] is False
    assert "NOT THE SAME WORK" in " ".join(report.remarks(summary))


def test_other_spikes_of_the_same_seed_are_noticed(report: Any) -> None:
    summary = report.summarise([record("distsim", spike_hash="a"), record("distsim", spike_hash="b")])
    assert "NOT THE SAME BITS" in " ".join(report.remarks(summary))


def test_a_busy_machine_is_noticed(report: Any) -> None:
    summary = report.summarise([record("NEST", simulate_cpu=3.0), record("distsim")])
    assert summary["core_share"] == {"NEST": 0.5, "distsim": 1.0}
    assert "NEST got only 50 %" in " ".join(report.remarks(summary))
