"""How kernels are compiled: one decorator, so that every kernel obeys the same rules of arithmetic.

No fastmath: LLVM may then neither reorder nor fuse floating-point operations, and the vector body and the scalar
remainder of a loop give the same bits. ``error_model="numpy"`` keeps the branch for division by zero out of the loops.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, SupportsIndex

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic, lower_builtin, overload, register_jitable, type_callable

from distsim.core import accurate
from distsim.core.cache_lines import LINE
from distsim.core.kernel_cache import KernelCache

PLAIN = {"nopython": True, "boundscheck": None, "error_model": "numpy"}
"""Options of every function."""
PART = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options of a function that only kernels call: without those that convert its arguments for Python and for C."""
INLINED = {**PART, "forceinline": True}
"""Options of a function that always becomes part of its callers."""
LANES, NUMBER = 8, 8
"""How many numbers a vector register holds at most, and the bytes of one."""


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
    if config.DISABLE_JIT:
        return function
    kernel = Kernel(function, targetoptions={**PLAIN, "no_cfunc_wrapper": True, **options})
    kernel._cache = KernelCache(function, kernel.targetoptions)
    return kernel


class Kernel(CPUDispatcher):  # type: ignore[misc]
    """A function that Python calls, whose machine code is kept."""

    def _compilation_chain_init_hook(self) -> None:
        """Leave numba's extensions alone, for which it looks among all packages, until something is compiled."""


class Part(CPUDispatcher):  # type: ignore[misc]
    """A function of kernels, compiled without what converts arguments of Python, which takes longer than the function.

    Where Python calls it all the same, it is compiled anew.
    """

    def add_overload(self, compiled: Any) -> None:
        """Keep what kernels call; Python's calls find nothing."""
        self.overloads[tuple(compiled.signature.args)] = compiled

    def _compile_for_args(self, *arguments: Any, **named: Any) -> Any:
        """What Python calls where it finds nothing."""
        return self._for_python

    @cached_property
    def _for_python(self) -> Any:
        return njit(error_model="numpy")(self.py_func)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a small function so that it always becomes part of its callers (loops over it can then vectorise)."""
    if config.DISABLE_JIT:
        return function
    return Part(function, targetoptions={**PLAIN, **INLINED})


def native(function: Callable[..., Any]) -> Any:
    """As ``jit_beside``, of a function that plain Python cannot run: it calls others by address, or a library's."""
    return jit_beside(function)


def native_inline(function: Callable[..., Any]) -> Any:
    """As ``inline``, of a function that plain Python cannot run."""
    return inline(function)


def allow_accurate_functions() -> None:
    """Let kernels call the functions of ``distsim.core.accurate`` as they are."""
    for function in accurate.FUNCTIONS:
        register_jitable(**PART)(function)


def ask_for(builder: Any, address: Any) -> None:
    """Write the instruction that starts to load what lies at ``address``, for reading, to stay in all caches."""
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    function_type = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0i8")
    builder.call(function, [address, word(0), word(3), word(1)])


def prefetch(array: Any, index: int) -> None:
    """Start to load array[index] (one-dimensional, contiguous) into the cache; in Python it does nothing."""


@type_callable(prefetch)
def _prefetch_typed(context):  # type: ignore[no-untyped-def]
    return lambda array, index: types.void(array, types.int64)


@lower_builtin(prefetch, types.Array, types.int64)
def _prefetch_written(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
    """llvm.prefetch of the address of array[index]; written where it is called, so that there is nothing to compile."""
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    ask_for(builder, builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer()))
    return context.get_dummy_value()


@intrinsic
def _prefetch_at(typing_context, address):  # type: ignore[no-untyped-def]
    """llvm.prefetch of an address."""

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
@overload(prefetch_between, jit_options=INLINED)
def _prefetch_between_compiled(array, begin, end):  # type: ignore[no-untyped-def]
    def each_line(array, begin, end):  # type: ignore[no-untyped-def]
        place, last = _address(array, begin), _address(array, end - 1)
        while place < last:
            _prefetch_at(place)
            place += LINE
        _prefetch_at(last)

    return each_line


def gather(into: Any, source: Any, places: Any) -> None:
    """into (n,) = source[places (n,) int64], none of them negative: float64, one-dimensional and contiguous.

    In whole vector registers, which a loop does not get: for all that the compiler knows, ``into`` may be ``source``.
    """
    into[:] = source[places]


@intrinsic
def _gather_at(typing_context, into, source, places, begin):  # type: ignore[no-untyped-def]
    """into[begin : begin + LANES] = source[places[begin : begin + LANES]]."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        half, word, number = ir.IntType(32), ir.IntType(64), ir.DoubleType()
        words, numbers, every = (ir.VectorType(kind, LANES) for kind in (word, number, ir.IntType(1)))
        given = zip(signature.args[:3], arguments[:3], strict=True)
        to, at, which = (context.make_array(kind)(context, builder, array).data for kind, array in given)
        own_places = builder.bitcast(builder.gep(which, [arguments[3]]), words.as_pointer())
        own_entries = builder.bitcast(builder.gep(to, [arguments[3]]), numbers.as_pointer())
        offsets = builder.mul(builder.load(own_places, align=NUMBER), ir.Constant(words, [NUMBER] * LANES))
        first = builder.insert_element(ir.Constant(words, ir.Undefined), builder.ptrtoint(at, word), half(0))
        firsts = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(half, LANES), [0] * LANES))
        addresses = ir.VectorType(number.as_pointer(), LANES)
        function_type = ir.FunctionType(numbers, [addresses, half, every, numbers])
        name = f"llvm.masked.gather.v{LANES}f64.v{LANES}p0f64"
        function = cgutils.get_or_insert_function(builder.module, function_type, name)
        found = builder.inttoptr(builder.add(firsts, offsets), addresses)
        rest = half(NUMBER), ir.Constant(every, [1] * LANES), ir.Constant(numbers, ir.Undefined)
        builder.store(builder.call(function, [found, *rest]), own_entries, align=NUMBER)
        return context.get_dummy_value()

    return types.void(into, source, places, types.int64), generate


@overload(gather, jit_options=INLINED)
def _gather_compiled(into, source, places):  # type: ignore[no-untyped-def]
    def by_registers(into, source, places):  # type: ignore[no-untyped-def]
        whole = into.size - into.size % LANES
        for begin in range(0, whole, LANES):
            _gather_at(into, source, places, begin)
        for i in range(whole, into.size):
            into[i] = source[places[i]]

    return by_registers


def allow_loops_over_many_arrays() -> None:
    """Let LLVM compare up to 512 pairs of array addresses before a vectorised loop (by default it gives up earlier).

    A neuron with two currents and parameters of its own has 25 arrays.
    """
    llvm.set_option("distsim", "--runtime-memory-check-threshold=512")
    llvm.set_option("distsim", "--vectorize-memory-check-threshold=512")


use_full_vector_width()
allow_loops_over_many_arrays()
allow_accurate_functions()
