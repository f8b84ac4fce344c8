"""Continuations of one checkpoint, with other random numbers and other parameters from there on."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from distsim import (
    ConstantCurrent,
    FixedIndegree,
    IafPscAlpha,
    Network,
    Poisson,
    PoissonSource,
    Simulation,
    Static,
    StdpPowerLaw,
    Uniform,
)
from distsim.core.errors import InputError
from tests.threads import on_ranks

NEURON = IafPscAlpha(E_L=0.0, V_th=20.0, V_reset=0.0)


def build(recorded=True):
    network = Network(dt=0.5)
    exc = network.population("E", 40, NEURON, V_m=Uniform(0.0, 20.0))
    network.population("noise", 10, PoissonSource(rate=200.0))
    network.connect(exc, exc, FixedIndegree(10), StdpPowerLaw(weight=60.0, delay=1.5, alpha=0.1, lambda_=2.0))
    network.connect("noise", exc, FixedIndegree(5), Static(weight=100.0, delay=1.0))
    network.stimulate(exc, Poisson(rate=9000.0, weight=40.0, delay=2.5))
    network.stimulate(exc, ConstantCurrent(amplitude=50.0))
    if recorded:
        for name in ("E", "noise"):
            network.record_spikes(name)
    return network


def trains(simulation):
    return [simulation.spikes(name) for name in ("E", "noise")]


def branch(comm, path, seed, *, runs=(50.0,), **options):
    """Spikes of a continuation of ``path`` with ``seed``, and its hashes."""
    with Simulation.restore(build(), path, comm, **options) as simulation:
        if seed is not None:
            simulation.draw_anew(seed)
        for duration in runs:
            simulation.run(duration)
        return trains(simulation), simulation.spike_hash(), simulation.weight_hash()


@pytest.fixture
def saved(comm, tmp_path):
    path = comm.bcast(tmp_path / "presimulated")
    with Simulation(build(), comm, seed=1) as simulation:
        simulation.run(50.0)
        simulation.save(path)
    return path


@pytest.mark.mpi
def test_branches_differ_from_there_on_and_only_in_what_is_drawn(comm, saved):
    (undisturbed, *hashes), (other, *others), (again, *same) = (branch(comm, saved, seed) for seed in (None, 2, 2))
    assert others == same != hashes
    assert [np.array_equal(a.step, b.step) for a, b in zip(other, again, strict=True)] == [True, True]
    for before, after in zip(undisturbed, other, strict=True):
        early = [np.c_[s.step, s.neuron][s.step <= 100] for s in (before, after)]
        late = [np.c_[s.step, s.neuron][s.step > 100] for s in (before, after)]
        assert np.array_equal(*early)
        assert not np.array_equal(*late)
    assert branch(comm, saved, 2, runs=(20.0, 30.0), interval=0.5)[1:] == (others[0], others[1])


def test_a_branch_is_the_same_on_any_ranks(tmp_path):
    (path,) = on_ranks(1, lambda comm: _saved(comm, tmp_path / "presimulated"))
    found = [on_ranks(ranks, lambda comm: branch(comm, path, 3)[1:])[0] for ranks in (1, 3)]
    assert found[0] == found[1]


def _saved(comm, path):
    with Simulation(build(), comm, seed=1) as simulation:
        simulation.run(50.0)
        simulation.save(path)
    return path


def test_the_seed_of_the_beginning_goes_on_as_if_nothing_was_said(tmp_path):
    """Drawing anew with the seed that there was gives the numbers that would have come."""
    (path,) = on_ranks(1, lambda comm: _saved(comm, tmp_path / "presimulated"))
    undisturbed, same = (on_ranks(1, lambda comm, seed=seed: branch(comm, path, seed)[1:])[0] for seed in (None, 1))
    assert undisturbed == same


def test_a_branch_is_kept_and_told(tmp_path):
    """A checkpoint of a branch goes on as the branch; the file tells the seed, and from when it held."""

    def kept(comm):
        path = _saved(comm, tmp_path / "presimulated")
        file = tmp_path / "branch.h5"
        with Simulation.restore(build(), path, comm, file=file) as simulation:
            simulation.draw_anew(7)
            simulation.run(20.0)
            simulation.save(tmp_path / "branch")
            simulation.run(30.0)
            hashes = simulation.spike_hash(), simulation.weight_hash()
        with Simulation.restore(build(), tmp_path / "branch", comm) as simulation:
            simulation.run(30.0)
            assert hashes == (simulation.spike_hash(), simulation.weight_hash())
        with h5py.File(file) as held:
            return json.loads(held.attrs["changes"])

    (told,) = on_ranks(1, kept)
    assert told == [{"step": 100, "what": "seed", "of": "stimuli and sources", "seed": 7}]


def test_other_parameters_and_stimuli_on_a_branch(tmp_path):
    def changed(comm):
        path = _saved(comm, tmp_path / "presimulated")
        found = []
        for order in ("seed first", "seed last"):
            with Simulation.restore(build(), path, comm) as simulation:
                if order == "seed first":
                    simulation.draw_anew(2)
                simulation.set("E", V_th=18.0)
                simulation.set_stimulus("E", rate=8000.0)
                if order == "seed last":
                    simulation.draw_anew(2)
                simulation.run(50.0)
                found.append((simulation.spike_hash(), simulation.weight_hash()))
        return found

    ((first, last),) = on_ranks(1, changed)
    assert first == last


def test_a_wrong_seed(tmp_path):
    def refused(comm):
        with Simulation(build(), comm) as simulation, pytest.raises(InputError, match="seed must be"):
            simulation.draw_anew(1.5)

    on_ranks(1, refused)
