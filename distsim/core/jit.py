"""How kernels are compiled: one decorator, so that every kernel obeys the same rules of arithmetic.

No fastmath: LLVM may then neither reorder nor fuse floating-point operations, and the vector body and the scalar
remainder of a loop give the same bits. ``error_model="numpy"`` keeps the branch for division by zero out of the loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, SupportsIndex

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

from distsim.core import accurate
from distsim.core.cache_lines import LINE
from distsim.core.kernel_cache import KernelCache


def use_full_vector_width() -> None:
    """Let LLVM use 512-bit registers where the processor has them (its tuning of some Intel processors prefers 256)."""
    if config.CPU_FEATURES is None and config.CPU_NAME is None:
        features = llvm.get_host_cpu_features()
        if features.get("avx512f"):
            config.CPU_FEATURES = features.flatten() + ",-prefer-256-bit"


def jit(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on its first call and keep the machine code on disk, see ``kernel_cache``."""
    return _kept(function)


def jit_beside(function: Callable[..., Any]) -> Any:
    """As ``jit``, of a function while which runs other threads go on."""
    return _kept(function, nogil=True)


def _kept(function: Callable[..., Any], **options: bool) -> Any:
    dispatcher = njit(error_model="numpy", **options)(function)
    if not config.DISABLE_JIT:
        dispatcher._cache = KernelCache(function, dispatcher.targetoptions)
    return dispatcher


def inline(function: Callable[..., Any]) -> Any:
    """Compile a small function so that it always becomes part of its callers (loops over it can then vectorise)."""
    return njit(error_model="numpy", forceinline=True)(function)


def native(function: Callable[..., Any]) -> Any:
    """As ``jit_beside``, of a function that plain Python cannot run: it calls others by address, or a library's."""
    return jit_beside(function)


def native_inline(function: Callable[..., Any]) -> Any:
    """As ``inline``, of a function that plain Python cannot run."""
    return inline(function)


def allow_accurate_functions() -> None:
    """Let kernels call the functions of ``distsim.core.accurate`` as they are."""
    for function in accurate.FUNCTIONS:
        register_jitable(error_model="numpy")(function)


@intrinsic
def _prefetch(typing_context, array, index):  # type: ignore[no-untyped-def]
    """llvm.prefetch of the address of array[index]."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        ask_for(builder, builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


def ask_for(builder: Any, address: Any) -> None:
    """Write the instruction that starts to load what lies at ``address``, for reading, to stay in all caches."""
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    function_type = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0i8")
    builder.call(function, [address, word(0), word(3), word(1)])


def prefetch(array: Any, index: int) -> None:
    """Start to load array[index] (one-dimensional, contiguous) into the cache; in Python it does nothing."""


@overload(prefetch, inline="always")
def _prefetch_compiled(array, index):  # type: ignore[no-untyped-def]
    return lambda array, index: _prefetch(array, index)


@intrinsic
def _prefetch_at(typing_context, address):  # type: ignore[no-untyped-def]
    """As ``_prefetch``, of an address."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        ask_for(builder, builder.inttoptr(arguments[0], ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def _address(typing_context, array, index):  # type: ignore[no-untyped-def]
    """The address of array[index]."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(builder.gep(data, [arguments[1]]), ir.IntType(64))

    return types.int64(array, types.int64), generate


def prefetch_between(array: Any, begin: SupportsIndex, end: SupportsIndex) -> None:
    """Start to load array[begin:end] (one-dimensional, contiguous), which is not empty, into the cache."""


# numba's own way to inline takes variables of several such calls for one
@overload(prefetch_between, jit_options={"forceinline": True})
def _prefetch_between_compiled(array, begin, end):  # type: ignore[no-untyped-def]
    def each_line(array, begin, end):  # type: ignore[no-untyped-def]
        place, last = _address(array, begin), _address(array, end - 1)
        while place < last:
            _prefetch_at(place)
            place += LINE
        _prefetch_at(last)

    return each_line


def allow_loops_over_many_arrays() -> None:
    """Let LLVM compare up to 512 pairs of array addresses before a vectorised loop (by default it gives up earlier).

    A neuron with two currents and parameters of its own has 25 arrays.
    """
    llvm.set_option("distsim", "--runtime-memory-check-threshold=512")
    llvm.set_option("distsim", "--vectorize-memory-check-threshold=512")


use_full_vector_width()
allow_loops_over_many_arrays()
allow_accurate_functions()
