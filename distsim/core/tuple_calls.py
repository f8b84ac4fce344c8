"""Calls of functions of every entry of a tuple, see ``tuples``, as numba's compiler is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numba import types
from numba.core.errors import TypingError
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import lower_builtin

from distsim.core.tuples import has, of_each_entry


def _entries(kinds: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        return list(of_each_entry(kinds, types.BaseTuple))
    except ValueError as error:
        raise TypingError(str(error)) from error


def let_kernels_call(each: Any, of_entries: Any, of_others: Any = None) -> None:
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
            entries = _entries(kinds)
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
        for k, kinds in enumerate(_entries(typed.args)):
            pairs = zip(values, typed.args, strict=True)
            entries = [builder.extract_value(v, k) if isinstance(t, types.BaseTuple) else v for v, t in pairs]
            found.append(called(of_entries, kinds, entries))
        return context.make_tuple(builder, typed.return_type, found)
