"""What the engine asks of the neurons of one population on one rank, whatever their model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import overload

from distsim.counts import Drive
from distsim.network.network import Population
from distsim.network.values import Value, values_of_neurons

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


class Group(Protocol):
    """The local neurons of one population: their state, and how it advances."""

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

        ring (inputs, slots, n) int64: summed input arriving in each step, in units of ``unit`` (pA), read and cleared.
        current (n_steps,): injected current during each step (pA). drives: Poisson input, one for each
        input. index, stamp (capacity,): local index and step of
        each spike, written, in the order of time for each neuron.
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
