"""A quantity of many neurons or synapses: one number, an array with one entry each, or a distribution."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import MISSING
from functools import partial
from os import PathLike
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from distsim.core.declared import parameter
from distsim.core.distributions import Distribution, Stored
from distsim.core.errors import InputError
from distsim.core.mapped import blocks, mapped
from distsim.core.rng import streams_of
from distsim.core.units import LARGEST, MAX_STEPS, SMALLEST, check_number, shown

LONG = 8  # arrays that are described one by one, at most
SAMPLE = 1001  # numbers of which a median is taken
MOST_DECAY = 300.0  # dt / tau, at most: exp of it, and its products with quantities of any size, are numbers

Value = float | npt.NDArray[np.float64] | Distribution


def is_distribution(value: Any) -> TypeGuard[Distribution]:
    """Whether ``value`` is a distribution; a class of distributions is none."""
    if isinstance(value, (float, int, np.ndarray)):  # to ask whether it is a distribution takes microseconds
        return False
    return isinstance(value, Distribution) and not isinstance(value, type)


def check_value(value: Any, name: str, *, low: float = -np.inf, above: float = -np.inf) -> Value:
    """``value`` as a float, a frozen float64 array or a distribution.

    Raises InputError for anything else, for NaN or infinity, and for values below ``low``, not above ``above``, or
    larger than the numbers that ``check_number`` takes.
    """
    if is_distribution(value):
        smallest, _ = value.bounds()
        if smallest < low or -np.inf < above >= smallest:
            limit = f"at least {low:g}" if smallest < low else f"larger than {above:g}"
            raise InputError(f"{name} must be {limit}, but {value} can be {smallest:g}; wrap it in Clipped(...)")
        return value
    if isinstance(value, (list, tuple, range, PathLike)) or (isinstance(value, np.ndarray) and value.ndim > 0):
        return check_array(value, name, low=low, above=above)
    return check_number(value, name, low=low, above=above)


def check_array(values: Any, name: str, *, low: float = -np.inf, above: float = -np.inf) -> npt.NDArray[np.float64]:
    """``values`` as a read-only float64 array of finite numbers within the limits, or InputError naming the entry.

    A path stands for the array of a file, see ``core.mapped``, which is looked at piece by piece and stays there.
    """
    array = mapped(values, np.float64, name) if isinstance(values, PathLike) else _numbers(values, name)
    smallest = max(low, SMALLEST) if above == 0.0 else low
    for begin, block in blocks(np.atleast_1d(array)):
        wrong = ~(np.abs(block) <= LARGEST) | (block < smallest) | (block <= above)  # not-a-number is wrong, too
        if wrong.any():
            first, *others = (int(i) for i in np.argwhere(wrong)[0])
            index = (begin + first, *others) if array.ndim else ()
            place = f"[{', '.join(map(str, index))}]" if index else ""
            check_number(float(array[index]), f"{name}{place}", low=low, above=above)
    array.setflags(write=False)
    return array


def _numbers(values: Any, name: str) -> npt.NDArray[np.float64]:
    """``values`` as a new float64 array; InputError where they are no real numbers."""
    if isinstance(values, range) and len(values) > MAX_STEPS:
        raise InputError(f"{name} must hold at most {MAX_STEPS} numbers, got {values}")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O":  # numbers of other kinds, such as fractions
            flat = [check_number(value, f"{name}[{i}]") for i, value in enumerate(array.ravel().tolist())]
            array = np.array(flat, np.float64).reshape(array.shape)
        elif array.dtype.kind not in "biuf" and array.size:
            raise TypeError
        return np.array(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} must hold numbers, got {shown(values)}") from None


def check_shape(value: Value, shape: tuple[int, ...], name: str) -> None:
    """InputError where ``value`` is an array of another shape than ``shape``."""
    if isinstance(value, np.ndarray) and value.shape != shape:
        raise InputError(f"{name} has shape {value.shape}, but must have shape {shape} or be one number")


def of_each(default: Any = MISSING, unit: str = "1", *, low: float = -np.inf, above: float = -np.inf) -> Any:
    """A parameter of which each neuron or synapse has its own: one number, an array, or a distribution.

    At least ``low`` and larger than ``above``.
    """
    return parameter(partial(check_value, low=low, above=above), "of each", default, unit, _check_shape)


def time_constant(default: Any = MISSING) -> Any:
    """A positive ``of_each`` in ms, by which something decays within a step: not far below dt."""
    return parameter(partial(check_value, above=0.0), "of each", default, "ms", _check_decay)


def _check_shape(value: Value, shape: tuple[int, ...], dt: float, name: str) -> None:
    check_shape(value, shape, name)


def _check_decay(value: Value, shape: tuple[int, ...], dt: float, name: str) -> None:
    check_shape(value, shape, name)
    check_time_constant(value, dt, name)


def check_time_constant(value: Value, dt: float, name: str) -> None:
    """InputError where a time constant (ms) is, or can be, so far below dt that exp(dt / tau) is no number."""
    smallest = bounds(value)[0]
    if dt > MOST_DECAY * smallest:
        raise InputError(
            f"{name} = {smallest:g} ms must be at least {dt / MOST_DECAY:g} ms, dt / {MOST_DECAY:g}"
            + ("; wrap the distribution in Clipped(...)" if is_distribution(value) else "")
        )


def bounds(value: Value) -> tuple[float, float]:
    """The smallest and largest value that can occur; infinity and minus infinity for an empty array."""
    if not isinstance(value, (float, np.ndarray)):
        return value.bounds()
    return float(np.min(value, initial=np.inf)), float(np.max(value, initial=-np.inf))


def largest(value: Value) -> float:
    """The largest value that can occur; minus infinity for an empty array."""
    return bounds(value)[1]


def typical_sizes(value: Value) -> npt.NDArray[np.float64]:
    """Sizes (n,) of a number or of the entries of an array, without zeros; of a distribution the median size, (1,).

    The median is that of numbers drawn from streams of their own, always the same.
    """
    if not isinstance(value, Distribution):
        sizes = np.abs(np.ravel(value))
        return sizes[sizes > 0.0]
    streams = streams_of(0, "typical size", 0, np.arange(SAMPLE))
    sizes = typical_sizes(value.sample(streams, np.zeros(SAMPLE, np.int64)))
    return np.array([np.median(sizes)]) if len(sizes) else sizes


def values_of_neurons(
    value: Value, seed: int, purpose: str, gids: npt.NDArray[np.int64], first_gid: int, trial: int = 0
) -> float | npt.NDArray[np.float64]:
    """The values of the neurons ``gids`` of one population: a float where all are equal, else (n,) float64.

    ``purpose`` keys the stream of a distribution, of which trial number ``trial`` takes that number; entry i of an
    array, or of values in a file, belongs to gid ``first_gid`` + i.
    """
    if isinstance(value, np.ndarray):
        return value[gids - first_gid]
    if isinstance(value, float):
        return value
    if isinstance(value, Stored):
        return value.of_entries(gids - first_gid)
    if isinstance(value, Distribution):
        return value.sample(streams_of(seed, purpose, 0, gids), np.full(len(gids), trial, np.int64))
    return value


def describe(thing: Any) -> Any:
    """A JSON-ready description of frozen data: dataclasses by class name and fields, arrays by shape, bounds and hash.

    Numbers that JSON does not have (an open bound) become strings; long lists of arrays are described as a whole.
    """
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        told = [(f, getattr(thing, f.name)) for f in dataclasses.fields(thing) if f.repr]
        fields = {f.name: describe(value) for f, value in told if f.metadata.get("told", True) or value != f.default}
        return {"class": type(thing).__name__, **fields}
    if isinstance(thing, np.ndarray):
        if not thing.size:
            return {"shape": list(thing.shape)}
        bounds = {"min": float(thing.min()), "max": float(thing.max())}
        return {"shape": list(thing.shape), **bounds, "hash": _digest(thing)}
    if isinstance(thing, tuple) and len(thing) > LONG and all(isinstance(item, np.ndarray) for item in thing):
        return {"arrays": len(thing), "together": describe(np.concatenate(thing))}
    if isinstance(thing, (list, tuple)):
        return [describe(item) for item in thing]
    if isinstance(thing, dict):
        return {str(key): describe(item) for key, item in thing.items()}
    if isinstance(thing, np.generic):
        return describe(thing.item())
    if isinstance(thing, float) and not math.isfinite(thing):
        return str(thing)
    return thing


def _digest(array: npt.NDArray[Any]) -> str:
    """A hash of the numbers of an array, a few rows at a time: a part of a matrix is never copied as a whole."""
    found = hashlib.blake2b(digest_size=8)
    for _, block in blocks(array):
        found.update(np.ascontiguousarray(block, "<f8").data)
    return found.hexdigest()
