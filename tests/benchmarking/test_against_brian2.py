"""The benchmark against Brian2: its options, distsim's side, the check of spikes. No test looks at a wall time."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import benchmark_programs
from tests.benchmark_programs import BENCHMARKS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="cores are pinned as Linux does it")
SMALL = ["--distsim-only", "--trials", "2", "--distsim-trials", "3", "--repetitions", "2", "--time", "200"]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import against_brian2

    return against_brian2


def test_distsim_alone(tmp_path: Path) -> None:
    done = benchmark_programs.run("against_brian2.py", *SMALL, "--out", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    assert "ms per trial" in done.stdout
    result = json.loads((tmp_path / "out.json").read_text())
    record = result["programs"]["distsim"]
    assert len(record["seconds"]) == 2
    assert len(record["spike_counts"]) == 2
    assert min(record["spike_counts"]) > 0
    assert result["same_spikes"] is True


def test_other_spikes_are_seen(benchmark: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """Exit code 1 where Brian2 has another spike."""
    spikes = iter([[[1, 2]], [[1, 3]]])

    def record(*_: Any) -> dict[str, Any]:
        return {"seconds": [1e-3, 2e-3, 4e-3], "spikes": [next(spikes)]}

    monkeypatch.setattr(benchmark, "_record", record)
    monkeypatch.setattr(benchmark, "check_brian2", lambda python: None)
    assert benchmark.main(["--targets", "numpy"]) == 1
    printed = capsys.readouterr().out
    assert "NOT THE SAME SPIKES" in printed
    assert "Brian2, numpy" in printed


def test_what_brian2_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every edge with its parameters, and the steps in which Brian2's stimulus fires."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import distsim_liquid
    from mpi4py import MPI

    from distsim.models.liquid_state import MODEL, stimuli
    from distsim.models.liquid_state.trials import Trials

    p = MODEL.load({"T": 60.0})
    trials = Trials(MODEL.build_network(p), MPI.COMM_SELF, p.seed)
    trains = [stimuli.on_grid(train, p) for train in stimuli.poisson_trains(p, 3)]
    arrays = distsim_liquid.explicit(p, trials, trains)
    counts = trials.synapse_counts()
    for name in ("EE", "EI", "IE", "II"):
        assert arrays[f"edges_{name}"].shape == (counts[f"{name[0]}->{name[1]}"], 6)
        assert (arrays[f"edges_{name}"][:, 3:] > 0.0).all()
    assert arrays["V"].shape == (3, 135)
    assert [(row >= 0).sum() for row in arrays["stimulus"]] == [len(train) for train in trains]
    assert np.unique(arrays["V"]).size == 3 * 135


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--brian2-python", "/nowhere/python"], "--brian2-python: /nowhere/python cannot be run"),
        (["--brian2-python", sys.executable], "has no module brian2"),
        ([*SMALL, "--core", "4096"], "--core 4096 is not among"),
        ([*SMALL, "--time", "0.05"], "not a positive multiple of 0.1 ms"),
        ([*SMALL, "--out", __file__], "exists and is not overwritten"),
    ],
)
def test_wrong_options(arguments: list[str], message: str) -> None:
    benchmark_programs.check_refused("against_brian2.py", arguments, message)
