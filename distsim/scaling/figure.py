"""The published three-panel figure: simulation time, rate and weights against network size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distsim.scaling.report import Summary, summarize
from distsim.units import MS_PER_S

MM_PER_INCH = 25.4
SIZE_MM = (180.0, 70.0)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Okabe and Ito's palette, told apart by readers with any colour vision."""
MARKERS = ("o", "s", "^", "D")
RANK_STYLES = ("-", "--", ":", "-.")
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": True,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "pdf.fonttype": 42,
}


def draw(records: Sequence[Mapping[str, Any]], path: Path) -> list[Path]:
    """Draw the records as ``path`` with the suffixes .png and .pdf; returns the two paths.

    Points are means over seeds, error bars standard deviations over seeds. Records on several numbers of ranks give
    one curve each of the simulation time; rates and weights do not depend on ranks and are drawn once.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context(STYLE):
        size = [length / MM_PER_INCH for length in SIZE_MM]
        figure, panels = pyplot.subplots(1, 3, figsize=size, layout="constrained")
        _draw_times(panels[0], summarize(records))
        networks = summarize(_once(records))
        _draw_rates(panels[1], networks)
        _draw_weights(panels[2], networks)
        for panel, letter in zip(panels, "ABC", strict=True):
            _finish(panel, letter, max(record["N"] for record in records))
        handles, labels = panels[0].get_legend_handles_labels()
        legend = figure.legend(handles, labels, loc="outside upper center", ncols=4, title=_title(records))
        legend.get_title().set_fontsize(STYLE["legend.fontsize"])
        paths = [path.with_suffix(suffix) for suffix in (".png", ".pdf")]
        for target in paths:
            # A fixed date, so that the same records give the same file.
            figure.savefig(target, dpi=300, metadata={"CreationDate": None} if target.suffix == ".pdf" else None)
        pyplot.close(figure)
    return paths


def _once(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each network once, whatever the number of ranks it ran on."""
    networks: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in records:
        networks.setdefault((record["neuron_model"], record["N"], record["seed"]), {**record, "ranks": 0})
    return list(networks.values())


def _draw_times(panel: Any, summaries: list[Summary]) -> None:
    all_ranks = sorted({summary.ranks for summary in summaries})
    for model, name in enumerate(_models(summaries)):
        for index, ranks in enumerate(all_ranks):
            rows = [row for row in summaries if row.neuron_model == name and row.ranks == ranks]
            label = f"{name}, {_count(ranks)}"
            _curve(panel, model, rows, "sim_time", label=label, linestyle=RANK_STYLES[index % len(RANK_STYLES)])
    panel.set_ylabel("simulation time (s)")


def _draw_rates(panel: Any, summaries: list[Summary]) -> None:
    for model, name in enumerate(_models(summaries)):
        _curve(panel, model, [row for row in summaries if row.neuron_model == name], "rate")
    panel.set_ylabel("firing rate (1/s)")


def _draw_weights(panel: Any, summaries: list[Summary]) -> None:
    for model, name in enumerate(_models(summaries)):
        rows = [row for row in summaries if row.neuron_model == name]
        _curve(panel, model, rows, "weight_mean")
        _curve(panel, model, rows, "weight_upper", linestyle="--", markerfacecolor="white")
    panel.set_ylabel("synaptic weight (pA)")
    panel.plot([], [], color="0.3", marker="o", label="mean")
    panel.plot([], [], color="0.3", marker="o", linestyle="--", markerfacecolor="white", label="mean + SD")
    panel.legend(loc="best")


def _curve(panel: Any, model: int, rows: list[Summary], field: str, **style: Any) -> None:
    known = [(row.size, getattr(row, field)) for row in rows if getattr(row, field) is not None]
    panel.errorbar(
        [size for size, _ in known],
        [spread.mean for _, spread in known],
        yerr=[spread.sd for _, spread in known],
        color=COLOURS[model % len(COLOURS)],
        marker=MARKERS[model % len(MARKERS)],
        capsize=2,
        elinewidth=0.8,
        **style,
    )


def _finish(panel: Any, letter: str, largest: int) -> None:
    """Axes that start at zero, with room above the largest value."""
    panel.set_xlabel("network size $N$")
    panel.set_xlim(0, 1.08 * largest)
    panel.set_ylim(0, 1.04 * panel.get_ylim()[1])
    panel.locator_params(axis="x", nbins=5)
    panel.locator_params(axis="y", nbins=7)
    panel.set_title(letter, loc="left", fontweight="bold", fontsize=10)


def _models(summaries: list[Summary]) -> list[str]:
    return sorted({summary.neuron_model for summary in summaries})


def _title(records: Sequence[Mapping[str, Any]]) -> str:
    """The settings that all records share, and what the error bars are."""
    seeds = len({record["seed"] for record in records})
    bars = f"; mean and SD of {seeds} seeds" if seeds > 1 else ""
    return f"in-degree $K$ = {records[0]['K']}, simulated time $T$ = {records[0]['T_ms'] / MS_PER_S:g} s{bars}"


def _count(ranks: int) -> str:
    return "1 rank" if ranks == 1 else f"{ranks} ranks"
