"""Binary neurons changed between runs: as described so, told, kept in checkpoints, and the same on any ranks."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from distsim import BinaryNetwork, BinarySimulation, FixedIndegree, InputError, Uniform
from distsim.parallel.communicator import alone
from tests.threads import on_ranks

SOME = np.linspace(-1.0, 0.5, 40)


def network_of(*, theta=-0.5, m=0.4, J=-0.4, record=True) -> BinaryNetwork:
    network = BinaryNetwork()
    network.population("E", 40, theta=theta, tau=2.0, m_0=0.5)
    network.population("I", 20, theta=-0.2, tau=Uniform(1.0, 3.0), m_0=0.5)
    network.external_population("X", 10, m=m, m_0=0.4)
    for source, strength in (("E", 0.2), ("I", J), ("X", 0.1)):
        for target in "EI":
            network.connect(source, target, FixedIndegree(5), strength)
    if record:
        for name in "EIX":
            network.record_flips(name)
            network.record_activity(name, interval=0.5)
    network.record_states([0.0, 3.0, 5.0, 9.0], "E")
    return network


def outcome(simulation):
    flips = [[column.tolist() for column in simulation.flips(name)] for name in "EIX"]
    activity = [simulation.activity(name).value.tolist() for name in "EIX"]
    inputs = [simulation.inputs(name).tolist() for name in "EI"]
    states = simulation.recorded_states("E").value.tolist()
    return flips, activity, inputs, states, simulation.flip_hash(), repr(simulation.mean_activities())


def run(network, change=None, before=0.0, comm=None, **options):
    with BinarySimulation(network, comm or alone(), seed=3, **options) as simulation:
        if before:
            simulation.run(before)
        if change:
            change(simulation)
        simulation.run(10.0 - before)
        return outcome(simulation)


@pytest.mark.parametrize(
    ("change", "described"),
    [
        (lambda s: s.set("E", theta=0.3), {"theta": 0.3}),
        (lambda s: s.set("E", theta=SOME), {"theta": SOME}),
        (lambda s: s.set("E", theta=Uniform(-1.0, 1.0)), {"theta": Uniform(-1.0, 1.0)}),
        (lambda s: s.set("X", m=0.9), {"m": 0.9}),
        (lambda s: [s.set_couplings("I", name, -0.35) for name in "EI"], {"J": -0.35}),
        (
            lambda s: [s.set_couplings("I", name, Uniform(-0.5, 0.0), number=0) for name in "EI"],
            {"J": Uniform(-0.5, 0.0)},
        ),
    ],
)
def test_a_change_at_the_beginning_is_another_description(change, described):
    assert run(network_of(), change) == run(network_of(**described)) != run(network_of())


def many(simulation):
    exc = simulation.network.find("E")
    simulation.set("E", theta=SOME, tau=4.0)
    simulation.set_couplings("X", "E", 0.125)
    simulation.set_couplings("E", "I", Uniform(-0.1, 0.3))
    simulation.set(exc[::4] + simulation.network.find("X"), state=0.5, tau=np.linspace(0.5, 3.0, 20))
    simulation.draw_anew(9)


def test_changes_on_any_ranks_windows_and_over_a_checkpoint(tmp_path):
    one = run(network_of(), many, 3.0)
    assert on_ranks(3, lambda comm: run(network_of(), many, 3.0, comm)) == [one] * 3
    assert run(network_of(), many, 3.0, window=0.3) == one

    def halves(comm):
        with BinarySimulation(network_of(), comm, seed=3) as simulation:
            simulation.run(3.0)
            many(simulation)
            simulation.save(tmp_path / "at once")
            simulation.run(2.0)
            simulation.save(tmp_path / "later")
            log = simulation.changes
        found = []
        for name in ("at once", "later"):
            with BinarySimulation.restore(network_of(), tmp_path / name, comm) as simulation:
                simulation.run(10.0 - simulation.time)
                found.append(outcome(simulation))
                assert simulation.changes == log
        return found

    assert on_ranks(2, halves) == [[one] * 2] * 2


def test_states_that_are_set_are_flips_and_change_inputs(tmp_path):
    with BinarySimulation(network_of(), alone(), seed=3, file=tmp_path / "run.h5") as simulation:
        simulation.run(2.0)
        before = simulation.states("E")
        simulation.set("E", state=1.0 - before)
        assert np.array_equal(simulation.states("E"), 1 - before)
        simulation.run(1e-9)
        flips = simulation.flips("E")
        assert np.array_equal(np.sort(flips.neuron[flips.time > 2.0]), np.arange(40))
        assert np.all(flips.time[flips.time > 2.0] == np.nextafter(2.0, 3.0))
        inputs = simulation.inputs("I")
        pairs = [simulation.couplings(name, "I") for name in "EIX"]
        states = [simulation.states(name) for name in "EIX"]
        expected = np.zeros(20)
        for pair, state in zip(pairs, states, strict=True):
            np.add.at(expected, pair.target, pair.weight * state[pair.source])
        assert np.allclose(inputs, expected)
        simulation.set("E", tau=1e9)
        simulation.run(50.0)
        assert (simulation.flips("E").time > 3.0).sum() < 3  # what is left until the next is longer, too
        log = simulation.changes
    with h5py.File(tmp_path / "run.h5") as file:
        assert json.loads(file.attrs["changes"]) == log
        assert next((c["time"], c["what"], c["of"]) for c in log) == (2.0, "neurons", "E")
        assert abs(file["activity/E/value"][:][-1] - simulation.states("E").mean()) < 1e-12


def test_another_seed_from_there_on():
    def anew(seed):
        return run(network_of(), lambda s: s.draw_anew(seed), 4.0)

    same, other = anew(3), anew(4)
    assert same == run(network_of())
    assert other != same
    assert [t for t in other[0][0][0] if t <= 4.0] == [t for t in same[0][0][0] if t <= 4.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.set("E", thetta=1.0), "unknown parameter or state 'thetta'; did you mean 'theta'?"),
        (lambda s: s.set("X", theta=1.0), "unknown parameter or state 'theta'"),
        (lambda s: s.set("E", m=0.3), "unknown parameter or state 'm'"),
        (lambda s: s.set("X", m=1.5), "m is a probability and must be at most 1, got 1.5"),
        (lambda s: s.set("E", tau=0.0), "tau must be larger than 0"),
        (lambda s: s.set("E", state=[1.0]), "has shape (1,), but must have shape (40,)"),
        (lambda s: s.set("Z", theta=0.0), "unknown population 'Z'"),
    ],
)
def test_what_is_refused(change, message):
    with BinarySimulation(network_of(), alone(), seed=3) as simulation:
        simulation.run(1.0)
        with pytest.raises(InputError) as refused:
            change(simulation)
        assert message in str(refused.value)
        assert simulation.changes == []


def test_states_are_not_set_where_updates_are_recorded():
    network = network_of()
    network.record_updates()
    with BinarySimulation(network, alone()) as simulation, pytest.raises(InputError, match="where updates are record"):
        simulation.set("E", state=0)
