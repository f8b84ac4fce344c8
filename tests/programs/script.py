"""A user's script, without ``run_main``, that ends in the way its argument names; for LOOP see ``failing``."""

from __future__ import annotations

import os
import sys

from mpi4py import MPI

from distsim import EdgeList, IafPscAlpha, InputError, Network, Simulation, Static

comm = MPI.COMM_WORLD
case, *more = sys.argv[1:]


def build_network(**parameters: float) -> Network:
    """Five neurons with one synapse."""
    net = Network(dt=0.1)
    net.population("A", 5, IafPscAlpha(**parameters))
    net.connect("A", "A", EdgeList([0], [4]), Static(weight=1.0, delay=1.0))
    net.record_spikes("A")
    return net


if case == "misspelt":
    build_network(C_mm=200.0)
if case == "fault_of_all":
    raise ValueError("my own mistake")
if case == "other_seed":
    Simulation(build_network(), comm=comm, seed=1 + comm.rank)

loop = os.environ.get("LOOP", "compiled")
with Simulation(build_network(), comm=comm, file=more[0] if more else None, loop=loop) as simulation:
    simulation.run(1.0)
    if case == "fault" and comm.rank == 1:
        raise ValueError("nobody catches this")
    if case == "input" and comm.rank == 1:
        raise InputError("only rank 1 sees this")
    print("pid", comm.rank, os.getpid(), flush=True)
    simulation.run(1e7)
