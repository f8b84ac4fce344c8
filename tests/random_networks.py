"""Strategies for networks of all kinds: small, odd, with everything that the package has in some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from distsim import (
    AllToAll,
    BinaryNetwork,
    Clipped,
    ConstantCurrent,
    ConstantRate,
    DiffusionConnection,
    EdgeList,
    FixedIndegree,
    FixedTotalNumber,
    Gamma,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    InputError,
    LifMultisynapse,
    LogNormal,
    Network,
    NonZero,
    Normal,
    OneToOne,
    PairwiseBernoulli,
    Poisson,
    PoissonSource,
    RateNetwork,
    Redrawn,
    SiegertNeuron,
    SpatialBernoulli,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]

SIZES = st.sampled_from([0, 1, 2, 5, 17, 40])
FLAGS = st.booleans()


@dataclass(frozen=True)
class Kind:
    """What suits a kind of neuron: strengths of synapses that make it fire now and then, initial potentials (mV)."""

    weight: float
    potentials: tuple[float, float]


CURRENT = Kind(120.0, (-70.0, -55.0))
JUMP = Kind(1.0, (-70.0, -55.0))
LIQUID = Kind(3000.0, (13.5, 15.0))
NO_POTENTIAL = Kind(120.0, (0.0, 0.0))


def value(draw: Draw, low: float, high: float, size: int) -> Any:
    """A parameter of ``size`` neurons between two numbers: one for all, an array, or drawn."""
    kind = draw(st.sampled_from(["number", "number", "array", "drawn"]))
    if kind == "array":
        return np.linspace(low, high, size)
    return Uniform(low, high) if kind == "drawn" else draw(st.sampled_from([low, 0.5 * (low + high), high]))


def model(draw: Draw, size: int, dt: float) -> tuple[Any, Kind]:
    """A neuron model for a population of ``size``."""
    t_ref = dt * draw(st.integers(0, 7))
    taus = draw(st.sampled_from([{}, {"tau_syn_ex": 1.5, "tau_syn_in": 3.0}]))
    kind = draw(st.sampled_from(["exp", "alpha", "delta", "clock", "clock of alpha", "liquid"]))
    if kind == "exp":
        return IafPscExp(C_m=value(draw, 200.0, 300.0, size), t_ref=t_ref, **taus), CURRENT
    if kind == "alpha":
        return IafPscAlpha(tau_m=value(draw, 8.0, 12.0, size), t_ref=t_ref, **taus), CURRENT
    if kind == "delta":
        V_th = value(draw, -56.0, -54.0, size)
        return IafPscDelta(V_th=V_th, t_ref=t_ref, refractory_input=draw(FLAGS)), JUMP
    if kind == "liquid":
        return LifMultisynapse(R_m=value(draw, 0.001, 0.002, size), t_ref=t_ref), LIQUID
    integrate = IafPscAlpha(C_m=value(draw, 200.0, 300.0, size)) if kind == "clock of alpha" else None
    clock = IgnoreAndFire(value(draw, 5.0, 90.0, size), value(draw, 0.0, 1.0, size), integrate)
    return clock, CURRENT if integrate else NO_POTENTIAL


def rule(draw: Draw, source: Any, target: Any) -> Any:
    """A rule between two populations, which need not be one that they can meet."""
    kind = draw(
        st.sampled_from(["in-degree", "no multapses", "all", "pairs", "total", "one", "list", "space", "matrix"])
    )
    autapses = draw(FLAGS)
    if kind == "in-degree":
        return FixedIndegree(draw(st.integers(0, 9)), autapses)
    if kind == "no multapses":
        return FixedIndegree(draw(st.integers(0, max(source.size, 1))), autapses, multapses=False)
    if kind == "all":
        return AllToAll(autapses)
    if kind == "pairs":
        return PairwiseBernoulli(draw(st.sampled_from([0.0, 0.01, 0.2, 1.0])), autapses)
    if kind == "total":
        return FixedTotalNumber(draw(st.integers(0, 200)), autapses)
    if kind == "one":
        return OneToOne()
    if kind == "space":
        return SpatialBernoulli(draw(st.sampled_from([0.0, 0.5, 1.0])), draw(st.sampled_from([0.1, 2.0])), autapses)
    if kind == "matrix":
        return NonZero(np.random.default_rng(5).integers(-1, 2, (target.size, source.size)))
    edges = draw(st.integers(0, 20)) if source.size and target.size else 0
    random = np.random.default_rng(edges)
    return EdgeList(random.integers(0, max(source.size, 1), edges), random.integers(0, max(target.size, 1), edges))


def weight(draw: Draw, scale: float, shape: tuple[int, ...] | None) -> Any:
    """Weights of any sign of the order of ``scale``."""
    kind = draw(st.sampled_from(["positive", "negative", "normal", "one-sided", "array"]))
    if kind == "array" and shape is not None:
        return scale * np.random.default_rng(7).normal(size=shape)
    if kind == "normal":
        return Normal(0.5 * scale, 0.5 * scale)
    if kind == "one-sided":
        return draw(st.sampled_from([LogNormal(0.8 * float(np.log(scale)), 0.5), Gamma(1.0, -scale)]))
    return scale * draw(st.sampled_from([0.1, 0.3, 1.0])) * (-1.0 if kind == "negative" else 1.0)


def delay(draw: Draw, dt: float, shape: tuple[int, ...] | None) -> Any:
    """Delays from one step to some hundred."""
    kind = draw(st.sampled_from(["number", "uniform", "normal", "clipped", "long", "array"]))
    if kind == "array" and shape is not None:
        return dt * np.random.default_rng(8).integers(1, 400, size=shape)
    if kind == "uniform":
        return Uniform(dt, dt * draw(st.integers(2, 40)))
    if kind == "normal":
        return Redrawn(Normal(1.5, 1.0), low=dt)
    if kind == "clipped":
        return Clipped(Normal(1.5, 1.0), low=dt)
    if kind == "long":
        return Uniform(dt, 300.0 * dt)
    return dt * draw(st.integers(1, 30))


def synapse(draw: Draw, scale: float, dt: float, shape: tuple[int, ...] | None) -> Any:
    """A synapse of any kind; weights of a plastic one are not negative."""
    kind = draw(st.sampled_from(["static", "static", "static", "stdp", "short-term"]))
    strength, lag = weight(draw, scale, shape), delay(draw, dt, shape)
    if kind == "static":
        return Static(strength, lag)
    if kind == "short-term":
        tau_I = draw(st.sampled_from([None, 3.0]))
        U = draw(st.sampled_from([0.5, Uniform(0.0, 1.0)]))
        return TsodyksMarkram(strength, lag, U=U, D=Uniform(50.0, 800.0), F=100.0, tau_I=tau_I)
    if isinstance(strength, (float, np.ndarray)):
        strength = abs(strength)
    elif strength.bounds()[0] < 0.0:
        strength = Clipped(strength, low=0.0)
    rates = {"alpha": draw(st.sampled_from([0.0, 1.0])), "mu": draw(st.sampled_from([0.0, 0.4, 1.0]))}
    return StdpPowerLaw(strength, lag, lambda_=draw(st.sampled_from([0.0, 0.01, 0.1])), **rates)


def sources(draw: Draw, network: Network) -> list[Any]:
    """Populations that fire by themselves, or none."""
    added = []
    if draw(FLAGS):
        rate = draw(st.sampled_from([50.0, 20_000.0]))
        added.append(network.population("poisson", draw(st.integers(0, 5)), PoissonSource(rate)))
    if draw(FLAGS):
        steps = np.random.default_rng(9).integers(1, 400, 30)
        trains = SpikeTrains([network.dt * np.sort(steps), network.dt * np.array([5.0, 5.0, 20.0])])
        added.append(network.population("trains", 2, trains))
    return added


def stimulate(draw: Draw, network: Network, population: Any, scale: float) -> None:
    """Poisson input of several kinds, trains and currents, or none of them."""
    dt = network.dt
    rates = st.sampled_from([0.0, 100.0, 9000.0, 1e6])
    for sign in draw(st.sampled_from([(), (1.0,), (1.0, -0.3), (0.5, 0.5, -0.2)])):
        network.stimulate(population, Poisson(draw(rates), 0.6 * scale * sign, delay=dt * draw(st.integers(1, 3))))
    if draw(FLAGS):
        network.stimulate(population, ConstantCurrent(300.0, start=5 * dt, stop=40 * dt))
    if draw(FLAGS) and population.size:
        network.stimulate(population, SpikeTrains([[3 * dt, 9 * dt]], weight=scale, delay=2 * dt))


@st.composite
def spiking_networks(draw: Draw) -> Network:
    """Any network of spiking neurons, with everything recorded."""
    network = Network(draw(st.sampled_from([0.1, 0.25, 0.5])))
    populations = []
    for number in range(draw(st.integers(1, 4))):
        size = draw(SIZES)
        neurons, kind = model(draw, size, network.dt)
        initial = {"V_m": value(draw, *kind.potentials, size)} if neurons.initial_states and draw(FLAGS) else {}
        positions = np.random.default_rng(size).normal(size=(size, 2))
        populations.append((network.population(f"P{number}", size, neurons, positions=positions, **initial), kind))
    origins = [population for population, _ in populations] + sources(draw, network)
    for _ in range(draw(st.integers(0, 6))):
        source, (target, kind) = draw(st.sampled_from(origins)), draw(st.sampled_from(populations))
        connect(draw, network, source, target, lambda shape, kind=kind: synapse(draw, kind.weight, network.dt, shape))
    for population, kind in populations:
        stimulate(draw, network, population, kind.weight)
        network.record_spikes(population)
        if draw(FLAGS):
            variable = draw(st.sampled_from(population.model.state_variables))
            network.record_states(population, variable, interval=network.dt * draw(st.integers(1, 6)))
    return network


def connect(draw: Draw, network: Any, source: Any, target: Any, coupling: Callable[[Any], Any]) -> None:
    """Connect two populations by any rule; where they cannot meet it, they stay as they are."""
    chosen = rule(draw, source, target)
    try:
        chosen.check(network_ends(source, target))
    except InputError:
        return
    network.connect(source, target, chosen, coupling(chosen.array_shape(network_ends(source, target))))


def network_ends(source: Any, target: Any) -> Any:
    """What a rule is checked against, of populations of any network."""
    from distsim.connect.rule import Ends

    positions = [getattr(population, "positions", None) for population in (source, target)]
    return Ends(source.name, target.name, source.size, target.size, *positions)


@st.composite
def binary_networks(draw: Draw) -> BinaryNetwork:
    """Any network of binary neurons, with everything recorded."""
    network = BinaryNetwork()
    populations = []
    for number in range(draw(st.integers(1, 3))):
        size = draw(SIZES)
        theta = draw(st.sampled_from([0.0, 0.05, 1.0, Normal(0.1, 0.2)]))
        m_0 = value(draw, 0.0, 1.0, size)
        tau = value(draw, 1.0, 20.0, size)
        if draw(st.integers(0, 3)):
            populations.append(network.population(f"P{number}", size, theta, tau, m_0))
        else:
            m = value(draw, 0.0, 1.0, size)
            populations.append(
                network.external_population(f"P{number}", size, m, tau, draw(st.sampled_from([None, m_0])))
            )
    strengths = st.sampled_from([0.1, -0.2, 1.0, -1.0, 7e4, Normal(0.0, 1.0)])
    for _ in range(draw(st.integers(0, 5))):
        source, target = draw(st.sampled_from(populations)), draw(st.sampled_from(populations))
        if target.m_ext is None:
            connect(draw, network, source, target, lambda shape: draw(strengths))
    network.record_updates()
    network.record_states([0.0, 3.0, 7.5])
    for population in populations:
        network.record_flips(population)
        network.record_activity(population, draw(st.sampled_from([None, 1.0])))
    return network


@st.composite
def rate_networks(draw: Draw) -> RateNetwork:
    """Any network of rate neurons, with everything recorded."""
    network = RateNetwork(0.1)
    populations = []
    for number in range(draw(st.integers(1, 3))):
        size = draw(SIZES)
        tau_syn, tau_m = draw(st.sampled_from([0.0, 0.5])), value(draw, 5.0, 20.0, size)
        constant = ConstantRate(value(draw, 1.0, 50.0, size))
        neurons = draw(st.sampled_from([SiegertNeuron(tau_m=tau_m, tau_syn=tau_syn), constant]))
        populations.append(network.population(f"P{number}", size, neurons, rate=value(draw, 0.0, 10.0, size)))
    drifts, diffusions = st.sampled_from([0.3, -0.7, Normal(0.0, 1.0)]), st.sampled_from([0.0, 0.5, Uniform(0.0, 1.0)])
    for _ in range(draw(st.integers(0, 5))):
        source, target = draw(st.sampled_from(populations)), draw(st.sampled_from(populations))
        if target.model.siegert:
            connect(draw, network, source, target, lambda _: DiffusionConnection(draw(drifts), draw(diffusions)))
    for population in populations:
        network.record_rates(population)
    return network
