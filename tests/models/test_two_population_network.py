"""The network that the parameters make: populations, projections, input, recordings."""

from __future__ import annotations

import pytest

from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.core.distributions import Uniform
from distsim.models.two_population import parameters
from distsim.models.two_population.network import build_network
from distsim.spiking.drives.poisson import Poisson
from distsim.spiking.neurons.iaf_psc_alpha import IafPscAlpha
from distsim.spiking.neurons.ignore_and_fire import IgnoreAndFire
from distsim.spiking.synapses.static import Static
from distsim.spiking.synapses.stdp_power_law import StdpPowerLaw


def test_network_of_integrate_and_fire_neurons():
    p = parameters.load({"N": 2501, "K": 1249})
    network = build_network(p)
    assert network.dt == 0.125
    assert [(population.name, population.size) for population in network.populations] == [("E", 2000), ("I", 501)]
    for population in network.populations:
        model = population.model
        assert isinstance(model, IafPscAlpha)
        assert (model.C_m, model.tau_m, model.t_ref, model.E_L, model.V_th, model.V_reset) == (250, 20, 2, 0, 20, 0)
        assert (model.tau_syn_ex, model.tau_syn_in, model.I_e) == (2.0, 2.0, 0.0)
        assert population.initial == {"V_m": Uniform(0.0, 20.0)}


def test_projections():
    p = parameters.load({"N": 2501, "K": 1249})
    found = {projection.name: projection for projection in build_network(p).projections}
    assert list(found) == ["E->E", "E->I", "I->E", "I->I"]
    for name, projection in found.items():
        indegree = 999 if name.startswith("E") else 250
        assert projection.rule == FixedIndegree(indegree, autapses=False, multapses=True)
        assert projection.synapse.delay == 1.5
        assert projection.synapse.weight == (p.I_E if name.startswith("E") else p.I_I)
        assert isinstance(projection.synapse, StdpPowerLaw if name == "E->E" else Static)
    plastic = found["E->E"].synapse
    assert (plastic.alpha, plastic.lambda_, plastic.mu) == (0.1, 20.0, 0.4)
    assert (plastic.tau_plus, plastic.tau_minus) == (15.0, 30.0)


def test_input_and_recordings_of_both_populations():
    p = parameters.load({"N": 2501})
    network = build_network(p)
    assert [(s.target.name, s.stimulus) for s in network.stimulations] == [
        ("E", Poisson(rate=p.nu_X, weight=p.I_E, delay=1.5)),
        ("I", Poisson(rate=p.nu_X, weight=p.I_E, delay=1.5)),
    ]
    assert [(r.population, r.size) for r in network.spike_recordings] == [("E", 2000), ("I", 501)]


@pytest.mark.parametrize("integrate", [False, True])
def test_network_of_ignore_and_fire_neurons(integrate):
    p = parameters.load({"neuron_model": "ignore_and_fire", "integrate_input": integrate})
    network = build_network(p)
    for population in network.populations:
        model = population.model
        assert isinstance(model, IgnoreAndFire)
        assert (model.rate, model.phase) == (Uniform(0.5, 1.5), Uniform(0.01, 1.0))
        assert isinstance(model.integrate, IafPscAlpha) is integrate
        assert population.initial == ({"V_m": Uniform(0.0, 20.0)} if integrate else {})
    assert network.projections[0].synapse.tau_minus == 20.0


def test_smallest_networks():
    """Fewer neurons than ranks: one neuron of each kind, with autapses only, or no synapse at all."""
    network = build_network(parameters.load({"N": 2, "beta": 0.5, "K": 4, "allow_autapses": True}))
    assert [population.size for population in network.populations] == [1, 1]
    network = build_network(parameters.load({"N": 2, "beta": 0.5, "K": 0}))
    assert [projection.rule.indegree for projection in network.projections] == [0, 0, 0, 0]
