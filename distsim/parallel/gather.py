"""Gathering what the ranks recorded, in an order that does not depend on ranks (collective).

The result is the same on every rank, or, unless wanted ``everywhere``, on rank 0 alone, and empty on the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.exported import About, Exported, ExportedSpikes, ExportedStates
from distsim.core.populations import Indices
from distsim.parallel import array_collectives
from distsim.parallel.array_collectives import gather_array, sorted_pieces

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
DECIMALS = 9  # of a time in ms
_HALF, _LOW = np.uint64(32), np.uint64(2**32 - 1)  # steps and gids both fit into 32 bits
_OF_CONNECTIONS = np.int64, np.int64, np.float64, np.float64


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

    def __setstate__(self, state: Any) -> None:
        """Bring back what was sent to another rank: pickle would set what is frozen."""
        parts = state if isinstance(state, tuple) else (state,)
        for name, value in (pair for part in parts if part for pair in part.items()):
            object.__setattr__(self, name, value)


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


def gather_spikes(step: Int64Array, neuron: Int64Array, comm: MPI.Comm, everywhere: bool = True) -> Spikes:
    """All spikes from those of each rank."""
    pieces = [piece.columns for piece in spike_pieces(step, neuron, comm, everywhere)]
    return Spikes(*joined(pieces, (np.int64, np.int64)))


def spike_pieces(step: Int64Array, neuron: Int64Array, comm: MPI.Comm, everywhere: bool = False) -> Iterator[Spikes]:
    """All spikes from those of each rank, some at a time."""
    for (keys,) in sorted_pieces([spike_keys(step, neuron)], comm, everywhere):
        yield Spikes((keys >> _HALF).astype(np.int64), (keys & _LOW).astype(np.int64))


def gather_states(
    steps: list[int],
    columns: Int64Array,
    values: list[FloatArray],
    neurons: Indices,
    comm: MPI.Comm,
    everywhere: bool = True,
) -> States:
    """All recorded values from those of each rank, whose columns are ``columns`` of the whole."""
    pieces = list(state_pieces(steps, columns, values, neurons, comm, everywhere))
    chosen = np.array(neurons, np.int64)
    if not pieces:
        return States(np.zeros(0, np.int64), chosen, np.zeros((0, len(neurons))))
    return States(np.concatenate([p.step for p in pieces]), chosen, np.concatenate([p.value for p in pieces]))


def state_pieces(
    steps: list[int],
    columns: Int64Array,
    values: list[FloatArray],
    neurons: Indices,
    comm: MPI.Comm,
    everywhere: bool = False,
) -> Iterator[States]:
    """As ``gather_states``, some steps at a time."""
    chosen, here = np.array(neurons, np.int64), everywhere or comm.rank == 0
    places = gather_array(columns, comm, everywhere)
    together = max(1, array_collectives.MOST // (8 * max(1, len(neurons))))
    for begin in range(0, len(steps), together):
        some = steps[begin : begin + together]
        mine = np.array(values[begin : begin + together]).reshape(len(some), len(columns))
        found = gather_array(mine.T.ravel(), comm, everywhere)
        some = some if here else []
        whole = np.empty((len(some), len(neurons)))
        whole[:, places] = found.reshape(len(places), len(some)).T
        yield States(np.array(some, np.int64), chosen, whole)


def gather_connections(local: list[Connections], comm: MPI.Comm, everywhere: bool = True) -> Connections:
    """All synapses from those of each rank."""
    pieces = [(some.source, some.target, some.weight, some.delay) for some in local]
    return Connections(*gather_columns(pieces, _OF_CONNECTIONS, comm, everywhere))


def connection_pieces(local: list[Connections], comm: MPI.Comm, everywhere: bool = False) -> Iterator[Connections]:
    """All synapses from those of each rank, some at a time."""
    pieces = [(some.source, some.target, some.weight, some.delay) for some in local]
    for columns in sorted_pieces(joined(pieces, _OF_CONNECTIONS), comm, everywhere):
        yield Connections(*columns)


def gather_columns(
    pieces: Sequence[tuple[Any, ...]], types: Sequence[Any], comm: MPI.Comm, everywhere: bool = True
) -> list[npt.NDArray[Any]]:
    """The columns of all pieces of all ranks, of these types, their rows sorted by the first, then the second."""
    return joined(list(sorted_pieces(joined(pieces, types), comm, everywhere)), types)


def joined(pieces: Sequence[Sequence[Any]], types: Sequence[Any]) -> list[npt.NDArray[Any]]:
    """The columns of some pieces, of these types, one piece after the other."""
    return [np.concatenate([np.zeros(0, dtype), *(piece[k] for piece in pieces)]) for k, dtype in enumerate(types)]


def gather_numbers(values: Mapping[str, float], comm: MPI.Comm, everywhere: bool = True) -> list[dict[str, Any]]:
    """The ``values`` of every rank, rank by rank; they have the same names and kinds everywhere."""
    rows = gather_array(np.array(list(values.values()), np.float64), comm, everywhere).reshape(-1, len(values))
    kinds = {name: type(value) for name, value in values.items()}
    return [{name: kinds[name](value) for name, value in zip(values, row, strict=True)} for row in rows.tolist()]


def spike_keys(step: Int64Array, index: Int64Array) -> npt.NDArray[np.uint64]:
    """Spikes as single integers step 2^32 + index: to sort them is several times faster than to sort by two arrays.

    Raises InputError for a step or an index that does not fit into 32 bits.
    """
    for what, values in (("step", step), ("index", index)):
        if len(values) and (values.min() < 0 or values.max() > _LOW):
            raise InputError(f"the {what} of a spike must be from 0 to {_LOW}, got {values.min()} to {values.max()}")
    keys = step.astype(np.uint64)
    keys <<= _HALF
    keys |= index.astype(np.uint64)
    return keys
