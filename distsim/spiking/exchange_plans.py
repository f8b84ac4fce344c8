"""Plans of exchange: the memory that their steps work on, which lasts and grows, and their form in Python.

Each has ``step`` and ``own`` for compiled code, see ``exchange_steps``, and is called from Python, which takes the same
step, but leaves the collective to mpi4py where compiled code finds no MPI library, or the ranks are none of MPI's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.jit import COMPILED
from distsim.parallel import capacity
from distsim.parallel import compiled_collectives as collectives
from distsim.parallel.capacity import CAPACITY
from distsim.parallel.compiled_collectives import FAILED, NEEDS_PYTHON
from distsim.parallel.nodes import Nodes, shared_memory
from distsim.spiking import exchange_steps as steps
from distsim.spiking.needed_spikes import Lists

if TYPE_CHECKING:
    from mpi4py import MPI

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

_LINE = 8  # words of a cache line
_MANY_SPINS, _FEW_SPINS = 20_000, 50  # looks at shared memory before the core is given away; where ranks take turns


@dataclass(frozen=True)
class Choice:
    """Which plan of exchange was taken, why, and how long (µs) an exchange of each plan that was tried took."""

    plan: str
    why: str
    microseconds: dict[str, float] = field(default_factory=dict)


class ExchangePlan:
    """One plan, built once, executed every interval; this one is that of a rank alone.

    step: the whole exchange, see ``exchange_steps``. wait: what waits for the other ranks before it, wait(own). post:
    what lets them have the spikes of this rank before that, post(own, sent, n); None where the step alone does it.
    """

    length = steps.LENGTH
    """Of ``own``."""

    def __init__(self, name: str, step: Any = steps.step_alone) -> None:
        self.name = name
        self.choice = Choice(name, "asked for")
        self.step = step
        self.wait: Any = steps.wait_for_all
        self.post: Any = None
        self.own = np.zeros(self.length, np.int64)
        self._filter = np.zeros(1, np.uint64)
        self.filter(self._filter[:0])
        self._received = np.empty(0, np.uint64)

    def __call__(self, spikes: UInt64Array) -> UInt64Array:
        """The packed spikes that this rank needs, sorted, from those of its own neurons; valid until the next call.

        Ends an exchange that compiled code has left, which may be why there is no room.
        """
        n = NEEDS_PYTHON
        while n == NEEDS_PYTHON:
            self._make_room()
            n = self._exchange(spikes)
        if n == FAILED:
            raise RuntimeError("MPI could not exchange spikes")
        return self._received[:n]

    def filter(self, bits: UInt64Array) -> None:
        """Leave out spikes that by the ``bits`` of ``source_filter`` surely have no targets on this rank."""
        self._filter = bits
        self.own[steps.FILTER], self.own[steps.FILTER_WORDS] = bits.ctypes.data, len(bits)

    def _exchange(self, spikes: UInt64Array) -> int:
        return int(self.step(self.own, spikes, len(spikes), self._received))

    def _make_room(self) -> None:
        """Let all spikes that are there be received, or all that there are be sent."""
        own = self.own
        if own[steps.TOTAL] > len(self._received) or self.is_roomy(len(self._received)):
            self._received = np.empty(2 * own[steps.TOTAL], np.uint64)
        n = int(own[CAPACITY]) + steps.HEADER
        if not own[steps.PENDING] and (n > own[steps.ALLOCATED] or steps.is_roomy(own)):
            self._allocate(n)

    def is_roomy(self, n: int) -> bool:
        """Whether memory for ``n`` spikes is much larger than for all that were received for long."""
        most = int(self.own[steps.SOURCES] * self.own[CAPACITY])
        return 0 < steps.ROOMY * most < n > steps.SMALL

    def _allocate(self, n: int) -> None:
        """Make room for blocks of ``n`` words."""
        self.own[steps.ALLOCATED] = n

    def _new(self, address: int, n: int) -> UInt64Array:
        """``n`` words, whose address is kept at that place of ``own``."""
        array = np.zeros(n, np.uint64)
        self.own[address] = array.ctypes.data
        return array


class ByCollective(ExchangePlan):
    """One collective of all ranks: an Allgather, or an Alltoall, where ``lists`` tell who needs the spikes of whom."""

    def __init__(
        self, name: str, comm: MPI.Comm, expected: int, lists: Lists | None = None, step: Any = steps.step_of_all
    ) -> None:
        super().__init__(name, step)
        self._comm: MPI.Comm | None = comm
        self._compiled = can_be_compiled(comm)
        self._lists = lists
        capacity.begin(self.own, expected)
        own = self.own
        own[steps.BLOCKS], own[steps.SOURCES], own[steps.RANKS] = 1, comm.size, comm.size
        if lists is not None:
            own[steps.BLOCKS], own[steps.N_LOCAL] = lists.places, len(lists.offsets) - 1
            own[steps.OFFSETS], own[steps.RANKS_OF] = lists.offsets.ctypes.data, lists.place.ctypes.data
        if self._compiled:
            self._call_by(comm)
            own[steps.ALL] = own[steps.COMM]
        self._allocate(int(own[CAPACITY]) + steps.HEADER)

    def _call_by(self, comm: MPI.Comm) -> None:
        """Let compiled code call collectives of ``comm``; a handle may be a negative number in all 64 bits."""
        self.own.view(np.uint64)[[steps.KIND, steps.COMM]] = collectives.handles(comm)

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self._outgoing = self._new(steps.OUTGOING, int(self.own[steps.BLOCKS]) * n)
        self._incoming = self._new(steps.INCOMING, int(self.own[steps.SOURCES]) * n)

    def _exchange(self, spikes: UInt64Array) -> int:
        if self._compiled:
            return super()._exchange(spikes)
        if not self.own[steps.PENDING]:
            self._transfer(spikes)
        return int(steps.end(self.own, self._received))

    def _transfer(self, spikes: UInt64Array) -> None:
        """Exchange by mpi4py."""
        steps.begin(self.own, spikes, len(spikes))
        self._call(self._comm)

    def _call(self, comm: Any) -> None:
        n = int(self.own[CAPACITY]) + steps.HEADER
        outgoing = self._outgoing[: n * int(self.own[steps.BLOCKS])]
        incoming = self._incoming[: n * int(self.own[steps.SOURCES])]
        (comm.Allgather if self._lists is None else comm.Alltoall)(outgoing, incoming)


class InWindow(ExchangePlan):
    """All ranks are on one node: each reads in shared memory what the others have written."""

    def __init__(self, name: str, comm: MPI.Comm, nodes: Nodes, expected: int, *, crowded: bool) -> None:
        super().__init__(name, steps.step_in_window)
        self.wait, self.post = steps.wait_in_window, steps.post_in_window
        self._comm, self._nodes = comm, nodes
        capacity.begin(self.own, expected)
        self.own[steps.BLOCKS] = 1
        self.own[steps.SOURCES] = self.own[steps.MEMBERS] = comm.size
        self.own[steps.PLACE] = comm.rank
        self.own[steps.SPINS] = _FEW_SPINS if crowded else _MANY_SPINS
        self._allocate(int(self.own[CAPACITY]) + steps.HEADER)

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self._memory = shared_memory(self._comm, self._nodes, 2 * self._comm.size * n)
        self.own[steps.SLOTS], self.own[steps.SEQUENCE] = self._memory.ctypes.data, 0


class OverNodes(ByCollective):
    """Two levels: the ranks of a node share memory, and the first of each exchanges with those of the others.

    With ``lists``, of nodes, spikes go only to the nodes that need them.
    """

    def __init__(
        self, name: str, comm: MPI.Comm, nodes: Nodes, expected: int, *, crowded: bool, lists: Lists | None = None
    ) -> None:
        self._all, self._nodes = comm, nodes
        super().__init__(name, comm, expected * nodes.largest, lists, steps.step_of_nodes)
        own, leaders = self.own, nodes.leaders
        self._comm = leaders
        own[steps.LEADS] = leaders is not None
        own[steps.PLACE] = nodes.node.rank
        own[steps.SPINS] = _FEW_SPINS if crowded else _MANY_SPINS
        if self._compiled and leaders is not None:
            self._call_by(leaders)

    def _allocate(self, n: int) -> None:
        ExchangePlan._allocate(self, n)
        own, nodes = self.own, self._nodes
        own[steps.SOURCES], own[steps.MEMBERS] = nodes.n, nodes.node.size
        slots, incoming = int(own[steps.MEMBERS] * own[steps.BLOCKS] * n), nodes.n * n
        memory = shared_memory(self._all, nodes, _LINE + slots + incoming)
        self._memory = memory
        self._outgoing = self._new(steps.OUTGOING, int(own[steps.BLOCKS]) * n)
        self._incoming = memory[_LINE + slots :]
        own[steps.DONE], own[steps.SLOTS] = memory.ctypes.data, memory[_LINE:].ctypes.data
        own[steps.INCOMING], own[steps.SEQUENCE] = self._incoming.ctypes.data, 0

    def _transfer(self, spikes: UInt64Array) -> None:
        steps.begin_in_node(self.own, spikes, len(spikes))
        if self._comm is None:
            steps.await_leader(self.own)
        else:
            steps.merge(self.own)
            self._call(self._comm)
            steps.publish(self.own)


def can_be_compiled(comm: Any) -> bool:
    """Whether compiled code can call collectives of ``comm``, which may be none of MPI's."""
    from distsim.parallel.communicator import is_of_mpi

    return COMPILED and is_of_mpi(comm) and collectives.at_hand()
