"""The run of a spiking network that all models share: activity, discarded time, what a model adds."""

from __future__ import annotations

import math
from types import SimpleNamespace
from unittest.mock import ANY

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import FixedIndegree, IafPscAlpha, InputError, Network, Poisson, Simulation, Static, StdpPowerLaw
from distsim.analysis import read
from distsim.analysis.spike_statistics import mean_cv
from distsim.analysis.weight_statistics import connectivity_matrix
from distsim.command.run_command import table_text
from distsim.models.activity import Statistics, observe
from distsim.models.defaults import Default
from distsim.models.model import RunSettings, SpikingModel
from distsim.models.model_parameters import ModelParameters
from distsim.models.outcome import Outcome, Table
from distsim.models.recording import Recording
from distsim.models.run import run, simulate
from distsim.parallel import gather
from distsim.parallel.gather import Spikes
from distsim.parallel.progress import silent
from distsim.spiking.spike_counts import Rate
from tests.threads import on_ranks

COMM = MPI.COMM_WORLD


DEFAULTS = {"T": Default(200.0, "ms", "simulated time", "test"), "seed": Default(3, "", "seed", "test")}


class Parameters(ModelParameters, model="driven", defaults=DEFAULTS):
    pass


class Driven(SpikingModel):
    """A network that is given."""

    name = "driven"
    line = "neurons under Poisson input"
    parameters = Parameters

    def __init__(self, network, extra=None):
        self.network, self.more = network, extra

    def build_network(self, parameters):
        return self.network

    def resized(self, neurons, indegree):
        return {}

    def extra(self, simulation, activity, parameters):
        return self.more and self.more(simulation, activity)


def run_driven(network, folder=None, extra=None, T=200.0, recording=None, **settings):
    if folder is not None:
        folder.mkdir(exist_ok=True)
    return run(Driven(network, extra), COMM, Parameters.load({"T": T}), folder, silent, settings, recording)


def driven(first=None):
    """30 neurons under Poisson input, of which the first are recorded; 5 silent ones; none."""
    network = Network(dt=0.1)
    network.population("driven", 30, IafPscAlpha())
    network.population("silent", 5, IafPscAlpha())
    network.population("none", 0, IafPscAlpha())
    network.stimulate("driven", Poisson(rate=8000.0, weight=100.0, delay=1.0))
    network.record_spikes("driven", first)
    network.record_spikes("silent")
    network.record_spikes("none")
    return network


def plastic():
    """20 neurons with plastic synapses among them, and 5 others."""
    network = Network(dt=0.1)
    network.population("E", 20, IafPscAlpha())
    network.population("I", 5, IafPscAlpha())
    network.connect("E", "E", FixedIndegree(5, autapses=False), StdpPowerLaw(weight=30.0, delay=1.0))
    network.connect("E", "I", FixedIndegree(5), Static(weight=30.0, delay=1.0))
    network.stimulate("E", Poisson(rate=8000.0, weight=100.0, delay=1.0))
    return network


def test_the_discarded_time_is_in_the_file_but_in_no_statistic(tmp_path):
    outcome = run_driven(driven(), tmp_path, presimulation=100.0)
    found = outcome.summary["populations"]["driven"]
    times, neurons = read.read_spikes(tmp_path / "spikes.h5", "driven")
    assert times.min() < 100.0
    late = times > 100.0
    assert found["spikes"] == np.count_nonzero(late)
    assert found["rate"] == pytest.approx(np.count_nonzero(late) / 30 / 0.2, rel=1e-14)
    counts = np.bincount(neurons[late], minlength=30)
    assert found["rate_sd"] == pytest.approx(counts.std() / 0.2)
    assert outcome.summary["presimulation"] == 100.0
    assert outcome.summary["n_spikes"] == np.count_nonzero(late)
    with Simulation(driven(), COMM, seed=3) as whole:
        whole.run(300.0)
        assert outcome.summary["spike_hash"] == whole.spike_hash()
    for draw in outcome.figures.values():
        draw().savefig(tmp_path / "figure.png")


def test_the_statistics_are_those_of_the_recorded_neurons():
    outcome = run_driven(driven(first=10))
    found = outcome.summary["populations"]
    every = run_driven(driven()).summary["populations"]
    assert (found["driven"]["neurons"], found["driven"]["recorded"]) == (30, 10)
    for name in ("neurons", "spikes", "rate", "rate_sd"):
        assert found["driven"][name] == every["driven"][name]
    assert found["driven"]["cv"] != every["driven"]["cv"]
    assert outcome.summary["n_spikes"] == found["driven"]["spikes"]
    assert found["silent"]["rate"] == 0.0
    assert math.isnan(found["silent"]["cv"])
    assert found["none"]["neurons"] == 0
    assert math.isnan(found["none"]["rate"])
    (activity, run) = outcome.tables
    assert [row[0] for row in activity.rows] == ["driven", "silent", "none"]
    assert outcome.figures["raster"]().axes[1].get_legend().get_texts()[0].get_text() == (
        f"driven: {found['driven']['rate']:.2f} /s"
    )
    assert dict(run.rows)["neurons"] == "35"
    assert "weight hash" not in dict(run.rows)


def test_nothing_recorded_nothing_gathered(monkeypatch, tmp_path):
    """Rates, counts and hashes are those of a run that records; no spike leaves its rank, and no figure is drawn."""
    recorded = run_driven(driven(), presimulation=20.0)
    monkeypatch.setattr(Simulation, "spikes", None)
    monkeypatch.setattr(gather, "gather_spikes", None)
    outcome = run_driven(driven(), tmp_path, presimulation=20.0, recording=Recording.of(["none"]))
    assert outcome.figures == {}
    assert outcome.summary["record"] == ("none",)
    for name in ("n_spikes", "spike_hash"):
        assert outcome.summary[name] == recorded.summary[name]
    for name, population in outcome.summary["populations"].items():
        assert population["recorded"] == 0
        assert math.isnan(population["cv"])
        assert math.isnan(population["synchrony"])
        before = recorded.summary["populations"][name]
        assert all(repr(population[key]) == repr(before[key]) for key in ("neurons", "spikes", "rate", "rate_sd"))
    with pytest.raises(InputError, match="has no spikes of 'driven'"):
        read.read_spikes(tmp_path / "spikes.h5", "driven")


def test_only_rank_0_is_sent_what_is_recorded(monkeypatch):
    """On three ranks: nothing is gathered where nothing is recorded, and else on rank 0 alone."""
    sent = []

    def sorted_pieces(columns, comm, everywhere):
        for (piece,) in gathered(columns, comm, everywhere):
            sent.append((comm.rank, len(piece)))
            yield (piece,)

    gathered = gather.sorted_pieces
    monkeypatch.setattr(gather, "sorted_pieces", sorted_pieces)

    def statistics_on(comm, words):
        settings = RunSettings(time=50.0, presimulation=10.0)
        chosen = {"recording": Recording.of(words)}
        with simulate(Driven(driven()), Parameters.load(), comm, settings, silent, **chosen) as measured:
            return measured.activity.statistics, measured.totals["spike_hash"]

    def on_three(*words):
        sent.clear()
        results = on_ranks(3, lambda comm: statistics_on(comm, words))
        assert all(repr(result) == repr(results[0]) for result in results)
        assert repr(results[0]) == repr(statistics_on(COMM, words))
        return results[0]

    without, spike_hash = on_three("none")
    assert sent == []
    some, same_hash = on_three("spikes=driven[1,2,7]")
    assert same_hash == spike_hash
    assert (some["driven"].spikes, some["driven"].rate) == (without["driven"].spikes, without["driven"].rate)
    assert {length for rank, length in sent if rank > 0} == {0}
    assert 0 < max(length for _, length in sent) < 0.2 * some["driven"].spikes


def test_connectivity_before_and_after(tmp_path):
    network = plastic()
    outcome = run_driven(network, tmp_path, recording=Recording.of(["connectivity", "connectivity=E[:3]->I"]))
    assert set(outcome.figures) == {"connectivity_E_E", "weights_E_E", "connectivity_E_I", "weights_E_I"}
    file = tmp_path / "spikes.h5"
    before, after = read.read_connections(file, "E", "E", time=0.0), read.read_connections(file, "E", "E")
    with Simulation(plastic(), COMM, seed=3) as simulation:
        for stored in (before, after):
            expected = simulation.weights("E", "E")
            assert all((getattr(stored, name) == value).all() for name, value in vars(expected).items())
            simulation.run(200.0)
    assert (before.weight != after.weight).any()
    for draw in outcome.figures.values():
        draw().savefig(tmp_path / "figure.png")
    left, right = outcome.figures["connectivity_E_E"]().axes[:2]
    assert (left.get_title(), right.get_title()) == ("before", "after 200 ms")
    matrix = connectivity_matrix(after.source, after.target, after.weight, range(20), range(20))
    assert (right.images[0].get_array() == matrix).all()


def test_files_of_chosen_recordings_do_not_depend_on_ranks(tmp_path):
    words = ["spikes=E[3:9,1],I", "states=V_m:E[:2]@1", "connectivity=E[:7]->E,E->I[2]"]

    def run_on(comm, folder):
        settings = RunSettings(time=50.0, presimulation=10.0)
        recording = Recording.of(words)
        with simulate(
            Driven(plastic()), Parameters.load(), comm, settings, silent, folder=folder, recording=recording
        ) as measured:
            return repr(measured.activity.statistics), measured.totals["weight_hash"]

    for ranks in (1, 3):
        (tmp_path / str(ranks)).mkdir()
    alone = on_ranks(1, lambda comm: run_on(comm, tmp_path / "1"))
    assert on_ranks(3, lambda comm: run_on(comm, tmp_path / "3")) == 3 * alone
    with h5py.File(tmp_path / "1" / "spikes.h5") as one, h5py.File(tmp_path / "3" / "spikes.h5") as three:
        names: list[str] = []
        one.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        assert len(names) == 5 + 3 + 2 * 5 + 4  # and arrays of the network
        assert len(one["spikes/E/node_ids"]) > 10
        for name in names:
            assert (one[name][()] == three[name][()]).all(), name


def test_figures_of_no_synapses(tmp_path):
    network = plastic()
    outcome = run_driven(network, tmp_path, T=1.0, recording=Recording.of(["connectivity=E[0]->E[0]"]))
    for draw in outcome.figures.values():
        draw().savefig(tmp_path / "figure.png")


def test_chosen_neurons_are_those_of_a_full_recording(tmp_path):
    chosen = [17, 3, 4, 29]
    run_driven(driven(), tmp_path / "all")
    outcome = run_driven(driven(), tmp_path / "some", recording=Recording.of(["spikes=driven[17,3:5,29],silent"]))
    times, neurons = read.read_spikes(tmp_path / "all" / "spikes.h5", "driven")
    mine = np.isin(neurons, chosen)
    some_times, some = read.read_spikes(tmp_path / "some" / "spikes.h5", "driven")
    assert len(some) > 10
    assert (some == neurons[mine]).all()
    assert (some_times == times[mine]).all()
    found = outcome.summary["populations"]["driven"]
    assert found["recorded"] == 4
    assert found["cv"] == pytest.approx(mean_cv(times[mine], neurons[mine], 30))
    for draw in outcome.figures.values():
        draw().savefig(tmp_path / "figure.png")


def test_known_spikes_give_known_statistics():
    """One neuron fires at 10, 20 ... 90 ms: 90 /s, CV 0; the other at 10, 20, 50 ms: 30 /s, CV 0.5."""
    network = Network(dt=0.1)
    network.population("n", 2, IafPscAlpha())
    network.record_spikes("n")
    steps = np.array([100, 100, 200, 200, 300, 400, 500, 500, 600, 700, 800, 900])
    neurons = np.array([0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])
    rates = {"n": Rate(12, 60.0, 30.0)}
    simulation = SimpleNamespace(
        network=network, comm=COMM, dt=0.1, time=100.0, measured_from=0.0, spike_rates=lambda: rates,
        spikes=lambda name, everywhere: Spikes(steps, neurons),
    )  # fmt: skip
    found = observe(simulation)
    assert found.statistics["n"] == Statistics(2, 12, 60.0, 30.0, 2, pytest.approx(0.25), ANY, ANY)
    assert found.rates("n").tolist() == [90.0, 30.0]
    simulation.measured_from = 10.0
    found = observe(simulation)
    assert found.spikes["n"].times[0] == 20.0
    assert found.rates("n").tolist() == pytest.approx([8 / 0.09, 2 / 0.09])


def test_what_a_model_adds_replaces_what_has_its_name():
    def extra(simulation, activity):
        assert simulation.time == 200.0
        assert activity.sizes["driven"] == 30
        mine = Table("activity", ("a",), ((1,),)), Table("more", ("b",), ((2,),))
        return Outcome(mine, {"precision": "mine", "more": 1}, {"raster": dict, "own": list})

    outcome = run_driven(driven(), extra=extra)
    assert [table.title for table in outcome.tables] == ["activity", "more", "run"]
    assert outcome.tables[0].header == ("a",)
    assert outcome.summary["precision"] == "mine"
    assert outcome.figures["raster"] is dict
    assert set(outcome.figures) == {"raster", "distributions", "own"}


def test_a_run_too_short_for_statistics_still_has_an_outcome(tmp_path):
    outcome = run_driven(driven(), tmp_path, T=0.1)
    assert math.isnan(outcome.summary["populations"]["driven"]["synchrony"])
    for draw in outcome.figures.values():
        draw().savefig(tmp_path / "figure.png")


def test_tables_show_a_dash_where_there_is_no_value():
    table = Table("title", ("name", "x", "y"), (("a", 1.23456, math.nan), ("b", None, 7)), ("", ".2f", ",d"))
    text = table_text(table)
    assert "1.23" in text
    assert [line.split()[-1] for line in text.splitlines()[-2:]] == ["-", "7"]
    assert text.startswith("\ntitle\n")
    table_text(Table("", ("name",), ()))
