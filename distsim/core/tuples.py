"""Functions of every entry of a tuple, in kernels and in plain Python: loops over their entries would not vectorise.

Kernels of neurons take state, constants and input as tuples of arrays, of which each may be a tuple again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

INLINE = {"forceinline": True, "error_model": "numpy"}


def over_tuples(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` of tuples of equal lengths: the tuple of its values of their entries; what is no tuple is repeated.

    A kernel may call what is returned wherever it may call ``function``.
    """
    names = list(inspect.signature(getattr(function, "py_func", function)).parameters)

    def each(*arguments: Any) -> tuple[Any, ...]:
        n = common_length([len(value) for value in arguments if isinstance(value, tuple)])
        return tuple(function(*(a[k] if isinstance(a, tuple) else a for a in arguments)) for k in range(n))

    def compiled(*kinds: Any) -> Callable[..., Any]:
        n = common_length([len(kind) for kind in kinds if isinstance(kind, types.BaseTuple)])
        is_tuple = [isinstance(kind, types.BaseTuple) for kind in kinds]
        entry = ", ".join(f"{name}[{{0}}]" if many else name for name, many in zip(names, is_tuple, strict=True))
        calls = "".join(f"function({entry.format(k)}), " for k in range(n))
        return _lambda(names, f"({calls})", function=function)

    overload(each, jit_options=INLINE)(_lambda(names, f"compiled({', '.join(names)})", compiled=compiled))
    return each


def common_length(lengths: list[int]) -> int:
    """The length of tuples that are taken together; TypingError where they differ."""
    if len(set(lengths)) != 1:
        raise TypingError(f"tuples of {' and '.join(map(str, lengths))} entries do not go together")
    return lengths[0]


def _lambda(names: list[str], body: str, **known: Any) -> Any:
    """``lambda names: body``; numba takes the names of arguments for what they are, so they cannot be starred."""
    return eval(f"lambda {', '.join(names)}: {body}", {"__name__": __name__, **known})


def at(values: Any, i: int) -> Any:
    """values[i] of an array, a number itself; of a tuple those of its entries."""
    if isinstance(values, tuple):
        return at_each(values, i)
    return values[i] if isinstance(values, np.ndarray) else values


at_each = over_tuples(at)


@overload(at, jit_options=INLINE)
def _at(values, i):  # type: ignore[no-untyped-def]
    if isinstance(values, types.BaseTuple):
        return lambda values, i: at_each(values, i)
    return (lambda values, i: values[i]) if isinstance(values, types.Array) else (lambda values, i: values)


def store(values: Any, i: int, new: Any) -> None:
    """Let values[i] of an array be ``new``; of the arrays of a tuple the entries of ``new``, or all the number."""
    if isinstance(values, tuple):
        stores(values, i, new)
    else:
        values[i] = new


stores = over_tuples(store)


@overload(store, jit_options=INLINE)
def _store(values, i, new):  # type: ignore[no-untyped-def]
    if isinstance(values, types.BaseTuple):
        return lambda values, i, new: stores(values, i, new)

    def store_one(values, i, new):  # type: ignore[no-untyped-def]
        values[i] = new

    return store_one


def part(values: Any, begin: int, size: int) -> Any:
    """values[begin : begin + size] of an array, a number itself; of a tuple those of its entries."""
    if isinstance(values, tuple):
        return part_of_each(values, begin, size)
    return values[begin : begin + size] if isinstance(values, np.ndarray) else values


part_of_each = over_tuples(part)


@overload(part, jit_options=INLINE)
def _part(values, begin, size):  # type: ignore[no-untyped-def]
    if isinstance(values, types.BaseTuple):
        return lambda values, begin, size: part_of_each(values, begin, size)
    if isinstance(values, types.Array):
        return lambda values, begin, size: values[begin : begin + size]
    return lambda values, begin, size: values


def row(values: Any, k: int) -> Any:
    """values[k] of an array; of a number, a column of a table, the k-th after it; of a tuple those of its entries."""
    if isinstance(values, tuple):
        return row_of_each(values, k)
    return values[k] if isinstance(values, np.ndarray) else values + k


row_of_each = over_tuples(row)


@overload(row, jit_options=INLINE)
def _row(values, k):  # type: ignore[no-untyped-def]
    if isinstance(values, types.BaseTuple):
        return lambda values, k: row_of_each(values, k)
    return (lambda values, k: values[k]) if isinstance(values, types.Array) else (lambda values, k: values + k)


def looked_up(values: Any, table: Any, p: int) -> Any:
    """table[p, values] of a number, entry p of an array (rows, 1), an array (n,) itself; of a tuple those of each."""
    if isinstance(values, tuple):
        return each_looked_up(values, table, p)
    if isinstance(values, np.ndarray):
        return values if values.ndim == 1 else values[p, 0]
    return table[p, values]


each_looked_up = over_tuples(looked_up)


@overload(looked_up, jit_options=INLINE)
def _looked_up(values, table, p):  # type: ignore[no-untyped-def]
    if isinstance(values, types.BaseTuple):
        return lambda values, table, p: each_looked_up(values, table, p)
    if not isinstance(values, types.Array):
        return lambda values, table, p: table[p, values]
    return (lambda values, table, p: values) if values.ndim == 1 else (lambda values, table, p: values[p, 0])


def same_kind(values: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """The values as all floats, or, where one of them is an array, all as arrays (n,) of one type: new and writable."""
    if not any(isinstance(value, np.ndarray) for value in values):
        return tuple(float(value) for value in values)
    return tuple(np.array(np.broadcast_to(value, n), np.float64) for value in values)
