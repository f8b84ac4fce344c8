"""The figure of a prediction: the real-time factor and its parts, and memory, over the number of ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from distsim.analysis.figure_look import COLOURS, MARKERS
from distsim.scaling.experiment import variant_label
from distsim.scaling.report.figure_style import canvas, label, legend, logarithmic
from distsim.scaling.report.figures import PHASE_COLOURS

if TYPE_CHECKING:
    from distsim.scaling.predict import Prediction

PARTS = {"update": "update", "deliver": "deliver", "wait": "wait", "exchange": "communicate"}
"""The phase of a record whose colour a part of a prediction has."""
GIGABYTE = 1e9


def draw_predictions(found: Sequence[Prediction], measured: Sequence[float | None]) -> Any:
    """Real-time factor (with what was measured beside it), its parts for the first network, and memory of a node."""
    from matplotlib.ticker import StrMethodFormatter

    curves: dict[str, list[tuple[Prediction, float | None]]] = {}
    seeds = len({prediction.point.seed for prediction in found}) > 1
    for prediction, factor in zip(found, measured, strict=True):
        point = prediction.point
        seed = f"seed {point.seed}" if seeds else ""
        name = label(", ".join(filter(None, (variant_label(dict(point.variant)), seed))))
        curves.setdefault(name, []).append((prediction, factor))
    with canvas(3, 180.0, 75.0) as (figure, (factors, parts, memory)):
        for number, (name, points) in enumerate(curves.items()):
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
            _draw(
                factors,
                memory,
                sorted(points, key=lambda found: found[0].point.ranks),
                name and f"{name}, ",
                colour,
                marker,
            )
        first = sorted((p for p, _ in next(iter(curves.values()))), key=lambda p: p.point.ranks)
        _draw_parts(parts, first)
        for panel in (factors, parts, memory):
            panel.set_xscale("log", base=2)
            panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            panel.set_xlabel("ranks")
        for panel in (factors, memory):
            logarithmic(panel)
        factors.set_ylabel("real-time factor")
        parts.set_ylabel("share of the simulation time")
        memory.set_ylabel("memory of a node (GB)")
        if memory.get_legend_handles_labels()[1]:
            memory.legend(*(entries[-1:] for entries in memory.get_legend_handles_labels()), loc="best")
        parts.set_title(next(iter(curves)), fontsize=8)
        legend(figure, [factors], "")
    return figure


def _draw(factors: Any, memory: Any, points: Sequence[Any], name: str, colour: str, marker: str) -> None:
    ranks = [p.point.ranks for p, _ in points]
    look = {"color": colour, "marker": marker}
    factor = [p.real_time_factor for p, _ in points]
    error = [p.error * p.real_time_factor for p, _ in points]
    factors.errorbar(ranks, factor, error, capsize=2, linestyle="", color=colour)
    factors.plot(ranks, factor, label=f"{name}predicted", **look)
    known = [(p.point.ranks, f) for p, f in points if f is not None]
    if known:
        factors.plot(
            *zip(*known, strict=True),
            label=f"{name}{', ' if name else ''}measured",
            linestyle="",
            markerfacecolor="white",
            **look,
        )
    memory.plot(ranks, [p.memory_per_node / GIGABYTE for p, _ in points], **look)
    small = [(p.point.ranks, p.memory_per_node / GIGABYTE) for p, _ in points if not p.fits]
    if small:
        memory.plot(*zip(*small, strict=True), linestyle="", marker="x", color="black", markersize=7, label="too much")


def _draw_parts(panel: Any, points: Sequence[Prediction]) -> None:
    ranks = [float(p.point.ranks) for p in points]
    shares = [[p.seconds[part] / p.sim_time for p in points] for part in PARTS]
    if len(ranks) == 1:  # an area needs a width
        ranks, shares = [ranks[0] / 2**0.5, ranks[0] * 2**0.5], [share * 2 for share in shares]
    panel.stackplot(ranks, shares, labels=list(PARTS), colors=[PHASE_COLOURS[name] for name in PARTS.values()])
    panel.set_ylim(0.0, 1.0)
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
