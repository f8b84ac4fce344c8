"""Gathering what the ranks recorded, in an order that does not depend on ranks (collective).

The result is the same on every rank, or, unless wanted ``everywhere``, on rank 0 alone, and empty on the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.exported import About, Exported, ExportedSpikes, ExportedStates

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
DECIMALS = 9  # of a time in ms
_HALF, _LOW = np.uint64(32), np.uint64(2**32 - 1)  # steps and gids both fit into 32 bits


def in_ms(step: Int64Array, dt: float) -> FloatArray:
    """Times (n,) in ms of steps (n,), to 1e-9 ms: 33.3 for step 333 of 0.1 ms, whose product is 33.300000000000004."""
    times: FloatArray = np.multiply(step, dt, dtype=np.float64)
    return times.round(DECIMALS)


class _Told(Exported):
    """Keeps of what it was recorded beside its columns."""

    __slots__ = ("_told", "dt")
    dt: float

    def told(self, about: About, dt: float) -> Self:
        """Say of what it was recorded, with steps of ``dt`` (ms)."""
        object.__setattr__(self, "_told", about)
        object.__setattr__(self, "dt", dt)
        return self

    def _about(self) -> About | None:
        return getattr(self, "_told", None)


@dataclass(frozen=True)
class Spikes(_Told, ExportedSpikes):
    """Spikes sorted by step, then neuron: step (n,) int64 and neuron (n,) int64, counted within its population."""

    step: Int64Array
    neuron: Int64Array

    @property
    def columns(self) -> tuple[Int64Array, Int64Array]:
        return self.step, self.neuron

    def times(self, dt: float) -> FloatArray:
        """Times (n,) in ms."""
        return in_ms(self.step, dt)

    def _times_and_neurons(self) -> tuple[FloatArray, Int64Array]:
        return self.times(self.dt), self.neuron


@dataclass(frozen=True)
class States(_Told, ExportedStates):
    """Recorded values of a state variable: step (T,) int64, neuron (n,) int64, value (T, n) float64."""

    step: Int64Array
    neuron: Int64Array
    value: FloatArray

    def times(self, dt: float) -> FloatArray:
        """Times (T,) in ms."""
        return in_ms(self.step, dt)

    def _times_and_values(self) -> tuple[FloatArray, FloatArray]:
        return self.times(self.dt), self.value


@dataclass(frozen=True)
class Connections:
    """Synapses sorted by source, then target, those of one pair by sign of weight, then delay, then drawing.

    source, target (n,) int64 within their populations; weight (n,) float64 (pA); delay (n,) float64 (ms).
    """

    source: Int64Array
    target: Int64Array
    weight: FloatArray
    delay: FloatArray


def allgather_array(array: npt.NDArray[Any], comm: MPI.Comm) -> npt.NDArray[Any]:
    """The one-dimensional arrays of all ranks, one after the other, on every rank."""
    counts = np.array(comm.allgather(len(array)))
    result = np.empty(int(counts.sum()), array.dtype)
    comm.Allgatherv(np.ascontiguousarray(array), [result, counts])
    return result


def gather_array(array: npt.NDArray[Any], comm: MPI.Comm, everywhere: bool) -> npt.NDArray[Any]:
    """As ``allgather_array``; on rank 0 alone unless ``everywhere``."""
    if everywhere:
        return allgather_array(array, comm)
    counts = comm.gather(len(array))
    result = np.empty(sum(counts or ()), array.dtype)
    comm.Gatherv(np.ascontiguousarray(array), None if counts is None else [result, counts])
    return result


def gather_spikes(step: Int64Array, neuron: Int64Array, comm: MPI.Comm, everywhere: bool = True) -> Spikes:
    """All spikes from those of each rank."""
    keys = sorted_keys(gather_array(step, comm, everywhere), gather_array(neuron, comm, everywhere))
    return Spikes((keys >> _HALF).astype(np.int64), (keys & _LOW).astype(np.int64))


def gather_states(
    steps: list[int],
    columns: Int64Array,
    values: list[FloatArray],
    neurons: tuple[int, ...],
    comm: MPI.Comm,
    everywhere: bool = True,
) -> States:
    """All recorded values from those of each rank, whose columns are ``columns`` of the whole."""
    mine = columns, np.array(values).reshape(len(steps), len(columns))
    gathered = comm.allgather(mine) if everywhere else comm.gather(mine)
    if gathered is None:
        return States(np.zeros(0, np.int64), np.array(neurons, np.int64), np.zeros((0, len(neurons))))
    whole = np.empty((len(steps), len(neurons)))
    for places, theirs in gathered:
        whole[:, places] = theirs
    return States(np.array(steps, np.int64), np.array(neurons, np.int64), whole)


def gather_connections(local: list[Connections], comm: MPI.Comm, everywhere: bool = True) -> Connections:
    """All synapses from those of each rank."""
    pieces = [(some.source, some.target, some.weight, some.delay) for some in local]
    return Connections(*gather_columns(pieces, (np.int64, np.int64, np.float64, np.float64), comm, everywhere))


def gather_columns(
    pieces: Sequence[tuple[Any, ...]], types: Iterable[Any], comm: MPI.Comm, everywhere: bool = True
) -> list[npt.NDArray[Any]]:
    """The columns of all pieces of all ranks, of these types, their rows sorted by the first, then the second."""
    columns = [
        gather_array(np.concatenate([np.zeros(0, dtype), *(piece[k] for piece in pieces)]), comm, everywhere)
        for k, dtype in enumerate(types)
    ]
    order = np.lexsort((columns[1], columns[0]))
    return [column[order] for column in columns]


def sorted_keys(step: Int64Array, index: Int64Array) -> npt.NDArray[np.uint64]:
    """Spikes as single integers step 2^32 + index, sorted: several times faster than to sort by two arrays.

    Raises InputError for a step or an index that does not fit into 32 bits.
    """
    for what, values in (("step", step), ("index", index)):
        if len(values) and (values.min() < 0 or values.max() > _LOW):
            raise InputError(f"the {what} of a spike must be from 0 to {_LOW}, got {values.min()} to {values.max()}")
    keys = step.astype(np.uint64)
    keys <<= _HALF
    keys |= index.astype(np.uint64)
    keys.sort()
    return keys
