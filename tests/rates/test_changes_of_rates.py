"""Rate neurons changed between runs: as described so, told, kept in checkpoints, and the same on any ranks."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import (
    AllToAll,
    ConstantRate,
    DiffusionConnection,
    FixedIndegree,
    InputError,
    RateNetwork,
    RateSimulation,
    SiegertNeuron,
    Uniform,
)
from distsim.parallel.communicator import alone
from tests.threads import on_ranks

SOME = np.linspace(10.0, 20.0, 30)


def network_of(*, mean=8000.0, rate=0.0, drift=0.001, **parameters) -> RateNetwork:
    network = RateNetwork(dt=0.1)
    network.population("E", 30, SiegertNeuron(**parameters), rate=rate)
    network.population("X", 5, ConstantRate(mean=mean))
    network.connect("E", "E", FixedIndegree(5), DiffusionConnection(0.001, 0.0001))
    network.connect("X", "E", FixedIndegree(2), DiffusionConnection(drift, 0.0001))
    network.connect("X", "E", AllToAll(), DiffusionConnection(drift / 8, 0.0001))
    network.record_rates("E", interval=0.5)
    return network


def run(network, change=None, before=0.0, comm=None):
    with RateSimulation(network, comm or alone(), seed=3) as simulation:
        if before:
            simulation.run(before)
        if change:
            change(simulation)
        simulation.run(10.0 - before)
        return simulation.rate_hash(), simulation.rates("E").value.tolist()


@pytest.mark.parametrize(
    ("change", "described"),
    [
        (lambda s: s.set("E", V_th=12.0, tau=2.0), {"V_th": 12.0, "tau": 2.0}),
        (lambda s: s.set("E", V_th=SOME), {"V_th": SOME}),
        (lambda s: s.set("E", V_th=Uniform(12.0, 18.0)), {"V_th": Uniform(12.0, 18.0)}),
        (lambda s: s.set(s.network.find("E")[10:], V_th=SOME[10:]), {"V_th": np.r_[np.full(10, 15.0), SOME[10:]]}),
        (lambda s: s.set("X", mean=9000.0), {"mean": 9000.0}),
        (lambda s: s.set("E", rate=SOME), {"rate": SOME}),
        (lambda s: [s.set_factors("X", "E", k, drift_factor=0.002 / (1, 8)[k]) for k in (0, 1)], {"drift": 0.002}),
    ],
)
def test_a_change_at_the_beginning_is_another_description(change, described):
    assert run(network_of(), change) == run(network_of(**described)) != run(network_of())


def many(simulation):
    exc, ext = simulation.network.populations
    simulation.set(exc[::2], V_th=SOME[::2], rate=Uniform(0.0, 50.0))
    simulation.set(exc[:3] + ext, mean=[1.0] * 3 + [9000.0] * 5)
    simulation.set_factors("E", "E", drift_factor=Uniform(0.0, 0.002), diffusion_factor=0.0002)


def test_changes_on_any_ranks_and_over_a_checkpoint(tmp_path):
    one = run(network_of(), many, 3.0)
    assert on_ranks(3, lambda comm: run(network_of(), many, 3.0, comm)) == [one] * 3

    def halves(comm):
        with RateSimulation(network_of(), comm, seed=3) as simulation:
            simulation.run(3.0)
            many(simulation)
            simulation.save(tmp_path / "checkpoint")
            log = simulation.changes
        with RateSimulation.restore(network_of(), tmp_path / "checkpoint", comm) as simulation:
            simulation.run(7.0)
            assert simulation.changes == log
            assert next((c["step"], c["what"], c["of"]) for c in log) == (30, "neurons", "E[0:29:2]")
            return simulation.rate_hash(), simulation.rates("E").value.tolist()

    assert on_ranks(2, halves) == [one] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.set("E", V_thh=1.0), "unknown parameter or state 'V_thh'; did you mean 'V_th'?"),
        (lambda s: s.set("E", V_th=-1.0), "V_reset = 0 mV must be below V_th = -1 mV"),
        (lambda s: s.set("E", rate=-1.0), "rate must be at least 0"),
        (lambda s: s.set("X", V_th=1.0), "unknown parameter or state 'V_th'"),
        (lambda s: s.set_factors("E", "X", drift_factor=1.0), "there is no projection 'E->X'; did you mean 'E->E'?"),
        (lambda s: s.set_factors("E", "E", drift=1.0), "unknown factor 'drift'; did you mean 'drift_factor'?"),
        (lambda s: s.set_factors("E", "E", diffusion_factor=-1.0), "diffusion_factor must be at least 0"),
        (lambda s: s.draw_anew(2), "rate neurons draw nothing while they run"),
    ],
)
def test_what_is_refused(change, message):
    with RateSimulation(network_of(), alone(), seed=3) as simulation:
        simulation.run(1.0)
        with pytest.raises(InputError) as refused:
            change(simulation)
        assert message in str(refused.value)
        assert simulation.changes == []
