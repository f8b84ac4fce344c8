"""Equations of one synapse in loops over many: what each has of its own, (edges,) or (1,), is one tuple per edge."""

from __future__ import annotations

import inspect
from typing import Any

from distsim.core.errors import InputError
from distsim.core.jit import in_kernels, inline


def equation(function: Any, *arguments: str) -> Any:
    """``function``, compiled as part of its callers; InputError unless it takes these ``arguments``."""
    taken = list(inspect.signature(function).parameters) if callable(function) else []
    if len(taken) != len(arguments):
        name = getattr(function, "__name__", repr(function))
        raise InputError(f"{name} must be a function of ({', '.join(arguments)}), not of ({', '.join(taken)})")
    return inline(function)


def entries(arrays: Any, edge: int) -> Any:
    """The values of ``edge``, a tuple of as many as there are arrays."""
    return tuple(float(array[0 if array.size == 1 else edge]) for array in arrays)


@in_kernels(entries, jit_options={})
def _entries(arrays, edge):  # type: ignore[no-untyped-def]
    if len(arrays) == 0:
        return lambda arrays, edge: ()
    return lambda arrays, edge: (float(arrays[0][0 if arrays[0].size == 1 else edge]),) + entries(arrays[1:], edge)  # noqa: RUF005 # numba


def put(values: Any, arrays: Any, edge: int) -> None:
    """Write one value to each of the arrays (edges,)."""
    for value, array in zip(values, arrays, strict=True):
        array[edge] = value


@in_kernels(put, jit_options={})
def _put(values, arrays, edge):  # type: ignore[no-untyped-def]
    if len(arrays) == 0:
        return lambda values, arrays, edge: None

    def put_first(values, arrays, edge):  # type: ignore[no-untyped-def]
        arrays[0][edge] = values[0]
        put(values[1:], arrays[1:], edge)

    return put_first
