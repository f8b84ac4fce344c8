"""Functions of every entry of a tuple, in kernels and in plain Python: loops over their entries would not vectorise.

Kernels of neurons take state, constants and input as tuples of arrays, of which each may be a tuple again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat, starmap
from typing import Any

import numpy as np

from distsim.core.jit import compilation, in_kernels, part_of_kernels


def over_tuples(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` of tuples of equal lengths: the tuple of its values of their entries; what is no tuple is repeated.

    A kernel may call what is returned wherever it may call ``function``.
    """

    def each(*arguments: Any) -> tuple[Any, ...]:
        return tuple(starmap(function, of_each_entry(arguments, tuple)))

    _let_kernels_call(each, function)
    return each


def over_nested(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``over_tuples``, of tuples of tuples too, and of no tuple at all."""

    def each(*arguments: Any) -> Any:
        if not has(arguments, tuple):
            return function(*arguments)
        return tuple(starmap(each, of_each_entry(arguments, tuple)))

    _let_kernels_call(each, each, function)
    return each


def has(values: Sequence[Any], kind: Any) -> bool:
    """Whether one of ``values`` is of the class ``kind``."""
    return any(map(isinstance, values, repeat(kind)))


def of_each_entry(values: Sequence[Any], kind: Any) -> Iterable[tuple[Any, ...]]:
    """The first entries of those ``values`` that are tuples of the class ``kind`` beside the others, the second, ...

    ValueError where they differ in length.
    """
    lengths = [len(value) for value in values if isinstance(value, kind)]
    if len(set(lengths)) != 1:
        raise ValueError(f"tuples of {' and '.join(map(str, lengths))} entries do not go together")
    return zip(*[value if isinstance(value, kind) else repeat(value, lengths[0]) for value in values], strict=True)


def _let_kernels_call(each: Any, of_entries: Any, of_others: Any = None) -> None:
    """Let kernels call ``each``: ``of_entries`` of entries of tuples, or, where there is none, ``of_others``."""
    compilation.tell(lambda compiler: compiler.let_kernels_call(each, of_entries, of_others))


def _is_array(kind: Any) -> bool:
    """Whether a type of numba is that of arrays."""
    from numba import types

    return isinstance(kind, types.Array)


def _at(values: Any, i: int) -> Any:
    return values[i] if isinstance(values, np.ndarray) else values


@in_kernels(_at)
def _at_compiled(values, i):  # type: ignore[no-untyped-def]
    return (lambda values, i: values[i]) if _is_array(values) else (lambda values, i: values)


at = over_nested(_at)
"""values[i] of an array, a number itself; of a tuple those of its entries."""


@part_of_kernels
def _store(values: Any, i: int, new: Any) -> None:
    values[i] = new


store = over_nested(_store)
"""(values, i, new): let values[i] of an array be new; of those of a tuple the entries of new, or all the number."""


def _part(values: Any, begin: int, size: int) -> Any:
    return values[begin : begin + size] if isinstance(values, np.ndarray) else values


@in_kernels(_part)
def _part_compiled(values, begin, size):  # type: ignore[no-untyped-def]
    if _is_array(values):
        return lambda values, begin, size: values[begin : begin + size]
    return lambda values, begin, size: values


part = over_nested(_part)
"""values[begin : begin + size] of an array, a number itself; of a tuple those of its entries."""


def _row(values: Any, k: int) -> Any:
    return values[k] if isinstance(values, np.ndarray) else values + k


@in_kernels(_row)
def _row_compiled(values, k):  # type: ignore[no-untyped-def]
    return (lambda values, k: values[k]) if _is_array(values) else (lambda values, k: values + k)


row = over_nested(_row)
"""values[k] of an array; of a number, a column of a table, the k-th after it; of a tuple those of its entries."""


def _looked_up(values: Any, table: Any, p: int) -> Any:
    if isinstance(values, np.ndarray):
        return values if values.ndim == 1 else values[p, 0]
    return table[p, values]


@in_kernels(_looked_up)
def _looked_up_compiled(values, table, p):  # type: ignore[no-untyped-def]
    if not _is_array(values):
        return lambda values, table, p: table[p, values]
    return (lambda values, table, p: values) if values.ndim == 1 else (lambda values, table, p: values[p, 0])


looked_up = over_nested(_looked_up)
"""table[p, values] of a number, entry p of an array (rows, 1), an array (n,) itself; of a tuple those of each."""


def same_kind(values: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """The values as all floats, or, where one of them is an array, all as arrays (n,) of one type: new and writable."""
    if not any(isinstance(value, np.ndarray) for value in values):
        return tuple(float(value) for value in values)
    return tuple(np.array(np.broadcast_to(value, n), np.float64) for value in values)
