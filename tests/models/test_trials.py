"""Many trials side by side: the bits of each trial alone, in whatever batch; wrong input."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    AllToAll,
    IafPscAlpha,
    InputError,
    LifMultisynapse,
    Network,
    Normal,
    Poisson,
    RangeError,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
)
from distsim.models.liquid_state import trials as trials_module
from distsim.models.liquid_state.network import build_network
from distsim.models.liquid_state.parameters import load
from distsim.models.liquid_state.trials import Trials

COMM = MPI.COMM_SELF
T = 150.0
STIMULI = [np.unique(np.random.default_rng(k).integers(1, 1500, 12)) * 0.1 for k in range(5)]
PARAMETERS = load({"T": T})


def liquid(stimulus=STIMULI[0]):
    return build_network(PARAMETERS, stimulus)


def trains(stimuli):
    return {"stimulus": [SpikeTrains([times]) for times in stimuli]}


@pytest.fixture(scope="module")
def liquid_trials():
    return Trials(liquid(), COMM, seed=3)


def test_a_trial_has_the_bits_of_a_simulation(liquid_trials, monkeypatch):
    """Trial number 0 of a batch: every spike, and every state at the end, are those of the network engine."""
    kept = []
    of_group = trials_module._neurons_of
    monkeypatch.setattr(trials_module, "_neurons_of", lambda *a: kept.append(of_group(*a)) or kept[-1])
    spikes = liquid_trials.run(T, [5, 0, 9], trains([STIMULI[k] for k in (1, 0, 2)]))
    step, gid = spikes.of(1)
    with Simulation(liquid(), COMM, seed=3) as simulation:
        for name in "EI":
            assert simulation.network.find(name).model.tau_syn == (3.0, 6.0)
        simulation.run(T)
        for population in "EI":
            own = simulation.spikes(population)
            first = simulation.network.find(population).first_gid
            mine = (gid >= first) & (gid < first + simulation.network.find(population).size)
            assert own.step.tolist() == step[mine].tolist()
            assert own.neuron.tolist() == (gid[mine] - first).tolist()
        (neurons,) = kept
        group = next(g.neurons for p, g in simulation._local.populations if p.population.name == "E")
        assert group.values[0].tolist() == neurons.state[0].reshape(-1, 3)[:, 1].tolist()
        for alone, together in zip(group.values[2], neurons.state[2], strict=True):
            assert alone.tolist() == together.reshape(-1, 3)[:, 1].tolist()
        assert group.values[3].tolist() == neurons.state[3].reshape(-1, 3)[:, 1].tolist()
        assert len(step) > 200


def test_batches_change_nothing(liquid_trials):
    numbers = [3, 1, 4, 1, 5]
    results = [liquid_trials.run(T, numbers, trains(STIMULI), batch) for batch in (1, 2, 5, 16)]
    for other in results[1:]:
        for name in ("trial", "step", "gid"):
            assert (getattr(other, name) == getattr(results[0], name)).all()
    assert len({len(results[0].of(k)[0]) for k in range(5)}) > 1


def test_numbers_choose_initial_states_and_trains_the_drive(liquid_trials):
    same, other, driven = (
        liquid_trials.run(T, [number], trains([stimulus])).of(0)[0].tolist()
        for number, stimulus in ((2, STIMULI[0]), (3, STIMULI[0]), (2, STIMULI[1]))
    )
    assert same == liquid_trials.run(T, [2], {}).of(0)[0].tolist()  # the trains of the network itself
    assert same != other
    assert same != driven


def test_a_small_store_of_spikes_is_emptied_on_the_way(liquid_trials, monkeypatch):
    whole = liquid_trials.run(T, [1, 2], trains(STIMULI[:2]))
    monkeypatch.setattr(trials_module, "CAPACITY", 1)
    parts = liquid_trials.run(T, [1, 2], trains(STIMULI[:2]))
    assert whole.step.tolist() == parts.step.tolist()
    assert whole.gid.tolist() == parts.gid.tolist()


def test_no_trials(liquid_trials):
    assert len(liquid_trials.run(T, [], {}).step) == 0


def individual_network(U=0.5):
    """Parameters of their own for every neuron, delays of their own for every synapse, one population only."""
    network = Network(dt=0.1)
    network.population("X", 2, SpikeTrains([[1.0, 5.0], [2.0, 2.0, 8.3]]))
    network.population("A", 20, LifMultisynapse(V_th=np.linspace(14.0, 15.0, 20), tau_syn=4.0, I_e=13_500.0))
    weights = np.random.default_rng(1).normal(500.0, 300.0, (20, 20))
    delays = np.random.default_rng(2).integers(5, 30, (20, 20)) * 0.1
    network.connect("X", "A", AllToAll(), Static(weight=12_000.0, delay=Normal(1.5, 0.0), receptor="stimulus"))
    network.connect("A", "A", AllToAll(), Static(weight=weights, delay=delays, receptor=0))
    network.connect("X", "A", AllToAll(), TsodyksMarkram(weight=100.0, delay=0.5, U=U, D=1e9, receptor=0))
    network.record_spikes("A")
    return network


def test_other_networks():
    """Trains with two spikes in a step, delays of many kinds."""
    spikes = Trials(individual_network(), COMM).run(40.0, [0, 1], {})
    with Simulation(individual_network(), COMM) as simulation:
        simulation.run(40.0)
        own = simulation.spikes("A")
    assert len(own.step) > 20
    for trial in range(2):
        step, gid = spikes.of(trial)
        assert (step == own.step).all()
        assert (gid == own.neuron + 2).all()


def test_a_synapse_that_diverges_ends_the_run():
    often = SpikeTrains([np.arange(1.0, 100.0)] * 2)
    with pytest.raises(RangeError, match="its U is too large"):
        Trials(individual_network(U=4.0), COMM).run(100.0, [0], {"X": [often]})


# ---------------------------------------------------------------- wrong input


def test_wrong_requests(liquid_trials):
    good = trains(STIMULI)
    with pytest.raises(InputError, match="trains for 5 trials, but there are 2"):
        liquid_trials.run(T, [0, 1], good)
    with pytest.raises(InputError, match="unknown population of spike sources 'stimulis'; did you mean 'stimulus'"):
        liquid_trials.run(T, [0], {"stimulis": good["stimulus"][:1]})
    with pytest.raises(InputError, match="not a whole multiple of dt"):
        liquid_trials.run(T, [0], trains([[0.123]]))
    with pytest.raises(InputError, match="2 trains for 1 neurons"):
        liquid_trials.run(T, [0], {"stimulus": [SpikeTrains([[1.0], [2.0]])]})
    with pytest.raises(InputError, match="batch must be at least 1"):
        liquid_trials.run(T, [0], {}, batch=0)
    with pytest.raises(InputError, match="duration"):
        liquid_trials.run(0.0, [0], {})


def test_networks_that_cannot_be_batched():
    network = Network(dt=0.1)
    network.population("A", 2, IafPscAlpha())
    with pytest.raises(InputError, match="'A' has IafPscAlpha neurons"):
        Trials(network, COMM)
    network = Network(dt=0.1)
    network.population("A", 2, LifMultisynapse())
    network.stimulate("A", Poisson(rate=1.0, weight=1.0))
    with pytest.raises(InputError, match="Poisson stimuli cannot be batched"):
        Trials(network, COMM)
    network = Network(dt=0.1)
    network.population("A", 2, LifMultisynapse())
    network.connect("A", "A", AllToAll(), StdpPowerLaw())
    with pytest.raises(InputError, match="StdpPowerLaw synapses"):
        Trials(network, COMM)
    with pytest.raises(InputError, match="no neurons"):
        Trials(Network(dt=0.1), COMM)
