"""The exchange of spikes: every rank gets the spikes of one interval that its neurons need.

The plans differ in cost alone: after the exchange a rank leaves out spikes that it has no targets for, as far as a few
bits tell (``source_filter``), sorts the others, and ignores what is left of those.

    allgather       one Allgather of all spikes
    alltoall        one Alltoall: each spike goes to the ranks that need it
    window          through memory that the ranks share, where all are on one node
    nodes           through shared memory within a node, by one Allgather of one rank of each node between them
    nodes_directed  as nodes, by one Alltoall: each spike goes to the nodes that need it
    allgatherv, alltoallv  as their namesakes, of as many spikes as there are; their numbers are exchanged before
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.parallel.array_collectives import MOST
from distsim.parallel.capacity import enough
from distsim.parallel.communicator import crowded, largest
from distsim.parallel.nodes import Nodes, nodes_of
from distsim.spiking import exchange_steps as steps
from distsim.spiking import needed_spikes
from distsim.spiking.exchange_plans import ByCollective, Choice, ExchangePlan, InWindow, OverNodes, can_be_compiled
from distsim.spiking.needed_spikes import Lists, Needed
from distsim.spiking.packed_spikes import GID_BITS, GID_MASK, pack, sort, sort_by_digits, unpack
from distsim.spiking.source_filter import collect, enter, filter_of
from distsim.spiking.vector_plans import ByAllgatherv, ByAlltoallv

if TYPE_CHECKING:
    from mpi4py import MPI

__all__ = ["GID_BITS", "GID_MASK", "Exchange", "call_kernels", "kernels_of", "make_exchange", "pack", "unpack"]

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]
Exchange = ExchangePlan

DIRECTED_SHARE = 0.5  # of the places hold targets of a neuron, at most, where to direct spikes may save anything
_EXPECTED = 48  # spikes of a rank in an interval, where nobody knows better
_MOST_EXPECTED = 1000  # spikes that a plan is tried with: with more, exchanging them costs less than their delivery
_TRIAL = 1e-3  # s that a plan is tried for, or one exchange, where that takes longer
_MOST_TRIED = 50  # exchanges in a trial
_TRIALS = 3  # of which the fastest counts
_MICRO = 1e6
_WORD = 8  # bytes


def call_kernels() -> None:
    """Call the kernels of spikes that are packed, of any plan, so that they are compiled (local)."""
    spikes, integers = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    pack(integers, np.zeros(0, np.int32), integers, 0, spikes, 0, spikes, integers)
    unpack(spikes, 0, integers, integers)
    sort(spikes)
    sort_by_digits(spikes)
    steps.is_roomy(np.zeros(steps.LENGTH, np.int64))
    needed_spikes.call_kernels()
    one, bits = np.ones(1, np.int64), np.zeros(1, np.uint64)
    enter(one, bits)
    collect(one.astype(np.uint64), bits, spikes, 0)


def kernels_of(plan: str, comm: MPI.Comm) -> Callable[[], object]:
    """What calls the kernels of ``plan`` with no spikes, so that they are compiled, on each rank alone (collective)."""
    spikes = np.zeros(0, np.uint64)
    if comm.size == 1:
        return partial(steps.step_alone, np.zeros(steps.LENGTH, np.int64), spikes, 0, spikes)
    names, compiled = [plan], can_be_compiled(comm)
    if plan == "auto":
        names = ["allgather", "window" if nodes_of(comm).n == 1 else "nodes"]

    def call() -> None:
        call_kernels()
        steps.call_kernels(names, compiled=compiled)

    return call


@dataclass
class Plans:
    """Makes the plans of ``comm``; needed: the neurons with targets on this rank.

    expected: spikes that each rank is likely to have in an interval.
    """

    comm: MPI.Comm
    needed: Needed
    expected: int = _EXPECTED

    def __post_init__(self) -> None:
        self.expected = min(max(1, self.expected), _MOST_EXPECTED)
        self._lists: Lists | None = None  # no cached_property: its lock is one for all ranks that are threads

    @property
    def nodes(self) -> Nodes:
        """Where the ranks are."""
        return nodes_of(self.comm)

    @property
    def lists(self) -> Lists:
        """The ranks that need the spikes of each neuron of this one."""
        if self._lists is None:
            self._lists = Lists.of_ranks(self.comm, self.needed)
        return self._lists

    @property
    def _lists_of_nodes(self) -> Lists:
        return self.lists.of_nodes(self.nodes.of_rank)

    def make(self, name: str) -> ExchangePlan:
        """The plan of that name; collective."""
        makers: dict[str, Callable[[], ExchangePlan]] = {
            "allgather": lambda: ByCollective(name, self.comm, self.expected),
            "allgatherv": lambda: ByAllgatherv(name, self.comm),
            "alltoall": lambda: ByCollective(name, self.comm, self.of_each(self.lists), self.lists),
            "alltoallv": lambda: ByAlltoallv(name, self.comm, self.lists),
            "window": self._window,
            "nodes": lambda: self._over_nodes(name, self.expected, None),
            "nodes_directed": lambda: self._over_nodes(name, self.of_each(self._lists_of_nodes), self._lists_of_nodes),
        }
        return ExchangePlan(name) if self.comm.size == 1 else makers[name]()

    def _window(self) -> ExchangePlan:
        nodes = self.nodes
        if nodes.n > 1:
            raise InputError(
                f"exchange plan 'window' is of ranks on one node, and these are on {nodes.n}; choose 'nodes'"
            )
        return InWindow("window", self.comm, nodes, self.expected, crowded=crowded(self.comm))

    def _over_nodes(self, name: str, expected: int, lists: Lists | None) -> ExchangePlan:
        return OverNodes(name, self.comm, self.nodes, expected, crowded=crowded(self.comm), lists=lists)

    def of_each(self, lists: Lists) -> int:
        """Spikes that are likely to go to each place, the same on all ranks."""
        return int(self.expected * min(1.0, 2.0 * self.share(lists)))

    def share(self, lists: Lists) -> float:
        """On how many of the places a neuron has targets, on average over all neurons that have any."""
        entries, neurons = self.comm.allreduce(int(lists.offsets[-1])), self.comm.allreduce(len(lists.offsets) - 1)
        return entries / (max(1, neurons) * lists.places)

    def filtered(self, plan: ExchangePlan) -> ExchangePlan:
        """The plan, by which a rank gets no spikes that it surely does not need, where it would get many."""
        if self.comm.size > 1 and plan.name not in ("alltoall", "alltoallv"):
            plan.filter(filter_of(self.needed))
        return plan

    def made_up(self) -> UInt64Array:
        """As many spikes of neurons of this rank as are expected, if it has any neurons with targets."""
        n, ranks = len(self.lists.offsets) - 1, self.comm.size
        number = np.arange(self.expected if n else 0)
        gids = self.comm.rank + ranks * (number * n // self.expected)
        return (number + 1).astype(np.uint64) << GID_BITS | gids.astype(np.uint64)

    def of_all_ranks(self) -> list[str]:
        """Those of the plans by one collective of all ranks that may be the fastest.

        Where an Allgather would bring more than ``MOST`` bytes, most of them of no use, there is no need to try it.
        """
        if self.share(self.lists) >= DIRECTED_SHARE:
            return ["allgather"]
        nbytes = _WORD * self.comm.size * (steps.HEADER + enough(self.expected))
        return ["alltoall"] if nbytes > MOST else ["allgather", "alltoall"]

    def sensible(self) -> list[str]:
        """The plans that may be the fastest here."""
        nodes, ranks = self.nodes.n, self.comm.size
        among = self.of_all_ranks()
        among[1:1] = ["window"] if nodes == 1 else ["nodes"] if nodes < ranks else []
        if 1 < nodes < ranks and self.share(self._lists_of_nodes) < DIRECTED_SHARE:
            among.append("nodes_directed")
        return among


def make_exchange(plan: str, comm: MPI.Comm, needed: Needed, expected: int = _EXPECTED) -> ExchangePlan:
    """The exchange plan of that name, one of ``choices.EXCHANGES``; collective. ``choice`` of it says why.

    ``needed`` are the neurons with targets on this rank; expected: spikes that each rank is likely to have in an
    interval. "auto" tries those plans that may be the fastest, and takes the one that is. Raises InputError, on
    all ranks, where ranks cannot share memory as the plan does.
    """
    plans = Plans(comm, needed, expected)
    if plan == "auto" and comm.size > 1:
        return plans.filtered(_fastest(plans))
    made = plans.make("allgather" if plan == "auto" else plan)
    if comm.size == 1:
        made.choice = Choice(made.name, "one rank sends nothing")
    return plans.filtered(made)


def _fastest(plans: Plans) -> ExchangePlan:
    """That of the sensible plans which takes the least time here, on the slowest rank."""
    tried: dict[str, ExchangePlan] = {}
    for name in plans.sensible():
        with suppress(InputError):  # where ranks cannot share memory
            tried[name] = plans.make(name)
    spikes = plans.made_up()
    times = {name: _time_of(plan, spikes, plans.comm) for name, plan in tried.items()}
    best = tried[min(times, key=times.__getitem__)]
    microseconds = {name: _MICRO * seconds for name, seconds in times.items()}
    best.choice = Choice(best.name, f"the fastest here with {plans.expected} spikes of each rank", microseconds)
    return best


def _time_of(plan: ExchangePlan, spikes: UInt64Array, comm: MPI.Comm) -> float:
    """Seconds that an exchange takes on the slowest rank."""

    def taken(n: int) -> float:
        comm.Barrier()
        begin = time.perf_counter()
        for _ in range(n):
            plan(spikes)
        return largest(comm, [(time.perf_counter() - begin) / n])[0]

    plan(spikes)  # buffers grow
    once = taken(1)
    n = min(_MOST_TRIED, int(_TRIAL / once))
    return once if n < 2 else min(taken(n) for _ in range(_TRIALS))
