"""Neurons, generators and synapses one by one against NEST 3.10.0: every spike and all traces; see tests/data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from distsim import (
    AdaptiveExponential,
    AllToAll,
    ConstantCurrent,
    IafPscAlphaMultisynapse,
    IafPscDelta,
    IafPscExp,
    IafPscExpHtum,
    IafPscExpMultisynapse,
    InputError,
    Izhikevich,
    Network,
    NoiseCurrent,
    OneToOne,
    Parrot,
    Poisson,
    PulsePackets,
    Simulation,
    SinusoidalCurrent,
    SpikeTrains,
    Static,
    StdpGuetig,
    TsodyksMarkram,
)
from distsim.core.elementary import sine_of_turns
from distsim.parallel.communicator import alone
from tests.nest_fixtures import FOLDER
from tests.simulating import potential, simulate
from tests.threads import on_ranks

DATA = json.loads((FOLDER / "devices.json").read_text(encoding="ascii"))
ABOUT = DATA["about"]
DT, TRAINS = ABOUT["dt_ms"], ABOUT["trains"]
T = 55.0  # ms


def cases(section: str, *models: str) -> Any:
    found = [c for c in DATA[section] if not models or c["model"] in models]
    return pytest.mark.parametrize("case", found, ids=[f"{c['model']} {k}" for k, c in enumerate(found)])


def run(network: Network, **options: Any) -> Simulation:
    simulation = Simulation(network, alone(), **options)
    simulation.run(T)
    return simulation


def with_trains(dt: float = DT) -> Network:
    """Sources 0, 1, 2 of the spikes that all cases have."""
    network = Network(dt=dt)
    for k, train in enumerate(TRAINS):
        network.population(f"X{k}", 1, SpikeTrains([train]))
    return network


def assert_traces(simulation: Simulation, name: str, expected: dict[str, list[float]], tolerance: float) -> None:
    for variable, values in expected.items():
        found = simulation.states(name, variable).value.ravel()
        np.testing.assert_allclose(found[: len(values)], values, rtol=0.0, atol=tolerance, err_msg=variable)


# ---------------------------------------------------------------- neurons


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("model", [IafPscExpMultisynapse, IafPscAlphaMultisynapse])
def test_currents_of_every_receptor(model, precision):
    name = {IafPscExpMultisynapse: "iaf_psc_exp_multisynapse"}.get(model, "iaf_psc_alpha_multisynapse")
    network = with_trains()
    network.population("N", 1, model(**ABOUT["multisynapse"]))
    for k, (weight, delay) in enumerate(zip(ABOUT["weights"], ABOUT["delays"], strict=True)):
        network.connect(f"X{k}", "N", AllToAll(), Static(weight, delay, receptor=k + 1))
    network.record_spikes("N")
    network.record_states("N", ["V_m", "I_syn_1", "I_syn_2", "I_syn_3"], interval=1.0)
    simulation = run(network, precision=precision)
    assert simulation.spikes("N").step.tolist() == DATA[name]["spikes"]
    assert_traces(simulation, "N", DATA[name]["traces"], 1e-9)


@cases("htum")
def test_two_refractory_times(case):
    network = with_trains()
    network.population("N", 1, IafPscExpHtum(**case["params"]))
    for source, weight in (("X0", 1000.0), ("X1", -500.0)):
        network.connect(source, "N", AllToAll(), Static(weight, 1.0))
    network.record_spikes("N")
    network.record_states("N", "V_m", interval=1.0)
    simulation = run(network)
    assert simulation.spikes("N").step.tolist() == case["found"]["spikes"]
    assert len(case["found"]["spikes"]) > 1
    above = np.array(case["found"]["traces"]["V_m"])  # NEST records V of this neuron above E_L
    assert_traces(simulation, "N", {"V_m": above - 70.0}, 1e-9)


@cases("izhikevich")
def test_the_integration_of_the_paper(case):
    network = with_trains()
    network.population("N", 1, Izhikevich(**case["params"]))
    for source, weight in (("X0", 10.0), ("X1", -5.0)):
        network.connect(source, "N", AllToAll(), Static(weight, 1.0))
    network.record_spikes("N")
    network.record_states("N", ["V_m", "U_m"], interval=1.0)
    simulation = run(network)
    assert simulation.spikes("N").step.tolist() == case["found"]["spikes"]
    assert_traces(simulation, "N", case["found"]["traces"], 1e-9)


@cases("adaptive")
def test_adaptation_is_that_of_nest_as_nearly_as_steps_allow(case):
    """NEST's steps are of adaptive length: a spike may come a step sooner or later, and V with it."""
    network = with_trains()
    network.population("N", 1, AdaptiveExponential(**case["params"]))
    for source, weight in (("X0", 1000.0), ("X1", -500.0)):
        network.connect(source, "N", AllToAll(), Static(weight, 1.0))
    network.record_spikes("N")
    network.record_states("N", ["V_m", "w"], interval=1.0)
    simulation = run(network)
    spikes, expected = simulation.spikes("N").step, np.array(case["found"]["spikes"])
    assert len(spikes) == len(expected)
    assert np.abs(spikes - expected).max(initial=0) <= 1
    for variable, tolerance in (("V_m", 0.05), ("w", 0.1)):
        values = np.array(case["found"]["traces"][variable])
        apart = np.abs(simulation.states("N", variable).value.ravel()[: len(values)] - values)
        assert np.median(apart) < tolerance


# ---------------------------------------------------------------- parrots


def parrots() -> Network:
    network = Network(dt=DT)
    network.population("P", 1, Parrot(most=9))
    network.population("Q", 1, Parrot(most=18))
    for k, (train, delay) in enumerate(zip(TRAINS, ABOUT["delays"], strict=True)):
        repeated = np.repeat(train, [1 + (k + i) % 3 for i in range(len(train))])
        source = network.population(f"X{k}", 1, SpikeTrains([repeated]))
        network.connect(source, "P", OneToOne(), Static(1.0, delay))
        network.connect(source, "Q", OneToOne(), Static(1.0, delay, receptor=1))
    for delay in (1.0, 2.5):
        network.connect("P", "Q", OneToOne(), Static(1.0, delay))
    for name in "PQ":
        network.record_spikes(name)
    return network


@pytest.mark.parametrize("precision", ["double", "single"])
def test_parrots_repeat_every_spike(precision):
    def found(comm):
        with Simulation(parrots(), comm, precision=precision) as simulation:
            simulation.run(T)
            return [simulation.spikes(name).step.tolist() for name in "PQ"], simulation.spike_count()

    assert on_ranks(2, found) == [found(alone())] * 2
    assert found(alone())[0] == DATA["parrots"]


def test_parrots_repeat_poisson_input_and_say_what_they_have_room_for():
    network = Network(dt=0.1)
    network.population("P", 20, Parrot(most=256))
    network.population("Q", 20, Parrot(most=256))
    network.stimulate("P", Poisson(rate=1e6, weight=1.0))
    network.connect("P", "Q", OneToOne(), Static(1.0, 1.0))
    network.record_spikes("Q")
    counts = simulate(network, 11.0).spike_counts()
    assert abs(counts["Q"] - 20 * 9900) < 4 * np.sqrt(20 * 9900)
    assert counts["P"] > counts["Q"]
    network = parrots()
    network.connect("P", "Q", AllToAll(), Static(3.0, 1.0))
    with pytest.raises(
        InputError, match=r"^'Q': up to 45 spikes can arrive at a neuron in one step, but it repeats 18"
    ):
        Simulation(network, alone())
    network = Network(dt=0.1)
    network.population("P", 1, Parrot(most=2))
    network.connect("P", "P", AllToAll(), Static(1.0, 1.0))  # a spike may go round for ever
    network.stimulate("P", Poisson(rate=0.001, weight=1.0))
    with pytest.raises(InputError, match=r"'P': up to \d+ spikes .* repeats 2 at most; give Parrot"):
        Simulation(network, alone())


# ---------------------------------------------------------------- currents


def current(case: dict[str, Any]) -> Any:
    p = dict(case["params"])
    if case["model"] == "ac_generator":
        return SinusoidalCurrent(**p, delay=0.3)
    if case["model"] == "noise_generator":
        return NoiseCurrent(p["std"], interval=p["dt"], delay=0.3, **{k: p[k] for k in ("start", "stop") if k in p})
    return ConstantCurrent(p.pop("amplitude_values"), times=p.pop("amplitude_times"), delay=0.3, **p)


def integrated(case: dict[str, Any], n: int = 1, **options: Any) -> np.ndarray:
    """V_m (steps, n) of neurons at the end of every step up to 4 ms."""
    network = Network(dt=DT)
    network.population("A", n, IafPscDelta(C_m=100.0, E_L=0.0, V_reset=0.0, V_th=1e6))
    network.stimulate("A", current(case))
    network.record_states("A", "V_m")
    with Simulation(network, alone(), **options) as simulation:
        simulation.run(1.7)
        simulation.run(2.3)
        return simulation.states("A").value


@cases("currents", "ac_generator", "step_current_generator")
def test_a_current_is_that_of_nest_in_every_step(case):
    found = integrated(case, interval=0.2)[:, 0]
    np.testing.assert_allclose(found, case["found"], rtol=1e-12, atol=1e-13)


def currents_of(V_m: np.ndarray) -> np.ndarray:
    """The current (pA) that led from each potential of these neurons to the next, in rows as the potentials."""
    decay, before = np.exp(-DT / 10.0), np.vstack([np.zeros_like(V_m[:1]), V_m[:-1]])
    return (V_m - decay * before) * 100.0 / (10.0 * (1.0 - decay))


@cases("currents", "noise_generator")
def test_noise_changes_in_the_steps_in_which_that_of_nest_does(case):
    theirs, ours = (currents_of(v) for v in (np.array(case["found"])[:, None], integrated(case, 400)))
    changes = np.flatnonzero(np.abs(np.diff(theirs[:, 0])) > 1e-6)
    for neuron in range(3):
        assert np.flatnonzero(np.abs(np.diff(ours[:, neuron])) > 1e-6).tolist() == changes.tolist()
    drawn = ours[changes[:4] + 1]
    assert abs(drawn.mean()) < 4.0 * 100.0 / 40.0
    assert abs(drawn.std() - 100.0) < 4.0 * 100.0 / np.sqrt(2.0 * 1600.0)
    assert (currents_of(integrated(case, 400, interval=0.1)) == ours).all()


def test_noise_is_each_neurons_own_on_any_number_of_ranks():
    def found(comm):
        network = Network(dt=DT)
        network.population("A", 5, IafPscExp())
        network.population("B", 3, IafPscExp())
        noise = NoiseCurrent(200.0, mean=100.0, interval=0.3, std_mod=150.0, frequency=20.0)
        network.stimulate(network.populations[0][1:4], noise)
        network.stimulate("A", NoiseCurrent(50.0))
        network.stimulate("A", SinusoidalCurrent(100.0, 10.0))
        for name in "AB":
            network.record_states(name, "V_m", interval=2.0, offset=0.5)
        with Simulation(network, comm) as simulation:
            simulation.run(10.0)
            return simulation.states("A").value.tolist(), simulation.states("B").value.tolist()

    expected = found(alone())
    assert on_ranks(3, found) == [expected] * 3
    assert len(set(expected[0][-1])) == 5
    assert expected[1] == [[-70.0] * 3] * 5


def test_the_sine_is_right():
    turns = np.concatenate([np.linspace(-3.0, 3.0, 4801), [1e-300, 0.25, 0.75, 1e6 + 0.125]])
    folded = turns - np.rint(turns)
    np.testing.assert_allclose(sine_of_turns(turns), np.sin(2.0 * np.pi * folded), rtol=0.0, atol=4e-16)


# ---------------------------------------------------------------- pulse packets


def test_pulse_packets_are_scattered_around_their_times():
    network = Network(dt=DT)
    network.population("Z", 200, PulsePackets([20.0, 50.0], activity=10, sdev=2.0, stop=52.0))
    network.population("A", 1, IafPscExp())
    network.connect("Z", "A", AllToAll(), Static(1.0, 1.0))
    network.record_spikes("Z")
    with Simulation(network, alone()) as simulation:
        simulation.run(30.0)
        simulation.draw_anew(5)
        simulation.run(30.0)
        times = simulation.spikes("Z").times(DT)
    first = times[times < 35.0]
    assert len(first) == 2000
    assert abs(first.mean() - 20.0) < 4.0 * 2.0 / np.sqrt(2000.0)
    assert abs(first.std() - 2.0) < 4.0 * 2.0 / np.sqrt(4000.0)
    late = times[times > 35.0]
    assert late.max() <= 52.0
    assert abs(len(late) / 2000.0 - 0.8413) < 4.0 * 0.37 / np.sqrt(2000.0)


# ---------------------------------------------------------------- synapses


def onto_target(synapse: Any) -> tuple[Simulation, Any]:
    """A source that repeats train 0, by one synapse to a neuron, or to a parrot that fires as train 1 says."""
    network = with_trains()
    network.population("S", 1, Parrot())
    network.population("P", 1, Parrot())
    network.population("N", 1, IafPscExp(I_e=380.0))
    network.connect("X0", "S", AllToAll(), Static(1.0, 1.0))
    network.connect("X1", "P", AllToAll(), Static(1.0, 1.0))
    target = "P" if isinstance(synapse, StdpGuetig) else "N"
    network.connect("S", target, AllToAll(), synapse)
    if isinstance(synapse, StdpGuetig):
        network.record_transmissions("S", "P")
    network.record_spikes("N")
    network.record_states("N", "V_m", interval=1.0)
    return run(network), target


@cases("synapses", "stdp_synapse")
def test_what_plastic_synapses_transmit_is_recorded_spike_by_spike(case):
    given = {{"lambda": "lambda_"}.get(k, k): v for k, v in case["params"].items()}
    simulation, _ = onto_target(StdpGuetig(weight=100.0, delay=1.5, receptor=1, **given))
    found = simulation.transmissions("S", "P")
    assert found.step.tolist() == case["found"]["steps"]
    np.testing.assert_allclose(found.weight, case["found"]["weights"], rtol=1e-12)


@cases("synapses", "tsodyks_synapse", "tsodyks2_synapse")
def test_short_term_plasticity_is_that_of_nest(case):
    p = case["params"]
    kind = {"U": p["U"], "D": p["tau_rec"], "F": p["tau_fac"], "tau_I": p.get("tau_psc")}
    kind["u_first" if kind["tau_I"] is None else "u_initial"] = p.get("u", 0.0)
    simulation, _ = onto_target(TsodyksMarkram(weight=100.0, delay=1.5, **kind))
    assert simulation.spikes("N").step.tolist() == case["found"]["spikes"]
    np.testing.assert_allclose(potential(simulation, "N"), case["found"]["traces"]["V_m"], rtol=0.0, atol=1e-9)


def test_transmissions_of_chosen_synapses_on_any_number_of_ranks():
    def found(comm):
        network = Network(dt=0.5)
        network.population("X", 3, SpikeTrains([[1.0, 1.5, 2.0, 4.0], [1.5, 1.5], [2.0]]))
        network.population("A", 4, IafPscExp(I_e=500.0))
        network.connect("X", "A", AllToAll(), StdpGuetig(weight=50.0, delay=2.0, Wmax=np.full((4, 3), 90.0)))
        network.connect("A", "A", AllToAll(), Static(7.0, 3.0))
        network.record_transmissions("X", "A", sources=[0, 1], targets=[0, 3])
        network.record_transmissions("A", "A")
        with Simulation(network, comm) as simulation:
            simulation.run(40.0)
            some, others = simulation.transmissions("X", "A"), simulation.transmissions("A", "A")
            assert (others.weight == 7.0).all()
            assert len(others.step) == 4 * simulation.spike_counts()["A"] > 10
            return [column.tolist() for column in vars(some).values()]

    expected = found(alone())
    assert on_ranks(3, found) == [expected] * 3
    assert expected[0] == [2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 8, 8]
    assert expected[1] == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    network = Network(dt=0.5)
    network.population("X", 1, SpikeTrains([[1.0]]))
    network.population("A", 1, IafPscExp())
    network.connect("X", "A", AllToAll(), TsodyksMarkram(1.0, 1.0))
    with pytest.raises(InputError, match="what TsodyksMarkram synapses transmit is not their weight"):
        network.record_transmissions("X", "A")
    with pytest.raises(InputError, match="'A->X'"):
        Simulation(network, alone()).transmissions("A", "X")


# ---------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IafPscExpMultisynapse(tau_syn=()), r"tau_syn needs one time constant \(ms\) for each receptor"),
        (lambda: IafPscAlphaMultisynapse(tau_syn=(2.0, -1.0)), r"tau_syn\[1\] must be larger than 0"),
        (lambda: IafPscExpHtum(t_ref_abs=3.0), "t_ref_abs = 3 ms must be at most t_ref_tot = 2 ms"),
        (lambda: Parrot(most=0), "Parrot: most must be .*at least 1"),
        (lambda: StdpGuetig(weight=[1.0, 5.0], Wmax=[2.0, 4.0]), "weight must be at most Wmax = 4, got 5"),
        (lambda: AdaptiveExponential(V_peak=-70.0), "V_reset = -60 mV must be below V_peak = -70 mV"),
        (lambda: TsodyksMarkram(u_first=1.5), "u_first must be at most 1, got 1.5"),
    ],
    ids=["none", "negative", "refractory", "room", "weight", "peak", "use"],
)
def test_wrong_parameters_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("stimulus", "message"),
    [
        (NoiseCurrent(1.0, std_mod=2.0), "std_mod = 2 pA must be at most std = 1"),
        (NoiseCurrent(1.0, interval=0.25), r"interval = 0\.25 ms is not a whole multiple"),
        (SinusoidalCurrent(1.0, 1.0, start=5.0, stop=2.0), "stop = 2 ms is before start = 5 ms"),
        (Poisson(1.0, 1.0, receptor=3), r"there is no receptor 3; IafPscExpMultisynapse has the receptors 1, 2"),
    ],
    ids=["modulation", "interval", "stop", "receptor"],
)
def test_stimuli_that_do_not_fit_are_refused(stimulus, message):
    network = Network(dt=0.1)
    network.population("A", 1, IafPscExpMultisynapse(tau_syn=(1.0, 2.0)))
    with pytest.raises(InputError, match=message):
        network.stimulate("A", stimulus)
