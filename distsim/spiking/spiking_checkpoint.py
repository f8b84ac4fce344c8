"""What a spiking network remembers, as a checkpoint keeps it: by neuron, and by place among the synapses of a neuron.

Connectivity, constants and Poisson input follow from network, seed and step and are not kept. Synapses lie by neuron,
see ``edges_by_neuron``. Input on its way is kept in units of the grid, step by step, be it in rings or in calendars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.cache_lines import zeros_on_line
from distsim.core.errors import InputError
from distsim.parallel.communicator import largest_each
from distsim.record.checkpoint import Archive
from distsim.spiking.edges_by_neuron import NeuronOrder, TileMemory, Tiles
from distsim.spiking.local_network import LocalGroup, LocalNetwork, LocalTable
from distsim.spiking.loop import SpikingLoop
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.recorders import Recorders
from distsim.spiking.synapses.history import History
from distsim.spiking.synapses.segments import SegmentDelivery

Int64Array = npt.NDArray[np.int64]
Item = TypeVar("Item")
SOURCES = 1 << 20  # that are kept together
ROW = 24  # bytes of the synapses of a neuron in a tile, on average
COLUMN = 1 << 23  # bytes of synapses that are put in order together, at least a tile
RECORDINGS = "spike_recordings", "state_recordings", "weight_recordings"
"""Those of a network that a checkpoint keeps; weights go to the file at once."""
UNKNOWN = np.iinfo(np.int64).min


def transfer(archive: Archive, local: LocalNetwork, loop: SpikingLoop, recorders: Recorders) -> None:
    """Tell ``archive`` all that the network remembers (collective)."""
    loop.step = archive.number("step", loop.step)
    archive.event_hash("spike hash", loop.spike_hash)
    loop.counts.transfer(archive)
    for share, group in local.populations:
        for k, values in enumerate(group.neurons.remembered()):
            of_neurons(archive, f"neurons/{share.population.name}/{k}", share, values[share.begin : share.end])
    for group in local.groups:
        transfer_input(archive, local, group, loop.step)
    for table in local.tables:
        if table.plastic or not table.synapse.constant:
            of_table = TableArchive(archive, table, loop.step)
            if table.plastic:
                of_table.of_edges("weights", table.table.weights)
            table.delivery.transfer(of_table)
    if archive.records:
        transfer_recorded(archive, recorders)


def transfer_recorded(archive: Archive, recorders: Recorders) -> None:
    """Spikes and states that are in memory."""
    for name, recorder in recorders.of_spikes.items():
        share, (step, neuron) = recorder.share, recorder.all()
        places = share.gids - share.population.first_gid
        neuron, step = archive.events(f"spikes/{name}", share.population.size, places, neuron, step=step)
        if not archive.saving:
            recorder.bring_back(step, neuron)
    for of_population in recorders.of_states.values():
        for states in of_population:
            states.transfer(archive, f"states/{states.recording.population}/{states.recording.variable}")


def of_neurons(archive: Archive, name: str, share: PopulationShare, values: npt.NDArray[Any]) -> None:
    """Values (n, ...) of the local neurons of a population, changed in place."""
    archive.array(name, share.population.size, share.gids - share.population.first_gid, values)


def transfer_input(archive: Archive, local: LocalNetwork, group: LocalGroup, step: int) -> None:
    """What arrives at the inputs of ``group`` after ``step``: whole numbers of units of the grid."""
    name = f"input/{group.shares[0].population.name}"
    if archive.number(f"{name} unit", group.grid.unit) != group.grid.unit:
        raise InputError("the checkpoint has input on its way in another unit: it is of another network or precision")
    every = []
    for k, ring in enumerate(group.rings):
        rows = on_its_way(local, group, k, step) if archive.saving else ring[:0]
        last = archive.most(int(np.flatnonzero(rows.any(axis=1)).max(initial=-1)) + 1)
        steps = archive.number(f"{name} {k} steps", last)
        waiting = np.zeros((len(group.gids), steps), ring.dtype)
        waiting[:, : len(rows)] = rows[:steps].T
        for share in group.shares:
            of_neurons(archive, f"input/{share.population.name}/{k}", share, waiting[share.begin : share.end])
        every.append(waiting.T)
    if not archive.saving:
        group.rings = rings_of(every, step, max([len(ring) for ring in (*group.rings, *every)], default=0))
        for delivery in segmented(local, group):
            delivery.done[0] = step


def rings_of(every: Iterable[npt.NDArray[Any]], step: int, slots: int) -> tuple[npt.NDArray[Any], ...]:
    """Rings with so many slots of the input (steps, n) in the steps after ``step``, rows of one array."""
    waiting = list(every)
    if not waiting:
        return ()
    rings = tuple(zeros_on_line((len(waiting), slots, waiting[0].shape[1]), waiting[0].dtype))
    for ring, rows in zip(rings, waiting, strict=True):
        ring[(step + 1 + np.arange(len(rows))) % slots] = rows
    return rings


def fitted(local: LocalNetwork, step: int, slots: list[int]) -> bool:
    """Give rings as many slots as they had before a checkpoint was put there, once that is enough.

    Where synapses are segmented, rings hold the input of one interval; of a checkpoint they hold all. Longer ones
    change no result, but fit the cache less well. Returns whether all fit.
    """
    for group, few in zip(local.groups, slots, strict=True):
        if group.rings and len(group.rings[0]) > few:
            ahead = [of_ring(ring, step) for ring in group.rings]
            if not any(rows[few:].any() for rows in ahead):
                group.rings = rings_of((rows[:few] for rows in ahead), step, few)
    return all(len(ring) <= few for group, few in zip(local.groups, slots, strict=True) for ring in group.rings)


def of_ring(ring: npt.NDArray[Any], step: int) -> npt.NDArray[Any]:
    """Input (slots, n) in the steps after ``step``."""
    rows: npt.NDArray[Any] = ring[(step + 1 + np.arange(len(ring))) % len(ring)]
    return rows


def segmented(local: LocalNetwork, group: LocalGroup, k: int | None = None) -> list[SegmentDelivery]:
    """What delivers to input ``k`` of ``group``, or to any, and has input on its way that is not in the ring yet."""
    own = [table for table in local.tables if table.target is group and k in (None, table.input)]
    return [table.delivery for table in own if isinstance(table.delivery, SegmentDelivery)]


def on_its_way(local: LocalNetwork, group: LocalGroup, k: int, step: int) -> npt.NDArray[Any]:
    """Input (steps, n) that arrives at input ``k`` in the steps after ``step``."""
    rows = of_ring(group.rings[k], step)
    for delivery in segmented(local, group, k):
        more, first = delivery.on_its_way(group.rings[k], group.grid.unit), int(delivery.done[0]) - step
        rows = np.pad(rows, ((0, max(0, first + len(more) - len(rows))), (0, 0)))
        rows[first : first + len(more)] += more
    return rows


class TableArchive:
    """What the synapses of one table are kept in, all of one projection; ``now``: the step at which.

    Histories are kept by the neurons of the populations onto which the projection goes, and of those between them.

    Arrays are given as the table has them, (edges,) or (rows,), and changed in place where they are brought back.
    """

    def __init__(self, archive: Archive, local: LocalTable, now: int) -> None:
        self.archive, self.now, self.saving = archive, now, archive.saving
        self.most = archive.most
        self._table, (self._begin, self._end) = local.table, local.span
        projection, first = local.projections[0], local.shares[0].population.name
        self._name = f"synapses/{projection.index} {first}/{local.input}"
        within = [share for share in local.target.shares if self._begin <= share.begin and share.end <= self._end]
        offsets = np.cumsum([0, *(share.population.size for share in within)])
        self._size = int(offsets[-1])
        own = [share.gids - share.population.first_gid + offset for share, offset in zip(within, offsets, strict=False)]
        self._places = np.concatenate(own)
        self._neurons = NeuronOrder(within)

    def of_edges(self, name: str, values: npt.NDArray[Any], edges: Int64Array | None = None) -> None:
        """A value of every synapse (edges,), or of those numbered ``edges`` (n,), ascending."""
        table, name = self._table, f"{self._name}/{name}"
        ends = table.offsets if edges is None else np.searchsorted(edges, table.offsets)
        total = self.archive.comm.allreduce(values.nbytes) if self.saving else 0
        tiles = max(1, min(table.n_source, total // (ROW * max(1, self._neurons.size))))
        tiles, columns = self.archive.number(f"{name} tiles", [tiles, min(tiles, -(-total // COLUMN))])
        sources = np.arange(tiles + 1) * table.n_source // tiles
        bounds = ends[np.searchsorted(table.source_gids - table.first_source_gid, sources)]
        largest = int(np.diff(bounds[np.arange(columns + 1) * tiles // max(1, columns)]).max(initial=0))
        buffers = np.empty((2, largest), values.dtype)  # two: one is filled while the other is written
        memory = [TileMemory(self._neurons, -(-tiles // max(1, columns)), largest) for _ in buffers]

        def begun(k: int) -> tuple[Tiles, npt.NDArray[Any], Callable[[], npt.NDArray[Any]]]:
            of_tiles = bounds[k * tiles // columns : (k + 1) * tiles // columns + 1]
            chosen: Any = slice(of_tiles[0], of_tiles[-1])
            targets = table.targets[chosen if edges is None else edges[chosen]]
            order = Tiles(self._neurons, of_tiles, targets, self._begin, memory[k % 2])
            ordered = buffers[k % 2][: of_tiles[-1] - of_tiles[0]]
            if self.saving:
                order.put_in_order(values[chosen], ordered)
            return order, values[chosen], self.archive.begin(f"{name}/{k}", order.rows, ordered)

        for order, own, found in one_ahead(map(begun, range(columns))):
            if not self.saving:
                order.put_back(found(), own)
        self.archive.check()

    def of_sources(self, name: str, last: Int64Array, **others: npt.NDArray[np.float64]) -> None:
        """Of every source (rows,) the step of its last spike, and other values.

        They are those of the rank that has been told of most of its spikes: one on which it has targets.
        """
        for begin, here, rows in self._windows():
            found = np.full(min(SOURCES, self._table.n_source - begin), UNKNOWN)
            found[here] = last[rows]
            newest = self.archive.shared(f"{self._name}/{name} {begin}", self._largest(found))
            known = newest[here] > UNKNOWN
            current = last[rows] == newest[here]
            last[rows[known]] = newest[here][known]
            for other, values in others.items():
                told = np.full(len(found), -np.inf)
                told[here[current]] = values[rows[current]]
                told = self.archive.shared(f"{self._name}/{other} {begin}", self._largest(told))
                values[rows[known]] = told[here][known]

    def of_any_source(self, name: str, flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whether something holds for a source on any rank (rows,)."""
        found = np.zeros(len(flags), np.bool_)
        for begin, here, rows in self._windows():
            mine = np.zeros(min(SOURCES, self._table.n_source - begin))
            mine[here] = flags[rows]
            together = self.archive.shared(f"{self._name}/{name} {begin}", self._largest(mine).astype(np.uint8))
            found[rows] = together[here] > 0
        return found

    def of_history(self, history: History, asked: int) -> None:
        """The spikes of the targets after step ``asked``."""
        counts, steps, first = history.since(asked, self._begin, self._end)
        name = f"{self._name}/history"
        counts, steps = self.archive.ragged(name, self._size, self._places, counts, steps)
        self.archive.array(f"{name}/trace", self._size, self._places, first)
        if not self.saving:
            history.bring_back(self._begin, counts, steps, first)

    def sum(self, values: Int64Array) -> Int64Array:
        """Of the values (n,) of all ranks."""
        total = np.empty_like(values)
        self.archive.comm.Allreduce(values, total)
        return total

    def _windows(self) -> Iterator[tuple[int, Int64Array, Int64Array]]:
        """Sources in pieces: the first, which of the piece have rows here, and these rows."""
        sources = self._table.source_gids - self._table.first_source_gid
        for begin in range(0, self._table.n_source, SOURCES):
            low, high = np.searchsorted(sources, (begin, begin + SOURCES))
            yield begin, sources[low:high] - begin, np.arange(low, high)

    def _largest(self, mine: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The largest of the values of all ranks, place by place, where they are to be kept."""
        return largest_each(self.archive.comm, mine) if self.saving else mine


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Each of ``items`` once the next one is there."""
    last: list[Item] = []
    for item in items:
        yield from last
        last = [item]
    yield from last
