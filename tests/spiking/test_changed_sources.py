"""Changes of sources, clocks and plastic weights between runs: equal to networks that were described so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from distsim import Simulation, Uniform
from distsim.parallel.communicator import alone
from tests.changing import heard, with_sources
from tests.threads import on_ranks


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize(
    ("change", "described"),
    [
        (lambda s: s.set("P", rate=20_000.0), {"rate": 20_000.0}),
        (lambda s: s.set("P", rate=[100.0, 0.0], times=[0.0, 15.0]), {"rate": [100.0, 0.0], "times": [0.0, 15.0]}),
        (lambda s: s.set("T", times=[[3.0] * 9, [4.0, 8.0]]), {"trains": [[3.0] * 9, [4.0, 8.0]]}),
        (lambda s: s.set("C", rate=np.linspace(50, 90, 6), phase=0.2), {"clock": np.linspace(50, 90, 6), "phase": 0.2}),
        (lambda s: [s.set_weights(name, "E", 45.0) for name in "PT"], {"plastic": 45.0}),
    ],
    ids=["rate of sources", "rate in steps", "trains", "clocks", "plastic weights"],
)
def test_sources_clocks_and_plastic_weights_at_the_beginning(change, described, precision):
    found = [heard(network, made, precision=precision)[:2] for network, made in (
        (with_sources(), change), (with_sources(**described), None), (with_sources(), None)
    )]  # fmt: skip
    assert found[0] == found[1] != found[2]


def test_a_rate_of_sources_that_is_changed_is_one_in_steps():
    steps = with_sources(rate=[800.0, 30_000.0], times=[0.0, 10.0])
    assert heard(with_sources(), lambda s: s.set("P", rate=30_000.0), 10.0)[:2] == heard(steps)[:2]
    late = [[5.0, 21.0, 21.0, 30.0], [2.0]]  # what lies in the past is past
    changed = heard(with_sources(), lambda s: s.set("T", times=late), 10.0)[0][1]
    assert changed == ([50, 50, 210, 210, 300], [0, 1, 0, 0, 0])


def test_clocks_begin_anew_where_they_are_changed():
    def change(simulation):
        simulation.set(simulation.network.find("C")[[4, 1]], rate=[100.0, 200.0], phase=0.5)
        simulation.set("C", V_m=-60.0)

    step, neuron = heard(with_sources(), change, 12.0)[0][2]
    assert [s for s, n in zip(step, neuron, strict=True) if n == 4] == [171, 271, 371]
    assert [s for s, n in zip(step, neuron, strict=True) if n == 1] == [146, 196, 246, 296, 346, 396]
    assert [s for s, n in zip(step, neuron, strict=True) if n == 0] == [251]


def changed_sources(comm, precision="double", cut=None):
    """Many changes, with a checkpoint in between where there is a path ``cut``."""

    def begin(simulation):
        simulation.run(10.0)
        simulation.set("P", rate=30_000.0)
        simulation.set("T", times=[[3.0, 22.0, 22.0], [11.0]])
        simulation.set("C", rate=Uniform(100.0, 200.0))
        simulation.set_weights("T", "E", np.linspace(1.0, 90.0, 160).reshape(80, 2))
        simulation.run(3.0)

    def end(simulation):
        simulation.set_weights("P", simulation.network.find("E")[:40], 10.0)
        simulation.run(27.0)
        edges = [simulation.weights(name, "E", at=at).weight.tolist() for name in "PT" for at in ("last_spike", "now")]
        return simulation.spike_hash(), simulation.weight_hash(), edges, json.dumps(simulation.changes)

    with Simulation(with_sources(), comm, seed=5, precision=precision) as simulation:
        begin(simulation)
        if cut is None:
            return end(simulation)
        simulation.save(cut)
    with Simulation.restore(with_sources(), cut, comm) as simulation:
        return end(simulation)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_changes_of_sources_and_plastic_weights_on_any_ranks_and_over_a_checkpoint(precision, tmp_path):
    (one,) = on_ranks(1, lambda comm: changed_sources(comm, precision))
    assert on_ranks(3, lambda comm: changed_sources(comm, precision)) == [one] * 3
    assert on_ranks(2, lambda comm: changed_sources(comm, precision, tmp_path / "c")) == [one] * 2


def test_plastic_weights_that_are_set_are_what_they_are_now():
    with Simulation(with_sources(), alone(), seed=5) as simulation:
        simulation.run(25.0)
        before = simulation.weights("P", "E", at="now").weight
        simulation.set_weights("P", simulation.network.find("E")[:40], 12.0)
        edges = simulation.weights("P", "E", at="now")
        assert np.all(edges.weight[edges.target < 40] == 12.0)
        assert np.array_equal(edges.weight[edges.target >= 40], before[edges.target >= 40])
