"""The binary network of the command line: parameters, populations from a file, what a run shows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mpi4py import MPI

from distsim import InputError, read_couplings, read_states, read_updates
from distsim.__main__ import do
from distsim.analysis.activity_plots import plot_populations
from distsim.command.request import parse
from distsim.models.binary_ei import MODEL
from distsim.models.binary_ei.network import build_network
from distsim.models.binary_ei.parameters import load
from distsim.parallel.progress import silent
from distsim.record import output
from tests.threads import on_ranks

THREE = """
names = ["E", "P", "S"]
N = [80, 20, 20]
K = [[8, 2, 2], [8, 2, 2], [8, 2, 0]]
J = [[0.2, -0.5, -0.4], [0.2, -0.5, -0.4], [0.2, -0.5, 0.0]]
m_expected = [0.3, 0.4, 0.2]
T = 6.0
T_transient = 1.0
"""


def test_published_values():
    p = load()
    assert (p.names, p.N, p.K) == (("E", "I"), (1000, 1000), ((150, 200), (350, 200)))
    assert (p.J, p.m_expected, p.tau, p.T, p.m_0) == (((0.1, -0.2), (0.1, -0.2)), (0.7, 0.4), 1.0, 10.0, 0.0)
    assert p.thresholds == pytest.approx((-5.5, 8.5), abs=1e-12)
    network = build_network(p)
    assert [projection.rule.indegree for projection in network.projections] == [150, 200, 350, 200]
    assert not any(projection.rule.autapses or projection.rule.multapses for projection in network.projections)


def test_populations_from_a_file(tmp_path):
    path = tmp_path / "three.toml"
    path.write_text(THREE)
    p = load({"file": str(path), "T": 4.0})
    assert (p.names, p.T, p.T_transient) == (("E", "P", "S"), 4.0, 1.0)
    assert p.thresholds == pytest.approx((8 * 0.06 - 2 * 0.2 - 2 * 0.08,) * 2 + (8 * 0.06 - 2 * 0.2,))
    assert len(build_network(p).projections) == 8  # none where K is 0
    outcome = MODEL.run(MPI.COMM_WORLD, p, None, silent)
    assert [row[0] for row in outcome.tables[0].rows] == ["E", "P", "S"]
    assert load({"file": str(path), "theta": [0.0, 1.0, 2.0]}).thresholds == (0.0, 1.0, 2.0)


def test_a_run_shows_simulation_beside_theory(tmp_path):
    outcome = MODEL.run(MPI.COMM_WORLD, load({"seed": 2}), tmp_path, silent)
    for name, m in (("E", 0.6444985885), ("I", 0.3654516850)):
        shown = outcome.summary["populations"][name]
        assert shown["m_predicted"] == pytest.approx(m, abs=1e-9)
        assert shown["m_simulated"] == pytest.approx(m, abs=0.015)
    json.dumps(outcome.summary, allow_nan=False)
    assert (tmp_path / "activity.h5").exists()
    assert outcome.summary["flip_hash"] == outcome.tables[1].rows[0][-1]
    axes = outcome.figures["activity"]().axes[0]
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in dashed] == pytest.approx([0.6445, 0.3655], abs=1e-4)


def test_the_command_line_takes_lists_and_ranks_do_not_show(capsys):
    asked = parse(["run", "binary_ei", "--set", "N=[60, 40]", "K=[[10, 5], [12, 5]]", "--time", "8"])
    printed = []
    for ranks in (1, 3):
        on_ranks(ranks, lambda comm: do(asked, comm))
        results, times = capsys.readouterr().out.split("times (s)")
        assert times.split()[:3] == ["build", "compile", "simulate"]
        printed.append(results)
    assert "m, mean field" in printed[0]
    assert printed[0] == printed[1]


EXTERNAL = {
    "N": [60, 40], "K": [[10, 5], [12, 5]], "N_ext": [50, 30], "K_ext": [[8, 3], [6, 0]],
    "J_ext": [[0.1, -0.1], [0.1, 1.0]], "m_ext": [0.3, 0.6], "T": 6.0, "T_transient": 1.0,
}  # fmt: skip


def test_external_populations_are_in_the_network_and_in_the_theory(tmp_path):
    p = load(EXTERNAL)
    assert p.names_ext == ("X1", "X2")
    assert p.thresholds == pytest.approx((0.7 - 0.4 + 0.24 - 0.18, 0.84 - 0.4 + 0.18))
    field = p.mean_field
    assert field.mean_input([0.7, 0.4]) == pytest.approx(p.thresholds)
    network = build_network(p)
    assert [q.name for q in network.projections[4:]] == ["X1->E", "X2->E", "X1->I"]  # none where K_ext is 0
    assert [q.m_ext for q in network.populations] == [None, None, 0.3, 0.6]
    outcome = MODEL.run(MPI.COMM_WORLD, p, tmp_path, silent)
    assert [row[:4] for row in outcome.tables[0].rows][2:] == [("X1", 50, None, 0.3), ("X2", 30, None, 0.6)]
    json.dumps(outcome.summary, allow_nan=False)
    assert len(outcome.figures["populations"]().axes) == 2
    assert len(outcome.figures["activity"]().axes[0].lines) == 4 * 3


def test_what_a_run_keeps(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "PIECE", 7)
    p = load({"N": [30, 20], "K": [[6, 5], [7, 5]], "T": 2.0, "T_transient": 1.0, "keep": "couplings, csv", "seed": 5,
              "state_times": [0.5, 2.0]})  # fmt: skip
    outcome = MODEL.run(MPI.COMM_WORLD, p, tmp_path, silent)
    file = tmp_path / "activity.h5"
    source, _, weight = read_couplings(file, "I", "E")
    assert (len(source), set(weight.tolist())) == (30 * 5, {-0.2})
    updates = read_updates(file)
    assert len(updates.time) == outcome.summary["updates"]
    lines = (tmp_path / "updates.csv").read_text().splitlines()
    assert len(updates.time) > 3 * 7  # pieces that the file was read back in
    assert lines[0] == "time_ms,neuron,all,E,I"
    stored = np.array([[float(word) for word in line.split(",")] for line in lines[1:]])
    kept = updates.time, updates.neuron, updates.mean, updates.activity["E"], updates.activity["I"]
    assert (stored == np.array(kept).T).all()
    assert read_states(file, "E", "state").time.tolist() == [0.5, 2.0]
    assert all(outcome.summary[name] >= 0.0 for name in ("build_time", "sim_time", "compile_time"))
    assert outcome.tables[-1].header == ("build", "compile", "simulate")
    with pytest.raises(InputError, match="keep = couplings, csv needs a folder"):
        MODEL.run(MPI.COMM_WORLD, p, None, silent)


@pytest.mark.parametrize("keep", ["none", ""])
def test_nothing_is_kept(keep):
    assert load({"keep": keep}).kept == load().kept == ()


def test_panels_are_as_published():
    """Two beside each other; simulated black, theory dashed and grey, from -0.1 to 1.1."""
    figure = plot_populations({"E": ([0.0, 1.0], [0.0, 0.6]), "I": ([0.0], [0.4])}, 10.0, {"E": 0.64, "I": 0.37})
    assert [axes.get_title() for axes in figure.axes] == ["E population", "I population"]
    for axes, level in zip(figure.axes, (0.64, 0.37), strict=True):
        simulated, theory = axes.lines
        assert (simulated.get_color(), theory.get_color(), theory.get_linestyle()) == ("k", "gray", "--")
        assert simulated.get_xdata()[-1] == 10.0
        assert theory.get_ydata()[0] == level
        assert (axes.get_xlim(), axes.get_ylim()) == ((0.0, 10.0), (-0.1, 1.1))
    five = plot_populations({name: ([0.0], [0.5]) for name in "ABCDE"}, 1.0, {})
    assert len(five.axes) == 5


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"K": [[1500, 200], [350, 200]]}, ["K", "1500 inputs from E in E", "999"]),
        ({"K": [[150, 200, 3], [350, 200]]}, ["K", "3 entries", "2"]),
        ({"K": [150, 200]}, ["K[0]", "list", "150"]),
        ({"K": [[150.5, 200], [350, 200]]}, ["K[0][0]", "whole number"]),
        ({"J": [[0.1, float("nan")], [0.1, -0.2]]}, ["J[0][1]", "finite"]),
        ({"N": [1000, 1000, 10]}, ["N", "3 entries", "population"]),
        ({"N": [1000, 0]}, ["N[1]", "at least 1"]),
        ({"tau": 0.0}, ["tau", "larger than 0"]),
        ({"theta": [1.0]}, ["theta has 1 entries", "2 populations"]),
        ({"m_expected": [0.5]}, ["m_expected has 1 entries", "2 populations"]),
        ({"m_expected": [0.5, 1.5]}, ["m_expected[1]", "at most 1"]),
        ({"names": ["E", "E"]}, ["names", "different"]),
        ({"T_transient": 10.0}, ["T_transient", "below T"]),
        ({"file": "nowhere.toml"}, ["'nowhere.toml' cannot be read: No such file"]),
        ({**EXTERNAL, "K_ext": [[8, 3]], "J_ext": [[0.1, -0.1]]}, ["K_ext", "1 rows", "2 populations"]),
        ({**EXTERNAL, "K_ext": [[8, 31], [6, 0]]}, ["31 inputs from X2 in E", "30"]),
        ({**EXTERNAL, "K_ext": [[8, 3.5], [6, 0]]}, ["K_ext", "whole numbers", "3.5"]),
        ({**EXTERNAL, "m_ext": [0.3]}, ["m_ext", "1 entries", "external population"]),
        ({**EXTERNAL, "m_ext": [0.3, 1.1]}, ["m_ext[1]", "at most 1"]),
        ({**EXTERNAL, "names": ["E", "X2"]}, ["'X2'", "external population"]),
        ({"keep": "updates,copplings"}, ["'copplings'", "did you mean 'couplings'"]),
        ({"keep": "updates,none"}, ["keep", "'none'"]),
        ({"state_times": [1.0, 11.0]}, ["state_times", "at most T = 10 ms", "11"]),
        ({"thresholds": [1.0, 1.0]}, ["thresholds", "cannot be set"]),
        ({"n": [1]}, ["'n'", "did you mean"]),
    ],
)
def test_wrong_parameters(overrides, words):
    with pytest.raises(InputError) as caught:
        load(overrides)
    assert all(word in str(caught.value) for word in words), str(caught.value)
