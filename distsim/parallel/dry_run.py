"""The communicator of a dry run, and what ranks find together when they build, so that one of them can do without."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.units import check_count, shown
from distsim.parallel.communicator import largest
from distsim.parallel.lone_rank import LoneRank

if TYPE_CHECKING:
    from mpi4py import MPI

MOST_RANKS = 10_000_000
RECORDING, BOUNDS, THIS_RANK = "recording", "bounds", "this rank"
"""Where what ranks find together comes from in a dry run."""


class DryRun(LoneRank):
    """The communicator with which a ``Simulation`` builds and simulates rank ``rank`` of ``ranks``, and no other.

    The spikes of all others are replayed. spikes: the file of a run of the same network with the same seed, on any
    number of ranks, in which all spikes were recorded; or, by name of population, the times (n,) in ms and neurons (n,)
    of its spikes, as ``distsim.read_spikes`` gives them, or what ``Simulation.spikes`` gives; None where all spikes of
    other ranks are those of sources and of neurons that ignore their input, which are computed.

    What the simulation then says of all ranks (counts, hashes, loads, recorded spikes) it says of this one. In every
    interval the spikes of this rank are compared with those of the recording. intervals: how many have been compared;
    wrong: in how many they differ; first_wrong: time (ms) at the end of the first of these, else None. A run in which
    an interval was wrong ends with ``DryRunError``. known: where that came from what ranks find out together when they
    build, by name: "recording"; "bounds", which delays have by their description; or "this rank". counts (4, intervals)
    int64: the step after which each began, spikes that came, those with targets here, and the synapses that these met.
    held: the most bytes of spikes that were in memory to be replayed, which a rank among others has not.
    """

    def __init__(
        self,
        rank: int,
        ranks: int,
        spikes: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        refuses: bool = True,
    ) -> None:
        """``refuses``: whether a run in which an interval was wrong ends with an error."""
        size = check_count(ranks, "DryRun: ranks", low=1, high=MOST_RANKS)
        place = check_count(rank, "DryRun: rank")
        if place >= size:
            raise InputError(f"DryRun: rank = {place} is beyond the last of {size} ranks, which is {size - 1}")
        if not (spikes is None or isinstance(spikes, (Mapping, str, os.PathLike))):
            raise InputError(f"DryRun: spikes must be a path, or spikes by name of population, got {shown(spikes)}")
        super().__init__(place, size)
        self.spikes = spikes
        self.refuses = refuses
        self.forget()

    def forget(self) -> None:
        """Begin anew, as for another simulation."""
        self.intervals = self.wrong = 0
        self.first_wrong: float | None = None
        self.known: dict[str, str] = {}
        self.facts: dict[str, list[float]] = {}
        self.origin = RECORDING
        self.recording: Any = None
        self.counts: npt.NDArray[np.int64] = np.zeros((4, 0), np.int64)
        self.held = 0

    def most(self, name: str, mine: Sequence[float]) -> list[float]:
        """As was recorded under that ``name``, or follows from bounds; else what this rank says."""
        told = self.facts.get(name)
        self.known[name] = THIS_RANK if told is None else self.origin
        if told is None:
            return list(mine)
        return list(told) if self.origin == RECORDING else [max(pair) for pair in zip(told, mine, strict=True)]


class Facts(dict[str, list[float]]):
    """What ranks found together while they built, by name: a dry run of one of them takes it from there.

    known: what they found when the same was built before, of which they need not ask again.
    """

    def __init__(self, known: Mapping[str, list[float]] | None = None) -> None:
        super().__init__()
        self.known = {} if known is None else known

    def most(self, comm: MPI.Comm, name: str, mine: Sequence[float]) -> list[float]:
        """The largest of every value over all ranks (collective), which is kept under ``name``."""
        if name in self.known:
            self[name] = self.known[name]
        else:
            self[name] = comm.most(name, mine) if isinstance(comm, LoneRank) else largest(comm, mine)
        return self[name]
