"""The exchange of a dry run: spikes of all other ranks come from a recording, or are computed, a few intervals ahead.

They are brought to a file without a name, in stretches of time, and from there to memory in windows, so that a dry run
has in memory what its rank would have.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from distsim.connect.source_index import row_of
from distsim.core.errors import DryRunError
from distsim.core.jit import jit
from distsim.core.placement import local_gids, owner
from distsim.parallel.communicator import alone
from distsim.parallel.dry_run import DryRun
from distsim.spiking import exchange_steps as blocks
from distsim.spiking import needed_spikes
from distsim.spiking import replay_steps as steps
from distsim.spiking.exchange_plans import ByCollective, Choice, can_be_compiled
from distsim.spiking.local_network import LocalNetwork
from distsim.spiking.needed_spikes import Lists, once_each
from distsim.spiking.packed_spikes import GID_BITS
from distsim.spiking.source_filter import collect

Int64Array = npt.NDArray[np.int64]
UInt64Array = npt.NDArray[np.uint64]

FIRST_STRETCH = 100.0  # ms that are replayed from one file, at first
MOST_STRETCH = 1000.0  # ms
FEW_SPIKES = 1 << 21  # in a stretch, after which the next one may be twice as long
RUN = 1 << 13  # spikes that are sorted together
WINDOW = 1 << 14  # spikes, about, that are in memory at least
SHARE = 1e-3  # of the bytes of the rank's tables, which more of them may take


class Known(Protocol):
    """Spikes that are known beforehand."""

    def pieces(self, start: int, end: int) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Steps (n,) and gids (n,) of those in the steps start + 1 .. end, in pieces; later steps come later."""


class Sorted:
    """The spikes of one kind, coming or sent, in a stretch of time: sorted runs in a file, read by intervals."""

    def __init__(self) -> None:
        self._file: Any = None
        self._waiting: list[UInt64Array] = []
        self._n_waiting = 0
        self.window = np.zeros(0, np.uint64)
        self.begins = np.zeros(2, np.uint64)
        self.most = 0  # spikes that were in memory

    def start(self, n_intervals: int, interval: int) -> None:
        """Begin with a stretch of so many intervals."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 # it ends with this
            weakref.finalize(self, self._file.close)
        self._file.seek(0)
        self._file.truncate()
        self._bounds = (np.arange(n_intervals + 1, dtype=np.uint64) * np.uint64(interval) + np.uint64(1)) << GID_BITS
        self._shift = np.arange(n_intervals, dtype=np.uint64) * np.uint64(interval) << GID_BITS
        self._runs: list[tuple[int, Int64Array]] = []
        self._written = 0
        self.counts = np.zeros(n_intervals, np.int64)

    def add(self, keys: UInt64Array) -> None:
        """Add spikes, (step in the stretch) << GID_BITS | gid."""
        self._waiting.append(keys)
        self._n_waiting += len(keys)
        if self._n_waiting >= RUN:
            self.finish()

    def finish(self) -> None:
        """Write what was added."""
        if not self._n_waiting:
            return
        keys = np.concatenate(self._waiting)
        keys.sort()
        begins = np.searchsorted(keys, self._bounds)
        self._file.write(keys.data)
        self._runs.append((self._written, begins))
        self._written += len(keys)
        self.counts += np.diff(begins)
        self._waiting.clear()
        self._n_waiting = 0

    def load(self, first: int, last: int) -> None:
        """Bring the spikes of the intervals first .. last - 1 to memory, packed."""
        n = int(self.counts[first:last].sum())
        self.most = max(self.most, n)
        if n > len(self.window):
            self.window = np.zeros(n + n // 4, np.uint64)
        place = 0
        for begin, begins in self._runs:
            here = int(begins[last] - begins[first])
            if here:
                self._file.seek(8 * (begin + int(begins[first])))
                self._file.readinto(self.window[place : place + here].data)
                place += here
        window = self.window[:n]
        window.sort()
        window -= np.repeat(self._shift[first:last], self.counts[first:last])
        self.begins = np.concatenate(([0], np.cumsum(self.counts[first:last]))).astype(np.uint64)


class Replay(ByCollective):
    """The plan of exchange of the rank of ``comm``, which has ``local``; with the blocks that it would have of all.

    known: the spikes of all neurons. expected, lists: as for ``ByCollective``; with ``lists`` the plan is ``directed``:
    a rank receives those spikes alone for which it has targets.
    """

    length = steps.LENGTH

    def __init__(
        self, choice: Choice, comm: Any, local: LocalNetwork, interval: int, expected: int, lists: Lists | None
    ) -> None:
        super().__init__(choice.plan, comm, expected, lists, steps.step_of_replay)
        self._compiled = True  # the step takes no collective
        self.choice = choice
        self.own[[steps.INTERVAL, blocks.PLACE]] = interval, comm.rank
        self.known: list[Known] = []
        self._counted: list[npt.NDArray[np.int64]] = []
        self.comm: DryRun = comm
        self._interval, self.directed = interval, lists is not None
        self._needed = local.needed
        self._window = max(WINDOW, int(SHARE / 8 * sum(table.nbytes() for table in self._needed.tables)))
        self._coming, self._sent = Sorted(), Sorted()
        self._next = self._held = 0  # intervals of the stretch: the next that is not in memory, and all
        self._stretch = 0

    def until(self, end: int, dt: float) -> None:
        """A run begins, up to step ``end``."""
        self.own[steps.END] = end
        self._stretch = self._stretch or max(1, round(FIRST_STRETCH / (self._interval * dt)))
        self._longest = max(1, round(MOST_STRETCH / (self._interval * dt)))

    def check(self, dt: float) -> None:
        """Tell the communicator what came of the comparison so far; DryRunError where an interval was wrong."""
        comm, own = self.comm, self.own
        comm.counts, comm.held = self.counts(), 8 * (self._coming.most + self._sent.most)
        comm.intervals, comm.wrong = int(own[steps.COMPARED]), int(own[steps.WRONG])
        if comm.wrong:
            comm.first_wrong = round(int(own[steps.FIRST_WRONG]) * dt, 9)
            if comm.refuses:
                raise DryRunError(
                    f"rank {comm.rank} of {comm.size} sent other spikes than those that are replayed, in {comm.wrong} "
                    f"of {comm.intervals} intervals, first in that which ends at {comm.first_wrong:g} ms: what is "
                    "replayed is not of this network"
                )

    def counts(self, since: int = 0) -> Int64Array:
        """``DryRun.counts`` of the intervals that began at step ``since`` or later."""
        found = np.concatenate([np.zeros((4, 0), np.int64), *self._counted], axis=1)
        return found[:, found[0] >= since]

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self._incoming.fill(0)  # so that it is memory: MPI writes all of it, too

    def _make_room(self) -> None:
        if self.own[steps.NEXT] >= self.own[steps.HELD]:
            self._load()
        super()._make_room()

    def _load(self) -> None:
        """Bring the next intervals to memory."""
        if self._next == self._held:
            self._fill()
        both = self._coming.counts[self._next :] + self._sent.counts[self._next :]
        n = max(1, int(np.searchsorted(np.cumsum(both), self._window, side="right")))
        last = min(self._held, self._next + n)
        own = self.own
        for spikes, at, begins in (
            (self._coming, steps.COMING, steps.COMING_BEGINS),
            (self._sent, steps.SENT, steps.SENT_BEGINS),
        ):
            spikes.load(self._next, last)
            own[at], own[begins] = spikes.window.ctypes.data, spikes.begins.ctypes.data
        own[steps.NEXT], own[steps.HELD] = 0, last - self._next
        self._next = last

    def _fill(self) -> None:
        """Find out the spikes of the next stretch of time."""
        start, end = int(self.own[steps.STEP]), int(self.own[steps.END])
        self._held = min(self._stretch, -(-(end - start) // self._interval))
        self._next = 0
        end = min(end, start + self._held * self._interval)
        for spikes in (self._coming, self._sent):
            spikes.start(self._held, self._interval)
        counts = np.zeros((4, self._held), np.int64)
        counts[0] = start + np.arange(self._held) * self._interval
        for known in self.known:
            for stamps, gids in known.pieces(start, end):
                self._add(stamps - start, gids, counts)
        for spikes in (self._coming, self._sent):
            spikes.finish()
        self._counted.append(counts)
        if self._coming.counts.sum() < FEW_SPIKES:
            self._stretch = min(2 * self._stretch, self._longest)

    def _add(self, step: Int64Array, gids: Int64Array, counts: Int64Array) -> None:
        """Add spikes of the stretch, at steps from 1 on, and count them: see ``DryRun.counts``."""
        keys = step.astype(np.uint64) << GID_BITS | gids.astype(np.uint64)
        met = np.zeros(len(gids), np.int64)
        for table in self._needed.tables:
            add_degrees(gids, table.place, table.offsets, met)
        interval = (step - 1) // self._interval
        coming = interval[met > 0] if self.directed else interval
        for row, intervals, n in ((1, coming, 1), (2, interval[met > 0], 1), (3, interval, met)):
            np.add.at(counts[row], intervals, n)
        passed = keys[met > 0] if self.directed else np.empty_like(keys)
        self._coming.add(passed if self.directed else passed[: collect(keys, self._filter, passed, 0)])
        self._sent.add(keys[owner(gids, self.comm.size) == self.comm.rank])

    def needed(self, low: int, high: int) -> Int64Array:
        """gids (n,) from low to high - 1, ascending, of which spikes come, or that this rank has."""
        if not self.directed:
            return np.arange(low, high)
        own = local_gids(low, high - low, self.comm.rank, self.comm.size)
        return once_each(np.concatenate([own, self._needed.between(low, high - 1)]))


@jit
def add_degrees(gids, place, offsets, degrees):  # type: ignore[no-untyped-def]
    """Add to ``degrees`` (n,) how many edges each of ``gids`` (n,) has in the table of that place and offsets."""
    for i in range(gids.size):
        row = row_of(gids[i], place)
        if row >= 0:
            degrees[i] += offsets[row + 1] - offsets[row]


def compile_steps() -> None:
    """Call the kernels of a replay with no spikes, so that they are compiled (local)."""
    needed_spikes.call_kernels()
    blocks.call_kernels(["allgather"], compiled=can_be_compiled(alone()))  # which a rank has in memory, too
    nothing, begins, block = np.zeros(0, np.uint64), np.zeros(2, np.uint64), np.zeros((2, blocks.HEADER), np.uint64)
    own = np.zeros(steps.LENGTH, np.int64)
    own[[steps.HELD, blocks.BLOCKS, blocks.SOURCES, blocks.RANKS]] = 1
    own[[steps.COMING, steps.SENT, steps.COMING_BEGINS, steps.SENT_BEGINS]] = begins.ctypes.data
    own[[blocks.OUTGOING, blocks.INCOMING]] = block[0].ctypes.data, block[1].ctypes.data
    steps.step_of_replay(own, nothing, 0, nothing)
