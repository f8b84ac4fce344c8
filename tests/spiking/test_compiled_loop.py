"""The loop that runs intervals in compiled code gives what the loop in Python gives, and leaves to it what it must."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    AllToAll,
    ConstantCurrent,
    FixedIndegree,
    IafPscAlpha,
    InputError,
    Network,
    NoiseCurrent,
    Poisson,
    PoissonSource,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)
from distsim.core.calls import DATA, OF_ARRAY, Blocks, address_of, call, thunk_of
from distsim.core.jit import jit, native
from distsim.spiking import compiled_loop, state_rows, table_making
from distsim.spiking.drives.driven import Driven
from distsim.spiking.protocols import Drive
from distsim.spiking.recorders import Recorders
from distsim.spiking.synapses import history
from distsim.spiking.synapses.plastic_delivery import PlasticDelivery
from distsim.spiking.synapses.segments import SegmentDelivery
from distsim.spiking.synapses.static import StaticDelivery, deliver
from tests.programs.fingerprint import digest, fingerprint

T = 60.0  # ms


def everything() -> Network:
    """Two groups; static, plastic and short-term synapses, calendars; currents, Poisson inputs, sources; recordings."""
    network = Network(dt=0.1)
    exc = network.population("E", 40, IafPscAlpha(), V_m=Uniform(-70.0, -55.0))
    inh = network.population("I", 10, IafPscAlpha(), V_m=Uniform(-70.0, -55.0))
    trains = network.population("trains", 2, SpikeTrains([[3.0, 30.0], [4.5]]))
    sources = network.population("sources", 5, PoissonSource(rate=300.0))
    plastic = StdpPowerLaw(weight=60.0, delay=0.3, alpha=0.1, lambda_=0.1, mu=0.4, tau_plus=15.0, tau_minus=30.0)
    network.connect(exc, exc, FixedIndegree(8), plastic)
    network.connect(exc, inh, FixedIndegree(8), TsodyksMarkram(weight=300.0, delay=0.4, D=100.0))
    network.connect(inh, exc, FixedIndegree(4), Static(weight=Uniform(-500.0, -300.0), delay=Uniform(0.3, 2.0)))
    network.connect(trains, inh, AllToAll(), Static(weight=500.0, delay=1.0))
    network.connect(sources, exc, FixedIndegree(3), Static(weight=80.0, delay=0.5))
    for population in (exc, inh):
        network.stimulate(population, Poisson(rate=9000.0, weight=45.0))
        network.stimulate(population, Poisson(rate=400.0, weight=-45.0))
        network.stimulate(population, ConstantCurrent(amplitude=100.0, start=10.0, stop=20.0))
    network.stimulate(inh, NoiseCurrent(std=50.0, interval=0.7))
    network.record_spikes(exc)
    network.record_states(inh, "V_m", interval=1.7)
    network.record_states(exc, "V_m", neurons=[3, 17, 30], interval=0.1)
    network.record_states(exc, "I_syn", neurons=[17], interval=0.2)
    return network


def result(simulation: Simulation) -> dict[str, Any]:
    """All that does not depend on the loop, as JSON has it (collective)."""
    recorded = simulation.spikes("E")
    states = [simulation.states(*which) for which in (("I", "V_m"), ("E", "V_m"), ("E", "I_syn"))]
    found = fingerprint(simulation) | {"spikes": simulation.spike_counts()}
    plain: dict[str, Any] = json.loads(json.dumps(found | {"recorded": digest(recorded.step, recorded.neuron)}))
    plain["states"] = [digest(of.step, of.neuron, of.value) for of in states]
    return plain


def run(comm: MPI.Comm, loop: str, parts: tuple[float, ...] = (T,)) -> dict[str, Any]:
    """What the network gives in runs of ``parts`` (ms); the loop is that which was asked for."""
    with Simulation(everything(), comm, seed=2, loop=loop) as simulation:
        if simulation.loop != loop:
            raise RuntimeError(f"the loop is {simulation.loop}")
        for part in parts:
            simulation.run(part)
        return result(simulation)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return run(MPI.COMM_SELF, "python")


@pytest.mark.mpi
def test_the_same_bits_on_any_number_of_ranks(comm, expected):
    assert expected["spikes"]["E"] > 50
    assert run(comm, "python") == run(comm, "compiled") == expected


def test_runs_in_parts(expected):
    assert run(MPI.COMM_SELF, "compiled", (0.1, 0.2, 3.4, 0.1, 10.0, 0.5, 45.7)) == expected


def test_changes_and_checkpoints_between_runs(tmp_path):
    """What changes or is brought back between runs is what compiled code works on next."""

    def changed(first: str, second: str) -> dict[str, Any]:
        with Simulation(everything(), MPI.COMM_SELF, seed=2, loop=first) as simulation:
            simulation.run(20.0)
            simulation.set("E", V_th=Uniform(-56.0, -54.0), V_m=-60.0)  # constants of their own
            simulation.set_stimulus("I", 0, rate=12000.0)
            simulation.set_weights("sources", "E", 120.0)
            simulation.run(15.0)
            simulation.save(tmp_path / f"{first} {second}")
        path = tmp_path / f"{first} {second}"
        with Simulation.restore(everything(), path, MPI.COMM_SELF, loop=second) as simulation:
            simulation.run(25.0)
            assert simulation.loop == second
            return result(simulation)

    wanted = changed("python", "python")
    assert changed("compiled", "compiled") == wanted
    assert changed("compiled", "python") == wanted


def test_arrays_that_are_full(expected, monkeypatch):
    """Where an array is full, Python ends the interval: spikes to record, calendars, histories; or takes states."""
    called = set()

    def noting(owner: type, name: str) -> None:
        kept = getattr(owner, name)

        def note(*arguments: Any) -> Any:
            called.add(name)
            return kept(*arguments)

        monkeypatch.setattr(owner, name, note)

    monkeypatch.setattr(compiled_loop, "ROOM", 2)
    monkeypatch.setattr(state_rows, "MOST", 2)
    monkeypatch.setattr(table_making, "EDGES_PER_SEGMENT", 0)
    monkeypatch.setattr(history, "INITIAL_CAPACITY", history.RECENT + 1)
    noting(Recorders, "spikes")
    noting(SegmentDelivery, "_enlarge")
    noting(PlasticDelivery, "_make_room")
    assert run(MPI.COMM_SELF, "compiled") == expected
    assert called == {"spikes", "_enlarge", "_make_room"}


def test_times_of_phases():
    with Simulation(everything(), MPI.COMM_SELF) as simulation:
        simulation.run(T)
        seconds = {name: spread["max"] for name, spread in simulation.phase_times().items()}
        assert min(seconds[name] for name in ("update", "communicate", "deliver", "record")) > 0.0
        assert sum(seconds[name] for name in simulation.run_phases) <= simulation.sim_time


class Own(Drive):
    """Input from Python."""

    def bind(self, driven: Driven) -> None:
        driven.add_input(lambda first, n: np.zeros((n, driven.share.n)), 1.0)


def other(*arguments: Any) -> Any:
    """A method of a subclass that does not say what does the same in compiled code."""
    return 0


def small(*stimuli: Drive) -> Network:
    network = Network(dt=0.1)
    network.population("A", 4, IafPscAlpha(I_e=500.0))
    network.connect("A", "A", AllToAll(), Static(weight=1.0, delay=0.1))
    for stimulus in stimuli:
        network.stimulate("A", stimulus)
    return network


def test_own_input_is_left_to_python():
    with Simulation(small(Own()), MPI.COMM_SELF) as simulation:
        simulation.run(5.0)
        assert simulation.loop == "python: a stimulus of 'A' adds input from Python"


def test_what_a_subclass_does_in_python(monkeypatch):
    class Delivery(StaticDelivery):
        deliver = other

    monkeypatch.setattr(Static, "delivery", lambda self, table, n, dt: Delivery(table))
    with Simulation(small(), MPI.COMM_SELF) as simulation:
        assert simulation.loop == "python: the spikes of A->A are delivered by Python"


def test_arguments_that_cannot_be_given(monkeypatch):
    given = (deliver, (np.float32(1.0),), ())
    monkeypatch.setattr(StaticDelivery, "compiled", lambda self, grid: given)
    with Simulation(small(), MPI.COMM_SELF) as simulation:
        simulation.run(5.0)
        assert simulation.loop == "python: compiled code cannot be given float32 in memory"


def test_loops_have_names():
    with pytest.raises(InputError, match=r"loop 'pyhton'.*'python'"):
        Simulation(small(), MPI.COMM_SELF, loop="pyhton")


# ---------------------------------------------------------------- calls by address


@jit
def kernel(values, factors, negative, offset):  # type: ignore[no-untyped-def]
    """A kernel of several kinds of arguments, which raises where offset is 0."""
    if offset == 0:
        raise ValueError("the offset is 0")
    first, (second, third) = factors
    total = np.int64(values.sum() * first + second[0, 1] * third) + np.int64(offset)
    return -total if negative else total


@jit
def sum_of(values, number):  # type: ignore[no-untyped-def]
    """A kernel whose arguments change."""
    return np.int64(number)


@native
def through_thunk(thunk, address, memory):  # type: ignore[no-untyped-def]
    """What the kernel returns, called with what lies in memory."""
    return call(thunk, (address, memory.ctypes.data))


def test_a_kernel_is_called_with_what_lies_in_memory():
    factors = 2.0, (np.array([[1, 3]], np.int32), np.uint64(5))
    blocks = Blocks()
    values = np.arange(4.0)
    block = blocks.add(kernel, (values, factors, False, 7))
    call_it = block.thunk, block.address, blocks.memory
    assert through_thunk(*call_it) == 6 * 2 + 3 * 5 + 7
    blocks.memory[block.places[2:]] = 1, -1
    assert through_thunk(*call_it) == -(6 * 2 + 3 * 5 - 1)
    blocks.memory[block.places[3]] = 0
    with pytest.raises(ValueError, match="the offset is 0"):
        through_thunk(*call_it)


def test_blocks_are_made_anew_where_something_else_is_given():
    values, others, more = np.arange(4.0), np.arange(5.0), np.arange(6.0)
    blocks = Blocks()

    def added(*given: Any) -> tuple[list[Any], Any]:
        blocks.start()
        return [blocks.add(sum_of, each) for each in given], blocks.memory

    first, memory = added((values, 1), (others, 2))
    second, same = added((values, 1), (others, 2))
    assert second[0] is first[0]
    assert same is memory
    third, changed = added((values, 1), (more, 2))
    assert third[0] is first[0]
    assert [len(changed), third[1].begin] == [len(memory), first[1].begin]
    assert changed[third[1].begin + DATA] == more.ctypes.data
    fourth, longer = added(((values, values), 1), (more, 2))
    assert fourth[1].begin == first[1].begin + OF_ARRAY
    assert longer[fourth[1].begin + DATA] == more.ctypes.data


def test_a_kernel_must_return_a_whole_number():
    @jit
    def half(x):  # type: ignore[no-untyped-def]
        return 0.5 * x

    with pytest.raises(TypeError, match="half returns float64, not a whole number"):
        address_of(half, (1.0,))
    assert thunk_of("id") == thunk_of("id") != thunk_of("di")
