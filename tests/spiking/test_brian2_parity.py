"""A network given edge by edge against Brian2 2.9.0: every spike, V_m, and the state of synapses to the last digits.

Other files of the same form can be tried: DISTSIM_FIXTURES names their folder.
"""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim.models.liquid_state.trials import Trials
from tests import brian2_fixtures

NAMES = sorted(path.stem for path in brian2_fixtures.FOLDER.glob("liquid*.json"))
EXACT = 1e-9  # mV, nA, and of x, y, u


def assert_parity(result):
    assert result["different"] == 0
    assert result["spikes"] == result["expected"] > 0
    for name in ("V_m", "I_stimulus", "x", "y", "u"):
        assert result[name] < EXACT, name


@pytest.mark.parametrize("name", NAMES)
def test_one_rank(name):
    assert_parity(brian2_fixtures.compare(name, MPI.COMM_SELF))


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("name", NAMES)
def test_several_ranks(comm, name):
    assert_parity(brian2_fixtures.compare(name, comm))


@pytest.mark.parametrize("name", NAMES)
def test_batched_trials(name):
    """The engine for many trials makes Brian2's spikes in each of them."""
    about = brian2_fixtures.load(name)
    trials = Trials(brian2_fixtures.build_network(about), MPI.COMM_SELF)
    spikes = trials.run(about["T"], [0, 1, 2], {}, batch=2)
    theirs = {(round(t / about["dt"]), int(n)) for n, times in about["spikes"].items() for t in times}
    for trial in range(3):
        step, gid = spikes.of(trial)
        assert set(zip((step - 1).tolist(), (gid - 1).tolist(), strict=True)) == theirs
    assert np.all(np.diff(spikes.trial) >= 0)
