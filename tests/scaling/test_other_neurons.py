"""Scaling experiments with rate and binary neurons: records, curves and reports."""

from __future__ import annotations

import json

import pytest

from distsim.scaling.report.command import report
from distsim.scaling.report.figures import draw_overview
from distsim.scaling.session import run
from distsim.scaling.settings import PHASES
from tests import documents
from tests.threads import on_ranks

SIZES = {"brunel_siegert": ["--indegree", "20"], "binary_ei": ["--indegree", "18"]}
KINDS = {
    "size": ["--sizes", "60", "120"],
    "strong": ["--sizes", "120", "--ranks", "1", "2", "3"],
    "weak": ["--size-per-rank", "60", "--ranks", "1", "2", "--indegree-grows", "false"],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Of all kinds of experiments with both models."""
    folder = tmp_path_factory.mktemp("others")
    found = []
    for model, more in SIZES.items():
        for kind, points in KINDS.items():
            found.append(folder / f"{model}-{kind}")
            command = ["--model", model, "--kind", kind, *points, *more, "--time", "4", "--no-plot"]
            ranks = 3 if kind == "strong" else 2
            arguments = [*command, "--out", str(found[-1])]
            assert set(on_ranks(ranks, lambda comm, words=arguments: run(comm, words))) == {0}
    return found


def records_of(folders):
    lines = [line for folder in folders for line in (folder / "runs.jsonl").read_text().splitlines()]
    return [json.loads(line) for line in lines]


def test_records_hold_what_the_neurons_have(folders):
    text = documents.text_of("docs/scaling.md")
    for record in records_of(folders):
        binary = record["model"] == "binary_ei"
        assert (record["rate"] is None) is (record["dt_ms"] is None) is (record["rate_hash"] is None) is binary
        assert (record["activity"] is None) is (record["flip_hash"] is None) is not binary
        assert 4.0 <= record["bytes_per_synapse"] < 30.0 if not binary else record["bytes_per_synapse"] > 2.0
        for name in ("n_spikes", "spike_hash", "weight_mean", "n_events", "precision", "exchange"):
            assert record[name] is None
        assert set(record["phase_times"]) <= set(PHASES)
        assert all(f"`{name}`" in text for name in record if name.startswith("n_"))
        assert record["load_balance"]["busy"] >= 1.0
        assert record["build_time"] > 0.0


def test_one_network_is_the_same_on_any_number_of_ranks(folders):
    strong = [record for record in records_of(folders) if record["kind"] == "strong"]
    for model in SIZES:
        found = [record for record in strong if record["model"] == model]
        assert {record["ranks"] for record in found} == {1, 2, 3}
        assert len({(record["network"], record["rate_hash"], record["flip_hash"]) for record in found}) == 1
        assert len({(record["rate"], record["activity"]) for record in found}) == 1
        assert found[-1]["efficiency"] > 0.0


def test_reports_show_them_beside_each_other(folders, tmp_path, capsys):
    strong = [str(folder) for folder in folders if folder.name.endswith("strong")]
    assert report([*strong, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for shown in ("brunel_siegert", "binary_ei", "mean", "rate"):
        assert shown in printed
    assert (tmp_path / "strong_phases.png").stat().st_size > 10_000


def test_panels_are_those_that_there_are_values_for(folders):
    size = [record for record in records_of(folders) if record["kind"] == "size"]
    for model, middle in (("brunel_siegert", "firing rate (1/s)"), ("binary_ei", "mean activity")):
        panels = draw_overview([record for record in size if record["model"] == model]).axes
        assert [panel.get_ylabel() for panel in panels[1:]] == [middle, "peak memory, all ranks (MB)"]
