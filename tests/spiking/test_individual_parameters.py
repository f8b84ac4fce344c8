"""Parameters of each neuron, all of them equal, give what one parameter of all neurons gives: of the LIF neurons."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import IafPscAlpha, IafPscDelta, IafPscExp, Network, OneToOne, Poisson, Static, Uniform
from tests.simulating import simulate

MEMBRANE = {"C_m": 200.0, "tau_m": 15.0, "E_L": -65.0, "V_th": -57.0, "V_reset": -68.0, "I_e": 120.0}
SYNAPSES = {"tau_syn_ex": 1.5, "tau_syn_in": 4.0}
SIZE = 7
CASES = {
    IafPscAlpha: (MEMBRANE | SYNAPSES, {}, (90.0, -50.0)),
    IafPscExp: (MEMBRANE | SYNAPSES, {}, (300.0, -50.0)),
    IafPscDelta: (MEMBRANE, {"refractory_input": True}, (0.9, -0.5)),
}
"""Parameters that may be those of each neuron, others, and the weights of the two Poisson inputs."""


def driven_population(model, **parameters):
    _, others, weights = CASES[model]
    neuron = model(t_ref=1.3, **others, **parameters)
    network = Network(dt=0.1)
    network.population("A", SIZE, neuron)
    if model is IafPscDelta:
        network.connect("A", "A", OneToOne(), Static(weight=1.0, delay=0.2))
    for weight in weights:
        network.stimulate("A", Poisson(rate=6000.0, weight=weight))
    network.record_spikes("A")
    network.record_states("A", list(neuron.state_variables))
    return simulate(network, 100.0)


@pytest.mark.parametrize(("model", "chosen"), [(model, name) for model in CASES for name in (*CASES[model][0], "all")])
@pytest.mark.parametrize("form", [lambda x: np.full(SIZE, x), lambda x: Uniform(x, x)], ids=["array", "distribution"])
def test_equal_individual_parameters_are_one_parameter(form, model, chosen):
    parameters = CASES[model][0]
    changed = {name: form(value) for name, value in parameters.items() if chosen in (name, "all")}
    individual, common = driven_population(model, **parameters | changed), driven_population(model, **parameters)
    assert common.spike_count() > SIZE
    assert individual.spike_hash() == common.spike_hash()
    variables = common.network.find("A").model.state_variables
    assert variables == (("V_m",) if model is IafPscDelta else ("V_m", "I_syn_ex", "I_syn_in"))
    for variable in variables:
        assert (individual.states("A", variable).value == common.states("A", variable).value).all()
