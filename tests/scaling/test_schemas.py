"""The JSON Schemas of the package hold for what distsim writes; NEST's timers add up to the phases."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from distsim import InputError, load_records, run_point
from distsim.__main__ import main
from distsim.scaling.nest_timers import TIMERS
from distsim.scaling.record_fields import PHASES, check_record
from distsim.scaling.store import Folder
from tests.scaling_records import make_experiment, make_record, size_records


def validator(package: str, name: str) -> Any:
    schema = json.loads((resources.files(package) / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.fixture(scope="module")
def runs():
    return validator("distsim.scaling", "runs.schema.json")


@pytest.fixture(scope="module")
def point():
    return json.loads(json.dumps(run_point(model="two_population", size=60, indegree=20, time=20.0)))


def test_a_record_is_as_its_schema_says(runs, point):
    runs.validate(point)
    assert point["format"] == 1
    assert set(point) - set(runs.schema["properties"]) <= {"pinning"}  # every field is told


def test_records_of_earlier_versions_are_so_too(runs, pytestconfig):
    for path in (pytestconfig.rootpath / "scaling" / "results").rglob("runs.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            runs.validate(json.loads(line))


@pytest.mark.parametrize(
    ("field", "value"), [("ranks", 0), ("sim_time", None), ("phase_times", {"update": {}}), ("format", "1")]
)
def test_the_schema_refuses_what_the_reader_refuses(runs, point, field, value):
    wrong = point | {field: value}
    assert not runs.is_valid(wrong)
    with pytest.raises(InputError):
        check_record(wrong, "line 1")


def test_a_record_of_a_later_format_is_refused():
    with pytest.raises(InputError, match="format must be 1, the format that this version of distsim reads, got 2"):
        check_record(make_record(format=2), "line 1")


@pytest.mark.parametrize("model", [["two_population", "--set", "N=60", "K=20"], ["brunel_siegert"]], ids=lambda m: m[0])
def test_a_summary_is_as_its_schema_says(model, tmp_path, capsys):
    assert main(["run", *model, "--time", "20", "--record", "none", "--out", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    validator("distsim.command", "summary.schema.json").validate(found)
    assert found["format"] == 1


def test_nest_timers_are_sums_of_phases(tmp_path: Path):
    folder = Folder(tmp_path / "out", make_experiment().identity(), make_experiment().settings(), resume=False)
    for record in size_records():
        folder.add(record)
    folder.close()
    found = load_records(tmp_path / "out").nest_timers()
    table = found.columns()
    assert table["time_update"] == [0.07] * len(size_records())
    assert table["num_processes"] == [record["ranks"] for record in size_records()]
    assert table["time_simulate"] == table["wall_time_sim"]
    assert set(table["total_memory"]) == {int(3e8) // 1024}
    assert {phase for phases in TIMERS.values() for phase in phases} < set(PHASES)
