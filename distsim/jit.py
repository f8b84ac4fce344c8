"""How kernels are compiled: one decorator, so that every kernel obeys the same rules of arithmetic.

No fastmath: LLVM may then neither reorder nor fuse floating-point operations, and the vector body and the scalar
remainder of a loop give the same bits. ``error_model="numpy"`` keeps the branch for division by zero out of the loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from numba import config, njit


def use_full_vector_width() -> None:
    """Let LLVM use 512-bit registers where the processor has them (its tuning of some Intel processors prefers 256)."""
    if config.CPU_FEATURES is None and config.CPU_NAME is None:
        features = llvm.get_host_cpu_features()
        if features.get("avx512f"):
            config.CPU_FEATURES = features.flatten() + ",-prefer-256-bit"


use_full_vector_width()


def jit(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on its first call and keep the machine code in numba's cache."""
    return njit(cache=True, error_model="numpy")(function)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a small function so that it always becomes part of its callers (loops over it can then vectorise)."""
    return njit(error_model="numpy", forceinline=True)(function)
