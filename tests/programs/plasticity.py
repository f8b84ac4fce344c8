"""Plastic synapses between random trains; as a program, with weights that grow beyond the range of exact sums."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import Simulation
from distsim.parallel import run_main
from tests.plasticity import DT, RULE, network_of_trains
from tests.programs.fingerprint import digest

N_PRE, N_POST, INITIAL = 5, 7, 20.0
WAYS: list[dict[str, Any]] = [{}, {"interval": DT}, {"exchange": "alltoallv"}, {"exchange": "allgatherv", "runs": 4}]


def simulate(comm: MPI.Comm, lambda_: float, alpha: float, runs: int = 1, **options: Any) -> dict[str, Any]:
    """Hashes of the weights after 100 ms, at both times that can be asked for.

    One source falls silent, one target fires so often that histories forget what that source has not been told.
    """
    generator = np.random.default_rng(3)
    pre, post = (
        [DT * np.sort(generator.choice(np.arange(3, 900), 25, replace=False)) for _ in range(n)]
        for n in (N_PRE, N_POST)
    )
    pre[0], post[0] = pre[0][:2], DT * np.arange(3, 900, 4)
    delays = DT * generator.integers(5, 40, (N_POST, N_PRE))
    network = network_of_trains(pre, post, INITIAL, delays, **{**RULE, "alpha": alpha, "lambda_": lambda_})
    with Simulation(network, comm=comm, **options) as simulation:
        for _ in range(runs):
            simulation.run(100.0 / runs)
        last, now = (simulation.weights("pre", "post", at=at).weight for at in ("last_spike", "now"))
        return {
            "hash": simulation.weight_hash(), "last": digest(last), "now": digest(now), "initial": INITIAL,
            "smallest": last.min(), "largest": last.max(), "spikes": simulation.spike_count(),
        }  # fmt: skip


def main(comm: MPI.Comm) -> None:
    """Learning rates so large that weights leave the range of exact sums."""
    simulate(comm, lambda_=1e9, alpha=0.0)
    print("finished")


if __name__ == "__main__":
    sys.exit(run_main(main, MPI.COMM_WORLD))
