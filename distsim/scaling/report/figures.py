"""The figures of a scaling experiment."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from distsim.core.units import MS_PER_S
from distsim.scaling.experiment import KINDS
from distsim.scaling.report import panels, style
from distsim.scaling.report.summary import Summary, summarize

Record = Mapping[str, Any]
MOST_PHASES = 12
"""Curves whose phases are drawn: each takes two panels, and a figure cannot be of any width. Tables hold all."""
WIDTH = 180.0
"""Of a page's figure (mm)."""


def draw_all(records: Sequence[Record]) -> dict[str, Any]:
    """All figures by file name, kind by kind."""
    figures: dict[str, Any] = {}
    for kind in KINDS:
        of_kind = [record for record in records if record["kind"] == kind]
        if of_kind:
            summaries = summarize(of_kind)
            overview = {f"{kind}_overview": draw_overview(of_kind)}
            figures |= overview | {f"{kind}_{name}": drawn(of_kind, summaries) for name, drawn in _FIGURES.items()}
    return figures


def draw_overview(records: Sequence[Record]) -> Any:
    """The figure of an experiment.

    Over network size the published one: simulation time, rate, weights; over ranks simulation time, efficiency and
    the shares of the phases. Points are means over seeds and repetitions, error bars standard deviations.
    """
    summaries = summarize(records)
    if not style.over_size(summaries):
        return _over_ranks(records, summaries)
    networks = summarize(_once(records))
    with style.canvas(3, WIDTH, 70.0) as (figure, (times, rates, weights)):
        panels.times(times, summaries)
        panels.rates(rates, networks)
        panels.weights(weights, networks)
        style.legend(figure, times, _title(records))
    return figure


def _over_ranks(records: Sequence[Record], summaries: Sequence[Summary]) -> Any:
    with style.canvas(3, WIDTH, 75.0) as (figure, (times, efficiencies, shares)):
        panels.times(times, summaries)
        panels.efficiencies(efficiencies, summaries)
        name, points = next(iter(style.curves(summaries).items()))
        panels.phases(shares, points, share=True, chosen=panels.RUN_PHASES)
        shares.set_title(style.label(name), fontsize=8)
        shares.set_ylabel("share of the simulation time")
        shares.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
        style.legend(figure, times, _title(records))
    return figure


def _time(records: Sequence[Record], summaries: Sequence[Summary]) -> Any:
    with style.canvas(2, WIDTH, 80.0) as (figure, (simulate, build)):
        panels.times(simulate, summaries)
        panels.times(build, summaries, "build_time", "build time (s)")
        style.legend(figure, simulate, _title(records))
    return figure


def _speed(records: Sequence[Record], summaries: Sequence[Summary]) -> Any:
    with style.canvas(2, WIDTH, 80.0) as (figure, (left, right)):
        panels.real_time_factors(left, summaries)
        (panels.events if style.over_size(summaries) else panels.speedups)(right, summaries)
        style.legend(figure, left, _title(records))
    return figure


def _memory(records: Sequence[Record], summaries: Sequence[Summary]) -> Any:
    with style.canvas(2, WIDTH, 80.0) as (figure, (total, each)):
        panels.memory(total, summaries)
        panels.bytes_per_synapse(each, summaries)
        style.legend(figure, total, _title(records))
    return figure


def _phases(records: Sequence[Record], summaries: Sequence[Summary]) -> Any:
    curves = dict(itertools.islice(style.curves(summaries).items(), MOST_PHASES))
    with style.canvas(2 * len(curves), WIDTH * max(1.0, len(curves) / 2.0), 80.0) as (figure, axes):
        for number, (name, points) in enumerate(curves.items()):
            panels.phases(axes[2 * number], points, share=False)
            panels.phases(axes[2 * number + 1], points, share=True)
            axes[2 * number].set_title(style.label(name), fontsize=8)
        style.legend(figure, axes[0], _title(records), columns=9)
    return figure


_FIGURES: dict[str, Callable[[Sequence[Record], Sequence[Summary]], Any]] = {
    "time": _time,
    "phases": _phases,
    "speed": _speed,
    "memory": _memory,
}


def _once(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Each network once, whatever ranks it ran on: rates and weights are the same on all."""
    return list({record["network"]: {**record, "ranks": 1, "oversubscribed": False} for record in records}.values())


def _title(records: Sequence[Record]) -> str:
    """The settings that all records share, and what the error bars are."""
    first, words = records[0], []
    if len({record["indegree"] for record in records}) == 1 and first["indegree"]:
        words.append(f"in-degree $K$ = {first['indegree']}")
    if first["kind"] == "strong" and len({record["N"] for record in records}) == 1:
        words.append(f"$N$ = {first['N']}")
    words.append(f"simulated time $T$ = {first['T_ms'] / MS_PER_S:g} s")
    runs = max(summary.runs for summary in summarize(records))
    seeds = len({record["seed"] for record in records})
    if runs > 1:
        of = f"{seeds} seeds" if seeds == runs else f"{runs} runs of {seeds} seeds" if seeds > 1 else f"{runs} runs"
        words.append(f"mean and SD of {of}")
    return ", ".join(words)
