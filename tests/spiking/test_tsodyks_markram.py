"""Short-term plasticity: NEST's recorded series and voltages, the differential equations, limits, wrong input."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI
from scipy.integrate import solve_ivp

from distsim import (
    AllToAll,
    FixedIndegree,
    IafPscExp,
    InputError,
    LifMultisynapse,
    Network,
    Normal,
    OneToOne,
    RangeError,
    Replaced,
    Simulation,
    SpikeTrains,
    Static,
    TsodyksMarkram,
)
from distsim.connect.source_index import EVERY_SOURCE
from distsim.spiking.synapses import tsodyks_markram
from tests.simulating import potential, simulate

DT = 0.1

TSODYKS2 = [  # U, tau_rec, tau_fac (ms), weights of nine spikes every 20 ms and of one 500 ms later: NEST 3.10
    (0.5, 800.0, 0.0, [0.5, 0.256172522, 0.1372688439, 0.07928487603, 0.05100870672, 0.03721969262, 0.03049541155,
                       0.02721628257, 0.02561719906, 0.239225235]),
    (0.03, 130.0, 530.0, [0.03, 0.05652989008, 0.07825954298, 0.09478721554, 0.1064175592, 0.1138938644, 0.1181497628,
                          0.1201188577, 0.1206148514, 0.1075638723]),
    (0.5, 1100.0, 50.0, [0.5, 0.3398040759, 0.1332949042, 0.05047957323, 0.02636216923, 0.02005021178, 0.01845111766,
                         0.01804834235, 0.01794640485, 0.1845162254]),
]  # fmt: skip


def one_synapse(times, synapse, neuron=None, T=700.0, variable="I_syn_0"):
    """A source that fires at ``times`` drives one neuron, whose current is recorded."""
    network = Network(dt=DT)
    network.population("source", 1, SpikeTrains([times]))
    network.population("neuron", 1, neuron or LifMultisynapse(V_th=1e9, tau_syn=(5.0,)))
    network.connect("source", "neuron", OneToOne(), synapse)
    network.record_states("neuron", variable)
    network.record_spikes("source")
    return simulate(network, T)


def transmitted(times, synapse):
    """What each spike adds to the current of receptor 0, one step's decay taken off."""
    current = one_synapse(times, synapse).states("neuron", "I_syn_0").value[:, 0]
    added = current[1:] - current[:-1] * np.exp(-DT / 5.0)
    arrival = np.round((np.array(times) + synapse.delay) / DT).astype(int)
    return added[arrival - 2]  # row k is the end of step k + 1


@pytest.mark.parametrize(("U", "D", "F", "weights"), TSODYKS2)
def test_series_of_tsodyks2(U, D, F, weights):
    times = [20.0 * k for k in range(1, 10)]
    synapse = TsodyksMarkram(weight=1.0, delay=1.0, U=U, D=D, F=F, receptor=0)
    np.testing.assert_allclose(transmitted([*times, times[-1] + 500.0], synapse), weights, atol=1e-9, rtol=0.0)


DEPRESSING = {100: 2.40135, 125: 5.30244, 150: 4.10833, 175: 4.32217, 200: 3.05339, 225: 2.87124, 1050: 0.726578,
              1075: 0.846346, 1100: 0.453126, 1175: 0.0694892}  # fmt: skip
FACILITATING = {100: 0.473975, 125: 0.770603, 150: 1.29712, 175: 1.75799, 200: 2.11442, 225: 2.71449, 1075: 7.32911,
                1175: 1.38429}  # fmt: skip
TABLES = [  # of NEST's tsodyks_synapse: time (ms) to V_m (mV), tau_m, weight, parameters, interval of the spikes
    (DEPRESSING, 40.0, 250.0, {"U": 0.5, "D": 800.0, "F": 0.0, "tau_I": 3.0}, 50.0),
    (FACILITATING, 60.0, 1540.0, {"U": 0.03, "D": 130.0, "F": 530.0, "tau_I": 1.5}, 50.1),
]


@pytest.mark.parametrize(("table", "tau_m", "weight", "parameters", "interval"), TABLES)
def test_voltages_of_tsodyks_synapse(table, tau_m, weight, parameters, interval):
    """R = 1 GOhm; spikes arrive 1.1 ms after 98 (98.1) ms, and so on while the source is driven, to 1050 ms."""
    first = 98.0 if interval == 50.0 else 98.1
    times = [round(first + k * interval, 1) for k in range(20) if first + k * interval <= 1050.0]
    neuron = IafPscExp(C_m=tau_m, tau_m=tau_m, E_L=0.0, V_th=15.0, V_reset=0.0, tau_syn_ex=parameters["tau_I"])
    simulation = one_synapse(
        times, TsodyksMarkram(weight=weight, delay=1.1, **parameters), neuron, 1200.0, variable="V_m"
    )
    np.testing.assert_allclose(potential(simulation, "neuron", *table), list(table.values()), rtol=1e-5)


# ---------------------------------------------------------------- the equations


def integrated(arrivals, U, D, F, tau_I, at):
    """x, y, u at times ``at`` by numerical integration of the differential equations from spike to spike."""
    state, now, result = np.array([1.0, 0.0, 0.0]), 0.0, []
    events = sorted([(t, True) for t in arrivals] + [(t, False) for t in at])

    def slope(_, s):
        return [(1.0 - s[0] - s[1]) / D, -s[1] / tau_I, -s[2] / F]

    for time, spike in events:
        if time > now:
            state = solve_ivp(slope, (now, time), state, method="LSODA", rtol=1e-11, atol=1e-13).y[:, -1]
            now = time
        if spike:
            u = state[2] + U * (1.0 - state[2])
            state = np.array([state[0] - u * state[0], state[1] + u * state[0], u])
        else:
            result.append(state)
    return np.array(result).T


@pytest.mark.parametrize("D", [130.0, 3.0, 3.0000001, 2.9, 0.05])
def test_closed_form_solves_the_differential_equations(D):
    """Also where D and tau_I are equal or nearly so, and the formula divides by their difference."""
    times = [3.0, 5.0, 5.1, 17.3, 40.0]
    synapse = TsodyksMarkram(weight=1.0, delay=1.5, U=0.4, D=D, F=30.0, tau_I=3.0, receptor=0)
    simulation = one_synapse(times, synapse, T=60.0)
    asked = [0.0, 4.4, 4.5, 6.55, 10.0, 20.0, 59.0]
    asked = [round(t, 1) for t in asked]
    states = simulation.synapse_states("source", "neuron", asked)
    arrived = [t + 1.5 for t in times]
    expected = integrated(arrived, 0.4, D, 30.0, 3.0, [t + 1e-9 for t in asked])
    for name, values in zip("xyu", expected, strict=True):
        np.testing.assert_allclose(getattr(states, name)[:, 0], values, atol=2e-8, err_msg=name)


def test_state_in_the_tables_is_that_after_the_last_arrival():
    times = [3.0, 5.0, 17.3]
    synapse = TsodyksMarkram(weight=1.0, delay=1.5, U=0.4, D=100.0, F=30.0, tau_I=3.0, receptor=0)
    simulation = one_synapse(times, synapse, T=30.0)
    delivery = simulation._local.tables[0].delivery
    states = simulation.synapse_states("source", "neuron", [18.8])
    assert [values[0] for values in delivery.state] == pytest.approx(
        [states.x[0, 0], states.y[0, 0], states.u[0, 0]], rel=1e-13
    )


@pytest.mark.parametrize("tau_I", [3.0, 0.0])
def test_two_spikes_in_one_step(tau_I):
    """The second one finds what the first one left."""
    spikes = np.array([1, 1], np.int64), np.array([7, 7], np.int64)
    x, y, u = np.ones(1), np.zeros(1), np.zeros(1)
    ring = np.zeros((4, 1), np.int64)
    table = ((1, 1, *EVERY_SOURCE), np.array([0, 1]), np.array([0]), np.array([8.0]), np.array([2]))
    constants = (0.5, 100.0, 20.0, tau_I, DT, -1.0, np.empty(4))
    state = ((x, y, u), np.full(1, tsodyks_markram.NEVER))
    assert tsodyks_markram.deliver(*spikes, table, (1.0, np.inf), ring, constants, state) == 0
    assert ring[9 % 4, 0] == 8.0 * 0.5 + 8.0 * 0.75 * 0.5
    assert x[0] == pytest.approx(0.125)
    assert y[0] == pytest.approx(0.875 if tau_I else 0.375)  # without tau_I nothing stays active
    assert u[0] == pytest.approx(0.75)


def network_of_many(precision_of_delays=True):
    network = Network(dt=DT)
    network.population("source", 7, SpikeTrains([np.arange(1, 60) * 0.1 * (n + 3) for n in range(7)]))
    network.population("target", 11, LifMultisynapse(V_th=1e9, tau_syn=(5.0,)))
    synapse = TsodyksMarkram(
        weight=Normal(100.0, 30.0),
        delay=Replaced(Normal(2.0, 1.0), by=2.0, low=0.5),
        U=Replaced(Normal(0.5, 0.25), by=0.5),
        D=Replaced(Normal(100.0, 50.0), by=100.0),
        F=20.0,
        tau_I=5.0,
        receptor=0,
    )
    network.connect("source", "target", FixedIndegree(5), synapse)
    network.record_states("target", "I_syn_0")
    network.record_spikes("source")
    return network


def test_parameters_travel_with_their_edges_when_rows_are_sorted_by_delay():
    """The recorded currents are those of all synapses replayed one by one: weights, delays and parameters match up."""
    simulation = simulate(network_of_many(), 40.0)
    steps = np.round(np.arange(1, 401))
    edges = simulation.weights("source", "target")
    states = simulation.synapse_states("source", "target", steps * DT)
    assert (states.source == edges.source).all()
    assert (states.target == edges.target).all()
    assert len(np.unique(edges.delay)) > 5
    for target in range(11):
        mine = np.flatnonzero(edges.target == target)
        expected = states.y[:, mine] @ edges.weight[mine]
        if len(np.unique(edges.source[mine])) == len(mine):  # else the order of two synapses of a pair is not told
            recorded = simulation.states("target", "I_syn_0").value[:, target]
            np.testing.assert_allclose(recorded, expected, atol=1e-9)


def test_use_above_one_is_followed_and_watched():
    """A drawn U above 1 is followed exactly; where it makes a synapse diverge, the run ends with an error."""
    synapse = TsodyksMarkram(weight=1.0, delay=1.0, U=1.2, D=100.0, F=20.0, tau_I=3.0, receptor=0)
    assert synapse.unbounded
    assert transmitted([5.0, 9.0], synapse)[0] == pytest.approx(1.2)
    wild = TsodyksMarkram(weight=1.0, delay=1.0, U=4.0, D=1000.0, F=0.0, receptor=0)
    with pytest.raises(RangeError, match="grew beyond"):
        one_synapse(np.arange(1, 400) * 1.0, wild)


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"D": 0.0}, "D must be larger than 0"),
        ({"D": [10.0, -1.0]}, r"D\[1\] must be larger than 0"),
        ({"D": Normal(100.0, 50.0)}, "D must be larger than 0, but .* can be -inf"),
        ({"tau_I": 0.0}, "tau_I must be larger than 0"),
        ({"F": -1.0}, "F must be at least 0"),
        ({"U": -0.1}, "U must be at least 0"),
        ({"delay": 0.0}, "delay must be larger than 0"),
        ({"tau_rec": 10.0}, "unknown parameter 'tau_rec'"),
    ],
)
def test_wrong_parameters(changes, message):
    with pytest.raises(InputError, match=message):
        TsodyksMarkram(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"delay": 1.23}, "not a whole multiple of dt"),
        ({"U": [0.1, 0.2]}, r"U has shape \(2,\), but must have shape \(3, 3\)"),
        ({"receptor": 2}, "no receptor 2; LifMultisynapse has the receptors 0, 1, 'stimulus'"),
        ({"receptor": "stimulis"}, "no receptor 'stimulis'"),
    ],
)
def test_synapses_that_do_not_fit(changes, message):
    network = Network(dt=DT)
    network.population("A", 3, LifMultisynapse())
    with pytest.raises(InputError, match=message):
        network.connect("A", "A", AllToAll(), TsodyksMarkram(**changes))


def test_receptors_of_a_neuron_without_them():
    network = Network(dt=DT)
    network.population("A", 3, IafPscExp())
    with pytest.raises(InputError, match="IafPscExp has no receptors to choose from"):
        network.connect("A", "A", AllToAll(), Static(weight=1.0, delay=1.0, receptor=0))


def test_states_of_what_has_none():
    network = network_of_many()
    network.population("other", 1, LifMultisynapse())
    network.connect("target", "other", AllToAll(), Static(weight=1.0, delay=1.0))
    with Simulation(network, MPI.COMM_SELF) as simulation:
        with pytest.raises(InputError, match="Static synapses have no state"):
            simulation.synapse_states("target", "other", [0.0])
        with pytest.raises(InputError, match="later than the present"):
            simulation.synapse_states("source", "target", [1.0])
