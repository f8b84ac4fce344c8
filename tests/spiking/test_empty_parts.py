"""Populations of which a rank has no neurons, or that have none at all, whatever is individual about their neurons."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from distsim import (
    AllToAll,
    ConstantCurrent,
    FixedIndegree,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    LifMultisynapse,
    Network,
    Poisson,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)
from tests.threads import on_ranks

MODELS = [IafPscAlpha, IafPscDelta, IafPscExp, IgnoreAndFire, LifMultisynapse]
SHARED = ("t_ref", "tau_syn", "tau_stimulus", "refractory_input", "integrate")  # one for all neurons of a population
INDIVIDUAL = [
    (model, field.name)
    for model in MODELS
    for field in dataclasses.fields(model)
    if field.name not in SHARED or (model is IafPscExp and field.name.startswith("tau_syn_"))
]


def values(default: float, size: int, drawn: bool) -> Any:
    """Values within 1 % below ``default``."""
    low, high = sorted((0.99 * default, default if default else 1.0))
    return Uniform(low, high) if drawn else np.linspace(low, high, size)


def network_with(model: Any, size: int) -> Network:
    """Neurons of ``model`` with all kinds of input, and initial values of their own."""
    network = Network(0.1)
    network.population("big", 9, IafPscDelta())
    initial = {"V_m": values(14.0, size, True)} if isinstance(model, LifMultisynapse) else {}
    target = network.population("few", size, model, **initial)
    network.connect("big", target, AllToAll(), Static(np.linspace(1.0, 2.0, 9 * size).reshape(size, 9), Uniform(1, 2)))
    network.connect("big", target, FixedIndegree(3), StdpPowerLaw(Uniform(1.0, 2.0), 1.0))
    network.connect("big", target, FixedIndegree(3), TsodyksMarkram(Uniform(1.0, 2.0), 1.0, U=Uniform(0.1, 0.5)))
    for rate in (1000.0, 2000.0):
        network.stimulate(target, Poisson(rate, 2.0))
    network.stimulate(target, ConstantCurrent(100.0))
    if size:
        network.stimulate(target, SpikeTrains([[0.5, 0.9]] * size, weight=10.0, delay=0.1))
    network.record_spikes(target)
    network.record_states(target, model.state_variables[0])
    return network


def results(network: Network, ranks: int) -> Any:
    def simulate(comm: Any) -> Any:
        simulation = Simulation(network, comm)
        simulation.run(2.0)
        variable = network.state_recordings[0].variable
        return simulation.spike_hash(), simulation.states("few", variable).value.tolist()

    return on_ranks(ranks, simulate)


@pytest.mark.parametrize("drawn", [True, False], ids=["drawn", "array"])
@pytest.mark.parametrize(("model", "name"), INDIVIDUAL, ids=lambda x: getattr(x, "__name__", x))
def test_individual_parameters_on_a_rank_without_neurons(model, name, drawn):
    default = getattr(model(), name)
    few = network_with(model(**{name: values(default, 2, drawn)}), 2)
    assert results(few, 3) == results(few, 1) * 3
    assert results(network_with(model(**{name: values(default, 0, drawn)}), 0), 1)[0][1] == [[]] * 20


def test_a_clock_that_integrates():
    for size in (0, 2):
        network = network_with(IgnoreAndFire(integrate=IafPscAlpha(C_m=Uniform(200.0, 300.0))), size)
        assert results(network, 3) == results(network, 1) * 3


def test_an_empty_population_is_connected_to_itself():
    network = Network(0.1)
    empty = network.population("empty", 0, IafPscExp())
    network.connect(empty, empty, FixedIndegree(3, autapses=False, multapses=False), Static())
    network.record_spikes(empty)
    simulation = on_ranks(2, lambda comm: Simulation(network, comm))[0]
    assert simulation.interval > 0.0
