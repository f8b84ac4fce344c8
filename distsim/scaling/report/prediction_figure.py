"""The figure of a prediction: the real-time factor and its parts, and memory, over the number of ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from distsim.analysis.figure_look import COLOURS, MARKERS
from distsim.core.units import MS_PER_S
from distsim.parallel.communicator import in_ranks
from distsim.scaling.experiment import variant_label
from distsim.scaling.report.figure_style import canvas, label, legend, logarithmic
from distsim.scaling.report.figures import PHASE_COLOURS, REAL_TIME, REAL_TIME_NAME, WIDTH, ranks_axis, stack

if TYPE_CHECKING:
    from distsim.scaling.predict import Prediction

COLOUR_OF_PART = {
    part: PHASE_COLOURS[phase]
    for part, phase in {"update": "update", "deliver": "deliver", "wait": "wait", "exchange": "communicate"}.items()
}
"""Parts of a prediction have the colours of phases of a record."""
GIGABYTE = 1e9
Curve = list[tuple["Prediction", float | None]]
"""Predictions of one network by ascending ranks, and what was measured, None where nothing was."""


def draw_predictions(found: Sequence[Prediction], measured: Sequence[float | None]) -> Any:
    """Real-time factor (with what was measured beside it), its parts for the first network, and memory of a node."""
    curves = _curves(found, measured)
    ranks = sorted({prediction.point.ranks for prediction in found})
    with canvas(3, WIDTH, 75.0) as (figure, (factors, parts, memory)):
        for number, (name, points) in enumerate(curves.items()):
            look = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
            _draw_factors(factors, points, name, look)
            _draw_memory(memory, [prediction for prediction, _ in points], look)
        factors.axhline(1.0, **REAL_TIME, label=REAL_TIME_NAME)
        first, points = next(iter(curves.items()))
        _draw_parts(parts, [prediction for prediction, _ in points])
        for panel, quantity in ((factors, "real-time factor"), (memory, "memory of a node (GB)")):
            ranks_axis(panel, ranks)
            panel.set_ylabel(quantity)
            logarithmic(panel)
        legend(figure, [factors, memory], _title(found, first if len(curves) > 1 else ""))
    return figure


def _curves(found: Sequence[Prediction], measured: Sequence[float | None]) -> dict[str, Curve]:
    """The predictions of each network under a name that tells what networks on the same number of ranks differ in."""
    points = [prediction.point for prediction in found]
    ranks = {point.ranks for point in points}
    sizes, seeds = (len({(p.ranks, getattr(p, name)) for p in points}) > len(ranks) for name in ("size", "seed"))
    curves: dict[str, Curve] = {}
    for prediction, factor in sorted(zip(found, measured, strict=True), key=lambda pair: pair[0].point.ranks):
        point = prediction.point
        size, seed = f"N = {point.size}" if sizes else "", f"seed {point.seed}" if seeds else ""
        name = label(", ".join(filter(None, (variant_label(dict(point.variant)), size, seed))) or "predicted")
        curves.setdefault(name, []).append((prediction, factor))
    return curves


def _title(found: Sequence[Prediction], first: str) -> str:
    """What the predictions are of, and the network whose parts are shown where there are several."""
    longest = max(prediction.T for prediction in found) / MS_PER_S
    sampled = max(len(prediction.sampled) for prediction in found)
    made_of = f"predicted from {in_ranks(sampled)}, simulated time $T$ = {longest:g} s, with errors"
    return f"{made_of}\nB: {first}" if first else made_of


def _draw_factors(panel: Any, points: Curve, name: str, look: dict[str, str]) -> None:
    ranks = [p.point.ranks for p, _ in points]
    factor = [p.real_time_factor for p, _ in points]
    panel.errorbar(ranks, factor, [p.error * p.real_time_factor for p, _ in points], label=name, capsize=2, **look)
    if known := [(p.point.ranks, f) for p, f in points if f is not None]:
        panel.plot(*zip(*known, strict=True), label=f"{name}, measured", linestyle="", markerfacecolor="white", **look)


def _draw_memory(panel: Any, points: Sequence[Prediction], look: dict[str, str]) -> None:
    places = [(p.point.ranks, p.memory_per_node / GIGABYTE) for p in points]
    panel.plot(*zip(*places, strict=True), **look)
    if small := [place for place, p in zip(places, points, strict=True) if not p.fits]:
        panel.plot(
            *zip(*small, strict=True),
            linestyle="",
            marker="x",
            color="black",
            markersize=7,
            label="more than a node has",
        )


def _draw_parts(panel: Any, points: Sequence[Prediction]) -> None:
    shares = {part: [p.seconds[part] / p.sim_time for p in points] for part in COLOUR_OF_PART}
    stack(panel, shares, COLOUR_OF_PART)
    panel.set_xticks(range(len(points)), [str(p.point.ranks) for p in points])
    panel.set_xlabel("ranks")
    panel.set_ylabel("share of the simulation time")
    panel.set_ylim(0.0, 1.0)
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
