"""The harness without the engine: output folder, statistics, table, figure and provenance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distsim.errors import InputError
from distsim.record import provenance, surroundings
from distsim.record.jsonable import plain
from distsim.scaling import records
from distsim.scaling.experiment import Experiment, Point
from distsim.scaling.point import statistics
from distsim.scaling.report import Spread, point_line, summarize, table

FIRST = Point("iaf_psc_alpha", 1250, 1)


def make_record(point: Point = FIRST, ranks: int = 1, **values) -> dict:
    """A record with all fields that resuming, table and figure use."""
    experiment = Experiment()
    fields = dict(zip(records.KEY, experiment.key(point, ranks), strict=True))
    fields |= {"build_time": 0.1, "sim_time": 0.5, "compile_time": 0.0, "real_time_factor": 0.5, "rate": 1.0}
    fields |= {"weight_mean": 30.0, "weight_sd": 25.0, "memory_peak": [1e8] * ranks}
    return fields | values


# The output folder


def test_a_fresh_folder_gets_a_header(tmp_path):
    folder = tmp_path / "a" / "b"
    assert records.open_folder(folder, Experiment().identity(), resume=False) == []
    header = json.loads((folder / "experiment.json").read_text(encoding="utf-8"))
    assert header["indegree"] == 1250
    assert "sizes" not in header


def test_results_are_kept_unless_resumed(tmp_path):
    identity = Experiment().identity()
    records.open_folder(tmp_path, identity, resume=False)
    records.append(tmp_path / "runs.jsonl", make_record())
    with pytest.raises(InputError, match=r"already holds runs\.jsonl; --resume goes on"):
        records.open_folder(tmp_path, identity, resume=False)
    assert records.open_folder(tmp_path, identity, resume=True) == [make_record()]


def test_resume_refuses_another_experiment(tmp_path):
    records.open_folder(tmp_path, Experiment().identity(), resume=False)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for other, difference in [
        (Experiment(time=2000.0), "there time = 1000.0, here 2000.0"),
        (Experiment(indegree=1000), "there indegree = 1250, here 1000"),
        (Experiment(parameters={"g": 8}), r"there parameters.g = null, here 8"),
    ]:
        with pytest.raises(InputError, match=f"holds another experiment: {difference}"):
            records.open_folder(tmp_path, other.identity(), resume=True)
    records.open_folder(tmp_path, Experiment(sizes=(9999,), seeds=(5,)).identity(), resume=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_resume_refuses_results_without_header(tmp_path):
    records.append(tmp_path / "runs.jsonl", make_record())
    with pytest.raises(InputError, match=r"holds results, but no experiment\.json"):
        records.open_folder(tmp_path, Experiment().identity(), resume=True)


def test_foreign_figure_is_not_overwritten(tmp_path):
    (tmp_path / "network_size_scaling.png").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"already holds network_size_scaling\.png"):
        records.open_folder(tmp_path, Experiment().identity(), resume=False)


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        records.open_folder(tmp_path / "file" / "out", Experiment().identity(), resume=False)
    with pytest.raises(InputError, match="cannot be written"):
        records.open_folder(tmp_path / "file", Experiment().identity(), resume=True)


def test_records_survive_a_kill_at_any_byte(tmp_path):
    """Whatever part of the last line a killed job leaves, the earlier points stay and the next line is whole."""
    path = tmp_path / "runs.jsonl"
    first, second, third = (make_record(Point("iaf_psc_alpha", 1250, seed)) for seed in (1, 2, 3))
    records.append(path, first)
    start = path.stat().st_size
    records.append(path, second)
    whole = path.read_bytes()
    for length in range(start, len(whole) + 1):
        path.write_bytes(whole[:length])
        kept = [first, second] if length >= len(whole) - 1 else [first]
        assert records.read(path) == kept
        records.repair(path)
        records.append(path, third)
        assert records.read(path) == [*kept, third]
        assert path.read_bytes().endswith(b"\n")
        assert len(path.read_bytes().splitlines()) == len(kept) + 1


def test_torn_line_is_kept_aside(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"neuron_model": "iaf')
    records.repair(path)
    assert path.read_bytes() == b""
    assert (tmp_path / "runs.jsonl.torn").read_bytes() == b'{"neuron_model": "iaf\n'


def test_broken_line_elsewhere_is_an_error(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1: not a JSON object"):
        records.read(path)
    path.write_text('{"N": 1250}\n', encoding="utf-8")
    with pytest.raises(InputError, match="lacks the field 'neuron_model'"):
        records.read(path)


def test_points_are_told_apart_by_ranks_and_counted_once(tmp_path):
    path = tmp_path / "runs.jsonl"
    for ranks in (1, 2, 2):
        records.append(path, make_record(ranks=ranks))
    assert [record["ranks"] for record in records.read(path)] == [1, 2]
    assert {records.key(record) for record in records.read(path)} == {
        Experiment().key(Point("iaf_psc_alpha", 1250, 1), ranks) for ranks in (1, 2)
    }


def test_records_hold_plain_data(tmp_path):
    import numpy as np

    values = {
        "a": np.float64(1.5),
        "b": np.arange(2),
        "c": float("nan"),
        "d": (np.int64(3),),
        "e": True,
        "f": Path("x"),
    }
    assert plain(values) == {"a": 1.5, "b": [0, 1], "c": None, "d": [3], "e": True, "f": "x"}


# Statistics, table and figure


def test_weight_statistics():
    assert statistics([1.0, 2.0, 6.0]) == pytest.approx(
        {"mean": 3.0, "sd": (14 / 3) ** 0.5, "min": 1.0, "max": 6.0, "median": 2.0}
    )
    assert set(statistics([]).values()) == {None}


def test_spread_over_seeds():
    assert Spread.of([1.0, 3.0]) == Spread(2.0, 2.0**0.5)
    assert Spread.of([1.0]) == Spread(1.0, 0.0)
    assert Spread.of([1.0, None]) is None


def some_records() -> list[dict]:
    return [
        make_record(Point(model, size, seed), ranks, sim_time=size / 1000 + seed / 10, rate=1 + seed / 10)
        for model in ("iaf_psc_alpha", "ignore_and_fire")
        for size in (1250, 2500)
        for seed in (1, 2)
        for ranks in (1, 2)
    ]


def test_summaries_by_model_ranks_and_size():
    rows = summarize(some_records())
    assert [(row.ranks, row.size) for row in rows] == [(1, 1250), (1, 2500), (2, 1250), (2, 2500)] * 2
    assert all(row.seeds == 2 for row in rows)
    assert rows[0].sim_time.mean == pytest.approx(1.4)
    assert rows[0].weight_upper == Spread(55.0, 0.0)
    assert rows[2].memory == 2e8


def test_table_has_a_line_per_network():
    text = table(some_records())
    assert len([line for line in text.splitlines() if line.startswith(("iaf", "ign"))]) == 8
    assert "1.40 ± 0.07" in text
    assert "simulate" in text
    missing = table([make_record(weight_mean=None, weight_sd=None)])
    assert " - " in missing


def test_log_line():
    line = point_line(3, 12, make_record(compile_time=2.0))
    assert line.startswith(
        "[ 3/12] iaf_psc_alpha, N = 1250, seed 1: build 0.100 s, simulate 0.500 s (0.500 x real time)"
    )
    assert "compile 2.0 s" in line
    assert "weight" not in point_line(1, 1, make_record(weight_mean=None))


@pytest.mark.parametrize("some", [some_records(), [make_record()], [make_record(weight_mean=None, rate=0.0)]])
def test_figure_as_png_and_pdf(tmp_path, some):
    from distsim.scaling.figure import draw

    png, pdf = draw(some, tmp_path / "figure")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")


# Provenance


def test_environment_is_a_chosen_part():
    variables = {"NUMBA_CACHE_DIR": "a", "OMP_NUM_THREADS": "1", "HOME": "b", "OMP_NUM_THREADS_X": "c", "TOKEN": "d"}
    assert surroundings.environment(variables) == {"NUMBA_CACHE_DIR": "a", "OMP_NUM_THREADS": "1"}


def test_versions_and_machine():
    assert provenance.versions(provenance.PACKAGES)["numpy"]
    assert surroundings.cpu_model()
    assert surroundings.affinity()
    assert "python" in surroundings.launch_line()
