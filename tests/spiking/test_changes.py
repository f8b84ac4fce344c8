"""Changes between runs: equal to networks that were described so, where there are such, and on any number of ranks."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from distsim import (
    ConstantCurrent,
    FixedIndegree,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    InputError,
    LifMultisynapse,
    Network,
    Normal,
    Poisson,
    PoissonSource,
    Redrawn,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)
from distsim.parallel.communicator import alone
from tests.changing import SOME, heard, network_of, outcome, with_sources
from tests.threads import on_ranks


@pytest.mark.parametrize(
    ("change", "described"),
    [
        (lambda s: s.set("E", V_th=18.0), lambda: network_of(V_th=18.0)),
        (lambda s: s.set("E", V_th=SOME, I_e=100.0), lambda: network_of(V_th=SOME, I_e=100.0)),
        (lambda s: s.set("E", tau_m=Uniform(9.0, 11.0)), lambda: network_of(tau_m=Uniform(9.0, 11.0))),
        (
            lambda s: s.set(s.network.find("E")[20:40], V_th=np.linspace(16.0, 18.0, 20)),
            lambda: network_of(V_th=np.r_[np.full(20, 15.0), np.linspace(16.0, 18.0, 20), np.full(40, 15.0)]),
        ),
        (lambda s: s.set("E", V_m=SOME - 12.0), lambda: network_of(states={"V_m": SOME - 12.0})),
        (lambda s: s.set("E", E_L=2.0), lambda: network_of(E_L=2.0)),
        (lambda s: s.set_stimulus("E", rate=12_000.0), lambda: network_of(stimulus=Poisson(12_000.0, 40.0, 1.0))),
        (lambda s: s.set_stimulus("E", weight=70.0), lambda: network_of(stimulus=Poisson(9000.0, 70.0, 1.0))),
        (lambda s: s.set_weights("E", "E", 90.0), lambda: network_of(weight=90.0)),
    ],
)
def test_a_change_at_the_beginning_is_another_description(change, described):
    changed, same, before = outcome(network_of(), change), outcome(described()), outcome(network_of())
    assert changed[:2] == same[:2]
    assert np.allclose(changed[2], same[2], rtol=0.0, atol=1e-12)  # V_m - E_L is kept, not V_m
    assert changed[:2] != before[:2]


def test_rates_and_currents_that_change_are_those_that_were_described_in_steps():
    rates = Poisson(rate=[9000.0, 14_000.0, 2000.0], times=[0.0, 10.0, 25.0], weight=40.0, delay=1.0)

    def twice(simulation):
        simulation.set_stimulus("E", rate=14_000.0)
        simulation.run(15.0)
        simulation.set_stimulus("E", rate=2000.0)

    with Simulation(network_of(), alone(), seed=5) as simulation:
        simulation.run(10.0)
        twice(simulation)
        simulation.run(15.0)
        found = simulation.spike_count(), simulation.spike_hash()
    assert found == outcome(network_of(stimulus=rates))[:2]
    steps = ConstantCurrent(amplitude=[300.0, 600.0], times=[0.0, 10.0], delay=2.0)
    changed = outcome(
        network_of(stimulus=ConstantCurrent(300.0, delay=2.0)), lambda s: s.set_stimulus("E", amplitude=600.0), 10.0
    )
    assert changed == outcome(network_of(stimulus=steps))


def test_one_number_takes_the_place_of_all_steps():
    other = Poisson(rate=[9000.0, 100.0, 5000.0], times=[0.0, 10.0, 25.0], weight=40.0, delay=1.0)
    steps = Poisson(rate=[9000.0, 14_000.0], times=[0.0, 10.0], weight=40.0, delay=1.0)
    changed = outcome(network_of(stimulus=other), lambda s: s.set_stimulus("E", rate=14_000.0), 10.0)
    assert changed[:2] == outcome(network_of(stimulus=steps))[:2]
    sources = with_sources(rate=[800.0, 5.0, 1.0], times=[0.0, 10.0, 12.0])
    changed = heard(sources, lambda s: s.set("P", rate=30_000.0), 10.0)[:2]
    assert changed == heard(with_sources(rate=[800.0, 30_000.0], times=[0.0, 10.0]))[:2]


def test_a_stimulus_that_has_ended_begins_again():
    def again(simulation):
        with pytest.raises(InputError, match="stop = 5 ms is before start = 10 ms"):
            simulation.set_stimulus("E", rate=12_000.0)
        simulation.set_stimulus("E", start=15.0, stop=25.0)

    repeated = Poisson(rate=[9000.0, 0.0, 9000.0, 0.0], times=[0.0, 5.0, 15.0, 25.0], weight=40.0, delay=1.0)
    once = Poisson(rate=9000.0, weight=40.0, delay=1.0, stop=5.0)
    assert outcome(network_of(stimulus=once), again, 10.0) == outcome(network_of(stimulus=repeated))


DELAYS = Redrawn(Normal(1.5, 0.5), 0.5, 4.0)


def of_everything() -> Network:
    network = Network(dt=0.1)
    exc = network.population("E", 60, IafPscAlpha(V_th=15.0, V_reset=0.0, E_L=0.0), V_m=Uniform(0.0, 14.0))
    inh = network.population("I", 20, IafPscExp(V_th=15.0, V_reset=0.0, E_L=0.0), V_m=Uniform(0.0, 14.0))
    delta = network.population("D", 15, IafPscDelta(V_th=15.0, V_reset=0.0, E_L=0.0))
    network.connect(exc, exc + inh, FixedIndegree(40), Static(30.0, DELAYS))
    network.connect(exc, inh, FixedIndegree(5), TsodyksMarkram(weight=60.0, delay=1.0))
    network.connect(inh, exc, FixedIndegree(6), Static(-80.0, 1.5))
    network.connect(inh, exc, FixedIndegree(6), StdpPowerLaw(weight=10.0, delay=1.5))
    network.connect(exc, delta, FixedIndegree(10), Static(0.5, 1.0))
    for population in (exc, inh):
        network.stimulate(population, Poisson(rate=9000.0, weight=40.0, delay=0.5))
    network.stimulate(exc[10:30], ConstantCurrent(amplitude=200.0, delay=3.0))
    network.stimulate(delta, Poisson(rate=2000.0, weight=0.5))
    return network


def first_part(simulation: Simulation) -> None:
    exc, inh, delta = simulation.network.populations
    simulation.run(15.0)
    simulation.set(exc[::3] + inh[:4], V_th=13.0, V_m=Uniform(0.0, 5.0))
    simulation.set("I", C_m=Uniform(240.0, 260.0), tau_m=np.linspace(9.0, 12.0, 20))
    simulation.set(delta, V_m=3.0)
    simulation.set_stimulus(exc[10:30], amplitude=500.0, delay=0.5)
    simulation.set_stimulus("E", rate=7000.0, weight=30.0)
    simulation.set_weights("E", "I", np.linspace(20.0, 30.0, 1200).reshape(20, 60))


def second_part(simulation: Simulation) -> None:
    exc, _, delta = simulation.network.populations
    simulation.run(7.0)
    simulation.set("E", V_th=SOME[:60])
    simulation.set_weights(exc[:20], exc, 10.0)
    simulation.set_weights(exc, delta, 0.25)


def last_part(simulation: Simulation) -> tuple:
    simulation.run(8.0)
    log = json.dumps(simulation.changes)
    return simulation.spike_count(), simulation.spike_hash(), simulation.weight_hash(), log


def of_changes(comm, precision: str, interval: float | None = None) -> tuple:
    with Simulation(of_everything(), comm, seed=2, precision=precision, interval=interval) as simulation:
        first_part(simulation)
        second_part(simulation)
        return last_part(simulation)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_checkpoint_keeps_changes(tmp_path, precision):
    (one,) = on_ranks(1, lambda comm: of_changes(comm, precision))

    def begin(comm):
        with Simulation(of_everything(), comm, seed=2, precision=precision) as simulation:
            first_part(simulation)
            simulation.save(tmp_path / "first")

    def go_on(comm):
        with Simulation.restore(of_everything(), tmp_path / "first", comm) as simulation:
            second_part(simulation)
            simulation.save(tmp_path / "second")

    def end(comm):
        with Simulation.restore(of_everything(), tmp_path / "second", comm) as simulation:
            return last_part(simulation)

    on_ranks(1, begin)
    on_ranks(3, go_on)
    assert on_ranks(2, end) == [one] * 2


@pytest.mark.parametrize("precision", ["double", "single"])
def test_changes_do_not_depend_on_ranks_or_intervals(precision):
    (one,) = on_ranks(1, lambda comm: of_changes(comm, precision))
    assert one[0] > 200
    assert on_ranks(3, lambda comm: of_changes(comm, precision)) == [one] * 3
    assert of_changes(alone(), precision, interval=0.2) == one


@pytest.mark.mpi
def test_changes_on_ranks_of_mpi(comm):
    assert of_changes(comm, "double") == of_changes(alone(), "double")


def test_larger_input_takes_a_coarser_unit_and_stays_exact():
    def stronger(simulation):
        unit = simulation._local.groups[0].grid.unit
        simulation.set_weights("I", "E", -1e7)
        simulation.set_stimulus("I", weight=1e6)
        assert simulation._local.groups[0].grid.unit > unit

    found = [on_ranks(n, lambda comm: outcome(network_of(), stronger, 10.0, comm)) for n in (1, 3)]
    assert found[1] == found[0] * 3


def test_32_bits_refuse_more_than_they_hold():
    with Simulation(network_of(), alone(), precision="single") as simulation:
        simulation.run(5.0)
        before = simulation._local.groups[0].grid
        for change in (
            lambda: simulation.set_weights("I", "E", -1e5),
            lambda: simulation.set_stimulus("E", weight=1e6),
        ):
            with pytest.raises(InputError, match="simulate with precision='double'"):
                change()
        assert simulation._local.groups[0].grid == before
        assert simulation.changes == []
        simulation.run(5.0)
        refused = simulation.spike_hash()
    with Simulation(network_of(), alone(), precision="single") as simulation:
        simulation.run(10.0)
        assert simulation.spike_hash() == refused


def test_what_a_stimulus_was_and_is_do_not_add_up():
    """So that 32 bits hold the same stimulus again, and another seed of it."""
    with Simulation(network_of(), alone(), precision="single") as simulation:
        simulation.run(5.0)
        units = [group.grid.unit for group in simulation._local.groups]
        for seed in (2, 3, 4):
            simulation.draw_anew(seed)
            simulation.set_stimulus("E", rate=8999.0)
            simulation.run(0.5)
        assert [group.grid.unit for group in simulation._local.groups] == units


def test_spikes_on_their_way_keep_the_weight_with_which_they_were_sent():
    for delay in (5.0, DELAYS):  # one delay, and segments
        network = Network(dt=0.1)
        network.population("A", 40, IafPscDelta(E_L=0.0, V_th=1.0, V_reset=0.0, tau_m=1e6), V_m=0.0)
        target = network.population("B", 40, IafPscDelta(E_L=0.0, V_th=1e9, V_reset=0.0, tau_m=1e9), V_m=0.0)
        network.connect("A", "B", FixedIndegree(400), Static(1.0, delay))
        network.record_states(target, "V_m", interval=1.0)
        with Simulation(network, alone()) as simulation:
            simulation.set("A", V_m=2.0)  # all fire in the first step
            simulation.run(0.2)
            simulation.set_weights("A", "B", 100.0)
            simulation.run(9.8)
            assert np.allclose(simulation.states("B").value[-1], 400.0, rtol=1e-6)
            simulation.set("A", V_m=2.0)
            simulation.run(10.0)
            assert np.allclose(simulation.states("B").value[-1], 40_400.0, rtol=1e-6)
            assert {*simulation.weights("A", "B").weight} == {100.0}


def test_changes_are_recorded(tmp_path):
    with Simulation(network_of(), alone(), file=tmp_path / "run.h5") as simulation:
        simulation.run(1.0)
        simulation.set("E", V_th=18.0, V_m=Uniform(0.0, 1.0))
        simulation.set_stimulus("I", rate=10.0)
        simulation.run(1.0)
        log = simulation.changes
    assert [(c["step"], c["what"], c["of"]) for c in log] == [(10, "neurons", "E"), (10, "stimulus", "I")]
    with h5py.File(tmp_path / "run.h5") as file:
        assert json.loads(file.attrs["changes"]) == log


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.set("E", V_thh=1.0), "unknown parameter or state 'V_thh'; did you mean 'V_th'?"),
        (lambda s: s.set("E", V_th=-1.0), "V_reset = 0 mV must be below V_th = -1 mV"),
        (lambda s: s.set("E", V_th=[1.0, 2.0]), "has shape (2,), but must have shape (80,)"),
        (lambda s: s.set("E", tau_syn_ex=5.0), "would change the inputs or state variables"),
        (lambda s: s.set("E", t_ref=[2.0] * 80), "t_ref must be a number"),
        (lambda s: s.set("C", rate=-3.0), "rate must be larger than 0"),
        (lambda s: s.set("C", V_m=3.0), "unknown parameter or state 'V_m'"),
        (lambda s: s.set("C", integrate=IafPscAlpha()), "a change is made of numbers, arrays of them or distributions"),
        (lambda s: s.set(s.network.find("P")[:1], rate=3.0), "rate is that of the whole population 'P'"),
        (lambda s: s.set("P", rate=[3.0, 4.0]), "a sequence of values has times"),
        (lambda s: s.set("T", times=[[-1.0]]), "times[0][0] must be larger than 0"),
        (lambda s: s.set("T", times=[[1.05]]), "is not a whole multiple of dt"),
        (lambda s: s.set("E", V_m="high"), "V_m must be a number"),
        (lambda s: s.set("E", V_m=["high"] * 80), "a change must hold numbers"),
        (lambda s: s.set_stimulus("E", "first", rate=1.0), "number must be a whole number"),
        (lambda s: s.set("X", V_m=3.0), "unknown population 'X'"),
        (lambda s: s.set_stimulus("E", amplitude=1.0), "none of its stimuli has amplitude"),
        (lambda s: s.set_stimulus("C", rate=1.0), "none of its stimuli has rate"),
        (lambda s: s.set_stimulus("E", 3, rate=1.0), "there is no stimulus number 3"),
        (lambda s: s.set_stimulus("E", rate=-1.0), "rate must be at least 0"),
        (lambda s: s.set_weights("E", "C", 1.0), "there is no projection 'E->C'"),
        (lambda s: s.set_weights("E", "I", [1.0]), "has shape (1,), but must have shape (20, 80)"),
        (lambda s: s.set_weights("E", "I", Uniform(1.0, 2.0)), "give a number or an array"),
        (lambda s: s.set_weights("I", "I", -1.0), "weight must be at least 0"),
        (lambda s: s.set_weights("I", "M", 1.0), "a weight keeps its sign"),
    ],
)
def test_what_is_refused(change, message):
    network = network_of()
    network.population("C", 5, IgnoreAndFire())
    network.population("M", 5, LifMultisynapse())
    network.population("P", 5, PoissonSource(rate=10.0))
    network.population("T", 5, SpikeTrains([[1.0]]))
    network.connect("I", "I", FixedIndegree(3), StdpPowerLaw(weight=10.0, delay=1.5))
    network.connect("I", "M", FixedIndegree(3), Static(-1.0, 1.0))
    with Simulation(network, alone()) as simulation:
        simulation.run(0.5)
        with pytest.raises(InputError) as refused:
            change(simulation)
        assert message in str(refused.value)
        assert simulation.changes == []
        simulation.run(0.5)
