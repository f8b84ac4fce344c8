"""Parts of populations as sources, targets and stimulated neurons; edges that are connected one by one."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import (
    AllToAll,
    ConstantCurrent,
    EdgeList,
    FixedIndegree,
    FixedTotalNumber,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    InputError,
    Network,
    Normal,
    OneToOne,
    PairwiseBernoulli,
    Poisson,
    PoissonSource,
    Redrawn,
    Simulation,
    SpatialBernoulli,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
    lattice,
)
from distsim.parallel.communicator import alone
from distsim.spiking.spiking_memory import memory_of_spiking
from tests.connections import built
from tests.threads import on_ranks

PLASTIC = StdpPowerLaw(weight=30.0, delay=1.5, alpha=0.1, lambda_=0.1, mu=0.4, tau_plus=15.0, tau_minus=30.0)


def two_populations(model=None) -> Network:
    network = Network(dt=0.1)
    model = IafPscAlpha(V_th=15.0, V_reset=0.0, E_L=0.0) if model is None else model
    states = {"V_m": Uniform(0.0, 14.0)} if "V_m" in model.initial_states else {}
    network.population("E", 60, model, positions=lattice((60,)), **states)
    network.population("I", 20, model, positions=lattice((20,)), **states)
    return network


def of_parts() -> Network:
    """Parts and unions of them at both ends of every kind of rule, of models in three groups, driven in part."""
    network = two_populations()
    exc, inh = network.populations
    other = network.population("X", 15, IafPscExp(V_th=15.0, V_reset=0.0, E_L=0.0))
    clocks = network.population("C", 10, IgnoreAndFire(rate=60.0, integrate=IafPscAlpha()))
    noise = network.population("noise", 6, PoissonSource(rate=400.0))
    everyone = exc + inh + other
    delays = Redrawn(Normal(1.5, 0.5), 0.2, 4.0)
    network.connect(exc[:30] + inh[5:], everyone, FixedIndegree(6, autapses=False), Static(60.0, delays))
    network.connect(everyone[::3], exc[40:] + other[::2], FixedIndegree(4, multapses=False), Static(40.0, 1.0))
    network.connect(exc[[8, 3, 5]] + noise[2:], inh[1::2] + exc[:7], AllToAll(), Static(Uniform(20.0, 60.0), 1.2))
    network.connect(inh + noise, other | everyone[70:], PairwiseBernoulli(0.3), Static(-30.0, delays))
    network.connect(exc[::-1], exc[:25] + inh[:4], SpatialBernoulli(0.6, 4.0), TsodyksMarkram(weight=50.0, delay=1.0))
    network.connect(exc[10:], other[3:] + inh[2:9], FixedTotalNumber(150), PLASTIC)
    network.connect(other + clocks, exc[[1, 50, 20]] + inh, FixedIndegree(3), PLASTIC)
    network.stimulate(exc[::2] + other, Poisson(rate=9000.0, weight=60.0))
    network.stimulate(exc[5:20], Poisson(rate=3000.0, weight=40.0, delay=0.5))
    network.stimulate(everyone[50:], ConstantCurrent(amplitude=300.0, start=5.0, stop=30.0))
    network.stimulate(clocks[:3], Poisson(rate=500.0, weight=10.0))
    network.stimulate(exc[7] + other[2], SpikeTrains([[3.0, 4.0], [5.0]], weight=500.0, delay=1.0))
    for population in (exc, inh, other):
        network.record_spikes(population)
    return network


def results(comm, network: Network, duration: float = 60.0, **options) -> tuple:
    with Simulation(network, comm=comm, seed=3, **options) as simulation:
        simulation.run(duration)
        found = simulation.weights("E", "E"), simulation.weights("I", "X")
        spikes = simulation.spike_count(), simulation.spike_hash()
        weights = tuple(tuple(map(tuple, vars(connections).values())) for connections in found)
        return *spikes, simulation.weight_hash(), simulation.synapse_count(), weights


@pytest.mark.parametrize("precision", ["double", "single"])
def test_parts_do_not_depend_on_ranks(precision):
    alone_, *others = (on_ranks(n, lambda comm: results(comm, of_parts(), precision=precision)) for n in (1, 2, 3))
    assert alone_[0][0] > 300
    for ranks in others:
        assert ranks == alone_ * len(ranks)


@pytest.mark.mpi
def test_parts_on_ranks_of_mpi(comm):
    assert results(comm, of_parts()) == on_ranks(1, lambda one: results(one, of_parts()))[0]


def test_a_rule_draws_within_the_parts():
    network = two_populations()
    exc, inh = network.populations
    sources, targets = exc[20:40] + inh[::4], inh[3:10] + exc[::9]
    network.connect(sources, targets, FixedIndegree(200), Static(1.0, 1.0))
    with Simulation(network, alone()) as simulation:
        edges = simulation.weights(sources, targets)
        assert np.bincount(edges.target, minlength=targets.size).tolist() == [200] * targets.size
        assert np.bincount(edges.source, minlength=sources.size).min() > 50
        of_inhibition = simulation.weights("I", "E")
        assert set(of_inhibition.source) == set(range(0, 20, 4))
        assert set(of_inhibition.target) == set(range(0, 60, 9))
        assert simulation.weights(exc[:25], inh[5:]).source.min() == 20
        with pytest.raises(InputError, match=r"there is no projection 'E\[0:20\]->I'"):
            simulation.weights(exc[:20], inh)


def test_without_autapses_no_neuron_of_a_part_projects_to_itself():
    network = two_populations()
    exc = network.find("E")
    network.connect(exc[10:30], exc[20:50], AllToAll(autapses=False), Static(1.0, 1.0))
    with Simulation(network, alone()) as simulation:
        edges = simulation.weights(exc, exc)
    assert len(edges.source) == 20 * 30 - 10
    assert not (edges.source == edges.target).any()


def explicit(one_by_one: bool) -> Network:
    network = two_populations()
    exc, inh = network.populations
    rng = np.random.default_rng(1)
    source, target = rng.integers(60, size=300), rng.integers(20, size=300)
    weight, delay = rng.uniform(20.0, 80.0, 300), 0.1 * rng.integers(1, 30, 300)
    if one_by_one:
        for s, t, w, d in zip(source[:200], target, weight, delay, strict=False):
            network.connect(exc[s], inh[t], OneToOne(), Static(w, d))
        rest = EdgeList(source[200:] - source[200:].min(), target[200:])
        network.connect(exc[source[200:].min() :], inh, rest, Static(weight[200:], delay[200:]))
    else:
        network.connect(exc, inh, EdgeList(source, target), Static(weight, delay))
    network.stimulate(exc, Poisson(rate=12_000.0, weight=60.0))
    network.record_spikes(inh)
    return network


def test_edges_connected_one_by_one_are_one_list():
    given, collected = explicit(one_by_one=False), explicit(one_by_one=True)
    assert collected.description() == given.description()
    found = []
    for network in (given, collected):
        with Simulation(network, alone()) as simulation:
            simulation.run(60.0)
            edges = simulation.weights("E", "I")
            found.append((simulation.spike_count(), simulation.spike_hash(), *map(tuple, vars(edges).values())))
            assert len(simulation._local.tables) == 1
    assert found[0] == found[1]
    assert found[0][0] > 100


def test_edges_of_one_neuron_and_of_plastic_synapses_are_collected():
    network = two_populations()
    exc, inh = network.populations
    first = network.connect(exc[3], inh[[5, 2]], AllToAll(), PLASTIC)
    network.connect(exc[[7, 8]], inh[4], AllToAll(), PLASTIC)
    network.connect(exc[:2], inh[6:8], OneToOne(), Static(Uniform(1.0, 2.0), 1.0))  # drawn: a projection of its own
    (plastic, drawn) = network.projections
    assert (plastic.rule.source.tolist(), plastic.rule.target.tolist()) == ([3, 3, 7, 8], [5, 2, 4, 4])
    assert (first.index, first.name, drawn.name) == (0, "E[3]->I[5,2]", "E[0:2]->I[6:8]")


def of_stimulated(stimulate) -> tuple[np.ndarray, np.ndarray]:
    network = two_populations()
    stimulate(network, *network.populations)
    network.record_states("E", "V_m", interval=1.0)
    with Simulation(network, alone()) as simulation:
        simulation.run(20.0)
        return simulation.states("E", "V_m").value


@pytest.mark.parametrize("stimulus", [Poisson(rate=5000.0, weight=30.0), ConstantCurrent(amplitude=200.0)])
def test_a_stimulus_of_a_part_is_that_of_a_population_for_its_neurons_alone(stimulus):
    none = of_stimulated(lambda network, exc, inh: None)
    whole = of_stimulated(lambda network, exc, inh: network.stimulate(exc, stimulus))
    for index in ([3, 4, 5, 9, 30], range(7, 33), [59]):
        part = of_stimulated(lambda network, exc, inh, index=index: network.stimulate(exc[index] + inh[:3], stimulus))
        driven = np.isin(np.arange(60), index)
        assert (part == np.where(driven, whole, none)).all()
    assert (whole != none).any(axis=0).all()


def recorded_in_part(comm):
    network = of_parts()
    network.record_nothing()
    exc, inh, *_ = network.populations
    network.record_spikes(exc[[7, 3, 40]] + inh)
    network.record_states(exc[20:24] + inh[[9, 2]], interval=1.0)
    network.record_weights(exc[10:] + inh[:3], inh[2:9])
    with Simulation(network, comm, seed=3) as simulation:
        simulation.run(60.0)
        spikes = [simulation.spikes(part) for part in (exc, exc[[3, 7]] + inh[5:])]
        states = [simulation.states(part) for part in (inh, inh[[2, 9]])]
        found = [tuple(map(np.ndarray.tolist, vars(each).values())) for each in spikes + states]
    return found, [(r.source, r.target, len(r.sources), r.targets[0]) for r in network.weight_recordings]


def test_what_is_recorded_of_parts():
    (one, weights), *three = (*on_ranks(1, recorded_in_part), *on_ranks(3, recorded_in_part))
    assert all(rank == (one, weights) for rank in three)
    assert weights == [("E", "I", 50, 2), ("I", "I", 3, 2)]
    with Simulation(of_parts(), alone(), seed=3) as simulation:
        simulation.run(60.0)
        exc, inh = (simulation.spikes(name) for name in ("E", "I"))
    (step, neuron), (part_step, part_neuron), (_, recorded, values), (_, of_part, part_values) = one
    chosen = np.isin(exc.neuron, [3, 7, 40])
    assert (step, neuron) == (exc.step[chosen].tolist(), exc.neuron[chosen].tolist())
    assert (recorded, of_part) == ([9, 2], [0, 1])
    assert part_values == [row[::-1] for row in values]
    assert part_neuron.count(0) == (exc.neuron == 3).sum()
    assert part_neuron.count(2) == (inh.neuron == 5).sum()
    assert sorted(part_step) == part_step


def test_a_checkpoint_of_parts(tmp_path):
    def begin(comm):
        with Simulation(of_parts(), comm, seed=3) as simulation:
            simulation.run(25.3)
            simulation.save(tmp_path / "kept")

    def end(comm):
        with Simulation.restore(of_parts(), tmp_path / "kept", comm) as simulation:
            simulation.run(34.7)
            return simulation.spike_hash(), simulation.weight_hash(), simulation.spike_rates()

    def whole(comm):
        with Simulation(of_parts(), comm, seed=3) as simulation:
            simulation.run(60.0)
            return simulation.spike_hash(), simulation.weight_hash(), simulation.spike_rates()

    on_ranks(2, begin)
    assert on_ranks(3, end) == on_ranks(1, whole) * 3


def test_parts_count_for_the_memory():
    network = of_parts()
    tables = sum(local.table.nbytes() for local in built(network).tables)
    assert memory_of_spiking(network).tables == pytest.approx(tables, rel=0.2)


def test_thousands_of_parts_share_tables():
    network = two_populations()
    exc, inh = network.populations
    for k in range(60):
        network.connect(exc[k : k + 3] if k < 57 else exc[k], inh, FixedIndegree(2), Static(1.0, 1.5))
    assert len(built(network).tables) == 1


@pytest.mark.parametrize(
    ("connect", "message"),
    [
        (lambda n, e, i: n.connect(e[:3], i[:4], OneToOne(), Static(1.0, 1.0)), "OneToOne: 'E[0:3]' has 3 neurons"),
        (lambda n, e, i: n.connect(e[:3], i, FixedIndegree(4, multapses=False), Static(1.0, 1.0)), "from 3 neurons of"),
        (lambda n, e, i: n.connect(e[:3], i[0], EdgeList([3], [0]), Static(1.0, 1.0)), "source[0] = 3 is out of range"),
        (lambda n, e, i: n.connect(e[0], i[0], OneToOne(), Static([1.0, 2.0], 1.0)), "weight has shape (2,)"),
        (lambda n, e, i: n.stimulate(e + n.find("s"), Poisson(1.0, 1.0)), "'s' is a source of spikes"),
        (lambda n, e, i: n.stimulate(e[1] + n.find("d")[1], Poisson(1.0, 1.0)), "'E' in pA, 'd' in mV"),
        (lambda n, e, i: n.stimulate(two_populations().find("E")[:3], Poisson(1.0, 1.0)), "of another network"),
    ],
)
def test_what_is_refused(connect, message):
    network = two_populations()
    exc, inh = network.populations
    network.population("s", 3, PoissonSource(rate=1.0))
    network.population("d", 3, IafPscDelta())
    with pytest.raises(InputError) as refused:
        connect(network, exc, inh)
    assert message in str(refused.value)
