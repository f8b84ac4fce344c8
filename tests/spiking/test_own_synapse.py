"""Kinds of synapses from files outside the package have all that the built-in ones have."""

from __future__ import annotations

import json
import math
from contextlib import nullcontext
from typing import ClassVar

import numpy as np
import pytest

from distsim import (
    AllToAll,
    EdgeList,
    IafPscAlpha,
    InputError,
    LifMultisynapse,
    Network,
    Simulation,
    SpikeTrains,
    Static,
    StdpGuetig,
    TsodyksMarkram,
    Uniform,
    Value,
    duration,
    number,
    time_constant,
)
from distsim.analysis.read import read_connections
from distsim.connect.source_index import EVERY_SOURCE
from distsim.core.kernel_cache import store
from distsim.core.values import describe
from distsim.parallel.communicator import alone
from distsim.spiking.local_network import build
from distsim.spiking.plastic_weights import _order_statistic, select
from distsim.spiking.spiking_memory import memory_of_spiking
from distsim.spiking.synapses import plastic_delivery
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.long_term import LongTermSynapse, make_kernels
from distsim.spiking.synapses.short_term import ShortTermSynapse, make_kernel
from distsim.spiking.synapses.stdp_guetig import depress, facilitate
from distsim.spiking.synapses.synapse_model import SynapseModel
from distsim.spiking.synapses.table import Table
from tests.documents import ROOT
from tests.mpi import mpirun
from tests.nest_fixtures import load
from tests.on_ranks import found_alone
from tests.programs.own_synapse import Tsodyks2, outcome, plastic_network, transmit

# ---------------------------------------------------------------- NEST


def network_of_nest() -> Network:
    about, data = load("stdp_synapse")
    dt = about["dt_ms"]
    network = Network(dt=dt)
    network.population("N", about["n"], IafPscAlpha(**about["neuron"]), V_m=data["V_m_initial"])
    trains = [data["drive_step"][data["drive_train"] == train] * dt for train in range(about["n_drive"])]
    network.population("X", about["n_drive"], SpikeTrains(trains))
    for source, name in (("X", "X"), *(("N", name) for name in about["synapses"])):
        values = {"weight": data[f"{name}_weight"], "delay": data[f"{name}_delay_steps"] * dt}
        synapse = Static(**values)
        if name in about["synapses"]:
            given = {{"lambda": "lambda_"}.get(k, k): v for k, v in about["synapses"][name].items()}
            synapse = StdpGuetig(**values, **given, tau_minus=about["tau_minus"])
        network.connect(source, "N", EdgeList(data[f"{name}_source"], data[f"{name}_target"]), synapse)
    network.record_spikes("N")
    return network


def last_sent(data, name: str, step: int) -> dict[tuple[int, int], float]:
    """The weight that each synapse transmitted last up to ``step``, by source and target."""
    weights = dict(
        zip(zip(data[f"{name}_source"], data[f"{name}_target"], strict=True), data[f"{name}_weight"], strict=True)
    )
    sent = (data[f"{name}_sent_{column}"] for column in ("step", "source", "target", "weight"))
    for at, source, target, weight in sorted(zip(*sent, strict=True)):
        if at <= step:
            weights[source, target] = weight
    return weights


def test_weights_and_spikes_are_those_of_nest():
    """What each synapse last transmitted, every 100 ms, to the last digits; and every spike."""
    about, data = load("stdp_synapse")
    everyone = np.arange(about["n"])
    with Simulation(network_of_nest(), alone()) as simulation:
        for _ in range(9):  # NEST has delivered all spikes of these 900 of 1000 ms
            simulation.run(100.0)
            for local, name in zip(simulation._local.tables[1:], about["synapses"], strict=True):
                ours = select(local, local.projections[0], (everyone, everyone), about["dt_ms"], None)
                theirs = last_sent(data, name, simulation.step)
                expected = [theirs.pop(pair) for pair in zip(ours.source, ours.target, strict=True)]
                np.testing.assert_allclose(ours.weight, expected, rtol=1e-12, atol=1e-12)
                assert not theirs
        simulation.run(100.0)
        spikes = simulation.spikes("N")
    expected = sorted(zip(data["spike_step"].tolist(), data["spike_neuron"].tolist(), strict=True))
    assert list(zip(spikes.step.tolist(), spikes.neuron.tolist(), strict=True)) == expected


# ---------------------------------------------------------------- all that built-in ones have


@pytest.mark.mpi(min_size=2)
def test_the_same_bits_on_any_number_of_ranks(comm):
    assert outcome(comm) == found_alone(comm, outcome)


def test_plain_python_gives_the_same():
    done = mpirun(1, ["-m", "tests.programs.own_synapse", "8.0"], env={"NUMBA_DISABLE_JIT": "1"}, cwd=ROOT)
    assert json.loads(done.stdout) == outcome(alone(), 8.0)


def test_weights_are_recorded_and_summed_up(tmp_path):
    found = outcome(alone(), interval=0.25, file=tmp_path / "run.h5")
    assert found == outcome(alone())
    recorded = read_connections(tmp_path / "run.h5", "E", "E")
    assert set(recorded.source.tolist()) == {0, 1, 2}
    assert len(recorded.weight) == len(recorded.source) > 20
    statistics = found["statistics"]
    assert (statistics["count"], found["synapses"]) == (480, 480 + 160 + 200)
    assert 0.0 <= statistics["min"] < statistics["mean"] < statistics["max"] <= 100.0


def test_weights_are_those_of_the_equations_however_long_a_source_is_silent(monkeypatch):
    """Histories of 8 spikes: the synapses of a source that falls silent are settled."""
    monkeypatch.setattr(plastic_delivery, "SHORT_HISTORY", 8)
    synapse = StdpGuetig(lambda_=0.02, mu_plus=0.3, mu_minus=0.6, tau_plus=500.0, tau_minus=30.0)
    post, end, d, w = np.arange(20, 3000, 30), 3000, 5, 40.0
    pre = [np.array([50, 120]), np.arange(7, end, 40)]
    own = {name: np.array([getattr(synapse, name)]) for name in EQUATIONS}
    edges = np.zeros(2, np.uint16), np.full(2, w), np.full(1, d, np.uint8)
    table = Table(0, 2, EVERY_SOURCE, np.arange(3), *edges, attributes=own)
    delivery = synapse.delivery(table, 1, 0.1)
    ring = np.zeros((16, 1), np.int64)
    for start in range(0, end, 5):
        mine = [(t, source) for source in (0, 1) for t in pre[source] if start < t <= start + 5]
        steps, sources = np.array(sorted(mine), np.int64).reshape(-1, 2).T
        fired = post[(post > start) & (post <= start + 5)]
        delivery.archive(np.zeros(len(fired), np.int32), fired, start)
        delivery.deliver(sources, steps, ring, Grid(2.0**-40, np.inf), start + 5, start + 10)
    assert len(delivery.settled)
    assert delivery.history.capacity == 8
    now = delivery.weights_at(end, np.arange(2), np.arange(2))
    for source in (0, 1):
        expected = by_the_equations(synapse, pre[source], post, d, w, end, 0.1)
        assert (table.weights[source], now[source]) == pytest.approx(expected, rel=1e-12)


EQUATIONS = "lambda_", "alpha", "mu_plus", "mu_minus", "Wmax"
"""What the equations take, in this order."""


def by_the_equations(synapse, pre, post, d, w, end, dt) -> tuple[float, float]:
    """The weight of one synapse as last transmitted and at step ``end``, in plain Python."""
    p = tuple(getattr(synapse, name) for name in EQUATIONS)
    K_plus, last, sent = 0.0, 0, w
    for t in [*pre.tolist(), None]:
        for s in post[(post > last - d) & (post <= (end if t is None else t) - d)].tolist():
            w = facilitate(w, K_plus * math.exp((last - s - d) * dt / synapse.tau_plus), p)
        if t is not None:
            w = sent = depress(w, sum(math.exp((s - t + d) * dt / synapse.tau_minus) for s in post if s < t - d), p)
            K_plus, last = K_plus * math.exp((last - t) * dt / synapse.tau_plus) + 1.0, t
    return sent, w


def test_memory_precision_and_description():
    network = plastic_network()
    local = build(network, alone(), 1, "single", lambda _: nullcontext())
    (plastic,) = (part for part in local.tables if part.plastic)
    assert plastic.table.weights.dtype == np.float64  # a synapse that does not say how little it changes
    estimate = memory_of_spiking(network)
    assert estimate.tables == pytest.approx(sum(part.table.nbytes() for part in local.tables), rel=0.3)
    assert estimate.plasticity > 0
    assert describe(network.projections[0].synapse)["class"] == "StdpGuetig"
    with pytest.raises(InputError, match=r"StdpGuetig: weight must be at most Wmax = 10, got 11"):
        StdpGuetig(weight=11.0, Wmax=10.0)
    with pytest.raises(InputError, match=r"StdpGuetig: unknown parameter 'mu_plsu'; did you mean 'mu_plus'"):
        StdpGuetig(mu_plsu=0.4)
    with pytest.raises(InputError, match=r"projection 'E->E': weight has shape \(3,\)"):
        plastic_network().connect("E", "E", AllToAll(), StdpGuetig(weight=[1.0, 2.0, 3.0]))


def test_kernels_are_kept_for_other_jobs():
    outcome(alone())
    kept = {path.name.split("-")[0] for path in store.folder.iterdir()}
    assert "distsim.spiking.synapses.long_term.make_kernels.local.deliver" in kept


def test_medians_of_weights_of_both_signs():
    weights = [np.array([2.5, -3.0, 0.0, -0.25]), np.array([-7.0, 1e-300], np.float32), np.zeros(0)]
    ordered = np.sort(np.concatenate(weights))
    assert [_order_statistic(weights, k, alone()) for k in range(6)] == ordered.tolist()


# ---------------------------------------------------------------- short-term plasticity


def spikes_through(kind) -> tuple[str, list[float]]:
    """Spikes and potentials of neurons whose input comes through short-term plasticity of that kind."""
    network = Network(dt=0.25)
    network.population("X", 8, SpikeTrains([np.arange(3.0 + i, 200.0, 7.0 + i) for i in range(8)]))
    network.population("L", 20, LifMultisynapse(I_e=14_000.0))
    values = {"U": Uniform(0.2, 0.6), "D": Uniform(50.0, 400.0), "F": 25.0, "receptor": 0}
    synapse = kind(weight=Uniform(500.0, 3000.0), delay=Uniform(0.5, 3.0), **values)
    network.connect("X", "L", AllToAll(), synapse)
    network.record_states("L", "V_m", interval=5.0)
    with Simulation(network, alone(), seed=2) as simulation:
        simulation.run(200.0)
        return simulation.spike_hash(), simulation.states("L", "V_m").value


def test_short_term_plasticity_is_that_of_the_built_in_synapse():
    (spikes, V_m), (expected_spikes, expected) = (spikes_through(kind) for kind in (Tsodyks2, TsodyksMarkram))
    assert spikes == expected_spikes
    np.testing.assert_allclose(V_m, expected, rtol=1e-10)
    assert np.ptp(V_m) > 1.0


def test_states_of_own_synapses_can_be_asked_for():
    class Counting(Tsodyks2):
        """The number of spikes that have arrived."""

        states: ClassVar[tuple[str, ...]] = ("arrived",)

        def replay(self, stamps, delay, attributes, dt, steps):
            return np.searchsorted(stamps + delay, steps, side="right")[None, :].astype(float)

    network = Network(dt=0.5)
    network.population("X", 2, SpikeTrains([[2.0, 4.0], [3.0]]))
    network.population("L", 1, LifMultisynapse())
    network.connect("X", "L", AllToAll(), Counting(weight=1.0, delay=1.0, receptor=0))
    network.record_spikes("X")
    with Simulation(network, alone()) as simulation:
        simulation.run(8.0)
        states = simulation.synapse_states("X", "L", [2.5, 3.0, 5.0])
    assert states.arrived.tolist() == [[0, 0], [1, 0], [2, 1]]
    with pytest.raises(AttributeError, match="no state variable 'x'; known: arrived"):
        states.x  # noqa: B018


# ---------------------------------------------------------------- what is missing is named


def test_a_part_that_is_missing_is_named():
    with pytest.raises(InputError, match="Bare: a synapse defines 'delivery': What delivers the spikes"):

        class Bare(SynapseModel):
            pass

    with pytest.raises(InputError, match="Unequal: a synapse defines 'kernels': what make_kernels"):

        class Unequal(LongTermSynapse):
            gain: float = number(1.0)

    with pytest.raises(InputError, match=r"must be a function of \(w, K_plus, p\), not of \(w\)$"):
        make_kernels(lambda w: w, depress)

    with pytest.raises(InputError, match="Stateless: a synapse defines 'initial': its state variables"):

        class Stateless(ShortTermSynapse):
            kernel = make_kernel(transmit)


class Slow(ShortTermSynapse):
    tau: Value = time_constant(100.0)
    pause: float = duration(1.0)
    initial: ClassVar[dict[str, float]] = {"x": 1.0}
    kernel = make_kernel(lambda w, state, elapsed, p: (state, w))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tau": 1e-4}, r"Slow tau = 0\.0001 ms must be at least 0\.00033"),
        ({"pause": 0.25}, r"Slow pause = 0\.25 ms is not"),
    ],
)
def test_times_of_synapses_are_checked_as_those_of_neurons(given, message):
    network = Network(dt=0.1)
    network.population("A", 2, IafPscAlpha())
    with pytest.raises(InputError, match=r"projection 'A->A': " + message):
        network.connect("A", "A", AllToAll(), Slow(**given))
