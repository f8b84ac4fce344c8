"""Whatever is written on the command line of ``run``: a sentence and exit code 2, or a network of finite numbers.

Never a traceback, an endless computation, or a value that means nothing. ``--fuzz N`` tries N times as many.
"""

from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from distsim.__main__ import main
from distsim.binary.binary_simulation import BinarySimulation
from distsim.core.errors import InputError
from distsim.core.units import LARGEST
from distsim.models import registry
from distsim.models.liquid_state.trials import Trials
from distsim.models.model import SETTINGS
from distsim.parallel import machine
from distsim.rates.rate_simulation import RateSimulation
from distsim.spiking.simulation import Simulation
from tests.fuzzing import WORDS, Stopped, examples, time_limit

SMALL = {
    "two_population": ["N=50", "K=5", "T=2"],
    "brunel": ["order=20", "T=2", "T_mean_field=1"],
    "brunel_siegert": ["T=0.5"],
    "binary_ei": ["N=[20,20]", "K=[[2,2],[2,2]]", "T=5", "T_transient=1"],
    "liquid_state": ["pairs=1", "N_z=3"],
    "microcircuit": ["N_scaling=0.002", "K_scaling=0.01", "T=1", "T_presim=0"],
}
FEW = 20  # steps that are simulated of what was accepted
FREE = 1 << 23  # bytes that the machine seems to have


@pytest.fixture(autouse=True)
def _only_a_little(monkeypatch):
    """A machine of little memory, and simulations that end after a few steps, if all is finite."""
    monkeypatch.setattr(machine, "available_bytes", lambda: FREE)
    for kind in (Simulation, RateSimulation, BinarySimulation):
        monkeypatch.setattr(kind, "run", _stopping(kind.run))
    monkeypatch.setattr(Trials, "run", _stopped_trials)


def _stopping(run):
    def few(simulation, duration, progress=None, *, goes_on=False):
        run(simulation, min(duration, FEW * step_of(simulation)))
        assert simulation.network.size > 0
        check_finite(simulation)
        raise Stopped

    return few


def _stopped_trials(trials, duration, numbers, *rest):
    assert trials.network.size > 1
    for group in trials._local.groups:
        check_finite_group(group)
    raise Stopped


def step_of(simulation):
    """The time (ms) of a step, or between two updates of a binary neuron."""
    if isinstance(simulation, BinarySimulation):
        return simulation.network.size / simulation._loop.rate
    return simulation.dt


def check_finite(simulation):
    """Every state of every neuron, and every weight, is a number."""
    if isinstance(simulation, Simulation):
        for group in simulation._local.groups:
            check_finite_group(group)
        for table in simulation._local.tables:
            assert np.isfinite(table.table.weights).all()
    elif isinstance(simulation, RateSimulation):
        for population in simulation.network.populations:
            assert np.isfinite(simulation.current_rates(population)).all()
    else:
        for population in simulation.network.populations:
            assert np.isfinite(simulation.inputs(population)).all()


def check_finite_group(group):
    for name in group.model.state_variables if group.model.receives else ():
        assert np.isfinite(group.neurons.state(name)).all(), name


def run(words, capsys):
    """What ``python -m distsim`` says to the words: ended by code 2 and one sentence, or accepted."""
    try:
        with time_limit(300):
            code = main(words)
    except Stopped:
        capsys.readouterr()
        return None
    out, err = capsys.readouterr()
    assert code in (0, 2), err
    if code == 2:
        assert err.startswith("distsim: error: "), err
        assert len(err) < 1500, err
    assert "Traceback" not in out + err
    return code


NAMES = [(model, name) for model in registry.MODELS for name in registry.find(model).parameters.DEFAULTS]
NUMBERS = st.one_of(
    st.floats().map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(-30, 30).map(lambda x: f"{10.0**x:g}"),
    st.floats(-30, 30).map(lambda x: f"-{10.0**x:g}"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(-1e3, 1e3) | st.integers(-9, 99) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=9,
)
LISTS = st.lists(JSON, max_size=9).map(lambda value: json.dumps(value))
VALUES = st.one_of(st.sampled_from(WORDS), NUMBERS, NUMBERS, LISTS, st.text(max_size=9))


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(NAMES), VALUES)
@example(("two_population", "C_m"), "1e-308")
@example(("two_population", "tau_m"), "1e308")
@example(("two_population", "N"), "9" * 400)
@example(("two_population", "N"), "9" * 5000)
@example(("two_population", "K"), "2147483648")
@example(("two_population", "N"), "9223372036854775808")
@example(("brunel", "theta"), "1e-308")
@example(("brunel", "delay"), "1e8")
@example(("liquid_state", "A_EE"), "1e308")
@example(("liquid_state", "pairs"), "1000000000000")
@example(("binary_ei", "T"), "1e308")
@example(("binary_ei", "J"), "[" * 3000)
@example(("microcircuit", "delay_ex"), "1e12")
def test_values_of_parameters(capsys, parameter, value):
    model, name = parameter
    small = [pair for pair in SMALL[model] if not pair.startswith(f"{name}=")]
    run(["run", model, "--set", *small, f"{name}={value}"], capsys)


@settings(max_examples=examples(55), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["two_population", "brunel", "microcircuit"]), st.sampled_from(sorted(SETTINGS)), VALUES)
@example("two_population", "presimulation", "1e12")
@example("two_population", "interval", "1e-12")
@example("brunel", "interval", "1e12")
@example("brunel", "seed", "1e300")
def test_values_of_settings(capsys, model, setting, value):
    small = [pair for pair in SMALL[model] if not pair.startswith("T=") or setting != "time"]
    run(["run", model, "--set", *small, f"--{setting}={value}"], capsys)


@settings(max_examples=examples(55), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SMALL)), st.lists(st.tuples(st.integers(0, 99), VALUES), min_size=2, max_size=4))
def test_values_of_several_parameters(capsys, model, chosen):
    names = list(registry.find(model).parameters.DEFAULTS)
    values = {names[i % len(names)]: value for i, value in chosen}
    small = [pair for pair in SMALL[model] if pair.partition("=")[0] not in values]
    run(["run", model, "--set", *small, *(f"{name}={value}" for name, value in values.items())], capsys)


@settings(max_examples=examples(55), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            ["run", "list", "brunel", "--help", "-h", "--version", "--set", "--time", "--seed", "--from", "-"]
        )
        | st.sampled_from(WORDS)
        | st.text(max_size=5),
        max_size=6,
    )
)
def test_words_of_commands(capsys, words):
    run(words, capsys)


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SMALL)), JSON | st.just({"parameters": 1}), st.booleans())
@example("brunel", {"order": "9" * 400}, True)
def test_parameters_of_an_earlier_run(capsys, tmp_path, model, content, as_summary):
    path = tmp_path / "summary.json"
    data = {"model": model, "parameters": content} if as_summary else content
    path.write_text(json.dumps(data), encoding="utf-8")
    run(["run", model, "--set", *SMALL[model], "--from", str(path)], capsys)


def test_texts_that_are_no_files_of_parameters(capsys, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="ascii")
    (tmp_path / "deep.toml").write_text("N = " + "[" * 100_000, encoding="ascii")
    (tmp_path / "digits.toml").write_text(f"T = {'9' * 5000}", encoding="ascii")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    names = ("pipe", "deep.json", "deep.toml", "digits.toml", "bytes.toml", "none", "none/none", "a" * 300)
    for path in [*(tmp_path / name for name in names), "/dev/zero", tmp_path, "a\0b"]:
        assert run(["run", "brunel", "--from", str(path)], capsys) == 2
        assert run(["run", "binary_ei", "--populations", str(path)], capsys) == 2
    assert run(["run", "brunel", "--out", str(tmp_path / ("a" * 300))], capsys) == 2


@pytest.mark.parametrize("model", sorted(SMALL))
@pytest.mark.parametrize("seed", ["-1", "0", str(2**63 - 1), str(-(2**63)), "4.0"])
def test_any_seed_of_64_bits_is_accepted_by_every_model(capsys, model, seed):
    assert run(["run", model, "--set", *SMALL[model], "--seed", seed], capsys) is None
    for wrong in (str(2**63), str(-(2**63) - 1), "1.5", "one"):
        assert run(["run", model, "--set", *SMALL[model], "--seed", wrong], capsys) == 2


@pytest.mark.parametrize(("model", "name"), NAMES)
def test_no_parameter_may_be_larger_than_all_that_neurons_do(model, name):
    """Declared once, for all: numbers of at most 1e12 in size."""
    default = registry.find(model).parameters.DEFAULTS[name]
    if isinstance(default.value, float):
        for value in (1.01 * LARGEST, -1.01 * LARGEST, 1e308, math.inf, math.nan, 10**400):
            with pytest.raises(InputError, match=name):
                default.check(value, name)
