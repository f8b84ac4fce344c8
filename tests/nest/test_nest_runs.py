import numpy as np
import pytest

import distsim.nest
from tests.on_ranks import found_alone


def test_blocks_of_time_give_what_one_run_gives(nest):
    def spikes_and_samples(run):
        nest.ResetKernel()
        neuron = nest.Create("iaf_psc_alpha", 2, {"I_e": [600.0, 800.0]})
        spikes, meter = nest.Create("spike_recorder"), nest.Create("voltmeter", params={"interval": 0.5, "offset": 0.2})
        nest.Connect(neuron, spikes)
        nest.Connect(meter, neuron)
        run()
        return spikes.events, meter.events

    def in_blocks():
        with nest.RunManager():
            for _ in range(20):
                nest.Run(3.7)

    spikes, samples = spikes_and_samples(lambda: nest.Simulate(74.0))
    again, samples_again = spikes_and_samples(in_blocks)
    assert len(spikes["times"]) > 5
    assert np.array_equal(spikes["times"], again["times"])
    assert np.array_equal(samples["V_m"], samples_again["V_m"])
    assert samples["times"][:4].tolist() == [0.2, 0.7, 0.2, 0.7]  # node by node within an interval
    assert samples["times"].max() == 72.7


def test_a_network_that_grows_goes_on_where_it_was(nest):
    def potential(connect_at):
        nest.ResetKernel()
        source = nest.Create("spike_generator", params={"spike_times": [2.0, 14.5, 31.0]})
        first, second = nest.Create("iaf_psc_exp", 1), nest.Create("iaf_psc_exp", 1, {"I_e": 300.0})
        nest.Connect(source, first, syn_spec={"weight": 2000.0, "delay": 6.0})
        nest.Connect(second, first, syn_spec={"weight": 300.0})
        for time in range(0, 40, 10):
            if time == connect_at:
                third = nest.Create("iaf_psc_alpha", 3)
                nest.Connect(second, third, syn_spec={"weight": 10.0})
            nest.Simulate(10.0)
        return first.V_m, second.V_m

    assert potential(None) == potential(0) == potential(20)


def noisy(nest):
    """Neurons with random connections and noise, and a recorder of their spikes."""
    nest.ResetKernel()
    nest.rng_seed = 5
    neurons, recorder = nest.Create("iaf_psc_alpha", 20), nest.Create("spike_recorder")
    nest.Connect(neurons, neurons, {"rule": "fixed_indegree", "indegree": 5}, {"weight": 10.0})
    nest.Connect(nest.Create("poisson_generator", params={"rate": 20000.0}), neurons, syn_spec={"weight": 60.0})
    nest.Connect(neurons, recorder)
    return neurons, recorder


@pytest.mark.parametrize("second", [5, 99], ids=["same seed", "other seed"])
def test_a_seed_between_runs_is_that_of_noise_and_not_of_connections(nest, second):
    _, recorder = noisy(nest)
    nest.Simulate(90.0)
    whole = recorder.events["times"]
    neurons, recorder = noisy(nest)
    nest.Simulate(30.0)
    edges = nest.GetConnections(neurons, neurons).get(["source", "target"])
    nest.rng_seed = second
    nest.Simulate(30.0)
    nest.Connect(nest.Create("iaf_psc_alpha"), neurons)
    nest.Simulate(30.0)
    assert nest.GetConnections(neurons, neurons).get(["source", "target"]) == edges
    alike = []
    for begin in (0.0, 30.0, 60.0):
        parts = (times[(times > begin) & (times < begin + 30.05)] for times in (whole, recorder.events["times"]))
        alike.append(np.array_equal(*parts))
    assert alike == [True, second == 5, second == 5]


def test_currents_rates_and_states_change_at_once(nest):
    neuron = nest.Create("iaf_psc_alpha", 3)
    current = nest.Create("dc_generator", params={"amplitude": 100.0})
    nest.Connect(current, neuron[:1])
    nest.Simulate(50.0)
    assert neuron[0].V_m > neuron[1].V_m == -70.0
    current.amplitude = 0.0
    neuron[1].V_m = -60.0
    neuron[2].I_e = 200.0
    nest.Simulate(5.0)
    assert -70.0 < neuron[1].V_m < -60.0
    assert neuron[2].V_m > -70.0
    assert neuron.I_e == (0.0, 0.0, 200.0)


def test_files_are_those_of_nest(nest, tmp_path):
    nest.SetKernelStatus({"data_path": str(tmp_path), "overwrite_files": False})
    neuron = nest.Create("iaf_psc_alpha", 2, {"I_e": 800.0})
    spikes = nest.Create("spike_recorder", {"record_to": "ascii", "label": "spikes"})
    meter = nest.Create("multimeter", {"record_to": "ascii", "record_from": ["V_m"], "interval": 5.0})
    nest.Connect(neuron, spikes)
    nest.Connect(meter, neuron)
    nest.Simulate(20.0)
    lines = (tmp_path / "spikes-3-0.dat").read_text(encoding="utf-8").splitlines()
    assert lines[2:] == ["sender\ttime_ms", "1\t6.400", "2\t6.400", "1\t14.800", "2\t14.800"]
    assert (tmp_path / "multimeter-4-0.dat").read_text(encoding="utf-8").splitlines()[3] == "1\t5.000\t-57.409"
    assert spikes.n_events == 4
    assert "events" not in spikes.get()
    with pytest.raises(nest.NESTError, match="overwrite_files"):
        nest.Simulate(20.0)


def test_files_of_many_runs_are_those_of_one(nest, tmp_path):
    def written(*runs):
        nest.ResetKernel()
        nest.SetKernelStatus({"data_path": str(tmp_path), "overwrite_files": True})
        neurons = nest.Create("iaf_psc_alpha", 3, {"I_e": [900.0, 600.0, 800.0]})
        spikes = nest.Create("spike_recorder", {"record_to": "ascii"})
        nest.Connect(neurons, spikes)
        with nest.RunManager():
            for run in runs:
                nest.Run(run)
        return (tmp_path / "spike_recorder-4-0.dat").read_text(encoding="utf-8"), spikes.n_events

    assert written(40.0) == written(7.0, 5.0, 1.0, 9.0, 18.0)


def test_windows_and_counts_of_recorders(nest):
    source = nest.Create("spike_generator", params={"spike_times": [1.0, 2.0, 3.0, 4.0], "precise_times": False})
    every, some = nest.Create("spike_recorder"), nest.Create("spike_recorder", params={"start": 1.0, "stop": 3.0})
    steps = nest.Create("spike_recorder", params={"time_in_steps": True})
    nest.Connect(source, every + some + steps)
    nest.Simulate(3.5)
    assert every.events["times"].tolist() == [1.0, 2.0, 3.0]
    assert some.events["times"].tolist() == [2.0, 3.0]
    assert steps.events["times"].tolist() == [10, 20, 30]
    assert [recorder.n_events for recorder in (every, some, steps)] == [3, 2, 3]
    every.n_events = 0
    nest.Simulate(3.5)
    assert every.events["times"].tolist() == [4.0]
    assert every.n_events == 1
    with pytest.raises(nest.NESTError, match="can only be set to 0"):
        every.n_events = 3


def test_rate_neurons_beside_spiking_ones(nest):
    drive, neuron = nest.Create("siegert_neuron", params={"mean": 1.0, "rate": 1.0}), nest.Create("siegert_neuron")
    meter = nest.Create("multimeter", {"record_from": ["rate"], "interval": 1.0})
    factors = {"synapse_model": "diffusion_connection", "drift_factor": 14.0, "diffusion_factor": 9.0}
    nest.Connect(drive, neuron, syn_spec=factors)
    nest.Connect(meter, neuron)
    with pytest.raises(nest.NESTErrors.IllegalConnection, match="diffusion_connection"):
        nest.Connect(drive, neuron)
    nest.Simulate(30.0)
    assert 40.0 < neuron.rate < 60.0
    assert meter.events["rate"][-1] == pytest.approx(neuron.rate, rel=1e-6)


def network(nest):
    """Plastic, static and drawn synapses, changes between two runs; spikes of this rank, and its weights."""
    exc, inh = nest.Create("iaf_psc_alpha", 40, {"tau_minus": 30.0}), nest.Create("iaf_psc_alpha", 10)
    nodes = exc + inh
    nodes.V_m = nest.random.uniform(-70.0, -55.0)
    noise, current = nest.Create("poisson_generator", params={"rate": 8000.0}), nest.Create("dc_generator")
    spikes = nest.Create("spike_recorder")
    plastic = {"synapse_model": "stdp_pl_synapse_hom", "weight": 40.0, "delay": 1.5}
    nest.Connect(exc, exc, {"rule": "fixed_indegree", "indegree": 5}, plastic)
    nest.Connect(exc, inh, {"rule": "pairwise_bernoulli", "p": 0.2}, {"weight": nest.random.normal(40.0, 5.0)})
    nest.Connect(inh, nodes, {"rule": "fixed_outdegree", "outdegree": 10}, {"weight": -100.0})
    nest.Connect(noise, nodes, syn_spec={"weight": 30.0})
    nest.Connect(current, exc[::3])
    nest.Connect(nodes, spikes)
    nest.Simulate(50.0)
    noise.rate, current.amplitude = 9000.0, 60.0
    nest.GetConnections(inh, exc[:5]).weight = -150.0
    nest.Connect(exc[3], inh[4], syn_spec={"weight": 100.0})
    nest.Simulate(50.0)
    events = spikes.events
    synapses = nest.GetConnections().get(["source", "target", "weight", "delay"])
    return list(zip(events["times"], events["senders"], strict=True)), list(zip(*synapses.values(), strict=True))


def of_all_ranks(comm):
    distsim.nest.set_communicator(comm)
    return [sorted(each for of_rank in comm.allgather(mine) for each in of_rank) for mine in network(distsim.nest)]


@pytest.mark.mpi
def test_spikes_and_weights_are_the_same_on_any_number_of_ranks(comm):
    alone = found_alone(comm, of_all_ranks)
    spikes, synapses = of_all_ranks(comm)
    assert len(spikes) > 100
    assert len(synapses) > 400
    assert [spikes, synapses] == alone
