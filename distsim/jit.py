"""How kernels are compiled: one decorator, so that every kernel obeys the same rules of arithmetic.

No fastmath: LLVM may then neither reorder nor fuse floating-point operations, and the vector body and the scalar
remainder of a loop give the same bits. ``error_model="numpy"`` keeps the branch for division by zero out of the loops.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.extending import intrinsic, overload, register_jitable

from distsim import accurate


def use_full_vector_width() -> None:
    """Let LLVM use 512-bit registers where the processor has them (its tuning of some Intel processors prefers 256)."""
    if config.CPU_FEATURES is None and config.CPU_NAME is None:
        features = llvm.get_host_cpu_features()
        if features.get("avx512f"):
            config.CPU_FEATURES = features.flatten() + ",-prefer-256-bit"


def _sources() -> str:
    """A digest of name, size and time of change of all modules of the package."""
    folder = Path(__file__).parent
    stats = sorted((str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*.py"))
    return hashlib.sha256(repr(stats).encode()).hexdigest()


class PackageCache(FunctionCache):  # type: ignore[misc]
    """numba's cache, but machine code is only used again while no module of the package has changed.

    numba looks at the file of the kernel alone and would run old code of a function that the kernel calls.
    """

    digest = _sources()

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), self.digest)


def jit(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on its first call and keep the machine code in numba's cache."""
    dispatcher = njit(error_model="numpy")(function)
    if not config.DISABLE_JIT:
        dispatcher._cache = PackageCache(function)
    return dispatcher


def inline(function: Callable[..., Any]) -> Any:
    """Compile a small function so that it always becomes part of its callers (loops over it can then vectorise)."""
    return njit(error_model="numpy", forceinline=True)(function)


def allow_accurate_functions() -> None:
    """Let kernels call the functions of ``distsim.accurate`` as they are."""
    for function in accurate.FUNCTIONS:
        register_jitable(error_model="numpy")(function)


@intrinsic
def _prefetch(typing_context, array, index):  # type: ignore[no-untyped-def]
    """llvm.prefetch of the address of array[index]: for reading, to stay in all caches."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte = ir.IntType(8).as_pointer()
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        word = ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0i8")
        builder.call(function, [address, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


def prefetch(array: Any, index: int) -> None:
    """Start to load array[index] (one-dimensional, contiguous) into the cache; in Python it does nothing."""


@overload(prefetch, inline="always")
def _prefetch_compiled(array, index):  # type: ignore[no-untyped-def]
    return lambda array, index: _prefetch(array, index)


def allow_loops_over_many_arrays() -> None:
    """Let LLVM compare up to 128 pairs of array addresses before a vectorised loop (by default it gives up at 8)."""
    llvm.set_option("distsim", "--runtime-memory-check-threshold=128")


use_full_vector_width()
allow_loops_over_many_arrays()
allow_accurate_functions()
