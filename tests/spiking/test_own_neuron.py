"""Neurons and drives of users, from files outside the package: all that those of the package have."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from distsim import (
    AdaptiveExponential,
    AllToAll,
    ConstantCurrent,
    Drive,
    EdgeList,
    FixedIndegree,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    InputError,
    Network,
    NeuronModel,
    Poisson,
    Simulation,
    SpikeTrains,
    State,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
    Value,
    number,
    of_each,
)
from distsim.parallel.communicator import alone
from tests.nest_fixtures import load
from tests.simulating import potential, simulate, spike_times
from tests.threads import on_ranks

ROOT = Path(__file__).parents[2]


def own(name):
    """What a file of docs/own defines."""
    spec = importlib.util.spec_from_file_location(f"own_{name}", ROOT / "docs" / "own" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # compiled kernels are found again by the name of their module
    spec.loader.exec_module(module)
    return module


Izhikevich = own("izhikevich").Izhikevich
TriangleCurrent = own("triangle_current").TriangleCurrent


def test_a_model_is_short():
    assert len((ROOT / "docs" / "own" / "izhikevich.py").read_text(encoding="utf-8").splitlines()) <= 60


# ---------------------------------------------------------------- Izhikevich's neuron against NEST


def fixture_network():
    """Two populations, of which the current drives one: they form one group."""
    about, data = load("izhikevich")
    network, n = Network(dt=about["dt_ms"]), about["n"]
    halves = {"driven": slice(0, n // 2), "rest": slice(n // 2, n)}
    for name, half in halves.items():
        own_values = Izhikevich(**{key: data[key][half] for key in ("a", "b", "c", "d", "I_e")})
        network.population(name, n // 2, own_values, V_m=data["V_m_initial"][half], U_m=data["U_m_initial"][half])
        seen = [i - half.start for i in about["observed"] if half.start <= i < half.stop]
        network.record_spikes(name)
        network.record_states(name, ["V_m", "U_m"], neurons=seen, interval=1.0)
    for source, pre in halves.items():
        for target, post in halves.items():
            mine = np.isin(data["source"], np.arange(n)[pre]) & np.isin(data["target"], np.arange(n)[post])
            rule = EdgeList(data["source"][mine] - pre.start, data["target"][mine] - post.start)
            synapse = Static(data["weight"][mine], data["delay_steps"][mine] * about["dt_ms"])
            network.connect(source, target, rule, synapse)
    network.stimulate("driven", ConstantCurrent(**about["current"]))
    return network, about, data


@pytest.mark.parametrize("ranks", [1, 3])
def test_every_spike_is_that_of_nest(ranks):
    network, about, data = fixture_network()

    def run(comm):
        simulation = Simulation(network, comm)
        simulation.run(about["T_ms"])
        spikes = [simulation.spikes(name) for name in ("driven", "rest")]
        states = {n: [simulation.states(name, n).value for name in ("driven", "rest")] for n in ("V_m", "U_m")}
        return spikes, {name: np.hstack(values) for name, values in states.items()}

    (driven, rest), states = on_ranks(ranks, run)[0]
    found = {*zip(driven.step, driven.neuron, strict=True)} | {*zip(rest.step, rest.neuron + 50, strict=True)}
    assert found == {*zip(data["spike_step"], data["spike_neuron"], strict=True)}
    assert len(found) > 1000
    for name, value in states.items():
        np.testing.assert_allclose(value[: len(data[name])], data[name], rtol=0.0, atol=1e-6)


# ---------------------------------------------------------------- a current that starts and stops against NEST

DIRECT = json.loads((ROOT / "tests/data/nest/dc_generator.json").read_text(encoding="ascii"))
KINDS = {"iaf_psc_alpha": IafPscAlpha, "iaf_psc_exp": IafPscExp, "iaf_psc_delta": IafPscDelta, "izhikevich": Izhikevich}


@pytest.mark.parametrize("name", KINDS)
def test_a_current_acts_in_the_steps_in_which_nest_has_it(name):
    for case in (case for case in DIRECT["cases"] if case["model"] == name):
        network = Network(dt=DIRECT["dt_ms"])
        network.population("A", 1, KINDS[name](), **DIRECT["states"][name])
        times = {key: case[key] for key in ("start", "stop", "delay")}
        network.stimulate("A", ConstantCurrent(DIRECT["amplitude"], **times))
        network.record_states("A", "V_m")
        found = potential(simulate(network, 4.0), "A")
        assert found == pytest.approx(case["V_m"], rel=1e-12), times


# ---------------------------------------------------------------- an adaptive exponential neuron


def reference(I_e, dt, T):
    """Spike times (ms) of one neuron, by far smaller steps of the same rule, and V at the end."""
    m, h = AdaptiveExponential(), dt / 50.0
    V, w, times = m.E_L, 0.0, []

    def slopes(V, w):
        spike = m.g_L * m.Delta_T * math.exp((min(V, m.V_peak) - m.V_th) / m.Delta_T)
        return (-m.g_L * (V - m.E_L) + spike - w + I_e) / m.C_m, (m.a * (V - m.E_L) - w) / m.tau_w

    for n in range(round(T / h)):
        first = slopes(V, w)
        up, right = slopes(V + 0.5 * h * first[0], w + 0.5 * h * first[1])
        V, w = V + h * up, w + h * right
        if m.V_peak <= V:
            V, w = m.V_reset, w + m.b
            times.append((n + 1) * h)
    return times, V


def test_adaptation_follows_the_equations():
    network = Network(dt=0.05)
    network.population("A", 1, AdaptiveExponential(I_e=1000.0))
    network.record_spikes("A")
    found = spike_times(simulate(network, 200.0), "A")[0]
    expected, _ = reference(1000.0, 0.05, 200.0)
    assert len(found) == len(expected) > 4
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=0.05 * len(found))  # each is late by part of a step
    intervals = np.diff(found)
    assert intervals[-1] > 1.2 * intervals[0]


# ---------------------------------------------------------------- what neurons of the package have


def busy_network():
    """Own neurons of two kinds with parameters of their own, all drives and synapses, and states recorded."""
    network = Network(dt=0.1)
    network.population("I", 21, Izhikevich(a=Uniform(0.02, 0.1), I_e=4.0), V_m=Uniform(-70.0, -50.0))
    network.population("J", 10, Izhikevich(d=np.linspace(2.0, 8.0, 10)), U_m=-12.0)
    network.population(
        "X", 13, AdaptiveExponential(C_m=Uniform(200.0, 300.0), t_ref=1.0, tau_syn_ex=2.0), V_m=Uniform(-70.0, -55.0)
    )
    network.connect("I", "J", FixedIndegree(5), Static(Uniform(0.0, 2.0), Uniform(1.0, 3.0)))
    network.connect("I", "X", FixedIndegree(8), StdpPowerLaw(Uniform(50.0, 100.0), 1.5, lambda_=0.1, alpha=0.1))
    network.connect("X", "I", AllToAll(), TsodyksMarkram(1.0, 1.0, U=Uniform(0.1, 0.5)))
    network.stimulate("X", Poisson(rate=8000.0, weight=60.0))
    network.stimulate("X", Poisson(rate=1000.0, weight=-60.0))
    network.stimulate("J", Poisson(rate=500.0, weight=1.5))
    network.stimulate("J", SpikeTrains([[1.0, 2.5]] * 10, weight=5.0, delay=0.5))
    network.stimulate("I", TriangleCurrent(highest=3.0, period=20.0))
    for name in "IJX":
        network.record_spikes(name)
        network.record_states(name, "V_m", interval=5.0)
    network.record_states("X", ["w", "I_syn"], interval=10.0)
    return network


def outcome(comm, interval=None):
    simulation = Simulation(busy_network(), comm, interval=interval)
    simulation.run(60.0)
    values = [simulation.states("I").value.tobytes(), simulation.states("X", "w").value.tobytes()]
    return simulation.spike_count(), simulation.spike_hash(), simulation.weight_hash(), values


def test_the_same_bits_on_any_number_of_ranks_and_in_any_interval():
    reference = outcome(alone())
    assert reference[0] > 50
    assert on_ranks(3, outcome) == [reference] * 3
    assert outcome(alone(), interval=0.1) == reference


PLAIN = """
import json, sys
sys.path.insert(0, {folder!r})
from izhikevich import Izhikevich
from distsim import FixedIndegree, Network, Poisson, Simulation, Static, Uniform
from distsim.parallel.communicator import alone
network = Network(dt=0.5)
network.population("A", 5, Izhikevich(a=Uniform(0.02, 0.1), I_e=10.0), V_m=Uniform(-70.0, -50.0))
network.connect("A", "A", FixedIndegree(2), Static(3.0, 1.0))
network.stimulate("A", Poisson(rate=1000.0, weight=1.0))
simulation = Simulation(network, alone())
simulation.run(60.0)
hits = getattr(Izhikevich.kernel, "hits", 0)
print(json.dumps([simulation.spike_count(), simulation.spike_hash(), hits]))
"""


def test_plain_python_gives_the_same_bits_and_a_second_process_finds_the_kernel():
    program = PLAIN.format(folder=str(ROOT / "docs" / "own"))
    results = []
    for disabled in ("0", "0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *sys.path])
        command = [sys.executable, "-W", "ignore", "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
        results.append(json.loads(done.stdout))
    assert results[0][:2] == results[1][:2] == results[2][:2]
    assert results[0][0] > 5
    assert results[1][2] == 1


def test_equal_individual_parameters_are_one_parameter():
    found = []
    for d in (6.0, np.full(20, 6.0), Uniform(6.0, 6.0)):
        network = Network(dt=0.1)
        network.population("A", 20, Izhikevich(d=d, I_e=10.0), V_m=Uniform(-70.0, -50.0))
        found.append(simulate(network, 50.0).spike_hash())
    assert found[0] == found[1] == found[2]


# ---------------------------------------------------------------- drives


class Leak(NeuronModel):
    """Sums its input."""

    states = (State("x", "mV", 0.0),)

    @staticmethod
    def step(state, arrived, injected, constants):
        return (state[0] + arrived[0],), False


class Levels(Drive):
    """+size to even and -size to odd neurons in odd steps, the opposite in even ones."""

    size: float = number()
    claimed: float | None = number(None)

    def bind(self, driven):
        sign = np.where(driven.share.gids % 2, -1.0, 1.0)

        def levels(first_step, n_steps):
            odd = np.where(np.arange(first_step, first_step + n_steps) % 2, 1.0, -1.0)
            return self.size * odd[:, None] * sign

        driven.add_input(levels, self.size if self.claimed is None else self.claimed)


def states_of(network, comm):
    simulation = Simulation(network, comm)
    simulation.run(0.4)
    return simulation.states("A", "x").value.tolist()


def test_input_of_a_drive_of_ones_own():
    network = Network(dt=0.1)
    network.population("A", 4, Leak())
    network.stimulate("A", Levels(2.5))
    network.record_states("A", "x")
    for comm_states in on_ranks(2, lambda comm: states_of(network, comm)):
        assert comm_states == [[2.5, -2.5, 2.5, -2.5], [0.0] * 4, [2.5, -2.5, 2.5, -2.5], [0.0] * 4]


def test_input_beyond_what_a_drive_claims_is_refused():
    network = Network(dt=0.1)
    network.population("A", 4, Leak())
    network.stimulate("A", Levels(2.5, claimed=2.0))
    with pytest.raises(InputError, match=r"stimulus of 'A': its input must be .* of size 2 at most"):
        Simulation(network, alone()).run(0.1)


# ---------------------------------------------------------------- what is forgotten


STATES = (State("x", "mV", 0.0),)


def step(state, arrived, injected, constants):
    return state, False


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"states": STATES}, "Mine: a neuron model defines 'step': A static method that returns"),
        ({"states": STATES, "step": step}, "Mine: 'step' must be a static method"),
        ({"step": staticmethod(step)}, "Mine: a neuron model defines 'states': a tuple of State"),
        ({"step": staticmethod(step), "states": ("x",)}, "Mine: 'states' must be a tuple of State"),
        ({"step": staticmethod(step), "states": (State("x", "mV", "E_M"),)}, "state x needs the parameter 'E_M'"),
    ],
)
def test_what_is_forgotten_is_named(parts, message):
    with pytest.raises(InputError, match=message):
        type("Mine", (NeuronModel,), parts)


def test_a_state_needs_an_initial_value():
    with pytest.raises(InputError, match="State: missing a required argument: 'initial'"):
        State("x", "mV")
    with pytest.raises(InputError, match="State: the initial value of x must be a number"):
        State("x", "mV", None)


class Short(NeuronModel):
    """Returns fewer states than it has."""

    E_L: Value = of_each(0.0, "mV")
    states = State("x", "mV", "E_L"), State("y", "mV", 0.0)

    @staticmethod
    def step(state, arrived, injected, constants):
        return (state[0],), False


def test_equations_that_do_not_fit_are_refused():
    network = Network(dt=0.1)
    network.population("A", 1, Short())
    with pytest.raises(InputError, match=r"Short: 'step' cannot be compiled: .*tuples of 2 and 1 entries"):
        Simulation(network, alone())


def test_parameters_are_checked():
    with pytest.raises(InputError, match="Izhikevich: unknown parameter 'aa'; did you mean 'a'"):
        Izhikevich(aa=0.1)
    with pytest.raises(InputError, match="AdaptiveExponential: C_m must be larger than 0"):
        AdaptiveExponential(C_m=-1.0)
    network = Network(dt=0.1)
    with pytest.raises(InputError, match=r"AdaptiveExponential t_ref = 0\.25 ms is not a whole multiple of dt"):
        network.population("A", 1, AdaptiveExponential(t_ref=0.25))
    with pytest.raises(InputError, match="unknown state 'W_m'; did you mean 'V_m'"):
        network.population("A", 1, Izhikevich(), W_m=0.0)
