"""What ``python -m distsim`` is asked for, and what it tells of itself: no engine, no MPI."""

from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from distsim import __version__
from distsim.command.request import Request, parse
from distsim.command.texts import limits, parameter_table
from distsim.core.errors import InputError
from distsim.models import model, registry
from distsim.models.defaults import Default
from distsim.models.recording import GRAMMAR, Recording

MODEL = "two_population"


def wrong(*arguments: str) -> str:
    with pytest.raises(InputError) as caught:
        parse(list(arguments))
    return str(caught.value)


def test_options_become_overrides():
    line = ["run", MODEL, "--set", "g=8", "allow_autapses=true", "--set", "N=2500", "--seed", "3", "--time", "200"]
    values = {"g": 8, "allow_autapses": True, "N": 2500, "T": 200, "seed": 3}
    assert parse(line) == Request(MODEL, values, None)
    assert parse([*line, "--out", "here"]) == Request(MODEL, values, Path("here"))
    assert parse(["run", MODEL, "--neuron-model", "x"]) == Request(MODEL, {"neuron_model": "x"}, None)


def test_wrong_command_lines_name_what_is_near():
    assert "unknown command 'rum'; did you mean 'run'?" in wrong("rum")
    assert "unknown model 'two_populations'; did you mean 'two_population'? (a network of" in wrong(
        "run", "two_populations"
    )
    assert "unknown option '--tme'; did you mean '--time'?" in wrong("run", MODEL, "--tme", "3")
    assert "'g' is not of the form NAME=VALUE" in wrong("run", MODEL, "--set", "g")
    assert "g is given twice" in wrong("run", MODEL, "--set", "g=1", "g=2")
    assert "T is given twice, by --time and by --set T=..." in wrong("run", MODEL, "--set", "T=1", "--time", "2")
    assert "'g=8' is one argument too many; parameters are set by --set" in wrong("run", MODEL, "g=8")
    assert "the model comes first" in wrong("run", "--time", "3")
    assert "expected one argument" in wrong("run", MODEL, "--time")
    assert "unknown option '--all'" in wrong("list", "--all")


def test_parameters_come_from_the_summary_of_a_run(tmp_path):
    path = tmp_path / "summary.json"
    parameters = registry.find(MODEL).load({"g": 7.5, "seed": 4}).as_dict()
    path.write_text(json.dumps({"model": MODEL, "parameters": parameters}), encoding="utf-8")
    request = parse(["run", MODEL, "--from", str(path), "--seed", "5"])
    assert isinstance(request, Request)
    loaded = registry.find(MODEL).load(request.overrides)
    assert loaded.as_dict() == {**parameters, "seed": 5}
    path.write_text(json.dumps({"model": "other", "parameters": {}}), encoding="utf-8")
    assert "is of the model 'other', not of 'two_population'" in wrong("run", MODEL, "--from", str(path))
    path.write_text("[]", encoding="utf-8")
    assert "is not the summary.json of a run" in wrong("run", MODEL, "--from", str(path))
    assert "cannot be read: No such file" in wrong("run", MODEL, "--from", str(tmp_path / "none.json"))


# ---------------------------------------------------------------- texts


def test_help_teaches_by_examples_that_hold():
    """Every example of the page is understood."""
    page = parse(["--help"])
    assert page == parse([]) == parse(["-h"])
    assert isinstance(page, str)
    lines = [line.split("python -m distsim ")[1] for line in page.splitlines() if line.startswith("  python")]
    assert len(lines) >= 4
    for line in lines:
        parse(shlex.split(line))
    assert parse(["--version"]) == f"distsim {__version__}\n"


def test_all_models_are_listed():
    listed = parse(["list"])
    assert isinstance(listed, str)
    assert [line.split()[0] for line in listed.splitlines()] == [*registry.MODELS, "FILE.py"]
    assert str(parse(["run", "--help"])).count("\n") > len(registry.MODELS)


@pytest.mark.parametrize("name", registry.MODELS)
def test_help_of_a_model_shows_all_of_its_parameters(name):
    page = parse(["run", name, "--help"])
    assert isinstance(page, str)
    assert registry.find(name).line in page
    rows = {line.split()[0]: line for line in page.split("set by --set NAME=VALUE:")[1].splitlines() if line.strip()}
    for parameter, default in registry.find(name).parameters.DEFAULTS.items():
        assert default.unit in rows[parameter]
        assert default.meaning.split()[0] in rows[parameter]
    assert max(map(len, page.splitlines())) <= 160


@pytest.mark.parametrize("name", registry.MODELS)
def test_help_of_a_model_needs_neither_engine_nor_mpi(name):
    code = f"from distsim.__main__ import main; import sys; main(['run', {name!r}, '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {module.split(".")[0] for module in done.stdout.splitlines()[-1].split()}
    assert loaded & {"numba", "mpi4py", "h5py", "matplotlib", "pydantic"} == set()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"low": 0.0}, ">= 0"),
        ({"above": 0.0}, "> 0"),
        ({"above": 0.0, "below": 1.0}, "0 < x < 1"),
        ({"low": 0.0, "high": 1.0}, "0 <= x <= 1"),
        ({"high": 5.0}, "<= 5"),
        ({}, ""),
    ],
)
def test_limits_are_readable(given, shown):
    assert limits(Default(1.0, "mV", "m", "s", **given)) == shown


def test_the_table_of_parameters_is_lined_up():
    table = parameter_table("m", {"a": Default(True, "", "x " * 60, "s"), "long_name": Default(2.5, "mV", "y", "s")})
    lines = table.splitlines()
    column = lines[1].index("meaning")
    assert {line[column] for line in lines[3:]} == {"x", "y"}
    assert all(line[column - 1] == " " for line in lines[1:] if len(line) > column)
    assert "true | false" in table


# ---------------------------------------------------------------- models


@pytest.mark.parametrize("name", registry.MODELS)
def test_models_have_all_that_the_command_line_asks_for(name):
    found = registry.find(name)
    parameters = found.parameters
    assert name == found.name == parameters.MODEL
    assert {*found.shortcuts.values(), *found.parameter_of.values()} <= set(parameters.DEFAULTS)
    values = found.load({})
    assert list(values.as_dict()) == [*parameters.DEFAULTS, *parameters.DERIVED]
    json.dumps(values.as_dict(), allow_nan=False)


@pytest.mark.parametrize("name", registry.scalable())
def test_a_spiking_model_can_be_made_small(name):
    found = registry.find(name)
    small = found.load(found.resized(495, None))  # a multiple of 5 and 9, which some models ask for
    assert found.build_network(small).size == pytest.approx(495, rel=0.05)


def test_settings_of_a_run_have_options_or_are_parameters():
    """Those that the model has as parameters are the same by either way."""
    line = ["run", "brunel", "--presimulation", "5", "--precision", "single", "--exchange", "allgather", "--time", "2"]
    assert parse([*line, "--interval", "0.5"]) == Request(
        "brunel", {"presimulation": 5, "T": 2}, None, {"precision": "single", "exchange": "allgather", "interval": 0.5}
    )
    assert parse(["run", MODEL, "--presimulation", "5"]) == Request(MODEL, {}, None, {"presimulation": 5.0})
    for option in ("--presim", "--presimulation"):
        assert parse(["run", "microcircuit", option, "5"]) == Request("microcircuit", {"T_presim": 5}, None)
    assert "presimulation is given twice" in wrong("run", "brunel", "--presimulation", "5", "--set", "presimulation=5")
    assert "option --precision must be one of double, single" in wrong("run", MODEL, "--precision", "half")
    assert "option --interval must be larger than 0" in wrong("run", MODEL, "--interval", "0")
    assert "did you mean 'alltoall'?" in wrong("run", MODEL, "--exchange", "altoall")
    assert "unknown option '--precision'" in wrong("run", "binary_ei", "--precision", "single")


def test_settings_of_a_run_have_a_default_each():
    assert set(model.SETTINGS) == {field.name for field in dataclasses.fields(model.RunSettings)}


def test_what_is_recorded_is_chosen():
    asked = parse(["run", MODEL, "--record", "spikes=E[:100]", "connectivity", "--time", "5", "--record", "states=V_m"])
    assert asked.recording == Recording.of(["spikes=E[:100]", "connectivity", "states=V_m"])
    assert parse(["run", MODEL]).recording is None
    assert "record 'spice': there is no such recording; did you mean 'spikes'?" in wrong(
        "run", MODEL, "--record", "spice"
    )
    assert "unknown option '--record'" in wrong("run", "liquid_state", "--record", "none")
    assert GRAMMAR in parse(["run", MODEL, "--help"])
    assert GRAMMAR not in parse(["run", "liquid_state", "--help"])


def test_settings_come_from_the_summary_of_a_run(tmp_path):
    path = tmp_path / "summary.json"
    held = {
        "model": MODEL,
        "parameters": {},
        "precision": "single",
        "presimulation": 3.0,
        "interval": None,
        "time": 9.0,
    }
    path.write_text(json.dumps(held), encoding="utf-8")
    assert parse(["run", MODEL, "--from", str(path), "--presimulation", "1"]) == Request(
        MODEL, {}, None, {"precision": "single", "presimulation": 1.0}
    )
    path.write_text(json.dumps({**held, "record": ["spikes=E"]}), encoding="utf-8")
    asked = ["run", MODEL, "--from", str(path)]
    assert parse(asked).recording == Recording.of(["spikes=E"])
    assert parse([*asked, "--record", "none"]).recording == Recording.of(["none"])
    for value in (5, "spikes", {"spikes": 1}, [], ["spices"]):
        path.write_text(json.dumps({**held, "record": value}), encoding="utf-8")
        assert wrong(*asked).startswith("record")
    path.write_text(json.dumps({**held, "precision": 3}), encoding="utf-8")
    assert "summary.json': precision must be one of" in wrong("run", MODEL, "--from", str(path))
