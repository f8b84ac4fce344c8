"""What chosen synapses transmit, spike by spike: the weights on one rank, kept until they are gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.parallel.gather import FloatArray, gather_columns, in_ms
from distsim.spiking.local_network import LocalNetwork, LocalTable
from distsim.spiking.network import Between, Network
from distsim.spiking.recordings import TransmissionRecording

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Transmissions:
    """Spikes at synapses, sorted by step, source, target and weight.

    step (n,) int64: when the source fired; source, target (n,) int64 within their populations; weight (n,) float64: as
    transmitted (pA, or the unit of weights of the target).
    """

    step: Int64Array
    source: Int64Array
    target: Int64Array
    weight: FloatArray

    def times(self, dt: float) -> FloatArray:
        """Times (n,) in ms."""
        return in_ms(self.step, dt)


@dataclass(frozen=True)
class ChosenSynapses:
    """Those of a table that are recorded: edges (n,), ascending, those of row r from begins[r] on; source, target (n,).

    kept: (step, source, target, weight) of their spikes so far, in pieces.
    """

    edges: Int64Array
    begins: Int64Array
    source: Int64Array
    target: Int64Array
    kept: list[tuple[npt.NDArray[Any], ...]]


class TransmissionRecorders:
    """All of one rank, by table and recording."""

    def __init__(self, network: Network, local: LocalNetwork) -> None:
        self._of_table: dict[int, list[ChosenSynapses]] = {}
        self._of_name: dict[str, list[ChosenSynapses]] = {}
        for recording in network.transmission_recordings:
            self._of_name[recording.name] = []
            found = network.find_projections(recording.source, recording.target)
            wanted = {p.index for p in found if recording.only in (None, p.index)}
            for table in local.tables:
                if any(projection.index in wanted for projection in table.projections):
                    chosen = chosen_of(table, recording)
                    self._of_table.setdefault(id(table), []).append(chosen)
                    self._of_name[recording.name].append(chosen)

    def __bool__(self) -> bool:
        return bool(self._of_table)

    def pieces(self, table: LocalTable, gids: Int64Array) -> Iterator[slice]:
        """Spikes of an interval in pieces in which no source has two, where what plastic synapses transmit is kept."""
        if id(table) not in self._of_table or not table.plastic or not len(gids):
            yield slice(0, len(gids))
            return
        begin, seen = 0, set[int]()
        for spike, gid in enumerate(gids.tolist()):
            if gid in seen:
                yield slice(begin, spike)
                begin, seen = spike, set()
            seen.add(gid)
        yield slice(begin, len(gids))

    def add(self, table: LocalTable, gids: Int64Array, stamps: Int64Array) -> None:
        """Keep what the synapses of ``table`` transmitted at spikes (n,) that were just delivered."""
        for chosen in self._of_table.get(id(table), ()):
            rows, spikes = rows_of(table, gids)
            first, counts = chosen.begins[rows], chosen.begins[rows + 1] - chosen.begins[rows]
            places = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
            steps, weights = np.repeat(stamps[spikes], counts), table.table.weights_of(chosen.edges[places])
            chosen.kept.append((steps, chosen.source[places], chosen.target[places], weights))

    def take(self, name: str) -> list[tuple[npt.NDArray[Any], ...]]:
        """What the recording of that name has on this rank, in pieces (step, source, target, weight); forget it."""
        taken = [piece for chosen in self._of_name[name] for piece in chosen.kept]
        for chosen in self._of_name[name]:
            chosen.kept.clear()
        return taken

    def all(self, ends: Between, comm: MPI.Comm, everywhere: bool) -> Transmissions:
        """Of all ranks so far (collective); InputError where those between ``ends`` are not recorded."""
        if ends.name not in self._of_name:
            raise InputError(f"transmissions '{ends.name}' are not recorded; call network.record_transmissions")
        pieces = [piece for chosen in self._of_name[ends.name] for piece in chosen.kept]
        columns = gather_columns(pieces, (np.int64, np.int64, np.int64, np.float64), comm, everywhere)
        order = np.lexsort(columns[::-1])
        return Transmissions(*(column[order] for column in columns))


def chosen_of(table: LocalTable, recording: TransmissionRecording) -> ChosenSynapses:
    """Those of the synapses of ``table`` that are recorded."""
    chosen = np.array(recording.sources, np.int64), np.array(recording.targets, np.int64)
    edges, rows, source, target = table.between(Between(recording.source, recording.target), *chosen)
    begins = np.searchsorted(rows, np.arange(len(table.table.offsets)))
    return ChosenSynapses(edges, begins, source, target, [])


def rows_of(table: LocalTable, gids: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The rows of the sources ``gids`` (n,) that have one, and which of them these are."""
    first, n_source, sources = table.table.first_source_gid, table.table.n_source, table.table.sources
    rows = np.searchsorted(sources, gids - first)
    there = np.flatnonzero((gids >= first) & (gids < first + n_source) & (rows < len(sources)))
    there = there[sources[rows[there]] == gids[there] - first]
    return rows[there], there
