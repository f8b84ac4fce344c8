"""Populations whose models are of one kind are one group, which changes nothing for any of them."""

from __future__ import annotations

import pytest

from distsim import (
    ConstantCurrent,
    FixedIndegree,
    IafPscAlpha,
    IafPscDelta,
    IgnoreAndFire,
    LifMultisynapse,
    Network,
    Poisson,
    PoissonSource,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    Uniform,
)
from distsim.spiking.incoming import groups_of
from tests.simulating import simulate
from tests.threads import on_ranks


def names(network):
    return [[population.name for population in together] for together in groups_of(network)]


def test_what_is_of_one_kind():
    """Parameters of single neurons, plastic input, and other states make other groups."""
    network = Network(dt=0.1)
    models = {
        "a": IafPscAlpha(),
        "b": IafPscAlpha(C_m=200.0, t_ref=1.0),
        "own": IafPscAlpha(C_m=Uniform(200.0, 300.0)),
        "plastic": IafPscAlpha(),
        "two inputs": IafPscAlpha(tau_syn_in=3.0),
        "drawn": IafPscAlpha(E_L=Uniform(-71.0, -70.0)),
        "clock": IgnoreAndFire(5.0),
        "other clock": IgnoreAndFire(7.0),
        "busy clock": IgnoreAndFire(integrate=IafPscAlpha()),
        "trains": SpikeTrains([[1.0]]),
        "noise": PoissonSource(5.0),
        "more trains": SpikeTrains([[2.0]]),
        "l": LifMultisynapse(),
        "l with three": LifMultisynapse(tau_syn=(1.0, 2.0, 3.0)),
        "m": LifMultisynapse(R_m=0.002),
    }
    for name, model in models.items():
        network.population(name, 4, model)
    network.connect("a", "plastic", FixedIndegree(2), StdpPowerLaw(10.0, 1.0))
    assert names(network) == [
        ["a", "b"], ["own", "drawn"], ["plastic"], ["two inputs"], ["clock", "other clock"], ["busy clock"],
        ["trains", "more trains"], ["noise"], ["l", "m"], ["l with three"],
    ]  # fmt: skip


SIZES = {"A": 600, "B": 7, "C": 513}  # more than a block of neurons, few, and one more than a block
MODELS = {
    "alpha": (IafPscAlpha, {"C_m": (250.0, 200.0, 300.0)}, 60.0),
    "alpha, own": (IafPscAlpha, {"C_m": (Uniform(200.0, 300.0), 250.0, 200.0)}, 60.0),
    "delta": (IafPscDelta, {"V_th": (-55.0, -56.0, -57.0)}, 0.125),
    "lif": (LifMultisynapse, {"V_th": (15.0, 14.5, 14.8)}, 800.0),
}


def network_of(kind, chosen):
    """A, B and C, of which those that are not ``chosen`` are something else; all streams are the same.

    Weights are of few bits, so that the unit of the sums of a group rounds none of them.
    """
    model, changed, weight = MODELS[kind]
    ((name, values),) = changed.items()
    network = Network(dt=0.1)
    for (population, size), value in zip(SIZES.items(), values, strict=True):
        used = population in chosen
        network.population(population, size, model(**{name: value}) if used else IgnoreAndFire(1e-3))
        for k, rate in enumerate((9000.0, 3000.0)):
            network.stimulate(
                population, Poisson(rate=rate, weight=weight if k else -0.25 * weight, delay=0.1 * (k + 1))
            )
        network.stimulate(population, Poisson(rate=9000.0, weight=weight))
        network.stimulate(population, ConstantCurrent(10.0 * size))
        if used:
            network.record_states(population, "V_m", interval=1.0)
            network.record_spikes(population)
    return network


@pytest.mark.parametrize("kind", MODELS)
def test_a_population_does_not_know_its_neighbours(kind):
    """Several Poisson inputs each, of both signs; currents and parameters differ."""
    network = network_of(kind, SIZES)
    assert len(names(network)) < len(SIZES)
    together = simulate(network, 30.0)
    for name in SIZES:
        alone = simulate(network_of(kind, [name]), 30.0)
        assert (alone.states(name).value == together.states(name).value).all()
        assert (alone.spikes(name).step == together.spikes(name).step).all()
        assert (alone.spikes(name).neuron == together.spikes(name).neuron).all()
        assert len(alone.spikes(name).step) > 0


def plastic_network():
    """Two populations with plastic input form one group; each synapse sees the spikes of its own target alone."""
    network = Network(dt=0.1)
    for name, size in (("A", 30), ("B", 20)):
        network.population(name, size, IafPscAlpha(C_m=200.0 + size), V_m=Uniform(-70.0, -55.0))
        network.stimulate(name, Poisson(rate=20_000.0, weight=40.0))
    for source, target in ("AA", "AB", "BA"):
        network.connect(source, target, FixedIndegree(8), StdpPowerLaw(50.0, 1.5, lambda_=0.1, alpha=0.1))
    network.connect("A", "B", FixedIndegree(5), Static(30.0, 1.0))
    return network


def test_plastic_input_of_a_group_on_any_number_of_ranks():
    network = plastic_network()
    assert names(network) == [["A", "B"]]

    def run(comm):
        simulation = Simulation(network, comm)
        simulation.run(200.0)
        return simulation.spike_hash(), simulation.weight_hash(), simulation.plastic_weight_statistics()

    reference = on_ranks(1, run)[0]
    assert reference[2]["sd"] > 0.0
    assert on_ranks(3, run) == [reference] * 3
