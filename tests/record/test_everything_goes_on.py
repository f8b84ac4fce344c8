"""A network of everything that is stopped, at any time, and goes on on other ranks: the same results and files."""

from __future__ import annotations

import h5py
import pytest
from mpi4py import MPI

from distsim import Simulation
from tests.checkpointing import durations, in_parts
from tests.programs.everything import build_network, change
from tests.programs.fingerprint import digest

T, DT = 40.0, 0.25


def look(simulation):
    """All that can be asked for, of what is recorded and of the present."""
    network = simulation.network
    spikes = [simulation.spikes(r.population) for r in network.spike_recordings]
    states = [simulation.states(r.population, r.variable) for r in network.state_recordings]
    pairs = dict.fromkeys((p.source, p.target) for p in network.projections)
    edges = [simulation.weights(*pair, at=at) for pair in pairs for at in ("last_spike", "now")]
    recorded = [array for s in spikes for array in s.columns]
    recorded += [array for s in states for array in (s.step, s.neuron, s.value)]
    weights = digest(*(array for e in edges for array in (e.source, e.target, e.weight, e.delay)))
    hashes = simulation.spike_hash(), simulation.weight_hash(), simulation.network_name
    return hashes, digest(*recorded), weights, repr(simulation.spike_rates()), simulation.spike_counts()


def contents(path):
    with h5py.File(path) as file:
        found = {name: file.attrs[name] for name in ("T", "changes", "network_name") if name in file.attrs}
        file.visititems(
            lambda n, item: found.update({n: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None
        )
        return found


def running(changed_at):
    """A run of some length, within which things change at a time (ms), if that is in it."""

    def run(simulation, duration):
        end = round(simulation.time + duration, 6)
        if changed_at is not None and simulation.time < changed_at <= end:
            simulation.run(round(changed_at - simulation.time, 6))
            change(simulation)
        if simulation.time < end:
            simulation.run(round(end - simulation.time, 6))

    return run


def interrupted(parts, folder, precision, changed_at, file=None):
    """What is found at the end of parts, each on other ranks."""
    own = {"seed": 3, "precision": precision, "run": running(changed_at)}
    return in_parts(Simulation, build_network, parts, folder / "checkpoint", look, file, **own)


def undisturbed(parts, precision, changed_at, file=None):
    """The same of one simulation; weights go to the file at the ends of runs."""
    run = running(changed_at)
    with Simulation(build_network(), MPI.COMM_SELF, 3, precision=precision, file=file) as simulation:
        for _, duration in parts:
            run(simulation, duration)
        return look(simulation)


@pytest.mark.parametrize(
    ("ranks", "precision", "changed_at", "in_file"),
    [
        ((1, 3, 2, 7, 1), "double", None, True),
        ((1, 3, 2, 7, 1), "single", 17.5, True),
        ((2, 1, 3), "double", 17.5, False),
    ],
)
def test_everything_goes_on_to_the_same_bits(ranks, precision, changed_at, in_file, tmp_path):
    parts = durations(T, DT, ranks)
    files = (tmp_path / "whole.h5", tmp_path / "parts.h5") if in_file else (None, None)
    whole = undisturbed(parts, precision, changed_at, files[0])
    assert min(whole[-1].values()) > 0  # all neurons fire
    assert interrupted(parts, tmp_path, precision, changed_at, files[1]) == whole
    if in_file:
        assert contents(files[1]) == contents(files[0])


@pytest.mark.slow  # 12 checkpoints on up to 3 ranks of threads
@pytest.mark.parametrize("precision", ["double", "single"])
def test_everything_goes_on_from_any_step(precision, tmp_path):
    """Saved after each of many steps, the first and the last among them."""
    ends = [0, 1, 2, 5, 11, 30, 31, 69, 70, 71, 130, 159, 160]
    ranks = (1, 3, 2)
    parts = [(ranks[k % 3], (end - begin) * DT) for k, (begin, end) in enumerate(zip([0, *ends], ends, strict=False))]
    assert interrupted(parts, tmp_path, precision, 17.5) == undisturbed(parts, precision, 17.5)
