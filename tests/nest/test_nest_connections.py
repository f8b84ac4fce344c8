import numpy as np
import pytest

from distsim.nest import edges_of_calls


def edges(synapses):
    return list(zip(synapses.source, synapses.target, strict=True))


def test_explicit_connections_are_told_in_order_and_filtered(nest):
    a, b = nest.Create("iaf_psc_alpha", 2), nest.Create("iaf_psc_exp", 2)
    nest.Connect(a, b, "all_to_all", {"weight": [[1.0, 2.0], [3.0, 4.0]], "delay": 1.5})
    nest.Connect(a, b, "one_to_one", {"synapse_model": "stdp_pl_synapse_hom", "weight": 5.0})
    found = nest.GetConnections()
    assert edges(found) == [(1, 3), (1, 4), (2, 3), (2, 4), (1, 3), (2, 4)]
    assert found.weight == [1.0, 3.0, 2.0, 4.0, 5.0, 5.0]
    assert nest.GetConnections(a[1], synapse_model="static_synapse").get(["target", "delay"]) == {
        "target": [3, 4], "delay": [1.5, 1.5],
    }  # fmt: skip
    assert (nest.num_connections, nest.min_delay, nest.max_delay) == (6, 1.0, 1.5)
    alone = nest.GetConnections(a[0], b[1])
    assert (alone.source, alone.synapse_model) == (1, "static_synapse")
    assert not nest.GetConnections(b, a)


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        ({"rule": "fixed_indegree", "indegree": 3, "allow_autapses": False}, 60),
        ({"rule": "fixed_outdegree", "outdegree": 4, "allow_multapses": False}, 80),
        ({"rule": "fixed_total_number", "N": 50}, 50),
        ({"rule": "fixed_total_number", "N": 390, "allow_multapses": False}, 390),
        ({"rule": "pairwise_bernoulli", "p": 1.0, "allow_autapses": False}, 380),
        ({"rule": "symmetric_pairwise_bernoulli", "p": 1.0, "allow_autapses": False, "make_symmetric": True}, 380),
    ],
    ids=["indegree", "outdegree", "total", "pairs", "bernoulli", "symmetric"],
)
def test_rules_draw_what_they_say(nest, rule, number):
    nodes = nest.Create("iaf_psc_alpha", 20)
    nest.Connect(nodes, nodes, rule, {"weight": nest.random.normal(2.0, 0.5), "delay": nest.random.uniform(1.0, 2.0)})
    found = nest.GetConnections(nodes, nodes)
    assert len(found) == number
    pairs = edges(found)
    assert rule.get("allow_autapses", True) or all(a != b for a, b in pairs)
    assert rule.get("allow_multapses", True) or len(set(pairs)) == len(pairs)
    assert rule["rule"] != "symmetric_pairwise_bernoulli" or {(b, a) for a, b in pairs} == set(pairs)
    assert len(set(found.weight)) >= number // 2
    assert np.allclose(np.round(np.array(found.delay) / 0.1), np.array(found.delay) / 0.1)


def test_a_random_network_is_the_same_before_and_after_it_is_simulated(nest):
    nodes = nest.Create("iaf_psc_alpha", 20, {"I_e": 450.0})
    nest.Connect(nodes, nodes, {"rule": "fixed_indegree", "indegree": 3}, {"weight": nest.random.uniform(1.0, 9.0)})
    plastic = {"synapse_model": "stdp_pl_synapse_hom", "weight": 30.0}
    nest.Connect(nodes, nodes, {"rule": "pairwise_bernoulli", "p": 0.3}, plastic)
    before = nest.GetConnections().get(["source", "target", "weight", "delay"])
    nest.Simulate(100.0)
    after = nest.GetConnections().get(["source", "target", "weight", "delay"])
    static = [w != 30.0 for w in before["weight"]]
    assert before["target"] == after["target"]
    assert np.array_equal(np.array(before["weight"])[static], np.array(after["weight"])[static])
    assert not np.array_equal(before["weight"], after["weight"])


def test_single_weights_are_set_before_and_between_runs(nest):
    source = nest.Create("spike_generator", params={"spike_times": [1.0, 11.0]})
    target = nest.Create("iaf_psc_delta", 3, {"tau_m": 1e6, "V_m": -70.0})
    nest.Connect(source, target, syn_spec={"weight": 1.0})
    connections = nest.GetConnections(source, target)
    connections[1].weight = 2.0
    nest.Simulate(10.0)
    assert np.allclose(target.V_m, [-69.0, -68.0, -69.0], atol=1e-3)
    connections.weight = [3.0, 4.0, 5.0]
    assert nest.GetConnections(source, target).weight == [3.0, 4.0, 5.0]
    nest.Simulate(10.0)
    assert np.allclose(target.V_m, [-66.0, -64.0, -64.0], atol=1e-3)


def test_what_cannot_be_connected(nest):
    neuron, meter, recorder = nest.Create("iaf_psc_alpha", 2), nest.Create("voltmeter"), nest.Create("spike_recorder")
    for ends in ((neuron, meter), (recorder, neuron), (neuron, nest.NodeCollection())):
        with pytest.raises(nest.NESTErrors.IllegalConnection, match="not possible"):
            nest.Connect(*ends)
    with pytest.raises(nest.NESTErrors.DimensionMismatch, match="same size"):
        nest.Connect(neuron, neuron[:1], "one_to_one")
    with pytest.raises(nest.NESTErrors.BadDelay, match="resolution"):
        nest.Connect(neuron, neuron, syn_spec={"delay": 0.0})
    with pytest.raises(nest.NESTErrors.UnknownReceptorType, match="5"):
        nest.Connect(neuron, neuron, syn_spec={"receptor_type": 5})
    with pytest.raises(nest.NESTErrors.NotImplemented, match="SetDefaults"):
        nest.Connect(neuron, neuron, syn_spec={"synapse_model": "static_synapse_hom_w", "weight": 2.0})
    assert nest.num_connections == 0
    meter.record_from = ["V_n"]
    with pytest.raises(nest.NESTErrors.IllegalConnection, match="V_m"):
        nest.Connect(meter, neuron)


def test_synapses_that_are_not_simulated_are_connected_and_asked_for(nest):
    neurons = nest.Create("iaf_psc_exp_multisynapse", 3, {"tau_syn": [2.0, 3.0]})
    nest.SetDefaults("stdp_dopamine_synapse", {"volume_transmitter": nest.Create("volume_transmitter")})
    given = {"synapse_model": "stdp_dopamine_synapse", "c": 0.5, "weight": 3.0, "receptor_type": 2}
    nest.Connect(neurons, neurons, {"rule": "fixed_indegree", "indegree": 2}, given)
    assert nest.GetConnections().get(["c", "weight", "receptor"]) == {
        "c": [0.5] * 6, "weight": [3.0] * 6, "receptor": [2] * 6,
    }  # fmt: skip
    with pytest.raises(nest.NESTErrors.NotImplemented, match="stdp_dopamine_synapse can be connected"):
        nest.Simulate(1.0)


def test_states_of_synapses_are_what_they_were_given_until_they_are_simulated(nest):
    neurons = nest.Create("iaf_psc_exp", 2)
    nest.Connect(neurons[0], neurons[1], syn_spec={"synapse_model": "tsodyks_synapse"})
    synapses = nest.GetConnections()
    synapses.y = 0.25
    assert nest.GetConnections().get(["x", "y", "u"]) == {"x": 1.0, "y": 0.25, "u": 0.0}
    with pytest.raises(nest.NESTErrors.NotImplemented, match="only be simulated from y = 0"):
        nest.Simulate(1.0)
    synapses.y = 0.0
    nest.Simulate(1.0)
    assert "x" not in nest.GetConnections().get()
    with pytest.raises(nest.NESTErrors.NotImplemented, match="x is not told"):
        _ = nest.GetConnections().x


def test_synapses_have_labels_by_which_they_are_found(nest):
    neurons = nest.Create("iaf_psc_alpha", 3)
    nest.Connect(neurons, neurons, syn_spec={"synapse_model": "static_synapse_lbl", "synapse_label": 7})
    nest.Connect(neurons, neurons, "one_to_one")
    assert len(nest.GetConnections(synapse_label=7)) == 9
    assert not nest.GetConnections(synapse_label=8)
    assert nest.GetConnections().synapse_label.count(None) == 3


def test_normal_weights_of_plastic_synapses_are_of_one_sign(nest):
    neurons = nest.Create("iaf_psc_alpha", 4)
    weight = nest.random.normal(35.0, 3.0)
    nest.Connect(neurons, neurons, syn_spec={"synapse_model": "stdp_synapse", "weight": weight})
    nest.Connect(
        neurons, neurons, {"rule": "fixed_indegree", "indegree": 2}, {"synapse_model": "stdp_synapse", "weight": weight}
    )
    nest.Simulate(1.0)
    assert 20.0 < min(nest.GetConnections().weight) < max(nest.GetConnections().weight) < 50.0


def test_connections_are_counted(nest):
    """Not estimated: drawn ones, too, and all but those of nodes with themselves."""
    nodes = nest.Create("iaf_psc_alpha", 30)
    nest.Connect(nodes, nodes, {"rule": "all_to_all", "allow_autapses": False})
    assert nest.num_connections == 30 * 29
    nest.Connect(nodes, nodes, {"rule": "pairwise_bernoulli", "p": 0.3})
    assert nest.num_connections == len(nest.GetConnections())
    assert nest.GetDefaults("static_synapse", "num_connections") == nest.num_connections


def test_weights_of_single_plastic_synapses_are_those_of_now(nest):
    """Edges that are connected one by one are one projection of the engine."""
    nodes = nest.Create("iaf_psc_alpha", 3, {"I_e": 600.0})
    for source, target, weight in ((0, 1, 20.0), (1, 2, 30.0), (0, 2, 40.0)):
        spec = {"synapse_model": "stdp_synapse", "weight": weight, "delay": 1.5}
        nest.Connect(nodes[source], nodes[target], syn_spec=spec)
    nest.Simulate(100.0)
    found = [nest.GetConnections(nodes[s], nodes[t]).weight for s, t in ((0, 1), (1, 2), (0, 2))]
    assert found == pytest.approx([26.50956524145108, 33.43620458552085, 41.07430111664596], rel=1e-12)  # NEST 3.10
    assert nest.GetConnections().weight == [found[0], found[2], found[1]]


def test_ports_are_counted_as_in_nest(nest):
    a, b = nest.Create("iaf_psc_alpha", 3), nest.Create("iaf_psc_alpha", 2)
    nest.Connect(b, a)
    nest.Connect(a, b)
    nest.Connect(a, b, "all_to_all", "stdp_synapse")
    nest.Connect(a[0], b[0])
    generators, recorder = nest.Create("poisson_generator", 2), nest.Create("spike_recorder", 2)
    nest.Connect(generators, a)
    nest.Connect(a, recorder)
    told = nest.GetConnections().get(["source", "target", "port"])
    rows = list(zip(*told.values(), strict=True))
    assert rows[:7] == [(1, 4, 0), (1, 5, 1), (1, 4, 2), (2, 4, 3), (2, 5, 4), (3, 4, 5), (3, 5, 6)]
    assert rows[13:17] == [(1, 8, 0), (1, 9, 1), (2, 8, 0), (2, 9, 1)]
    assert [row[2] for row in rows[19:25]] == [0, 1, 2, 0, 1, 2]
    assert rows[-1] == (3, 5, 5)


def test_ports_of_very_many_connections_are_told_where_they_are_asked_for(nest, monkeypatch):
    nodes = nest.Create("iaf_psc_alpha", 3)
    nest.Connect(nodes, nodes, {"rule": "fixed_indegree", "indegree": 2})
    few = nest.GetConnections().get()
    monkeypatch.setattr(edges_of_calls, "FEW", 5)
    many = nest.GetConnections()
    assert set(few) - set(many.get()) == {"port"}
    assert many.get("port") == few["port"]
    assert edges_of_calls._codes(np.array([[2**40, 2**30, 1], [0, 0, 0]]), np.array([[0, 0, 0]]))[0].tolist() == [1, 0]


def test_connections_are_taken_away(nest):
    nodes = nest.Create("iaf_psc_alpha", 4)
    nest.Connect(nodes, nodes)
    nest.Connect(nodes, nodes, {"rule": "fixed_indegree", "indegree": 2}, "stdp_synapse")
    nest.Disconnect(nodes[:2], nodes[2:])
    static = nest.GetConnections(synapse_model="static_synapse")
    assert (1, 3) not in edges(static)
    assert (len(static), nest.num_connections) == (14, 22)
    nest.GetConnections(synapse_model="stdp_synapse")[:3].disconnect()
    assert nest.GetDefaults("stdp_synapse", "num_connections") == 5
    with pytest.raises(nest.NESTErrors.InexistentConnection):
        nest.Disconnect(nodes[0], nodes[2])
    with pytest.raises(TypeError, match="two NodeCollections"):
        nest.Disconnect(nodes, nodes, "all_to_all")
    nest.Disconnect(static)
    nest.Simulate(5.0)
    assert nest.num_connections == 5


@pytest.mark.parametrize(
    ("source", "target", "synapse", "error"),
    [
        ("poisson_generator", "iaf_psc_alpha", "stdp_synapse", "IllegalConnection"),
        ("spike_generator", "parrot_neuron", "tsodyks_synapse", "IllegalConnection"),
        ("dc_generator", "parrot_neuron", "static_synapse", "IllegalConnection"),
        ("dc_generator", "spike_recorder", "static_synapse", "IllegalConnection"),
        ("voltmeter", "parrot_neuron", "static_synapse", "IllegalConnection"),
        ("voltmeter", "iaf_psc_alpha", "stdp_synapse", "IllegalConnection"),
        ("iaf_psc_alpha", "spike_recorder", "stdp_synapse", "IllegalConnection"),
        ("iaf_psc_alpha", "weight_recorder", "static_synapse", "IllegalConnection"),
        ("poisson_generator", "iaf_psc_exp_multisynapse", "static_synapse", "IncompatibleReceptorType"),
        ("iaf_psc_alpha", "iaf_psc_alpha", "stdp_dopamine_synapse", "BadProperty"),
    ],
)
def test_what_nest_does_not_connect_is_not_connected(nest, source, target, synapse, error):
    with pytest.raises(getattr(nest.NESTErrors, error)):
        nest.Connect(nest.Create(source), nest.Create(target), syn_spec=synapse)
    assert nest.num_connections == 0


def test_a_generator_has_synapses_of_one_model(nest):
    generator, neurons = nest.Create("poisson_generator"), nest.Create("iaf_psc_alpha", 2)
    nest.CopyModel("static_synapse", "other")
    nest.Connect(generator, neurons)
    with pytest.raises(nest.NESTErrors.IllegalConnection, match="must use the same synapse type"):
        nest.Connect(generator, neurons, syn_spec="other")
    nest.Connect(nest.Create("pulsepacket_generator"), neurons, syn_spec="stdp_synapse")


def test_delays_are_rounded_to_the_nearest_step(nest):
    a = nest.Create("iaf_psc_alpha", 2)
    for delay in (0.05, 0.149, 0.15, 0.26, 0.0999):
        nest.Connect(a[0], a[1], syn_spec={"delay": delay})
    assert nest.GetConnections().delay == [0.1, 0.1, 0.2, 0.30000000000000004, 0.1]
    with pytest.raises(nest.NESTErrors.BadDelay):
        nest.Connect(a, a, syn_spec={"delay": 0.0499})
