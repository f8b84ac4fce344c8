"""What the harness tells of its records: log lines, tables, figures, the page, comparisons, the list of points."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from distsim.core.errors import InputError
from distsim.scaling.experiment import Point, points_of
from distsim.scaling.report import figure_style, figures
from distsim.scaling.report.command import report, show
from distsim.scaling.report.compare import Change, compare
from distsim.scaling.report.figures import draw_all, draw_overview
from distsim.scaling.report.page import cores_of_ranks, facts, records_csv, summary_csv, table, weight_table
from distsim.scaling.report.summary import Spread, disagreements, point_line, summarize, with_speed
from distsim.scaling.store import Folder, read_failures
from tests.scaling_records import make_experiment, make_point, make_record, size_records, strong_records, weak_records

KINDS = {"size": size_records, "strong": strong_records, "weak": weak_records}


def save(path, records, settings=None):
    """An output folder with these records."""
    folder = Folder(path, make_experiment().identity(), settings or make_experiment().settings(), resume=False)
    for record in records:
        folder.add(record)
    folder.close()
    return str(path)


# Speed-up and efficiency


def test_strong_scaling():
    """S = T(1) / T(r), E = S / r."""
    one, two, four = (with_speed(r, strong_records()) for r in strong_records() if r["seed"] == 1 and "iaf" in str(r))
    assert (one["speedup"], one["efficiency"]) == (1.0, 1.0)
    assert two["speedup"] == pytest.approx(1.0 / 0.6)
    assert four["efficiency"] == pytest.approx(1.0 / 0.5 / 4)


def test_weak_scaling():
    """E = T(1) / T(r) where a rank has as many synapses on one as on r ranks; S = r E."""
    two = with_speed(weak_records()[1], weak_records())
    assert two["efficiency"] == pytest.approx(1.1 / 1.2)
    assert two["speedup"] == pytest.approx(2 * 1.1 / 1.2)
    grown = [{**r, "n_synapses": r["n_synapses"] * r["ranks"]} for r in weak_records()]  # in-degree grows with N
    assert with_speed(grown[1], grown)["efficiency"] == pytest.approx(2 * 1.1 / 1.2)


def test_size_scaling_has_no_efficiency():
    assert with_speed(size_records()[0], size_records())["efficiency"] is None


def test_the_base_is_the_fewest_ranks_there_are():
    records = [r for r in strong_records() if r["ranks"] > 1]
    assert with_speed(records[0], records)["efficiency"] == 1.0


# Summaries and tables


def test_spread_over_seeds():
    assert Spread.of([1.0, 3.0]) == Spread(2.0, 2.0**0.5)
    assert Spread.of([1.0]) == Spread(1.0, 0.0)
    assert Spread.of([1.0, None]) is None


def test_summaries_by_curve_size_and_ranks():
    rows = summarize(size_records())
    assert [(row.size, row.ranks) for row in rows] == [(1250, 1), (1250, 2), (2500, 1), (2500, 2)] * 2
    assert {row.curve for row in rows} == {"iaf_psc_alpha", "ignore_and_fire"}
    assert all((row.seeds, row.runs) == (2, 2) for row in rows)
    assert rows[0].values["sim_time"].mean == pytest.approx(1.4)
    assert rows[0].values["weight_upper"] == Spread(55.0, 0.0)
    assert rows[1].values["memory"].mean == 6e8


def test_settings_that_differ_are_part_of_the_name():
    rows = summarize([make_record(), make_record(precision="single")])
    assert [row.curve for row in rows] == ["iaf_psc_alpha, precision = double", "iaf_psc_alpha, precision = single"]
    assert summarize([make_record(variant={})])[0].curve == "two_population"


def test_table_has_a_line_per_point():
    text = table(summarize(size_records()))
    assert len([line for line in text.splitlines() if line.startswith(("iaf", "ign"))]) == 8
    assert "1.40 ± 0.07" in text
    assert "simulate" in text
    assert "efficiency" not in text
    missing = table(summarize([make_record(make_point("a")), make_record(kind="strong")]))
    assert [line.split()[9] for line in missing.splitlines() if " 1250 " in line] == ["-", "1.00"]


WEIGHTS = {"mean": 30.0, "sd": 25.0, "min": 0.0, "median": 31.5, "max": 1143.25}
WITH_WEIGHTS = {f"weight_{name}": value for name, value in WEIGHTS.items()} | {
    f"plastic_weight_{name}": 2.0 * value for name, value in WEIGHTS.items()
}


def test_five_statistics_of_both_sets_of_weights(tmp_path, monkeypatch, capsys):
    """On the terminal, in Markdown, on the page, as CSV and JSON; each network once, whatever its ranks."""
    monkeypatch.setattr(figures, "draw_all", lambda records, **options: {})
    records = [make_record(make_point(ranks=ranks), **WITH_WEIGHTS) for ranks in (1, 2)]
    assert report([save(tmp_path, records)]) == 0
    shown = (
        ["first 200 x 200", "30.0", "25.0", "0.000", "31.5", "1143"],
        ["all", "60.0", "50.0", "0.000", "63.0", "2286"],
    )
    printed = [line for line in capsys.readouterr().out.splitlines() if line.endswith(("1143", "2286"))]
    assert [re.split("  +", line)[4:] for line in printed] == list(shown)
    for name in ("report.md", "report.html"):
        text = re.sub(r" *(<[^>]*>|\|) *", "|", (tmp_path / name).read_text(encoding="utf-8"))
        text = re.sub(r"\|+", "|", text)
        assert all(text.count("|".join(row)) == 1 for row in shown)
    (row, _) = csv.DictReader((tmp_path / "summary.csv").read_text(encoding="utf-8").splitlines())
    assert {name: float(row[name]) for name in WITH_WEIGHTS} == WITH_WEIGHTS
    (row, _) = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert {name: row[name] for name in WITH_WEIGHTS} == WITH_WEIGHTS
    assert row["weight_max_sd"] == 0.0


def test_records_of_earlier_versions_have_fewer_statistics():
    text = weight_table([make_record()])
    assert text.splitlines()[-1].split()[-5:] == ["30.0", "25.0", "-", "-", "-"]
    assert weight_table([make_record(weight_mean=None, weight_sd=None)]) == ""


def test_oversubscribed_points_are_marked():
    text = table(summarize(strong_records()), "github")
    assert "| 4* |" in re.sub(" +", " ", text)
    assert "* more ranks than cores" in text
    assert "speed-up" in text


def test_disturbed_points_are_marked():
    """In tables, the log and figures; records of earlier versions do not say whether they were."""
    records = strong_records()
    records[0]["disturbed"] = True
    for record in records[1:]:
        del record["disturbed"]
    text = table(summarize(records), "github")
    ranks = [line.split("|")[2].strip() for line in text.splitlines() if " 1250 " in line]
    assert ranks == ["1!", "2", "4*", "1", "2", "4*"]
    assert "! other programs used the cores meanwhile: these times say nothing" in text
    assert "(other programs used the cores): build" in point_line(make_point(), records[0])
    crossed, others = (
        [line.get_marker() for line in draw_overview(which).axes[0].lines].count("x")
        for which in (records, records[1:])
    )
    assert (crossed, others) == (1, 0)


def test_tables_fit_a_terminal(tmp_path, monkeypatch, capsys):
    """Headings break before names do; the names of many settings wrap, and what then has no room is named."""
    monkeypatch.setattr(figures, "draw_all", lambda records, **options: {})
    other = make_record(make_point("a_model_of_mine"), exchange="nodes_directed")
    records = [*size_records(), *strong_records(), other]
    old = save(tmp_path, [{**r, **WITH_WEIGHTS, "network": str(i)} for i, r in enumerate(records)])
    assert report([old, "--out", str(tmp_path / "out")]) == 0
    assert compare([old, old]) == 0
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines() if "written" not in line) <= 100
    assert "not shown: peak memory, all ranks (MB)" in printed


def test_csv_holds_all_numbers():
    rows = list(csv.DictReader(io.StringIO(records_csv(strong_records()))))
    assert len(rows) == 12
    assert float(rows[0]["phase_times.wait.max"]) == 0.07
    assert rows[0]["variant.neuron_model"] == "iaf_psc_alpha"
    rows = list(csv.DictReader(io.StringIO(summary_csv(summarize(strong_records())))))
    assert float(rows[1]["efficiency"]) == pytest.approx(1.0 / 0.6 / 2)
    assert float(rows[0]["phase_update"]) == 0.06


def test_log_line():
    point = make_point(size=2500, ranks=2)
    line = point_line(point, make_record(point, compile_time=2.0, oversubscribed=True))
    assert line.startswith(
        "iaf_psc_alpha, N = 2500, seed 1, 2 ranks (oversubscribed): build 0.100 s, simulate 0.500 s "
        "(2 times faster than real time)"
    )
    assert "compile 2.0 s" in line
    assert "weight" not in line
    with_weights = point_line(point, make_record(point, **WITH_WEIGHTS)).splitlines()[1]
    assert with_weights == (
        "    weights (pA), mean, SD, min, median, max: first 200 x 200: 30.00, 25.00, 0.00, 31.50, 1143.25; "
        "all: 60.00, 50.00, 0.00, 63.00, 2286.50"
    )


# Agreement


def test_records_of_one_network_must_agree(tmp_path, capsys):
    assert disagreements(strong_records()) == []
    records = strong_records()
    records[2]["spike_hash"] = "c" * 64
    records[4]["n_synapses"] += 1
    errors = disagreements(records)
    assert len(errors) == 2
    assert "spike_hash aaaaaaaa... and cccccccc..." in errors[0]
    assert report([save(tmp_path, records)]) == 1
    assert "ERROR: iaf_psc_alpha, N = 1250, seed 1, 1 rank and" in capsys.readouterr().out
    assert 'class="error"' in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert list(tmp_path.glob("*.png")) == []  # a curve over different networks is none


# Figures and page


@pytest.mark.parametrize("kind", KINDS)
def test_figures_of_every_kind(kind):
    drawn = draw_all(KINDS[kind]())
    assert set(drawn) == {f"{kind}_{name}" for name in ("overview", "time", "phases", "speed", "memory")}
    assert len(drawn[f"{kind}_overview"].axes) == 3


@pytest.mark.parametrize("records", [[make_record()], [make_record(weight_mean=None, rate=0.0)]])
def test_a_single_record_can_be_drawn(records, tmp_path):
    draw_overview(records).savefig(tmp_path / "figure.png")


def test_published_panels(tmp_path):
    """Time of every rank count, rate and weights once: they are the same on all."""
    times, rates, weights = draw_overview(size_records()).axes
    assert [panel.get_ylabel() for panel in (times, rates, weights)] == [
        "simulation time (s)", "firing rate (1/s)", "synaptic weight (pA)",
    ]  # fmt: skip
    assert len(times.containers) == 4
    assert len(rates.containers) == 2
    assert len(weights.containers) == 4


def test_published_limits(tmp_path):
    """A point that runs away does not flatten the others; time has no limits, as published."""
    records = [*size_records(), make_record(make_point(seed=3), rate=40.0, weight_mean=900.0)]
    times, rates, weights = draw_overview(records, published_limits=True).axes
    assert (rates.get_ylim(), weights.get_ylim()) == ((0.5, 2.0), (10.0, 100.0))
    assert times.get_xlim() == rates.get_xlim() == weights.get_xlim() == (1250.0, 2500.0)
    assert draw_overview(records).axes[1].get_ylim()[1] > 10.0
    with pytest.raises(InputError, match="no points of kind size with plastic weights"):
        report([save(tmp_path, strong_records()), "--published-limits"])


def test_the_page_holds_everything_and_loads_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        figure_style,
        "image",
        lambda figure, kind, draw=figure_style.image: draw(figure, kind) if kind != "pdf" else b"",
    )
    folders = [save(tmp_path / name, strong_records()[part::2]) for part, name in enumerate("ab")]
    assert report([*folders, "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count('<img src="data:image/svg+xml;base64,') == 5
    assert "<script" not in page
    assert set(re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(\w+):""", page)) == {"data"}
    for text in ("iaf_psc_alpha", "a processor", "OMP_NUM_THREADS", "more ranks than cores"):
        assert text in page
    markdown = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    for name in re.findall(r"\((\S+\.png)\)", markdown):
        assert (tmp_path / "out" / name).exists()
    assert "| iaf_psc_alpha" in markdown


def test_report_of_nothing(tmp_path):
    with pytest.raises(InputError, match="is no output folder of the harness"):
        report([str(tmp_path)])
    with pytest.raises(InputError, match="no point is done yet"):
        report([save(tmp_path / "empty", [])])


def test_names_are_neither_markup_nor_formulas(tmp_path, monkeypatch, capsys):
    """Texts of records stand in Markdown, HTML and CSV as what they are."""
    monkeypatch.setattr(figures, "draw_all", lambda records, **options: {})
    names = ("<script>alert(1)</script>", "a|b", "[x](http://y)", "=1+1", "@a", "$\\frac$")
    records = [make_record(make_point(name), launch_line="<b>\ud800", environment={"=A": "-1"}) for name in names]
    assert report([save(tmp_path / "<i>", records)]) == 0
    markdown = (tmp_path / "<i>" / "report.md").read_text(encoding="utf-8")
    page = (tmp_path / "<i>" / "report.html").read_text(encoding="utf-8")
    for text in (markdown, page):
        assert not re.search("<script>|<b>|<i>", text)
        assert "&lt;script&gt;" in text
    assert r"a\|b" in markdown
    assert r"\[x\](http://y)" in markdown
    rows = list(csv.DictReader((tmp_path / "<i>" / "records.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["variant.neuron_model"] for row in rows][3:5] == ["'=1+1", "'@a"]
    assert rows[0]["environment.=A"] == "'-1"
    table_rows = csv.reader((tmp_path / "<i>" / "summary.csv").read_text(encoding="utf-8").splitlines())
    assert not any(cell.startswith(("=", "@")) for row in table_rows for cell in row)


# Comparison


def faster(records, factor, noise=0.0):
    return [{**r, "sim_time": r["sim_time"] * factor * (1 + noise * (-1) ** r["seed"])} for r in records]


def test_a_change_beyond_noise():
    assert Change.of([1.3]).verdict(0.1) == "worse"
    assert Change.of([1.05]).verdict(0.1) == "same"
    assert Change.of([1.3, 1.31, 1.29]).verdict(0.1) == "worse"
    assert Change.of([1.9, 0.9, 1.2]).verdict(0.1) == "same"  # 95 % interval of the mean: 0.49 to 3.3
    assert Change.of([0.5, 0.51, 0.52]).verdict(0.1) == "better"


def test_compare_exits_non_zero_on_a_regression(tmp_path, capsys):
    old = save(tmp_path / "old", strong_records())
    assert compare([old, old]) == 0
    assert compare([old, save(tmp_path / "slower", faster(strong_records(), 1.5, 0.001))]) == 1
    text = capsys.readouterr().out
    assert "worse" in text
    assert "1.500" in text
    assert "6 of 6 points are worse" in text
    assert compare([old, save(tmp_path / "noisy", faster(strong_records(), 1.5, 0.5))]) == 0
    assert compare([old, save(tmp_path / "faster", faster(strong_records(), 0.5))]) == 0
    assert compare([old, save(tmp_path / "little", faster(strong_records(), 1.05)), "--tolerance", "0.01"]) == 1


def test_compare_tells_what_is_not_comparable(tmp_path, capsys):
    old = save(tmp_path / "old", strong_records())
    new = [{**record, "spike_hash": "d" * 64} for record in strong_records()[1:]]
    assert compare([old, save(tmp_path / "new", new)]) == 0
    text = capsys.readouterr().out
    assert "1 runs are in OLD alone" in text
    assert "11 runs have other results than before" in text
    for tolerance in ("-1", "nan", "inf", "much"):
        with pytest.raises(InputError, match="--tolerance"):
            compare([old, old, "--tolerance", tolerance])
    with pytest.raises(InputError, match="no point in common"):
        compare([old, save(tmp_path / "other", size_records())])


# The list of points


def test_show_lists_done_failed_and_missing(tmp_path, capsys):
    settings = make_experiment(
        sizes=(1250, 2500), indegree=1250, vary={"neuron_model": ("iaf_psc_alpha",)}, seeds=(1, 2)
    )
    folder = Folder(tmp_path, settings.identity(), {**settings.settings(), "ranks": (1,)}, resume=False)
    first, second, third, _ = points_of(settings, 1)
    folder.add(make_record(first))
    folder.add(make_record(Point((), 1, 1, 1, 1)))
    folder.add_failure(second, "timed out after 5 s\nmore")
    folder.close()
    assert show([str(tmp_path)]) == 3
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.endswith("4 points: 1 done, 1 failed, 2 missing, and 1 points of other settings")
    assert lines[0] == f"  {first}: done, simulated in 0.500 s"
    assert lines[1] == f"  {second}: failed {read_failures(tmp_path)[0]['date']}: timed out after 5 s"
    assert lines[2] == f"  {third}: missing"


def test_the_cores_of_ranks_are_told_in_words():
    told = [cores_of_ranks(pinning) for pinning in (["0"], ["0-1", "0-1"], ["0", "1"], list("0123456789"), None)]
    assert told == [
        "1 rank on core 0", "2 ranks on any of cores 0-1", "2 ranks: rank 0 on 0, rank 1 on 1",
        f"10 ranks: {', '.join(f'rank {n} on {n}' for n in range(8))}, ...", None,
    ]  # fmt: skip
    held = dict(facts([make_record(pinning=["0"]), make_record(pinning=["0", "1"])]))
    assert held["cores of the ranks"] == "1 rank on core 0; 2 ranks: rank 0 on 0, rank 1 on 1"


def test_figures_say_ranks_machine_and_missing_points():
    records = [r for r in strong_records() if (r["ranks"], r["variant"]["neuron_model"]) != (2, "ignore_and_fire")]
    legend = draw_overview(records).legends[0]
    assert legend.get_title().get_text().splitlines()[1:] == [
        "1, 2 and 4 ranks on a processor", "missing: ignore_and_fire at 2 ranks",
    ]  # fmt: skip
    assert [text.get_text() for text in legend.get_texts()].count("ideal") == 1


def test_facts_may_hold_anything():
    """Records of other versions, or altered ones, have lists within lists."""
    record = {"versions": {"numba": ["1", ["2"], "1"]}, "environment": {"OMP": [[], {"a": 1}]}}
    assert facts([record]) == [("version of numba", "1 | ['2']"), ("OMP", "[] | {'a': 1}")]
