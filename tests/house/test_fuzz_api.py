"""Whatever is given to the classes of the package: an InputError of one sentence, or what can be simulated.

Never another exception, an endless computation, or a state that is no number. ``--fuzz N`` tries N times as many.
"""

from __future__ import annotations

import dataclasses
import decimal
import fractions

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpi4py import MPI

import distsim
from distsim import (
    AllToAll,
    BinaryNetwork,
    BinarySimulation,
    Clipped,
    ConstantRate,
    DiffusionConnection,
    EdgeList,
    Gamma,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    InputError,
    LifMultisynapse,
    LogNormal,
    Network,
    Normal,
    OneToOne,
    Poisson,
    RateNetwork,
    RateSimulation,
    Redrawn,
    Replaced,
    SiegertNeuron,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)
from distsim.connect.rule import Rule
from distsim.parallel import machine
from distsim.parallel.communicator import alone
from distsim.spiking.protocols import Stimulus
from tests.fuzzing import WORDS, examples, time_limit

ODD = [
    None, True, False, "5", "", b"5", 1j, np.complex128(1 + 2j), np.array([1 + 1j, 2.0]), np.array([5.0]),
    np.array(5.0), np.array([]), np.array([[1.0]]), np.array(["1"]), np.array([None]),
    np.array("2020-01-01", "datetime64[D]"), [], [[]], [1.0], [1, "2"], [[1.0], [2.0, 3.0]], (), {}, {1: 2}, {1},
    range(3), range(10**12), object(), object, int, Normal, Normal(0.0, 1.0), Normal(1e12, 1e12), Uniform(1.0, 2.0),
    Static, Static(), IafPscExp, IafPscExp(), lambda: 1, 10**400, -(10**400), 10**5000, 2**63, 2**64, 2**31,
    float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 1e-308, 5e-324, 1e30, 1e-30, 1e13, 1e12, 1e-12, 0, -0.0,
    1, -1, 0.5, 3, np.float32(2.0), np.int8(-3), np.uint64(2**64 - 1), fractions.Fraction(1, 3),
    fractions.Fraction(10**400), decimal.Decimal("1e500"), decimal.Decimal("NaN"), decimal.Decimal("sNaN"),
    decimal.Decimal(1), np.ma.masked, Clipped(Normal(0.0, 1.0), low=1e-3), Gamma(0.05, 10.0), LogNormal(0.0, 1.0),
    Replaced(Normal(1.0, 1.0), by=1.0), "V_m", "E", [float("nan")], [1e308, 1e308, 1e308],
]  # fmt: skip
ANYTHING = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from(WORDS),
    st.floats(),
    st.floats(1e-3, 1e3),
    st.integers(-(2**70), 2**70),
    st.integers(-2, 20),
    st.lists(st.floats() | st.integers(-3, 3), max_size=4),
    st.recursive(st.none() | st.text(max_size=3), st.lists, max_leaves=6),
)
RESULTS = {"Connections", "MeanActivity", "Spikes", "States", "SynapseStates", "Updates"}  # made by simulations
OF_OWN = {  # what classes of users are made of
    "Drive", "Driven", "Edges", "Ends", "LongTermSynapse", "NeuronModel", "Rule", "ShortTermSynapse", "State",
    "SynapseModel", "Targets",
}  # fmt: skip
CLASSES = [
    getattr(distsim, name)
    for name in distsim.__all__
    if dataclasses.is_dataclass(getattr(distsim, name)) and name not in RESULTS | OF_OWN
]
FIELDS = [(cls, field.name) for cls in CLASSES for field in dataclasses.fields(cls) if field.init]
GOOD = {
    "low": 0.0, "high": 1.0, "mean": 1.0, "std": 0.5, "mu": 0.0, "sigma": 0.5, "distribution": Normal(0.0, 1.0),
    "shape": 2.0, "scale": 1.0, "by": 1.0, "indegree": 2, "p": 0.5, "C": 0.5, "lambda_": 0.1, "number": 5,
    "source": [0, 1], "target": [1, 2], "rate": 10.0, "amplitude": 1.0, "weight": 1.0, "times": [[1.0]],
    "name": "x", "unit": "mV", "initial": 0.0, "drift_factor": 1e-3, "diffusion_factor": 1e-3,
}  # fmt: skip
NEURONS = (IafPscAlpha, IafPscDelta, IafPscExp, IgnoreAndFire, LifMultisynapse)
SYNAPSES = (Static, StdpPowerLaw, TsodyksMarkram)
DISTRIBUTIONS = (Uniform, Normal, LogNormal, Clipped, Redrawn, Gamma, Replaced)
SIZE = 3


@pytest.fixture(autouse=True, scope="module")
def _little_memory():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "available_bytes", lambda: 1 << 22)
        yield


def attempt(call):
    """What ``call`` returns; None where it is refused in one sentence."""
    try:
        with time_limit(300):
            return call()
    except InputError as error:
        message = str(error)
        assert "\n" not in message
        assert 10 < len(message) < 700, message
        return None


def made(cls, **given):
    """An object of a class with ``given`` fields, and good ones where fields have no default."""
    needed = [
        field.name
        for field in dataclasses.fields(cls)
        if field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return cls(**{**{name: GOOD[name] for name in needed if name in GOOD}, **given})


def simulate(build):
    """Build the network of ``build(network)``, simulate 2 ms, and look at all states."""
    network = Network()
    build(network)
    with Simulation(network, alone()) as simulation:
        simulation.run(2.0)
        for group in simulation._local.groups:
            for name in group.model.state_variables if group.model.receives else ():
                assert np.isfinite(group.neurons.state(name)).all(), name


def use(thing):
    """Put an object that was accepted where it belongs."""

    def build(network):
        neuron = thing if isinstance(thing, NEURONS) else IafPscExp()
        initial = {"V_m": thing} if isinstance(thing, DISTRIBUTIONS) else {}
        network.population("A", SIZE, neuron, positions=[0.0, 0.1, 0.2], **initial)
        if isinstance(thing, SpikeTrains) or type(thing).__name__ == "PoissonSource":
            network.population("B", SIZE, thing)
            network.connect("B", "A", OneToOne(), Static(1.0, 1.0))
            return
        if isinstance(thing, Stimulus):
            network.stimulate("A", thing)
        if isinstance(thing, (Rule, *SYNAPSES)):
            rule = AllToAll() if isinstance(thing, SYNAPSES) else thing
            network.connect("A", "A", rule, thing if isinstance(thing, SYNAPSES) else Static(1.0, 1.0))

    if isinstance(thing, (SiegertNeuron, ConstantRate, DiffusionConnection)):
        simulate_rates(thing)
    else:
        simulate(build)


def simulate_rates(thing):
    network = RateNetwork()
    network.population("A", SIZE, thing if isinstance(thing, (SiegertNeuron, ConstantRate)) else SiegertNeuron())
    network.population("B", SIZE, SiegertNeuron())
    connection = thing if isinstance(thing, DiffusionConnection) else DiffusionConnection(1e-3, 1e-3)
    network.connect("A", "B", AllToAll(), connection)
    simulation = RateSimulation(network, alone())
    simulation.run(2.0)
    for name in "AB":
        assert np.isfinite(simulation.current_rates(name)).all()


@settings(max_examples=examples(200))
@given(st.sampled_from(FIELDS), ANYTHING)
@example((Static, "weight"), 1e308)
@example((Static, "weight"), np.array([1 + 1j] * 9))
@example((Static, "weight"), Normal)
@example((SpikeTrains, "times"), 5)
@example((SpikeTrains, "times"), 10**5000)
@example((EdgeList, "source"), [[1], [2, 3]])
@example((Redrawn, "low"), np.array([1.0, 2.0]))
def test_fields_of_all_classes(field, value):
    cls, name = field
    thing = attempt(lambda: made(cls, **{name: value}))
    if thing is not None:
        attempt(lambda: use(thing))


@settings(max_examples=examples(60))
@given(st.sampled_from(["name", "size", "model", "positions", "V_m", "dt"]), ANYTHING)
@example("size", 2**63)
@example("size", 2**31)
@example("V_m", Normal(1e12, 1e12))
def test_populations(argument, value):
    def call():
        network = Network(value if argument == "dt" else 0.1)
        given = {"name": "A", "size": 3, "model": IafPscExp()}
        given |= {argument: value} if argument != "dt" else {}
        network.population(**given)
        if network.size <= 1000:
            simulate(lambda other: other.population(**given))

    attempt(call)


METHODS = [
    ("connect", ["A", "A", AllToAll(), Static(1.0, 1.0)]),
    ("stimulate", ["A", Poisson(1.0, 1.0)]),
    ("record_spikes", ["A", 1]),
    ("record_states", ["A", "V_m", [0], 0.1]),
    ("record_weights", ["A", "A", [0], [0]]),
    ("find", ["A"]),
    ("record_spikes", ["A", None, [0, 2]]),
]


@settings(max_examples=examples(60))
@given(st.sampled_from(METHODS), st.integers(0, 3), ANYTHING)
@example(METHODS[3], 2, 5)
@example(METHODS[3], 1, 5)
@example(METHODS[4], 2, 1j)
def test_methods_of_networks(method, place, value):
    name, arguments = method
    arguments = [value if i == place % len(arguments) else argument for i, argument in enumerate(arguments)]

    def build(network):
        network.population("A", 3, IafPscExp())
        network.connect("A", "A", OneToOne(), Static(1.0, 1.0))
        getattr(network, name)(*arguments)

    attempt(lambda: simulate(build))


@settings(max_examples=examples(60))
@given(
    st.sampled_from(["name", "size", "theta", "tau", "m_0", "J", "interval", "seed", "window", "duration"]), ANYTHING
)
def test_binary_networks(argument, value):
    given = {"name": "A", "size": 3, "theta": 0.5, "tau": 10.0, "m_0": 0.5}

    def call():
        network = BinaryNetwork()
        network.population(**(given | ({argument: value} if argument in given else {})))
        if network.size > 1000:
            return
        network.connect(network.populations[0], network.populations[0], AllToAll(), value if argument == "J" else 1.0)
        network.record_activity(network.populations[0], value if argument == "interval" else None)
        more = {argument: value} if argument in ("seed", "window") else {}
        with BinarySimulation(network, alone(), **more) as simulation:
            simulation.run(value if argument == "duration" and not _long(value) else 2.0)
            assert np.isfinite(simulation.inputs(network.populations[0])).all()

    attempt(call)


def _long(value):
    """Whether a duration is acceptable, but would take a while."""
    return isinstance(value, (int, float, np.number, fractions.Fraction, decimal.Decimal)) and 50.0 < value <= 1e12


@settings(max_examples=examples(60))
@given(st.sampled_from(["network", "comm", "seed", "precision", "interval", "exchange", "duration"]), ANYTHING)
@example("comm", None)
@example("seed", -1)
def test_simulations(argument, value):
    def call():
        for kind, network, population in (
            (Simulation, Network(), IafPscExp()),
            (RateSimulation, RateNetwork(), SiegertNeuron()),
        ):
            network.population("A", 3, population)
            given = {"network": network, "comm": alone(), "seed": 1}
            if argument in given or (kind is Simulation and argument != "duration"):
                given[argument] = value
            with kind(**given) as simulation:
                simulation.run(value if argument == "duration" and not _long(value) else 1.0)

    attempt(call)


@pytest.mark.parametrize("kind", [Simulation, BinarySimulation, RateSimulation])
@pytest.mark.parametrize("comm", [5, "world", object(), MPI.COMM_NULL])
def test_what_is_no_communicator(kind, comm):
    network = {Simulation: Network, BinarySimulation: BinaryNetwork, RateSimulation: RateNetwork}[kind]()
    with pytest.raises(InputError, match=rf"{kind.__name__}: comm must be a communicator of mpi4py, e\.g\. MPI\.COMM_"):
        kind(network, comm)


def test_a_closed_simulation_says_so(tmp_path):
    network = Network()
    network.population("A", 3, IafPscExp(I_e=1000.0))
    network.record_spikes("A")
    network.record_states("A", interval=1.0)
    simulation = Simulation(network, alone(), file=tmp_path / "spikes.h5")
    simulation.run(10.0)
    simulation.close()
    simulation.close()
    for use_it in (lambda: simulation.run(1.0), lambda: simulation.spikes("A"), lambda: simulation.states("A")):
        with pytest.raises(InputError, match="the simulation is closed"):
            use_it()


def test_the_same_numbers_in_other_kinds():
    """An array without dimensions, fractions, decimals and numpy numbers are the numbers that they are."""
    for value in (np.array(2.0), np.float32(2.0), fractions.Fraction(2), decimal.Decimal(2), np.int64(2), 2):
        assert Static(weight=value).weight == 2.0
        assert type(Static(weight=value).weight) is float
    with pytest.raises(InputError, match="weight must be a number"):
        Static(weight=1j)
    with pytest.raises(InputError, match="weight must hold numbers"):
        Static(weight=np.array([1j]))
