"""The models of ``distsim.nest``: defaults of NEST 3.10, and what scripts do with them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import distsim.nest as nest
from distsim.nest.kernel import KERNEL
from tests.data import make_repeated_plasticity
from tests.nest_fixtures import FOLDER

DEFAULTS = json.loads((FOLDER / "defaults.json").read_text(encoding="ascii"))
REPEATED = json.loads((FOLDER / "repeated_plasticity.json").read_text(encoding="ascii"))


@pytest.fixture(autouse=True)
def _kernel():
    nest.ResetKernel()
    nest.resolution = 0.1


@pytest.mark.parametrize("model", DEFAULTS)
def test_defaults_are_those_of_nest(model):
    told = nest.GetDefaults(model)
    ours = {name: np.asarray(told[name]).tolist() for name in DEFAULTS[model]}
    assert ours == DEFAULTS[model]


def test_a_weight_recorder_has_what_its_synapses_transmit():
    """The numbers are those of NEST for the same script."""
    recorder, of_static = nest.Create("weight_recorder"), nest.Create("weight_recorder", params={"time_in_steps": True})
    nest.CopyModel("stdp_synapse", "learning", {"weight_recorder": recorder, "lambda": 0.1})
    nest.CopyModel("static_synapse", "watched", {"weight_recorder": of_static})
    times = [{"spike_times": [1.0, 5.0, 9.0]}, {"spike_times": [2.0, 6.0, 9.0]}]
    generators, parrots = nest.Create("spike_generator", 2, params=times), nest.Create("parrot_neuron", 2)
    neurons = nest.Create("iaf_psc_alpha", 2, params={"I_e": 600.0})
    nest.Connect(generators, parrots, "one_to_one")
    nest.Connect(parrots, neurons, syn_spec={"synapse_model": "learning", "weight": 50.0})
    nest.Connect(neurons, neurons, syn_spec={"synapse_model": "watched", "weight": 5.0, "delay": 2.0})
    nest.Connect(parrots, neurons, syn_spec={"weight": 50.0})
    nest.Simulate(30.0)
    events = recorder.events
    first, second = parrots.tolist()
    rows = zip(*(events[name].tolist() for name in ("times", "senders", "targets", "weights")), strict=True)
    expected = [(t, s, n, 50.0) for t, s in ((2.0, 5), (3.0, 6), (6.0, 5), (7.0, 6)) for n in neurons.tolist()]
    expected += [(10.0, s, n, w) for s, w in ((5, 52.578601323), (6, 52.949833307)) for n in neurons.tolist()]
    assert (first, second) == (5, 6)
    assert [(t, s, n, round(w, 9)) for t, s, n, w in sorted(rows)] == expected
    assert recorder.n_events == of_static.n_events == 12
    assert set(of_static.events["times"].tolist()) == {76, 152, 263}
    assert set(of_static.events["weights"].tolist()) == {5.0}
    assert nest.GetDefaults("learning", "weight_recorder").tolist() == recorder.tolist()


def test_connections_may_have_receptors_of_their_own():
    neurons = nest.Create("iaf_psc_exp_multisynapse", 30, params={"tau_syn": [0.5, 1.0, 2.0]})
    drawn = {"receptor_type": nest.random.uniform_int(max=3) + 1, "weight": 40.0}
    nest.Connect(neurons, neurons, {"rule": "fixed_indegree", "indegree": 10}, drawn)
    connections = nest.GetConnections(neurons, neurons)
    assert len(connections) == 300
    counts = np.unique(connections.receptor, return_counts=True)
    assert counts[0].tolist() == [1, 2, 3]
    assert (counts[1] > 60).all()
    meter = nest.Create("multimeter", params={"record_from": ["I_syn_2"], "interval": 1.0})
    nest.Connect(meter, neurons[0])
    generator = nest.Create("spike_generator", params={"spike_times": [1.0]})
    nest.Connect(generator, neurons[:1], syn_spec={"receptor_type": 2, "weight": 100.0})
    nest.Simulate(5.0)
    np.testing.assert_allclose(meter.events["I_syn_2"], [0.0, 100.0, *100.0 * np.exp([-1.0, -2.0])], atol=1e-9)
    with pytest.raises(nest.NESTErrors.IncompatibleReceptorType):
        nest.Connect(neurons[0], neurons[1])


def test_parrots_have_room_for_all_that_is_connected_to_them():
    chain = nest.Create("parrot_neuron", 3)
    fast, slow = nest.Create("poisson_generator", params={"rate": 2e5}), nest.Create("parrot_neuron")
    nest.Connect(fast, chain[:2], syn_spec={"weight": 7.0})
    nest.Connect(chain[:2], chain[2])
    nest.Connect(chain[2], slow, syn_spec={"receptor_type": 1})
    spikes = nest.Create("spike_recorder")
    nest.Connect(chain + slow, spikes)
    nest.Simulate(102.0)
    senders = np.bincount(spikes.events["senders"], minlength=chain.tolist()[2] + 3)
    first, second, last = (int(senders[node]) for node in chain.tolist())
    assert abs(first - 20_200) < 4 * np.sqrt(20_200)
    assert 0 <= first + second - last < 1200
    assert senders[slow.tolist()[0]] == 0


def test_currents_act_and_can_be_changed():
    neuron = nest.Create("iaf_psc_alpha", 2)
    wave = nest.Create("ac_generator", params={"amplitude": 200.0, "frequency": 20.0})
    steps = nest.Create("step_current_generator", params={"amplitude_times": [5.0], "amplitude_values": [600.0]})
    noise = nest.Create("noise_generator", params={"std": 50.0})
    meter, spikes = nest.Create("voltmeter"), nest.Create("spike_recorder")
    for generator in (wave, steps, noise):
        nest.Connect(generator, neuron)
    nest.Connect(meter, neuron)
    nest.Connect(neuron, spikes)
    nest.Simulate(100.0)
    assert spikes.n_events > 4
    V = meter.events["V_m"].reshape(-1, 2)
    assert (V[10] != V[10][::-1]).all()
    before = spikes.n_events
    noise.std, wave.amplitude = 0.0, 0.0
    steps.set(amplitude_times=[101.0], amplitude_values=[0.0])
    nest.Simulate(100.0)
    assert spikes.n_events - before <= 2


@pytest.mark.parametrize(
    ("model", "params", "error"),
    [
        ("step_current_generator", {"amplitude_times": [0.0], "amplitude_values": [1.0]}, "BadProperty"),
        ("step_current_generator", {"amplitude_times": [2.0, 1.0], "amplitude_values": [1.0, 2.0]}, "BadProperty"),
        ("step_current_generator", {"amplitude_times": [1.0]}, "BadProperty"),
        ("step_current_generator", {"amplitude_times": [1.05], "amplitude_values": [1.0]}, "BadProperty"),
        ("noise_generator", {"dt": 0.25}, "StepMultipleRequired"),
        ("noise_generator", {"std": -1.0}, "BadProperty"),
        ("noise_generator", {"std": 1.0, "std_mod": 2.0}, "BadProperty"),
        ("pulsepacket_generator", {"activity": -1}, "BadProperty"),
        ("poisson_generator", {"rate": -1.0}, "BadProperty"),
        ("multimeter", {"interval": 0.05}, "BadProperty"),
        ("voltmeter", {"offset": 0.05}, "BadProperty"),
        ("iaf_psc_exp_multisynapse", {"tau_syn": [1.0, -1.0]}, "BadProperty"),
        ("iaf_psc_exp_htum", {"t_ref_abs": 3.0}, "BadProperty"),
        ("izhikevich", {"ignore_and_spike": True}, "BadProperty"),
    ],
)
def test_what_nest_refuses_is_refused(model, params, error):
    with pytest.raises(getattr(nest.NESTErrors, error)):
        nest.Create(model, params=params)


def test_spikes_of_a_generator_may_have_weights_of_their_own():
    """The numbers are those of NEST for the same script."""
    trains = [
        {"spike_times": [1.0, 3.0, 5.0], "spike_weights": [1.0, -2.0, 0.5]},
        {"spike_times": [2.0, 4.0], "spike_multiplicities": [2, 1], "spike_weights": [3.0, 1.0]},
    ]
    generators, neurons = nest.Create("spike_generator", 2, params=trains), nest.Create("iaf_psc_alpha", 2)
    meter = nest.Create("voltmeter", params={"interval": 2.0, "offset": 1.0})
    nest.Connect(generators, neurons, "all_to_all", {"weight": [[10.0, 20.0], [30.0, 40.0]]})
    nest.Connect(meter, neurons)
    nest.Simulate(6.0)
    generators[0].set(spike_times=[8.0, 9.0], spike_weights=[2.0, 3.0])
    nest.Simulate(6.0)
    expected = [
        -70.0,
        -70.0,
        -69.981075833,
        -69.9432275,
        -69.314613783,
        -68.582152743,
        -68.63313427,
        -67.304236422,
        -68.308693977,
        -66.690017097,
        -68.137968388,
        -66.190271953,
    ]
    assert meter.events["V_m"].round(9).tolist() == expected
    assert len(nest.GetConnections(generators)) == 4


def test_spikes_with_weights_reach_no_plastic_synapses():
    generator = nest.Create("spike_generator", params={"spike_times": [1.0], "spike_weights": [2.0]})
    with pytest.raises(nest.NESTErrors.IllegalConnection, match="does not support spike input"):
        nest.Connect(generator, nest.Create("iaf_psc_alpha"), syn_spec="stdp_synapse")


def test_the_sum_of_synaptic_currents_can_be_recorded():
    neuron = nest.Create("iaf_psc_exp_multisynapse", params={"tau_syn": [1.0, 3.0]})
    generator = nest.Create("spike_generator", params={"spike_times": [1.0, 3.0]})
    for receptor, weight in ((1, 5.0), (2, -20.0)):
        nest.Connect(generator, neuron, "all_to_all", {"weight": weight, "receptor_type": receptor})
    meter = nest.Create("multimeter", params={"record_from": ["I_syn", "I_syn_1", "I_syn_2"]})
    nest.Connect(meter, neuron)
    nest.Simulate(8.0)
    events = meter.events
    assert neuron.recordables == ["I_syn", "I_syn_1", "I_syn_2", "V_m"]
    assert (events["I_syn"] == events["I_syn_1"] + events["I_syn_2"]).all()
    assert events["I_syn"].min() < -15.0
    with pytest.raises(nest.NESTErrors.IllegalConnection, match="did you mean 'I_syn_2'"):
        nest.Connect(nest.Create("multimeter", params={"record_from": ["I_syn_3"]}), neuron)


def test_plastic_synapses_onto_parrots_have_their_weights():
    """As NEST 3.10 has it: parrots repeat every spike, whatever the synapse transmits, which is recorded as it is."""
    nest.ResetKernel()
    parrots, recorder, spikes = (
        nest.Create("parrot_neuron", 6),
        nest.Create("weight_recorder"),
        nest.Create("spike_recorder"),
    )
    nest.CopyModel("stdp_synapse", "learning", {"weight_recorder": recorder, "weight": 2.5, "delay": 2.0})
    nest.Connect(nest.Create("spike_generator", params={"spike_times": [1.0, 2.0, 7.0, 9.0, 20.0]}), parrots[:3])
    nest.Connect(parrots[:3], parrots[3:], {"rule": "fixed_indegree", "indegree": 2}, "learning")
    nest.Connect(parrots[3:], spikes)
    nest.Simulate(40.0)
    assert spikes.n_events == 30
    assert spikes.events["times"].sum() == 324.0
    assert recorder.events["weights"].sum() == pytest.approx(232.716018, abs=1e-5)
    assert nest.GetConnections(synapse_model="learning").weight == pytest.approx([17.247434] * 6, abs=1e-6)


@pytest.mark.parametrize("model", REPEATED)
def test_weights_between_parrots_that_repeat_spikes_are_those_of_nest(model):
    """Spikes that reach a synapse in the step in which its source fires are none of those before, however many."""
    found = make_repeated_plasticity.weights(nest, model)
    for ours, theirs in zip(found, REPEATED[model], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("second", "refused"),
    [("plain", "give them different delays"), ("watched", "nodes 1 and 2 cannot be recorded apart")],
)
def test_connections_of_one_pair_that_cannot_be_told_apart_are_refused(second, refused):
    """They would have the weights of each other, or be recorded together."""
    nest.ResetKernel()
    parrots, recorder = nest.Create("parrot_neuron", 3), nest.Create("weight_recorder")
    nest.CopyModel("stdp_synapse", "plain")
    nest.CopyModel("stdp_synapse", "watched", {"weight_recorder": recorder})
    nest.Connect(parrots[0], parrots[2], "one_to_one", {"synapse_model": "watched", "receptor_type": 1})
    for model in ("plain", second):
        nest.Connect(parrots[0], parrots[1], "one_to_one", {"synapse_model": model, "receptor_type": 1})

    def weights():
        nest.Simulate(1.0)
        return [each.weight for each in nest.GetConnections(parrots[:2])]

    with pytest.raises(nest.NESTErrors.NotImplemented, match=refused):
        weights()


def test_events_that_all_recorders_have_forgotten_leave_the_log():
    nest.ResetKernel()
    neurons = nest.Create("iaf_psc_alpha", 4, {"I_e": 800.0})
    recorders = [nest.Create("spike_recorder") for _ in neurons]
    for neuron, recorder in zip(neurons, recorders, strict=True):
        nest.Connect(neuron, recorder)
    nest.Simulate(50.0)
    seen = recorders[0].n_events
    recorders[0].n_events = 0
    nest.Simulate(50.0)
    assert recorders[1].n_events > recorders[0].n_events >= seen > 0
    for recorder in recorders:
        recorder.n_events = 0
    nest.Simulate(50.0)
    assert all(recorder.events["times"].min() > 100.0 for recorder in recorders)
    assert sum(len(each.steps) for each in KERNEL.log.spikes[1]) == sum(each.n_events for each in recorders)


def test_attributes_of_the_kernel_are_those_of_nest():
    nest.ResetKernel()
    nest.local_num_threads = 2
    assert nest.total_num_virtual_procs == 2
    assert "stdp_synapse" in nest.synapse_models


def test_currents_of_positive_and_negative_weights_are_recorded_each() -> None:
    """Also where their time constants are equal."""
    source = nest.Create("spike_generator", params={"spike_times": [1.0]})
    neuron = nest.Create("iaf_psc_exp", params={"tau_syn_ex": 2.0, "tau_syn_in": 2.0})
    meter = nest.Create("multimeter", {"record_from": ["I_syn_ex", "I_syn_in"]})
    nest.Connect(source, neuron, syn_spec={"weight": 10.0})
    nest.Connect(source, neuron, syn_spec={"weight": -4.0})
    nest.Connect(meter, neuron)
    nest.Simulate(5.0)
    np.testing.assert_allclose(meter.events["I_syn_ex"], [0.0, *10.0 * np.exp([-0.0, -0.5, -1.0])], atol=1e-9)
    np.testing.assert_allclose(meter.events["I_syn_in"], [0.0, *-4.0 * np.exp([-0.0, -0.5, -1.0])], atol=1e-9)


@pytest.mark.parametrize(
    ("model", "name"), [("dc_generator", "amplitude"), ("ac_generator", "amplitude"), ("noise_generator", "mean")]
)
def test_a_current_that_changes_between_runs_acts_when_that_of_nest_does(model: str, name: str) -> None:
    """Potentials of NEST 3.10 from 5.9 ms on, the current changed at 5 ms, its delay is 1 ms."""
    neuron = nest.Create("iaf_psc_alpha")
    generator = nest.Create(model, params={name: 100.0} | ({"frequency": 50.0} if model == "ac_generator" else {}))
    meter = nest.Create("multimeter", {"record_from": ["V_m"], "interval": 0.1})
    nest.Connect(generator, neuron)
    nest.Connect(meter, neuron)
    nest.Simulate(5.0)
    generator.set({name: 200.0})
    nest.Simulate(1.0)
    nest.Simulate(2.0)
    steady = [-68.4751336, -68.4505056, -68.4261226, -68.3621817, -68.2988769]
    wave = [-68.9751403, -68.9455568, -68.916248, -68.8474695, -68.7794931]
    np.testing.assert_allclose(meter.events["V_m"][58:63], wave if model == "ac_generator" else steady, atol=1e-7)


def test_spike_times_begin_at_the_origin_and_refractory_times_may_differ():
    """The numbers are those of NEST for the same script."""
    generator = nest.Create("spike_generator", params={"spike_times": [1.0, 3.0, 9.0], "origin": 2.5, "stop": 5.0})
    parrot, recorder = nest.Create("parrot_neuron"), nest.Create("spike_recorder")
    neurons = nest.Create("iaf_psc_alpha", 4, {"I_e": 900.0, "t_ref": [1.0, 1.0, 5.0, 10.0]})
    nest.Connect(generator, parrot)
    nest.Connect(parrot + neurons, recorder)
    nest.Simulate(60.0)
    senders, times = (recorder.events[name] for name in ("senders", "times"))
    assert times[senders == 2].tolist() == [4.5, 6.5]
    assert np.bincount(senders)[4:].tolist() == [9, 9, 6, 4]
    assert neurons.t_ref == (1.0, 1.0, 5.0, 10.0)
    with pytest.raises(nest.NESTErrors.NotImplemented, match="before the first run"):
        neurons[1:].t_ref = [2.0, 1.0, 3.0]


def test_lists_may_differ_between_nodes():
    neurons = nest.Create("iaf_psc_exp_multisynapse", 3, [{"tau_syn": [1.0]}, {"tau_syn": [1.0, 2.0]}, {}])
    assert [list(each) for each in neurons.tau_syn] == [[1.0], [1.0, 2.0], [2.0]]
    assert neurons.n_synapses == (1, 2, 1)


def test_currents_and_potentials_are_told_as_nest_tells_them():
    """aeif_psc_exp tells its inhibitory current as positive, iaf_psc_exp_htum its potential from E_L on."""
    adaptive, two_times = nest.Create("aeif_psc_exp"), nest.Create("iaf_psc_exp_htum")
    meters = nest.Create("multimeter", 2, [{"record_from": ["I_syn_in"]}, {"record_from": ["V_m", "I_syn_ex"]}])
    generator = nest.Create("spike_generator", params={"spike_times": [1.0]})
    for neuron, meter, weight in ((adaptive, meters[0], -20.0), (two_times, meters[1], 20.0)):
        nest.Connect(generator, neuron, syn_spec={"weight": weight})
        nest.Connect(meter, neuron)
    nest.Simulate(6.0)
    np.testing.assert_allclose(meters[0].events["I_syn_in"], [0.0, *20.0 * np.exp([-0.0, -0.5, -1.0, -1.5])], atol=1e-6)
    assert meters[1].events["V_m"][0] == 0.0
    assert 0.0 < meters[1].events["V_m"][-1] < 1.0


def test_a_multimeter_with_an_offset_leaves_out_the_first_step():
    meters = nest.Create("voltmeter", 2, [{"offset": 0.1}, {"offset": 0.2}])
    nest.Connect(meters, nest.Create("iaf_psc_exp"))
    nest.Simulate(5.0)
    assert [meter.events["times"][0] for meter in meters] == [1.1, 0.2]
