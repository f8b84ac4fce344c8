"""Whatever the harness is given, it answers by doing it or by one InputError: options, experiment files, results.

``--fuzz 20`` tries 20 times as many cases.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distsim.core.errors import InputError
from distsim.scaling.experiment import read_experiment
from distsim.scaling.options import parse
from distsim.scaling.report import command, figures
from distsim.scaling.report.command import show
from distsim.scaling.report.compare import compare
from distsim.scaling.report.figures import draw_overview
from distsim.scaling.session import Session
from distsim.scaling.settings import KINDS, MOST_POINTS, SETTINGS
from distsim.scaling.store import Folder
from tests.scaling_records import make_experiment, make_point, make_record, strong_records

NESTED_LIST, NESTED_TABLE = "[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000
DIGITS = "1" + 399 * "0"


def tried(request: pytest.FixtureRequest, examples: int, strategy: Any, check: Callable[[Any], None]) -> None:
    """Call ``check`` with so many cases of ``strategy``, times the option --fuzz."""
    limits = settings(
        max_examples=examples * request.config.getoption("--fuzz"), suppress_health_check=list(HealthCheck)
    )
    limits(given(strategy)(check))()


def planned(words: list[str], folder: Path) -> None:
    """A command line leads to a plan of points that can be run, or to an InputError, and leaves nothing then."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with Session(None, parse([*words, "--no-plot", "--out", str(folder)]), 1, 4) as session:
            plan = session.plan
    except InputError:
        assert not folder.exists()
        return
    except SystemExit:  # --help
        return
    assert 0 < len(plan.points) <= MOST_POINTS
    for point in plan.points:
        assert 1 <= point.ranks <= 4
        assert 1 <= point.size < 2**31
        assert 0 <= point.seed < 2**63
        assert point.indegree is None or 1 <= point.indegree <= point.size
        assert all(isinstance(value, str) or math.isfinite(value) for _, value in point.variant)
    assert 0.0 < plan.experiment.time <= 2**31 * 0.125


# Command lines

NUMBERS = (
    "0", "-1", "1", "2", "50", "101", "0.5", "1e3", "1e308", "-1e308", "1e-308", "1e999", "nan", "inf", "-inf", DIGITS,
    "9223372036854775808", "4294967296", "1000000000", "-0", "0x10", "1_000", "٣", "1e5",
)  # fmt: skip
TEXTS = (
    "", ",", "=", "g=", "=8", "g=8", "g=8,9", "g=nan", "g=" + DIGITS, "g=1e999", "neuron_model=iaf_psc_alpha", "x=[1",
    "seed=1", "dt=0.125", "dt=0.3", "true", "false", "size", "strong", "weak", "single", "two_population", "brunel",
    "binary_ei", "a" * 300, "a\ud800", "\0", "\n", "$\\frac$", "90s", "1h30m", "9" * 400 + "h", "mpirun -n {ranks}",
    "'{ranks}", "{ranks}", "{", "allgather", "no.toml", "/dev/zero", "/dev/null", "/proc/self/mem", ".",
)  # fmt: skip
NAMES = [f"--{name.replace('_', '-')}" for name in (*SETTINGS, "set", "timeout", "budget", "launcher")]
WORDS = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.text(max_size=6))
OPTION = st.builds(lambda name, words: [name, *words], st.sampled_from(NAMES), st.lists(WORDS, min_size=1, max_size=3))
SANE = [  # so that many command lines pass the first checks
    ["--sizes", "50"], ["--indegree", "20"], ["--time", "20"], ["--seeds", "1,2"], ["--vary", "g=4,5"],
    ["--kind", "strong", "--ranks", "1", "2"], ["--repetitions", "3"], ["--precision", "single"], ["--set", "eta=1.5"],
    ["--kind", "weak", "--size-per-rank", "50", "--ranks", "1,2", "--indegree-grows", "false"], ["--interval", "0.5"],
]  # fmt: skip
LINE = st.lists(st.one_of(st.sampled_from(SANE), OPTION), max_size=5).map(lambda found: [w for o in found for w in o])


def test_command_lines(request, tmp_path):
    tried(request, 120, LINE, lambda words: planned(["--sizes", "60", "--indegree", "20", *words], tmp_path / "out"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--repetitions", "1000000000"], "repetitions must be at most 100000, got 1000000000"),
        (["--repetitions", "100000", "--seeds", "1", "2"], "the experiment has 400000 points, more than 100000"),
        (["--vary", *(f"{name}={','.join(map(str, range(40)))}" for name in "abc")], "has 64000 networks, more than"),
        (["--sizes", "2147483648"], r"sizes\[0\] must be at most 2147483647"),
        (
            ["--kind", "weak", "--size-per-rank", "2147483647", "--ranks", "2", "--indegree-grows", "false"],
            "4294967294",
        ),
        (["--time", "1e308"], "time must be at most 1e\\+12 in size"),
        (["--seeds", DIGITS], r"seeds\[0\] must be at most 9223372036854775807, got 1000.*\.\.\."),
        (["--set", "g=1e999"], "parameters.g must be finite, got inf"),
        (["--set", f"g={DIGITS}"], r"parameters.g must be at most 9223372036854775807"),
        (["--vary", "g=4", "g=5"], "g is given twice"),
        (["--timeout", "5s"], "it needs --launcher"),
        (["--budget", "9" * 300 + "h"], "is longer than ten years"),
    ],
)
def test_what_no_machine_can_run_is_refused_at_once(words, message, tmp_path):
    if words[0] not in ("--kind", "--sizes"):
        words = ["--sizes", "60", *words]
    with pytest.raises(InputError, match=message):
        Session(None, parse([*words, "--indegree", "20", "--no-plot", "--out", str(tmp_path / "out")]), 1, 4)
    assert list(tmp_path.iterdir()) == []


# Experiment files

VALUES = (
    "0", "-1", "1", "60", "0.5", "1e308", "-1e308", "1e-308", "1e999", "nan", "inf", "-inf", DIGITS, "true", "[]",
    "[60]", "[1, 1]", "[nan]", "[[1]]", "[1, 'a']", "''", "'strong'", "'weak'", "{}", "{g = 8}", "{g = [8]}",
    "{g = [4, 5]}", "1979-05-27", "07:32:00", "0x" + 5000 * "f", "[" + "1," * 3000 + "1]", "[" * 300 + "]" * 300,
    NESTED_LIST, "{g = {g = 8}}", "{neuron_model = ['iaf_psc_alpha']}", "'" + 3000 * "a" + "'", '"\\u0000"', "20.0",
)  # fmt: skip
KEYS = (*SETTINGS, "nonsense", "parameters.g", "vary.g", "a.b.c", "'quoted key'", "[table]")
ENTRY = st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(" = ".join)
SANE_ENTRIES = ("sizes = [60]", "indegree = 20", "time = 20.0", "seeds = [1, 2]", "vary.g = [4, 5]", "repetitions = 2")
SANE_FILE = (
    "sizes = [60, 80]\nindegree = 20\ntime = 20.0\nseeds = [1, 2]\n[vary]\ng = [4.0, 5.0]\n[parameters]\neta = 1.5\n"
)
FILE = st.one_of(
    st.lists(st.one_of(st.sampled_from(SANE_ENTRIES), ENTRY), max_size=6, unique=True).map("\n".join),
    st.builds(
        lambda place, gone, put: SANE_FILE[:place] + put + SANE_FILE[place + gone :],
        st.integers(0, len(SANE_FILE)), st.integers(0, 9), st.one_of(st.text(max_size=5), st.sampled_from(VALUES)),
    ),
)  # fmt: skip


def test_experiment_files(request, tmp_path):
    file = tmp_path / "trial.toml"

    def check(text: str) -> None:
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        planned([str(file), "--model", "two_population"], tmp_path / "out")

    tried(request, 120, FILE, check)


@pytest.mark.parametrize("name", ["trial.toml", "runs.jsonl", "experiment.json", "failed.jsonl", "running.json"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "long"])
def test_what_is_no_file_is_not_waited_for(name, kind, tmp_path):
    folder = saved(tmp_path / "out", [make_record()])
    path = tmp_path / "trial.toml" if name == "trial.toml" else folder / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "a" * 300)
    reading = partial(read_experiment, path, {}) if name == "trial.toml" else partial(resumed, folder)
    with pytest.raises(InputError, match=r"cannot be read|is a link"):
        reading()


# Results

JSON_VALUES = (
    None, True, 0, -1, 1, 2**63, int(DIGITS), 0.5, -0.5, 1e308, 1e-308, 1e18, 1e-18, "", "a", "size", "weak", "\ud800",
    "=1+1", "<script>", "|", "$\\frac$", "x" * 3000, [], {}, [None], [1.0], [1e308], ["a"], {"a": 1}, {"a": {"b": []}},
    {"min": 1, "mean": 1, "max": 1}, {"busy": None}, {"busy": "a"},
)  # fmt: skip
LINES = (
    b"", b"null", b"[]", b"3", b"{}", b"{", b"\xff\xfe", b"\0", b'{"size": NaN}', b'{"size": 1e999}',
    NESTED_LIST.encode(), NESTED_TABLE.encode(), b'{"a":' * 30 + b"1" + b"}" * 30, b'{"variant": {}, "size": 1}',
)  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all entries of nested data."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for name, item in entries for place in [(*path, name), *paths(item, (*path, name))]]


def changed(data: dict[str, Any], change: tuple[int, Any]) -> dict[str, Any]:
    """``data`` with one entry replaced, or removed."""
    data = copy.deepcopy(data)
    found = paths(data)
    *way, last = found[change[0] % len(found)]
    held: Any = data
    for name in way:
        held = held[name]
    if change[1] == "removed":
        del held[last]
    else:
        held[last] = change[1]
    return data


CHANGE = st.tuples(st.integers(0, 10_000), st.one_of(st.sampled_from(JSON_VALUES), st.just("removed")))
STRONG = make_experiment(kind="strong", sizes=(1250,), indegree=1250, ranks=(1, 2), vary={"g": [4, 5]})
HEADER = {"identity": make_experiment().identity(), "settings": STRONG.settings()}
FAILURE = {**make_point().as_dict(), "reason": "timed out", "date": "2026-01-01"}


def saved(path: Path, records: list[dict[str, Any]]) -> Path:
    """An output folder with these records."""
    folder = Folder(path, HEADER["identity"], HEADER["settings"], resume=False)
    for record in records:
        folder.add(record)
    folder.close()
    return path


def resumed(folder: Path) -> None:
    Folder(folder, HEADER["identity"], HEADER["settings"], resume=True).close()


def answered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All commands do their work with ``folder``, or say what is wrong with it."""
    monkeypatch.setattr(figures, "draw_all", lambda records, **options: {})
    other = folder.with_name("other")
    for ask in (
        lambda: show([str(folder)]),
        lambda: command.report([str(folder), "--out", str(folder.with_name("report"))]),
        lambda: compare([str(folder), str(other)]),
        lambda: compare([str(other), str(folder), "--tolerance", "0"]),
        lambda: resumed(folder),
    ):
        with contextlib.suppress(InputError):
            ask()


def test_records(request, tmp_path, monkeypatch, capsys):
    saved(tmp_path / "other", strong_records())
    cases = st.lists(st.one_of(CHANGE, st.sampled_from(LINES)), min_size=1, max_size=3)

    def check(changes: list[Any]) -> None:
        records = strong_records()
        for number, change in enumerate(changes):
            if isinstance(change, tuple):
                records[number] = changed(records[number], change)
        lines = [json.dumps(record).encode() for record in records]
        lines += [change for change in changes if isinstance(change, bytes)]
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        saved(tmp_path / "out", [])
        (tmp_path / "out" / "runs.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        answered(tmp_path / "out", monkeypatch)

    tried(request, 80, cases, check)


@pytest.mark.parametrize(
    ("name", "valid"), [("experiment.json", HEADER), ("failed.jsonl", FAILURE), ("running.json", FAILURE)]
)
def test_other_files_of_a_folder(request, name, valid, tmp_path, monkeypatch, capsys):
    saved(tmp_path / "other", strong_records())

    def check(change: Any) -> None:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        saved(tmp_path / "out", [make_record(make_point(seed=7))])
        data = change if isinstance(change, bytes) else json.dumps(changed(valid, change)).encode()
        (tmp_path / "out" / name).write_bytes(data + b"\n")
        answered(tmp_path / "out", monkeypatch)

    tried(request, 40, st.one_of(CHANGE, st.sampled_from(LINES)), check)


@pytest.mark.parametrize("kind", KINDS)
def test_figures_of_any_names_and_numbers(kind):
    """Labels that look like formulas, are hidden by convention or very long; numbers at the ends of their range."""
    names = ("$\\frac$", "_hidden", "x" * 5000, "\0\x1b", "$", "中")
    times, weights = (0.0, 1e-18, 1e18, 1.0, 1.0, 1.0), (-1e18, 1e18, 0.0, None, 1.0, 1.0)
    records = [
        make_record(make_point(name, ranks=ranks), kind=kind, sim_time=time, weight_mean=weight, memory_peak=[time])
        for name, time, weight in zip(names, times, weights, strict=True)
        for ranks in (1, 2)
    ]
    assert figures.image(draw_overview(records), "png")
