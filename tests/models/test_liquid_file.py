"""liquid.h5: what is kept of an experiment, read back, on any number of ranks; what cannot be kept or read."""

from __future__ import annotations

import dataclasses

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    InputError,
    read_distance_curves,
    read_parameters,
    read_stimuli,
    read_trial_spikes,
    read_trial_states,
)
from distsim.analysis.filtered_trains import liquid_states
from distsim.analysis.liquid_distances import state_distance, train_distance
from distsim.models.liquid_state import MODEL
from distsim.models.liquid_state.liquid_file import FILE, LiquidFile
from distsim.models.liquid_state.network import build_network
from distsim.models.liquid_state.parameters import KEPT, load
from distsim.models.liquid_state.stimuli import collect_pairs, on_grid
from distsim.models.liquid_state.trials import Trials
from distsim.parallel.progress import silent
from distsim.spiking.neurons.lif_multisynapse import STIMULUS
from distsim.spiking.sources.spike_trains import SpikeTrains
from tests.on_ranks import found_alone
from tests.programs import liquid

COMM = MPI.COMM_SELF
GIVEN = {"pairs": 3, "T": 60.0, "distances": [0.2, 0.3], "d_tolerance": 0.05, "keep_pairs": [2, 0], "batch": 4}
SIDES = ("u", "v")


@pytest.fixture(scope="module")
def parameters():
    return load({**GIVEN, "keep": ",".join(KEPT), "keep_interval": 0.7})


@pytest.fixture(scope="module")
def path(parameters, tmp_path_factory):
    """The file of an experiment that kept everything."""
    folder = tmp_path_factory.mktemp("liquid")
    MODEL.run(COMM, parameters, folder, silent)
    return folder / FILE


def test_stimuli_are_those_of_the_pairs(path, parameters):
    for distance, pairs in zip(parameters.all_distances, collect_pairs(parameters), strict=True):
        for number, (u, v) in enumerate(pairs):
            kept = read_stimuli(path, distance, number)
            assert [train.tolist() for train in kept] == [u.tolist(), v.tolist()]
            assert abs(train_distance(*kept, parameters.T) - distance) < parameters.d_tolerance


def test_spikes_are_those_of_the_trial(path, parameters):
    """Of a trial alone, whose number is that of its place among all pairs."""
    p = parameters
    trials = Trials(build_network(p), COMM, p.seed)
    for d, distance in enumerate(p.all_distances):
        for number in p.keep_pairs:
            for side, train in enumerate(read_stimuli(path, distance, number)):
                alone = trials.run(p.T, [2 * (3 * number + d) + side], {STIMULUS: [SpikeTrains([on_grid(train, p)])]})
                times, neurons = read_trial_spikes(path, distance, number, SIDES[side])
                assert np.rint(times / p.dt).astype(int).tolist() == alone.step.tolist()
                assert neurons.tolist() == (alone.gid - 1).tolist()
    assert len(times) > 20


def test_states_follow_from_spikes_and_curves_from_states(path, parameters):
    p = parameters
    for distance in p.all_distances:
        curves = read_distance_curves(path, distance)
        assert curves.pair.tolist() == [0, 1, 2]
        np.testing.assert_allclose(curves.time, np.arange(1, 86) * 0.7)
        for number in p.keep_pairs:
            states = [read_trial_states(path, distance, number, side) for side in SIDES]
            for side, kept in zip(SIDES, states, strict=True):
                assert kept.value.shape == (85, p.N)
                assert kept.neuron.tolist() == list(range(p.N))
                spikes = read_trial_spikes(path, distance, number, side)
                assert kept.value.T.tolist() == liquid_states(*spikes, p.N, curves.time, p.tau_state).tolist()
            between = state_distance(*(kept.value.T for kept in states))
            np.testing.assert_allclose(between, curves.value[number], atol=1e-12)


def test_all_curves_in_the_order_of_pairs(path, parameters):
    curves = read_distance_curves(path)
    assert curves.distance.tolist() == 3 * [0.3, 0.2, 0.0]
    assert curves.pair.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert curves.value[1::3].tolist() == read_distance_curves(path, 0.2).value.tolist()


def test_the_file_says_what_it_is_of(path, parameters):
    known = read_parameters(path)
    assert load({n: known["parameters"][n] for n in parameters.DEFAULTS}) == parameters
    assert known["distances"] == [0.3, 0.2, 0.0]
    assert known["T"] == pytest.approx(18 * 60.0)


@pytest.mark.mpi(also=(2,))
@pytest.mark.parametrize("batch", [1, 4])
def test_what_is_kept_does_not_depend_on_ranks_and_batches(comm, batch):
    """Every dataset and the table: the same bits."""
    reference = found_alone(comm, liquid.kept, 16)
    assert len(reference) == 13
    assert liquid.kept(comm, batch) == reference


@pytest.mark.parametrize(("keep", "groups"), [("stimuli", ["stimuli"]), ("spikes,spikes", ["spikes"]), ("none", None)])
def test_only_what_is_asked_for_is_kept(keep, groups, tmp_path):
    MODEL.run(COMM, load({**GIVEN, "pairs": 3, "keep": keep, "T": 20.0, "distances": []}), tmp_path, silent)
    assert (tmp_path / FILE).exists() == (groups is not None)
    if groups:
        with h5py.File(tmp_path / FILE) as file:
            assert list(file) == groups


def test_without_a_folder_nothing_can_be_kept():
    with pytest.raises(InputError, match="keep = spikes,states needs a folder to keep it in; give one with --out"):
        MODEL.run(COMM, load({"pairs": 1, "keep": "spikes,states"}), None, silent)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda path: read_trial_spikes(path, 0.3, 1, "u"), "holds spikes of the pairs 2, 0 .* not of pair 1"),
        (lambda path: read_trial_states(path, 0.3, 0, "w"), "unknown stimulus of a pair 'w'; known: u, v"),
        (lambda path: read_stimuli(path, 0.1, 0), r"at the distances 0.3, 0.2, 0, not at 0\.1"),
        (lambda path: read_stimuli(path, 0.3, 3), "holds stimuli of the pairs 0 to 2 .* not of pair 3"),
        (lambda path: read_distance_curves(path, 0.5), r"at the distances 0.3, 0.2, 0, not at 0\.5"),
        (lambda path: read_distance_curves(path.with_name("none.h5")), "there is no file"),
    ],
)
def test_what_the_file_does_not_hold(read, message, path):
    with pytest.raises(InputError, match=message):
        read(path)


def test_other_files_and_files_of_runs_that_were_ended(parameters, tmp_path):
    p = dataclasses.replace(parameters, keep="spikes")
    file = LiquidFile(COMM, tmp_path / FILE, build_network(p), p, [])
    file.close()
    with pytest.raises(InputError, match=r"does not reach pair 2 at distance 0\.2: the run was ended before"):
        read_trial_spikes(tmp_path / FILE, 0.2, 2, "v")
    with pytest.raises(InputError, match="holds no curves: its run was to keep spikes"):
        read_distance_curves(tmp_path / FILE)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other.attrs["distsim"] = "{}"
    with pytest.raises(InputError, match="is not the file of an experiment with a liquid"):
        read_stimuli(tmp_path / "other.h5", 0.3, 0)
    with pytest.raises(InputError, match="exists already"):
        LiquidFile(COMM, tmp_path / FILE, build_network(p), p, [])
