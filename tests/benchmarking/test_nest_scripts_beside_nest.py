"""benchmarks/nest_scripts.py: one script, each simulator in a process of its own."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests import benchmark_programs

SCRIPT = """
import sys
import nest

for times in ([1.0, 2.0], [3.0]):
    nest.ResetKernel()
    generator = nest.Create("spike_generator", params={"spike_times": times})
    neuron, recorder, meter = (nest.Create(name) for name in ("iaf_psc_alpha", "spike_recorder", "voltmeter"))
    nest.Connect(generator, neuron, syn_spec={"weight": 5.0})
    nest.Connect(generator, recorder)
    nest.Connect(meter, neuron)
    nest.Simulate(5.0)
print("given", sys.argv[1:], nest.rng_seed)
"""


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(benchmark_programs.BENCHMARKS))
    return importlib.import_module("nest_scripts")


def test_a_script_is_run_and_its_results_are_told(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    script = str(tmp_path / "script.py")
    done = benchmark_programs.run("nest_scripts.py", "--only", "distsim", "--output", script, "--fast")
    assert done.returncode == 0, done.stderr
    assert "given ['--fast'] 1\n" in done.stdout
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert [line for line in lines if line.startswith("spike_recorder")] == [
        "spike_recorder 2 events",
        "spike_recorder 1 events",
    ]
    assert (
        sum(line.startswith("connections 3 events, target ") and line.endswith(", weight 2.33333") for line in lines)
        == 2
    )
    assert sum(line.startswith("voltmeter 4 events, V_m ") for line in lines) == 2


def test_a_script_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import nest\nnest.Create('iaf_psc_alhpa')\n", encoding="utf-8")
    done = benchmark_programs.run("nest_scripts.py", "--only", "distsim", str(tmp_path / "script.py"))
    assert done.returncode == 1
    assert "did you mean 'iaf_psc_alpha'" in done.stdout


def test_other_events_are_seen(benchmark: Any, capsys: pytest.CaptureFixture) -> None:
    events = {"times": [1.0, 2.0], "senders": [3, 4], "V_m": [-70.0, -60.0]}
    one = {"name": "voltmeter", **benchmark.contents(events)}
    turned = {name: values[::-1] for name, values in events.items()}
    assert benchmark.alike(one, {"name": "voltmeter", **benchmark.contents(turned)})
    for other in ({"times": [1.0, 2.1]}, {"senders": [3, 5]}, {"V_m": [-70.0, -60.1]}):
        assert not benchmark.alike(one, {"name": "voltmeter", **benchmark.contents(events | other)})
    run = {"all": 2.0, "prepare": 0.0, "simulate": 1.0, "run": 0.5, "recorders": [one]}
    benchmark.compare({"NEST": [run | {"all": 6.0}], "distsim": [run]})
    told = capsys.readouterr().out
    assert "all: 3 times as fast" in told
    assert "prepare: nothing to compare" in told
    assert "same events: yes" in told
