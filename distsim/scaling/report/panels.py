"""What a panel of a figure shows: one quantity, all curves, and where there is one the ideal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distsim.scaling.report import style
from distsim.scaling.report.summary import Summary

MEGABYTE, MILLION = 1e6, 1e6
PHASE_COLOURS = {
    "create": "#d9d9d9",
    "connect": "#a6a6a6",
    "index": "#737373",
    "update": "#0072B2",
    "deliver": "#009E73",
    "communicate": "#D55E00",
    "wait": "#F0C75E",
    "record": "#CC79A7",
    "other": "#e8ded1",
}
"""From the bottom of a stack to its top: building in grey, then the run."""
RUN_PHASES = ("update", "deliver", "communicate", "wait", "record")

Points = Sequence[Summary]


def times(panel: Any, summaries: Points, name: str = "sim_time", label: str = "simulation time (s)") -> None:
    """Time against N, or against ranks with the ideal: halved by twice the ranks (strong), constant (weak)."""
    for number, (curve, points) in enumerate(style.curves(summaries).items()):
        style.draw(panel, number, points, name, label=style.label(curve))
        _ideal_time(panel, points, name)
    panel.set_ylabel(label)
    style.horizontal(panel, summaries)
    if summaries[0].kind == "strong":
        _logarithmic(panel)
    else:
        style.from_zero(panel)


def _ideal_time(panel: Any, points: Points, name: str) -> None:
    first, last = points[0], points[-1]
    at_first, at_last = style.mean(first, name), style.mean(last, name)
    if at_first is None or at_last is None:
        return
    if first.kind == "size":  # through the origin and the largest network: cost proportional to N
        where, values = [0.0, style.place(last)], [0.0, at_last]
    else:
        where = [style.place(point) for point in points]
        strong = first.kind == "strong"
        values = [at_first * first.ranks / point.ranks if strong else at_first for point in points]
    panel.plot(where, values, **style.IDEAL)


def efficiencies(panel: Any, summaries: Points) -> None:
    """Efficiency beside the fewest ranks; 1 is ideal."""
    _plain(panel, summaries, "efficiency", "efficiency")
    panel.axhline(1.0, **style.IDEAL)
    panel.set_ylim(0, max(1.1, panel.get_ylim()[1]))


def speedups(panel: Any, summaries: Points) -> None:
    """Speed-up beside the fewest ranks, and the ideal."""
    for number, points in enumerate(style.curves(summaries).values()):
        style.draw(panel, number, points, "speedup")
        where = [style.place(point) for point in points]
        panel.plot(where, [x / where[0] for x in where], **style.IDEAL)
    panel.set_ylabel("speed-up")
    style.horizontal(panel, summaries)
    _logarithmic(panel)


def real_time_factors(panel: Any, summaries: Points) -> None:
    """Wall time over simulated time; below 1 is faster than the brain."""
    for number, (curve, points) in enumerate(style.curves(summaries).items()):
        style.draw(panel, number, points, "real_time_factor", label=style.label(curve))
    panel.axhline(1.0, **style.IDEAL)
    panel.set_ylabel("real-time factor")
    style.horizontal(panel, summaries)
    _logarithmic(panel)


def events(panel: Any, summaries: Points) -> None:
    """Synaptic events per second and core."""
    _plain(panel, summaries, "events_per_second_and_core", "events per second and core (million)", MILLION)


def memory(panel: Any, summaries: Points) -> None:
    """The ranks' peaks of resident memory, together."""
    _plain(panel, summaries, "memory", "peak memory, all ranks (MB)", MEGABYTE, labelled=True)


def bytes_per_synapse(panel: Any, summaries: Points) -> None:
    """Bytes of the synapse tables over the number of synapses."""
    _plain(panel, summaries, "bytes_per_synapse", "bytes per synapse")


def rates(panel: Any, summaries: Points) -> None:
    """Spikes per second and neuron."""
    _plain(panel, summaries, "rate", "firing rate (1/s)")


def weights(panel: Any, summaries: Points) -> None:
    """Mean weight, and that plus the standard deviation."""
    for number, points in enumerate(style.curves(summaries).values()):
        style.draw(panel, number, points, "weight_mean")
        style.draw(panel, number, points, "weight_upper", linestyle="--", markerfacecolor="white")
    panel.set_ylabel("synaptic weight (pA)")
    style.horizontal(panel, summaries)
    style.from_zero(panel)
    panel.plot([], [], color="0.3", marker="o", label="mean")
    panel.plot([], [], color="0.3", marker="o", linestyle="--", markerfacecolor="white", label="mean + SD")
    panel.legend(loc="best")


def phases(panel: Any, points: Points, *, share: bool, chosen: Sequence[str] = tuple(PHASE_COLOURS)) -> None:
    """Mean seconds of every phase as stacked bars, or what share each has of the ``chosen`` ones together."""
    bottom = [0.0] * len(points)
    totals = [sum(point.phases[name] for name in chosen) or 1.0 if share else 1.0 for point in points]
    for name in chosen:
        colour = PHASE_COLOURS[name]
        heights = [point.phases[name] / total for point, total in zip(points, totals, strict=True)]
        panel.bar(range(len(points)), heights, bottom=bottom, color=colour, width=0.75, label=name)
        bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
    over_size = style.over_size(points)
    names = [str(point.size if over_size else point.ranks) for point in points]
    panel.set_xticks(range(len(points)), names, rotation=60 if over_size and len(points) > 4 else 0)
    panel.set_xlabel("network size $N$" if over_size else "ranks")
    panel.set_ylabel("share of the time" if share else "time (s), mean over ranks")
    panel.set_ylim(0, 1.0 if share else None)


def _plain(panel: Any, summaries: Points, name: str, label: str, unit: float = 1.0, *, labelled: bool = False) -> None:
    """A quantity on a vertical axis from 0."""
    for number, (curve, points) in enumerate(style.curves(summaries).items()):
        style.draw(panel, number, points, name, unit, **({"label": style.label(curve)} if labelled else {}))
    panel.set_ylabel(label)
    style.horizontal(panel, summaries)
    style.from_zero(panel)


def _logarithmic(panel: Any) -> None:
    """A vertical axis in powers of ten, with numbers written out where it spans little."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    panel.set_yscale("log")
    low, high = panel.get_ylim()
    if high < 30.0 * low:
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
