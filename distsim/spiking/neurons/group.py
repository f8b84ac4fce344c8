"""What the engine asks of neurons on one rank, whatever their model.

A group is what one kernel advances: the neurons of one population, or, where a model ``joins``, those of several
populations of that model side by side, so that an interval costs one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import overload

from distsim.core.jit import inline
from distsim.core.poisson_counts import NO_DRIVE, Drive
from distsim.core.units import MAX_STEPS
from distsim.core.values import Value, values_of_neurons
from distsim.spiking.network import Population

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Local:
    """The neurons of ``population`` that this rank owns: global ids (n,) int64, and what fixes their random numbers."""

    population: Population
    gids: npt.NDArray[np.int64]
    seed: int
    dt: float

    @property
    def n(self) -> int:
        return len(self.gids)

    def parameter(self, value: Value, name: str) -> float | FloatArray:
        """Values of a parameter for the local neurons: a float where all are equal, else (n,) float64."""
        return values_of_neurons(value, self.seed, f"parameter {name}", self.gids, self.population.first_gid)

    def initial(self, name: str, default: float | FloatArray, trial: int = 0) -> FloatArray:
        """Initial values (n,) float64 of a state variable; distributions are drawn anew for every ``trial``."""
        value = self.population.initial.get(name, default)
        if value is default:
            return np.array(np.broadcast_to(default, self.n), np.float64)
        values = values_of_neurons(value, self.seed, f"initial {name}", self.gids, self.population.first_gid, trial)
        return np.array(np.broadcast_to(values, self.n), np.float64)


def joins(model: Any) -> bool:
    """Whether neurons of several populations of this model can form one group: ``model.join(members)`` makes it."""
    return bool(getattr(model, "joins", False))


class Group(Protocol):
    """The local neurons of one or more populations: their state, and how it advances."""

    def update(
        self,
        first_step: int,
        n_steps: int,
        ring: npt.NDArray[np.int64],
        unit: float,
        current: FloatArray,
        drives: tuple[Drive, ...],
        index: npt.NDArray[np.int32],
        stamp: npt.NDArray[np.int64],
    ) -> int:
        """Advance through the steps first_step .. first_step + n_steps - 1; returns the number of spikes.

        ring (inputs, slots, n) int64 or int32: summed input arriving in each step, in units of ``unit`` (pA), read and
        cleared. current (n_steps,): injected current during each step (pA). drives: Poisson input, one for each
        input. index, stamp (capacity,): local index and step of each spike, written, in the order of time for each
        neuron. Of a model that joins, current is (populations, n_steps), and drives are ``Drives``.
        """

    def state(self, name: str) -> FloatArray:
        """Values (n,) of a state variable at the end of the last step."""


def at(value: Any, i: int) -> Any:
    """value[i] of an array, the value itself of a number: one kernel serves equal and individual parameters."""
    return value[i] if isinstance(value, np.ndarray) else value


@overload(at, inline="always")
def _at(value, i):  # type: ignore[no-untyped-def]
    if isinstance(value, types.Array):
        return lambda value, i: value[i]
    return lambda value, i: value


def part(value: Any, begin: int, size: int) -> Any:
    """value[begin : begin + size] of an array, the value itself of a number."""
    return value[begin : begin + size] if isinstance(value, np.ndarray) else value


@overload(part, inline="always")
def _part(value, begin, size):  # type: ignore[no-untyped-def]
    if isinstance(value, types.Array):
        return lambda value, begin, size: value[begin : begin + size]
    return lambda value, begin, size: value


def same_kind(values: tuple[float | FloatArray, ...], n: int) -> tuple[Any, ...]:
    """The values as all floats, or, where one of them is an array, all as arrays (n,) of one type: new and writable."""
    if not any(isinstance(value, np.ndarray) for value in values):
        return tuple(float(value) for value in values)
    return tuple(np.array(np.broadcast_to(value, n), np.float64) for value in values)


# ---------------------------------------------------------------- groups of several populations


def side_by_side(constants: list[tuple[float | FloatArray, ...]], sizes: list[int]) -> tuple[FloatArray, ...]:
    """Constants of the populations of a group: (populations,) each, or, where any is individual, (1, n) each."""
    columns = list(zip(*constants, strict=True))
    if not any(isinstance(value, np.ndarray) for column in columns for value in column):
        return tuple(np.array(column, np.float64) for column in columns)
    return tuple(over_neurons(column, sizes)[None, :] for column in columns)


def over_neurons(values: tuple[float | FloatArray, ...], sizes: list[int]) -> FloatArray:
    """A value of each population, one number or (size,), as (n,) float64 of all neurons of the group."""
    return np.concatenate([np.broadcast_to(v, size) for v, size in zip(values, sizes, strict=True)]).astype(np.float64)


def bounds_of(sizes: list[int]) -> npt.NDArray[np.int64]:
    """First neuron of each population, then the number of neurons (populations + 1,)."""
    return np.cumsum([0, *sizes])


def of_block(values: Any, population: int, begin: int, size: int) -> Any:
    """The constant of a population, or those of the neurons begin .. begin + size - 1; see ``side_by_side``."""
    return values[population] if values.ndim == 1 else values[0, begin : begin + size]


@overload(of_block, inline="always")
def _of_block(values, population, begin, size):  # type: ignore[no-untyped-def]
    if values.ndim == 1:
        return lambda values, population, begin, size: values[population]
    return lambda values, population, begin, size: values[0, begin : begin + size]


Drives = tuple[Any, Any, Any, Any, Any, Any, Any]
"""Poisson input of a group by population: as ``Drive``, the keys of all neurons, the rest one row per population, salts
among it."""


def drives_of(drives: list[Drive], sizes: list[int]) -> Drives:
    """The Poisson input of populations side by side; NO_DRIVE becomes one that never arrives."""
    keys = [
        np.zeros(size, np.uint64) if drive is NO_DRIVE else drive[0] for drive, size in zip(drives, sizes, strict=True)
    ]
    salts = np.array([drive[1] for drive in drives], np.uint64)
    thresholds = np.full((len(drives), max(len(drive[2]) for drive in drives)), 2**64 - 1, np.uint64)
    for row, drive in zip(thresholds, drives, strict=True):
        row[: len(drive[2])] = drive[2]
    common, first, weight, delay = (np.array([drive[k] for drive in drives], np.int64) for k in (3, 4, 5, 6))
    delay[[drive is NO_DRIVE for drive in drives]] = MAX_STEPS
    return np.concatenate(keys), salts, thresholds, common, first, weight, delay


@inline
def drive_of(drives, population):  # type: ignore[no-untyped-def]
    """The Poisson input of one population, its keys still those of the whole group."""
    keys, salts, thresholds, common, first, weight, delay = drives
    return (
        keys, salts[population], thresholds[population], common[population], first[population],
        weight[population], delay[population],
    )  # fmt: skip
