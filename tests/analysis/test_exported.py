"""Spikes and states in the objects of pandas, Neo and Elephant: from a simulation, its file or not, and read back."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pandas
import pytest

from distsim import IafPscAlpha, InputError, Network, Spikes, SpikeTrains, read_spikes, read_states
from tests.simulating import simulate

# of quantities, about the version of Elephant that is newest today
pytestmark = pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity is deprecated")

TRAINS = [[1.0, 2.5, 7.0], [], [2.5], [9.0]]


def build() -> Network:
    network = Network(dt=0.5)
    network.population("S", 4, SpikeTrains(TRAINS))
    network.population("E", 3, IafPscAlpha(I_e=400.0), V_m=-60.0)
    network.record_spikes("S", neurons=[0, 1, 3])
    network.record_spikes("E")
    network.record_states("E", "V_m", neurons=[2, 0], interval=1.0)
    network.record_states("E", "I_syn", interval=1.0, offset=9.5)
    return network


@pytest.fixture(scope="module", params=["memory", "file", "read"])
def recorded(request, tmp_path_factory):
    """Spikes of S, V_m and one value of the current of E."""
    path = tmp_path_factory.mktemp("exported") / "run.h5"
    simulation = simulate(build(), 10.0, **({} if request.param == "memory" else {"file": path}))
    if request.param != "read":
        return simulation.spikes("S"), simulation.states("E"), simulation.states("E", "I_syn")
    simulation.close()
    return read_spikes(path, "S"), read_states(path, "E", "V_m"), read_states(path, "E", "I_syn")


def test_trains_by_neuron(recorded):
    trains = recorded[0].spike_trains()
    assert {neuron: times.tolist() for neuron, times in trains.items()} == {0: TRAINS[0], 1: [], 3: [9.0]}


def test_tables(recorded):
    spikes, potential, _ = recorded
    table = spikes.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert table.to_dict("list") == {"time": [1.0, 2.5, 7.0, 9.0], "neuron": [0, 0, 0, 3], "population": ["S"] * 4}
    states = potential.to_pandas()
    assert states.columns.tolist() == [2, 0]
    assert states.index.tolist() == [float(t) for t in range(1, 11)]
    assert (states.to_numpy() == potential.value).all()


def test_neo_and_elephant(recorded):
    import elephant.statistics  # seconds, which the collection of tests does without
    import neo

    spikes, potential, current = recorded
    trains = spikes.to_neo()
    assert [(t.name, t.annotations) for t in trains] == [
        (f"S {n}", {"population": "S", "neuron": n}) for n in (0, 1, 3)
    ]
    assert [float(t.t_stop.rescale("ms")) for t in trains] == [10.0] * 3
    assert elephant.statistics.isi(trains[0]).rescale("ms").magnitude.tolist() == [1.5, 4.5]
    assert float(elephant.statistics.mean_firing_rate(trains[0]).rescale("Hz")) == pytest.approx(300.0)
    signal = potential.to_neo()
    assert isinstance(signal, neo.AnalogSignal)
    assert str(signal.units.dimensionality) == "mV"
    assert np.allclose(signal.times.rescale("ms").magnitude, np.arange(1.0, 11.0))
    assert (signal.magnitude == potential.value).all()
    assert signal.annotations["neurons"].tolist() == [2, 0]
    one = current.to_neo()  # a single time has no rate
    assert isinstance(one, neo.IrregularlySampledSignal)
    assert str(one.units.dimensionality) == "pA"


def test_a_stretch_of_time_is_told(tmp_path):
    simulate(build(), 10.0, file=tmp_path / "run.h5").close()
    train = read_spikes(tmp_path / "run.h5", "S", start=2.0, stop=8.0).to_neo()[0]
    assert (float(train.t_start), float(train.t_stop), train.magnitude.tolist()) == (2.0, 8.0, [2.5, 7.0])


def test_what_is_sent_to_another_rank_can_be_exported_there(recorded):
    for found in recorded:
        sent = pickle.loads(pickle.dumps(found))
        assert sent.to_pandas().equals(found.to_pandas())
    by_hand = pickle.loads(pickle.dumps(Spikes(np.arange(3), np.arange(3))))
    assert by_hand.step.tolist() == [0, 1, 2]


def test_parts_count_their_own_neurons():
    simulation = simulate(build(), 10.0)
    network = simulation.network
    trains = simulation.spikes(network.find("S")[[3, 2, 0]]).spike_trains()
    assert {neuron: times.tolist() for neuron, times in trains.items()} == {0: [9.0], 2: TRAINS[0]}


def test_what_cannot_be_exported_is_said(monkeypatch):
    with pytest.raises(InputError, match="only what a simulation or a file gave can be exported"):
        Spikes(np.zeros(1, np.int64), np.zeros(1, np.int64)).to_neo()
    spikes = simulate(build(), 10.0).spikes("S")
    for name, method in (("pandas", spikes.to_pandas), ("neo", spikes.to_neo)):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(InputError, match=rf"{name} is not installed; install it \(python -m pip install {name}\)"):
            method()
