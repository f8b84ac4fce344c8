"""Benchmarks, with options that make them short; each is run, and no time is looked at."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests import documents
from tests.document_commands.running import TINY, Ranks, run_python
from tests.documents import ROOT
from tests.mpi import launcher


def check_benchmark(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, at a tiny size and without NEST."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    fewer = ["--ranks", "1", "--repetitions", "1", "--cases", "ignore_and_fire", "--distsim-only"]
    run_python(["benchmarks/against_nest.py", *arguments, *TINY, *fewer, "--out", str(folder / "out.json")], None, ROOT)
    assert (folder / "out.json").exists()


def check_predictions(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark has these options; networks so small as tests have are predicted less well."""
    run_python(["benchmarks/predictions.py", *arguments, "--help"], None, ROOT)


def check_dry(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark finds the same spikes, at a tiny size and on one rank."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    fewer = ["--ranks", "1", "--networks", "own", "--repeat", "1", "--scale", "0.02"]
    assert "0 of 200" in run_python(["benchmarks/dry.py", *arguments, *fewer], None, ROOT)


def check_nest_scripts(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs the script that a document shows, without NEST."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    shown = documents.fenced("docs/nest.md", "python")
    (folder / "script.py").write_text("\n".join(shown), encoding="utf-8")
    alone = ["--only", "distsim", str(folder / "script.py")]
    assert "spike_recorder" in run_python(["benchmarks/nest_scripts.py", *alone], None, ROOT)
    assert arguments[-1] == "script.py"


def check_against_nnmt(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark of binary neurons runs with these options, for a short time."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    fewer = ["--repetitions", "1", "--time", "0.5", "--out", str(folder / "out.json")]
    run_python(["benchmarks/against_nnmt.py", *arguments, *fewer], None, ROOT)
    assert (folder / "out.json").exists()


def check_against_brian2(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, without Brian2 and for a few trials."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    fewer = ["--distsim-only", "--trials", "2", "--distsim-trials", "4", "--repetitions", "1"]
    given = [*arguments, *fewer, "--out", str(folder / "out.json")]
    run_python(["benchmarks/against_brian2.py", *given], None, ROOT)
    assert (folder / "out.json").exists()


def check_checkpoints(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, with a small network."""
    fewer = ["--neurons", "300", "--time", "5", "--repetitions", "2", "--folder", str(folder)]
    found = json.loads(run_python(["benchmarks/checkpoints.py", *arguments, *fewer], None, ROOT))
    if "--overhead" in arguments:
        assert set(found["seconds"]) == {"without", "with", "finer"}
        return
    assert set(found["seconds"]) == {"build", "save", "write", "restore"}
    assert {name: ratio["at most"] for name, ratio in found["ratios"].items()} == {
        "bytes / plastic weights": 1.1,
        "save / write": 2.0,
        "restore / build": 1.3,
    }


def check_start(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark prints a line for each phase, on one rank and once."""
    if sys.platform != "linux":
        pytest.skip("the benchmark reads memory as Linux tells it")
    launcher_of_tests = f"{' '.join(launcher())} -n {{ranks}}"
    fewer = ["--ranks", "1", "--repetitions", "1", "--launcher", launcher_of_tests]
    printed = run_python(["benchmarks/start.py", *arguments, *fewer], None, ROOT)
    assert [line.split()[0] for line in printed.splitlines()[2:]] == ["1"] * 5


def check_many_projections(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, with a small network."""
    fewer = ["--populations", "4", "--time", "10", "--repetitions", "1"]
    assert "one, the same edges" in run_python(["benchmarks/many_projections.py", *arguments, *fewer], None, ROOT)


def check_interval(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, for a few intervals of one network on one rank."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    core = str(min(os.sched_getaffinity(0)))
    fewer = ["--cases", "alpha, 1 population", "--ranks", "1", "--intervals", "20", "--repetitions", "1"]
    given = [*arguments, *fewer, "--cores", core, "--out", str(folder / "out.json")]
    assert "alpha, 1 population" in run_python(["benchmarks/interval.py", *given], None, ROOT)
    (row,) = json.loads((folder / "out.json").read_text())["rows"]
    assert (row["loop"], row["ranks"], row["intervals"]) == ("compiled", 1, 20)


def check_kernels(arguments: list[str], document: str, folder: Path) -> None:
    """The options are known. It compiles everything anew, too long for here; test_benchmark_kernels.py runs it."""
    parse = "import sys, kernels; kernels.parser().parse_args(sys.argv[1:])"
    run_python(["-c", parse, *arguments], None, ROOT / "benchmarks")


def check_exchange(arguments: list[str], document: str, folder: Path, ranks: Ranks = None) -> None:
    """The benchmark runs with these options, for a few exchanges; each plan has a time."""
    printed = run_python(["benchmarks/exchange.py", *arguments, "--exchanges", "3"], ranks, ROOT)
    assert {line.split()[0] for line in printed.splitlines()[1:]} >= {"allgather", "window", "nodes"}
