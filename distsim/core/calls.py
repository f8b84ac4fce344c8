"""Calls of compiled kernels by address, so that one function can call kernels of any types, and is compiled once.

A kernel called by its name becomes part of its caller, and is compiled once more with it. The arguments of a kernel
lie in memory, as words of 64 bits in the order in which machine code takes them; for each list of types there is a
small function, a thunk, which reads them and calls the kernel: thunk(address of a kernel, address of its arguments).
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import typeof, types
from numba._dispatcher import compute_fingerprint
from numba.core import cgutils
from numba.extending import intrinsic, overload

from distsim.core.jit import jit

Int64Array = npt.NDArray[np.int64]

WORD = 8  # bytes
SIZE, DATA, SHAPE, OF_ARRAY = 2, 4, 5, 7
"""Words of an array of one dimension: its size, its address, its length; and how many it has."""


class Blocks:
    """Arguments of kernels, one block after the other in ``memory`` (words,) int64, and what they point to.

    Arrays are given by address: a block is of use until one of them is replaced.
    """

    def __init__(self) -> None:
        self._words: list[int] = []
        self._held: list[Any] = []

    def add(self, arguments: tuple[Any, ...]) -> int:
        """The number of the first word of the block of ``arguments``."""
        begin = len(self._words)
        self._words += words(arguments)
        self._held.append(arguments)
        return begin

    @property
    def memory(self) -> Int64Array:
        return np.array([*self._words, 0], np.int64)


def words(value: Any) -> list[int]:
    """``value`` as machine code takes it: a number, an array or a tuple of them; TypeError for anything else."""
    found: list[int] = []
    _put(value, found)
    return found


def _put(value: Any, found: list[int]) -> None:
    """Append the words of ``value``."""
    if isinstance(value, tuple):
        for entry in value:
            _put(entry, found)
    elif isinstance(value, np.ndarray):
        address = value.__array_interface__["data"][0]
        found += (0, 0, value.size, value.itemsize, address, *value.shape, *value.strides)
    elif isinstance(value, float):
        found += struct.unpack("q", struct.pack("d", value))
    elif type(value) in (int, np.int64):
        found.append(int(value))
    elif isinstance(value, np.uint64):
        found.append(int(value.view(np.int64)))
    else:
        raise TypeError(f"compiled code cannot be given {type(value).__name__} in memory")


def addresses_of(kernel: Any, arguments: tuple[Any, ...]) -> tuple[int, int]:
    """Where the machine code of ``kernel`` for arguments of these types begins, and that of its thunk.

    Raises TypeError unless it returns an int64.
    """
    call = kernel, compute_fingerprint(arguments)
    if call not in _known:
        kinds = tuple(typeof(argument) for argument in arguments)
        _known[call] = _address(kernel, kinds), _address(thunk_of(kinds), (types.int64, types.int64))
    return _known[call]


_known: dict[Any, tuple[int, int]] = {}
"""Addresses by kernel and types of arguments: to find them out takes as long as many intervals."""


def _address(kernel: Any, kinds: tuple[Any, ...]) -> int:
    kernel.compile(kinds)
    compiled = kernel.overloads[kinds]
    returned = types.unliteral(compiled.signature.return_type)
    if returned != types.int64:
        raise TypeError(f"{kernel.py_func.__qualname__} returns {returned}, not a whole number")
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


@cache
def thunk_of(kinds: tuple[Any, ...]) -> Any:
    """The thunk of kernels (*kinds) -> int64."""

    @intrinsic
    def call_with(typing_context, kernel, block):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
            packer = context.get_arg_packer(kinds)
            block = builder.inttoptr(values[1], ir.IntType(64).as_pointer())
            given = [_read(builder, block, k, kind) for k, kind in enumerate(packer.argument_types)]
            return _call_native(context, builder, values[0], kinds, packer.from_arguments(builder, given))

        return types.int64(types.int64, types.int64), generate

    @jit
    def thunk(kernel, block):  # type: ignore[no-untyped-def]
        return call_with(kernel, block)

    return thunk


def _read(builder: Any, block: Any, k: int, kind: Any) -> Any:
    """Word ``k`` of a block as an LLVM value of the type ``kind``, which has 64 bits."""
    word = builder.load(builder.gep(block, [ir.IntType(64)(k)]))
    if isinstance(kind, ir.PointerType):
        return builder.inttoptr(word, kind)
    return builder.bitcast(word, kind) if isinstance(kind, ir.DoubleType) else word


def _call_native(context: Any, builder: Any, address: Any, kinds: tuple[Any, ...], given: Any) -> Any:
    """Call the kernel at ``address``, (*kinds) -> int64; what it raises the caller raises."""
    kernel = builder.inttoptr(address, ir.PointerType(context.call_conv.get_function_type(types.int64, kinds)))
    status, result = context.call_conv.call_function(builder, kernel, types.int64, kinds, given)
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
    return result


def call(address: int, arguments: tuple[Any, ...]) -> int:
    """What the kernel at ``address`` returns for ``arguments``, which must be of the types that it was made for."""
    raise RuntimeError("only compiled code calls this")


@overload(call, jit_options={"forceinline": True})
def _call(address, arguments):  # type: ignore[no-untyped-def]
    return lambda address, arguments: _call_at(address, arguments)


@intrinsic
def _call_at(typing_context, address, arguments):  # type: ignore[no-untyped-def]
    kinds = tuple(arguments.types)

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        given = [builder.extract_value(values[1], k) for k in range(len(kinds))]
        return _call_native(context, builder, values[0], kinds, given)

    return types.int64(types.int64, arguments), generate
