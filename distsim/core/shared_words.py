"""Words of memory by address, and what ranks that share memory need: loads and stores that are seen in order.

An address is a whole number, ``array.ctypes.data``; a word is a uint64. What is written before a ``store`` is seen by
whoever sees the stored word by ``load`` (release and acquire).
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic, overload

from distsim.core.jit import INLINED

_WORD = 8  # bytes
_sched_yield = types.ExternalFunction("sched_yield", types.int32())


@intrinsic
def _pointer(typing_context, address):  # type: ignore[no-untyped-def]
    """The address of words as a pointer."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.uint64)(types.int64), generate


@intrinsic
def _load(typing_context, address):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "acquire", _WORD)

    return types.uint64(types.int64), generate


@intrinsic
def _store(typing_context, address, value):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store_atomic(arguments[1], pointer, "release", _WORD)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), generate


def words(address: int, n: Any) -> Any:
    """The ``n`` words (n,) uint64 at ``address``."""
    return np.ctypeslib.as_array((ctypes.c_uint64 * int(n)).from_address(int(address)))


def load(address: int) -> Any:
    """The word at ``address``; what was written before it was stored can be read."""
    return words(address, 1)[0]


def store(address: int, value: Any) -> None:
    """Write the word at ``address``, after all that was written before."""
    words(address, 1)[0] = value


def give_way() -> None:
    """Let others have the core, if any wait for it."""
    time.sleep(0)


@overload(words, jit_options=INLINED)
def _words_compiled(address, n):  # type: ignore[no-untyped-def]
    return lambda address, n: carray(_pointer(address), n)


@overload(load, jit_options=INLINED)
def _load_compiled(address):  # type: ignore[no-untyped-def]
    return lambda address: _load(address)


@overload(store, jit_options=INLINED)
def _store_compiled(address, value):  # type: ignore[no-untyped-def]
    return lambda address, value: _store(address, value)


@overload(give_way, jit_options=INLINED)
def _give_way_compiled():  # type: ignore[no-untyped-def]
    def call():  # type: ignore[no-untyped-def]
        _sched_yield()

    return call
