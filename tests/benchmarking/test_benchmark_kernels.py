"""The benchmark of kernels: its options, how it reads assembly and operations, a tiny run. No test looks at a time."""

import json
import os
import sys
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import pytest

from tests import benchmark_programs
from tests.benchmark_programs import BENCHMARKS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="cores are pinned as Linux does it")

ITEMS = {"neuron and step", "count", "event", "synapse", "interval"}


LN_2 = 0.6931471805599453


def some_function(x: float) -> float:
    return (x * LN_2 + 1.0 / 3.0) / (x - 2.0 * LN_2) * x


def run(*arguments: str) -> CompletedProcess[str]:
    return benchmark_programs.run("kernels.py", *arguments)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import machine_limits

    return machine_limits


@pytest.fixture
def assembly(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import assembly

    return assembly


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What a tiny run prints and stores."""
    if (os.cpu_count() or 1) < 4 and "DISTSIM_LONG_TESTS" not in os.environ:
        pytest.skip("half a minute of compilation on few cores: set DISTSIM_LONG_TESTS=1")
    out = tmp_path_factory.mktemp("kernels") / "result.json"
    done = run("--neurons", "500", "--indegree", "125", "--repetitions", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(out.read_text())


def test_help_describes_the_measurement() -> None:
    done = run("--help")
    assert done.returncode == 0, done.stderr
    assert "--core" in done.stdout
    assert "random read-modify-writes" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--neurons", "0"], "0 is not a positive whole number"),
        (["--neurons", "9"], "at least 10"),
        (["--indegree", "9"], "at least 10"),
        (["--core", "100000"], "name one of"),
        (["--out", "nowhere/result.json"], "its folder does not exist"),
    ],
)
def test_wrong_input_ends_with_one_message_and_exit_code_2(arguments: list[str], message: str) -> None:
    benchmark_programs.check_refused("kernels.py", arguments, message)


def test_existing_results_are_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    out.write_text("kept")
    done = run("--out", str(out))
    assert done.returncode == 2
    assert "is not overwritten" in done.stderr
    assert out.read_text() == "kept"


@pytest.mark.slow  # compiles every kernel anew: assembly cannot be had from the cache
def test_a_tiny_run_stores_every_row_beside_its_limit(tiny: tuple[str, dict[str, Any]]) -> None:
    _, result = tiny
    assert result["benchmark"] == "kernels"
    assert (result["N"], result["K"], result["delay_steps"], result["repetitions"]) == (500, 125, 12, 1)
    assert result["command"].startswith("python benchmarks/kernels.py --core ")
    assert {"date", "cpu", "cores", "memory", "commit"} <= set(result["machine"])
    assert {"distsim", "numpy", "numba"} <= set(result["versions"])
    assert 0 < result["core_share"] <= 1
    names = [row["name"] for row in result["rows"]]
    assert len(set(names)) == len(names)
    assert {row["per"] for row in result["rows"]} == ITEMS
    for row in result["rows"]:
        assert 0 < row["ns"]["min"] <= row["ns"]["median"] <= row["ns"]["max"]
        assert row["items"] > 0
        assert row["limit_ns"] == max(bound["ns"] for bound in row["limits"]) > 0
        assert row["times_the_limit"] == pytest.approx(row["ns"]["median"] / row["limit_ns"])
        assert row["binds"] in {bound["binds"] for bound in row["limits"]}
        assert row["registers"] is None or row["registers"]["widest"] in {"zmm", "ymm", "xmm", "scalar", "unknown"}


@pytest.mark.slow  # see above
def test_a_tiny_run_counts_its_work(tiny: tuple[str, dict[str, Any]]) -> None:
    _, result = tiny
    items = {row["name"]: row["items"] for row in result["rows"]}
    assert items["iaf_psc_alpha, one current"] == items["ignore_and_fire"] == 500 * 12
    assert items["build: draw"] == items["build: in total"] == 400 * 100
    events = items["static event, one weight and delay"]  # of 100 among 400 sources of 100 synapses each on average
    assert 0.5 * 100 * 100 < events < 2 * 100 * 100
    levels = [entry["level"] for entry in result["bandwidth_GB_per_s"]]
    assert levels == ["L1", "L2", "beyond L2"]
    assert all(entry[kind] > 0 for entry in result["bandwidth_GB_per_s"] for kind in ("read", "copy", "update"))
    assert all(value > 0 for value in result["peak"].values())


@pytest.mark.slow  # see above
def test_a_tiny_run_prints_a_sentence_for_each_row(tiny: tuple[str, dict[str, Any]]) -> None:
    printed, result = tiny
    assert "times the limit" in printed
    for row in result["rows"]:
        assert f"- {row['name']}: bound by {row['binds']}: " in printed


def test_operations_are_counted_in_the_source(limits: Any) -> None:
    counted = limits.operations_of(SimpleNamespace(py_func=some_function))
    assert counted == limits.Operations(multiplications=2, additions=2, divisions=1)
    assert str(counted) == "2 multiplications, 2 additions, 1 division"
    assert counted * 1.5 + limits.Operations(1, 0) == limits.Operations(4, 3, 2)


def test_loops_of_limits_do_all_their_operations(limits: Any) -> None:
    import numpy as np

    x, y = np.array([1.0, 2.0]), np.empty(2)
    loop = limits.arithmetic_loop(limits.Operations(9, 12, 1)).py_func
    loop(x, y, np.array([2.0, 2.0, 2.0, 2.0]), 1.0, 1)
    # two pairs in each of the 4 chains, one pair more in the first, division of the last by the first factor; 3 sums
    two = 4.0 * x + 3.0
    np.testing.assert_array_equal(y, (2.0 * two + 1.0) + two + two + two / 2.0)
    counts = np.array([3, 5], np.uint64)
    result = np.empty(2, np.uint64)
    limits.multiplication_loop(2).py_func(counts, result, np.uint64(3), np.uint64(0), 1)
    np.testing.assert_array_equal(result, 9 * counts)


def test_working_sets_grow(limits: Any) -> None:
    sizes = limits.working_sets()
    assert list(sizes) == ["L1", "L2", "beyond L2"]
    assert sizes["L1"] < sizes["L2"] < sizes["beyond L2"]


def test_packed_instructions_are_told_from_scalar_ones_and_moves(assembly: Any) -> None:
    text = """
        vmulpd\t%zmm1, %zmm2, %zmm3
        vaddpd\t(%rax), %ymm2, %ymm3
        vpmullq\t%zmm1, %zmm2, %zmm3
        vcvtqq2pd\t%zmm1, %zmm1
        vcmpltpd\t%zmm1, %zmm2, %k1
        vmulsd\t%xmm1, %xmm2, %xmm3
        vcvtsi2sd\t%rax, %xmm1, %xmm1
        vmovups\t%zmm1, (%rax)
        vpbroadcastq\t%rax, %zmm1
        vpxor\t%xmm1, %xmm1, %xmm1
        addq\t%rax, %rbx
    """
    assert assembly.packed_instructions(text) == {"zmm": 4, "ymm": 1}
    assert assembly.packed_instructions("\taddq\t%rax, %rbx\n") == {}
