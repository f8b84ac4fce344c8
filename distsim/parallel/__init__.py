"""Ranks: the communicator, the exchange of spikes, and how a job ends. The only folder that imports mpi4py."""

from distsim.parallel.communicator import launched, mpi_library, on_root, world
from distsim.parallel.job import run_main

__all__ = ["launched", "mpi_library", "on_root", "run_main", "world"]
