"""Ranks: the communicator, the exchange of spikes, and how a job ends. The only folder that imports mpi4py."""

from distsim.parallel.communicator import launched_rank, mpi_library, on_root, world
from distsim.parallel.job import run_main

__all__ = ["launched_rank", "mpi_library", "on_root", "run_main", "world"]
