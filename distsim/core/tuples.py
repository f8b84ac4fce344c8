"""Functions of every entry of a tuple, in kernels and in plain Python: loops over their entries would not vectorise.

Kernels of neurons take state, constants and input as tuples of arrays, of which each may be a tuple again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat, starmap
from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import lower_builtin, overload, register_jitable

from distsim.core.jit import INLINED


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

    TypingError where they differ in length.
    """
    lengths = [len(value) for value in values if isinstance(value, kind)]
    if len(set(lengths)) != 1:
        raise TypingError(f"tuples of {' and '.join(map(str, lengths))} entries do not go together")
    return zip(*[value if isinstance(value, kind) else repeat(value, lengths[0]) for value in values], strict=True)


def _let_kernels_call(each: Any, of_entries: Any, of_others: Any = None) -> None:
    """Let kernels call ``each``: ``of_entries`` of entries of tuples, or, where there is none, ``of_others``.

    The calls are written where ``each`` is called: as a function of numba's own it would be compiled once more for
    every kind of arguments.
    """

    def resolved(context: Any, function: Any, kinds: Sequence[Any]) -> tuple[Any, Any]:
        of_function = context.resolve_value_type(function)
        return of_function, context.resolve_function_type(of_function, tuple(kinds), {})

    class Each(AbstractTemplate):  # type: ignore[misc]
        key = each

        def generic(self, kinds: Any, named: Any) -> Any:
            if of_others is not None and not has(kinds, types.BaseTuple):
                return resolved(self.context, of_others, kinds)[1]
            entries = of_each_entry(kinds, types.BaseTuple)
            returned = [resolved(self.context, of_entries, kinds_k)[1].return_type for kinds_k in entries]
            return signature(types.Tuple(returned), *kinds)

    infer_global(each, types.Function(Each))

    @lower_builtin(each, types.VarArg(types.Any))  # type: ignore[untyped-decorator]
    def write(context: Any, builder: Any, typed: Any, values: Sequence[Any]) -> Any:
        def called(function: Any, kinds: Sequence[Any], values: Sequence[Any]) -> Any:
            return context.get_function(*resolved(context.typing_context, function, kinds))(builder, values)

        if not has(typed.args, types.BaseTuple):
            return called(of_others, typed.args, values)
        found = []
        for k, kinds in enumerate(of_each_entry(typed.args, types.BaseTuple)):
            pairs = zip(values, typed.args, strict=True)
            entries = [builder.extract_value(v, k) if isinstance(t, types.BaseTuple) else v for v, t in pairs]
            found.append(called(of_entries, kinds, entries))
        return context.make_tuple(builder, typed.return_type, found)


def _at(values: Any, i: int) -> Any:
    return values[i] if isinstance(values, np.ndarray) else values


@overload(_at, jit_options=INLINED)
def _at_compiled(values, i):  # type: ignore[no-untyped-def]
    return (lambda values, i: values[i]) if isinstance(values, types.Array) else (lambda values, i: values)


at = over_nested(_at)
"""values[i] of an array, a number itself; of a tuple those of its entries."""


@register_jitable(**INLINED)  # type: ignore[untyped-decorator]
def _store(values: Any, i: int, new: Any) -> None:
    values[i] = new


store = over_nested(_store)
"""(values, i, new): let values[i] of an array be new; of those of a tuple the entries of new, or all the number."""


def _part(values: Any, begin: int, size: int) -> Any:
    return values[begin : begin + size] if isinstance(values, np.ndarray) else values


@overload(_part, jit_options=INLINED)
def _part_compiled(values, begin, size):  # type: ignore[no-untyped-def]
    if isinstance(values, types.Array):
        return lambda values, begin, size: values[begin : begin + size]
    return lambda values, begin, size: values


part = over_nested(_part)
"""values[begin : begin + size] of an array, a number itself; of a tuple those of its entries."""


def _row(values: Any, k: int) -> Any:
    return values[k] if isinstance(values, np.ndarray) else values + k


@overload(_row, jit_options=INLINED)
def _row_compiled(values, k):  # type: ignore[no-untyped-def]
    return (lambda values, k: values[k]) if isinstance(values, types.Array) else (lambda values, k: values + k)


row = over_nested(_row)
"""values[k] of an array; of a number, a column of a table, the k-th after it; of a tuple those of its entries."""


def _looked_up(values: Any, table: Any, p: int) -> Any:
    if isinstance(values, np.ndarray):
        return values if values.ndim == 1 else values[p, 0]
    return table[p, values]


@overload(_looked_up, jit_options=INLINED)
def _looked_up_compiled(values, table, p):  # type: ignore[no-untyped-def]
    if not isinstance(values, types.Array):
        return lambda values, table, p: table[p, values]
    return (lambda values, table, p: values) if values.ndim == 1 else (lambda values, table, p: values[p, 0])


looked_up = over_nested(_looked_up)
"""table[p, values] of a number, entry p of an array (rows, 1), an array (n,) itself; of a tuple those of each."""


def same_kind(values: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """The values as all floats, or, where one of them is an array, all as arrays (n,) of one type: new and writable."""
    if not any(isinstance(value, np.ndarray) for value in values):
        return tuple(float(value) for value in values)
    return tuple(np.array(np.broadcast_to(value, n), np.float64) for value in values)
