"""Every network gives the hashes that it gave: those of ``tests/data/hashes.json``, on any machine and rank."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TABLE = Path(__file__).parents[1] / "data" / "hashes.json"


@pytest.mark.parametrize("ranks", [1, 3])
def test_hashes_are_those_of_the_table(mpirun, pytestconfig, ranks):
    """A change that is meant: ``python -m tests.programs.network_hashes > tests/data/hashes.json``, and why it is."""
    done = mpirun(ranks, ["-m", "tests.programs.network_hashes"], cwd=pytestconfig.rootpath, timeout=300.0)
    found, expected = json.loads(done.stdout), json.loads(TABLE.read_text(encoding="utf-8"))
    assert sorted(found) == sorted(expected)
    different = [
        f"{name}: {key}" for name in expected for key in expected[name] if found[name].get(key) != expected[name][key]
    ]
    assert not different
