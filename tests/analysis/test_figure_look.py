"""Figures as journals want them: fonts, colours that survive deuteranopia, letters, units of densities, legends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from distsim.analysis import figure_look, plots
from distsim.analysis.rate_plots import plot_rate_trajectories
from distsim.models.microcircuit import COLOURS as LAYERS
from distsim.scaling.report.figure_style import canvas, image
from distsim.scaling.report.figures import PHASE_COLOURS

DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
"""Of linear RGB, severity 1 (Machado, Oliveira & Fernandes 2009, IEEE Trans Vis Comput Graph 15:1291)."""
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])

SPIKING = ("create", "connect", "index", "update", "deliver", "communicate", "wait", "record", "other")
BINARY = ("connect", "draw", "speculate", "exchange", "correct", "settle", "record", "other")
TOGETHER = {
    "lines": (figure_look.COLOURS, 15.0),
    "layers": (tuple(LAYERS.values()), 15.0),
    "phases_of_spiking_neurons": ([PHASE_COLOURS[name] for name in SPIKING], 10.0),
    "phases_of_binary_neurons": ([PHASE_COLOURS[name] for name in BINARY], 10.0),
}


def lab(colour, seen):
    """CIELAB (D65) of a colour "#rrggbb" as a reader sees it whose cones make ``seen`` of linear RGB."""
    coded = np.array([int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)])
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(seen @ linear, 0.0, 1.0) / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16.0) / 116.0)
    return np.array([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPIA], ids=["all_cones", "deuteranopia"])
@pytest.mark.parametrize("used", TOGETHER)
def test_colours_used_together_can_be_told_apart(used, seen):
    """The distance in CIELAB of just noticeable differences is about 2.3."""
    colours, least = TOGETHER[used]
    places = [lab(colour, seen) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(places, 2)) > least


def test_files_have_truetype_fonts(tmp_path):
    """Whoever writes a figure of a run, and those of the harness: Type 42, not Type 3."""
    plots.plot_boxes({"E": [1.0, 2.0]}, "rate (1/s)").savefig(tmp_path / "run.pdf")
    with canvas(1, 60.0, 40.0) as (figure, (panel,)):
        panel.plot([0, 1])
    for content in ((tmp_path / "run.pdf").read_bytes(), image(figure, "pdf")):
        assert b"/CIDFontType2" in content
        assert b"/Type3" not in content


def test_densities_have_units():
    assert figure_look.density_label("rate (1/s)") == "probability density (s)"
    assert figure_look.density_label("synaptic weight, E → E (pA)") == "probability density (1/pA)"
    assert figure_look.density_label("CV of inter-spike intervals") == "probability density"


def test_many_populations_have_a_row_each():
    """Eight lines over each other cannot be told apart; few share a panel, in lines that differ in dashes, too."""
    names = [f"P{i}" for i in range(8)]
    panels = {"rate (1/s)": {name: [1.0, 2.0, 4.0] for name in names}, "r": {name: [0.0, 0.0, 0.5] for name in names}}
    axes = np.array(plots.plot_distributions(panels, logarithmic=("r",)).axes).reshape(8, 2)
    assert [row[0].get_ylabel() for row in axes] == names
    assert [len(panel.patches) for panel in axes.ravel()] == [1] * 16
    assert {panel.get_yscale() for panel in axes[:, 1]} == {"log"}
    assert [panel.get_title(loc="left") for panel in axes[0]] == ["A", "B"]
    few = plots.plot_distributions({"rate (1/s)": {name: [1.0, 2.0, 4.0] for name in names[:3]}})
    assert len({str(patch.get_linestyle()) for patch in few.axes[0].patches}) == 3
    assert few.axes[0].get_title(loc="left") == ""  # it is the only one


def test_means_of_a_run_stand_at_no_time():
    """They stand beside the axes, whose end is that of the courses; the legend lies over no curve."""
    time = np.arange(0.0, 11.0)
    figure = plot_rate_trajectories({"E": (time, time), "I": (time, 2.0 * time)}, {"E": 9.0, "I": 30.0})
    (axes,) = figure.axes
    assert axes.get_xlim() == (0.0, 10.0)
    assert all(line.get_xdata()[0] > 1.0 for line in axes.lines[2:])
    assert axes.get_ylim()[1] > 30.0
    assert axes.get_legend() is None
    assert len(figure.legends[0].get_texts()) == 4
