"""Networks given edge by edge against NEST 3.10.0: every spike, and V_m and weights to the last digits.

Other files of the same form can be tried: DISTSIM_FIXTURES names their folder; models that are not there are left out.
"""

from __future__ import annotations

import pytest
from mpi4py import MPI

from tests import nest_fixtures

MODELS = (*nest_fixtures.NEURONS, "ignore_and_fire")
V_M = 1e-9  # mV
WEIGHT, WEIGHT_SINGLE = 1e-9, 1e-5  # relative; in pA below 1 pA


def fixtures():
    """Names of the fixtures in the folder whose neuron model distsim has."""
    names = sorted(path.stem for path in nest_fixtures.FOLDER.glob("*.npz"))
    return [name for name in names if nest_fixtures.load(name)[0]["model"] in MODELS]


NAMES = fixtures()


def assert_parity(result, weight=WEIGHT, potential=V_M):
    assert result["different"] == 0
    assert result["spikes"] == result["expected"] > 0
    assert result.get("V_m", 0.0) < potential
    assert result.get("weight", 0.0) < weight


def test_there_are_fixtures_of_all_kinds():
    recorded = [set(nest_fixtures.load(name)[1]) for name in NAMES]
    assert {nest_fixtures.load(name)[0]["model"] for name in NAMES} == set(MODELS)
    assert any("V_m" in arrays for arrays in recorded)
    assert any("EE_weight_final" in arrays for arrays in recorded)


@pytest.mark.parametrize("name", NAMES)
def test_one_rank(name):
    result = nest_fixtures.compare(name, MPI.COMM_SELF)
    arrays = nest_fixtures.load(name)[1]
    assert ("V_m" in result) == ("V_m" in arrays)
    assert ("weight" in result) == ("EE_weight_final" in arrays)
    assert_parity(result)


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("name", NAMES)
def test_several_ranks(comm, name):
    assert_parity(nest_fixtures.compare(name, comm))


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_in_every_step(name):
    dt = nest_fixtures.load(name)[0]["dt_ms"]
    assert_parity(nest_fixtures.compare(name, MPI.COMM_SELF, interval=dt))


@pytest.mark.parametrize("name", [name for name in NAMES if "EE_weight_final" in nest_fixtures.load(name)[1]])
def test_weights_in_single_precision(name):
    assert_parity(nest_fixtures.compare(name, MPI.COMM_SELF, precision="single"), WEIGHT_SINGLE, potential=1e-4)
