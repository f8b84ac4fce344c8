"""The cortical microcircuit agrees with NEST over seeds: rates, irregularity and synchrony of the eight populations.

Random networks are compared as distributions: the mean over our three seeds may differ from the mean over NEST's by 3
standard deviations (SD) between NEST's seeds, or by 5 % where that is more (three seeds estimate an SD poorly).
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np
import pytest

from distsim.models.microcircuit.parameters import POPULATIONS, load
from tests.nest_fixtures import FOLDER

QUANTITIES = ("rate", "cv", "sync")
SEEDS = (1, 2, 3)
T = 2000.0  # ms, as long as NEST's runs


def compare(ours: list[dict[str, Any]], nest: list[dict[str, Any]]) -> list[str]:
    """What differs by too much, one line each."""
    wrong = []
    for quantity in QUANTITIES:
        mine, theirs = (np.array([run[quantity] for run in runs]) for runs in (ours, nest))
        mean, allowed = theirs.mean(axis=0), 3.0 * theirs.std(axis=0, ddof=1)
        allowed = np.maximum(allowed, 0.05 * mean)
        for i, name in enumerate(POPULATIONS):
            if not abs(mine[:, i].mean() - mean[i]) <= allowed[i]:
                wrong.append(f"{quantity} of {name}: {mine[:, i].mean():.4f}, NEST {mean[i]:.4f} +- {allowed[i]:.4f}")
    return wrong


def simulate(mpirun: Any, cases: list[dict[str, Any]], cwd: Any, timeout: float = 600.0) -> list[dict[str, Any]]:
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = ["-m", "tests.programs.microcircuit_statistics", json.dumps(cases)]
    return list(json.loads(mpirun(2, arguments, timeout=timeout, cwd=cwd, env=environment).stdout))


@pytest.mark.slow  # half a minute of processor time: three runs of 7717 neurons, long enough for statistics
def test_a_tenth_of_the_network(mpirun, pytestconfig):
    """A tenth of the neurons and of their inputs."""
    nest = json.loads((FOLDER / "microcircuit_tenth.json").read_text(encoding="utf-8"))
    scaling = {"N_scaling": nest["N_scaling"], "K_scaling": nest["K_scaling"]}
    ours = simulate(mpirun, [{**scaling, "T": T, "seed": seed} for seed in SEEDS], pytestconfig.rootpath)
    assert compare(ours, nest["runs"]) == []


@pytest.mark.skipif("DISTSIM_FULL_SCALE" not in os.environ, reason="takes minutes and 3 GB: set DISTSIM_FULL_SCALE=1")
@pytest.mark.slow  # three runs of 77,169 neurons and 299 million synapses, 2.5 s of simulated time each
def test_full_scale(mpirun, pytestconfig):
    published = json.loads((FOLDER / "microcircuit.json").read_text(encoding="utf-8"))
    ours = simulate(mpirun, [{"T": T, "seed": seed} for seed in SEEDS], pytestconfig.rootpath, timeout=1800.0)
    assert [run["synapses"] for run in ours] == 3 * [sum(map(sum, load().n_synapses))]
    assert compare(ours, published["nest"]["runs"]) == []
