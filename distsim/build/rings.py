"""What the input on its way to the neurons takes in memory: a slot for every step up to the longest delay."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from distsim.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI

SLOT_BYTES = 8
GIB = 2**30


class Driven(Protocol):
    """A group of neurons with global ids ``gids`` (n,), all of one model."""

    gids: npt.NDArray[np.int64]
    model: Any


def check_rings(groups: Sequence[Driven], longest: int, dt: float, comm: MPI.Comm) -> None:
    """InputError, on all ranks alike, where the rings of a rank would not fit the memory of its machine (collective).

    longest: of all delays, in steps.
    """
    slots = sum(group.model.inputs() * len(group.gids) for group in groups)
    for rank, (needed, there) in enumerate(comm.allgather((SLOT_BYTES * slots * longest, machine_bytes()))):
        if there and needed > there:
            raise InputError(
                f"a delay of {longest * dt:g} ms, {longest} steps, takes {needed / GIB:.3g} GiB for the input that is "
                f"on its way to the neurons of rank {rank}, whose machine has {there / GIB:.3g}: shorten the longest "
                "delays, or use a longer dt or more ranks"
            )


def machine_bytes() -> int:
    """Memory (bytes) of this machine; 0 where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0
