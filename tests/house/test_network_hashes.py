"""Every network gives the hashes that it gave: those of ``tests/data/hashes.json``, on any machine and rank."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.programs.network_hashes import NETWORKS
from tests.threads import on_ranks

TABLE = json.loads((Path(__file__).parents[1] / "data" / "hashes.json").read_text(encoding="utf-8"))

PLASTIC = "two_population, iaf_psc_alpha"


def test_the_table_has_every_network():
    assert sorted(TABLE) == sorted(NETWORKS)


@pytest.mark.mpi(also=(7,))
@pytest.mark.parametrize("name", NETWORKS)
def test_hashes_are_those_of_the_table(comm, name):
    """A change that is meant: ``python -m tests.programs.network_hashes > tests/data/hashes.json``, and why it is."""
    found = json.loads(json.dumps(NETWORKS[name](comm)))
    assert {key: found.get(key) for key in TABLE[name]} == TABLE[name]


@pytest.mark.parametrize(("name", "ranks"), [(PLASTIC, 7), (PLASTIC, 16), ("microcircuit", 7)])
def test_the_loop_in_python_gives_those_of_the_table(name, ranks):
    """Ranks that are threads exchange in Python, so that it runs all intervals."""
    for found in on_ranks(ranks, NETWORKS[name]):
        assert json.loads(json.dumps(found)) == TABLE[name]
