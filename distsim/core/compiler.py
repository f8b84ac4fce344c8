"""numba's compiler, as kernels use it; only where something is compiled this is imported.

Kernels and their parts are known to numba by dispatchers, which are made when it meets them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import llvmlite.binding as llvm
from numba import config, njit, typeof, types
from numba.core import errors
from numba.core.codegen import JITCPUCodegen
from numba.core.dispatcher import _DispatcherBase
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.serialize import dumps
from numba.extending import overload, register_jitable, typeof_impl
from numba.np.numpy_support import as_dtype

from distsim.core import accurate, instructions, kernel_cache
from distsim.core.jit import PART, CFunction, CompilationError, Compiled, Kernel, compilation, part_of_kernels
from distsim.core.kernel_compiler import KernelCompiler
from distsim.core.kernel_key import dependencies, spelled_array, spelled_tuple
from distsim.core.lasting_imports import uncollected
from distsim.core.machine_code import Code, Packed
from distsim.core.tuple_calls import let_kernels_call

__all__ = ["instructions", "let_kernels_call", "njit", "overload", "register_jitable"]


class PartDispatcher(CPUDispatcher):  # type: ignore[misc]
    """Of a function that only kernels call, which has nothing for Python to call."""

    def add_overload(self, compiled: Any) -> None:
        """Keep what kernels call."""
        self.overloads[tuple(compiled.signature.args)] = compiled


class KernelDispatcher(CPUDispatcher):  # type: ignore[misc]
    """Of a kernel, which is kept on disk also where it is compiled since another one calls it."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel.py_func, None, kernel.targetoptions, KernelCompiler)
        self._kernel = kernel

    def add_overload(self, found: Any) -> None:
        """Keep what has been compiled."""
        super().add_overload(found)
        if not found.lifted and not found.library.has_dynamic_globals:
            with suppress(errors.NumbaError):
                file = self._kernel.file([spelled_type(kind) for kind in found.signature.args])
                kernel_cache.store.write(file, packed(found))


def dispatcher_of(function: Compiled) -> Any:
    """What numba knows a kernel or a part of kernels by."""
    if isinstance(function, Kernel):
        return KernelDispatcher(function)
    return PartDispatcher(function.py_func, targetoptions=function.targetoptions)


class Caller(_DispatcherBase):
    """Calls a kernel from Python, by the machine code that was made for the very types of its arguments."""

    _fold_args = True

    def __init__(self, kernel: Kernel) -> None:
        self.targetctx = cpu_target.target_context  # made when it is asked for: after the settings below
        signature = inspect.signature(kernel.py_func)
        super().__init__(len(signature.parameters), kernel.py_func, signature, False, exact_match_required=True)
        self._kernel = kernel

    def _compile_for_args(self, *arguments: Any) -> Any:
        """What it asks for where it finds none."""
        code = self._kernel.code(arguments)
        self._insert([typeof(a)._code for a in arguments], code.call)  # type: ignore[attr-defined]
        return code.call


@typeof_impl.register(CFunction)  # type: ignore[untyped-decorator]
def _type_of_c_function(value: CFunction, context: Any) -> Any:
    returned, *taken = (getattr(types, name) for name in (value.returned, *value.taken))
    return types.ExternalFunction(value.symbol, returned(*taken))


def compiled(kernel: Kernel, arguments: tuple[Any, ...]) -> Code:
    """The machine code of ``kernel`` for ``arguments``; CompilationError if there is none."""
    kinds = tuple(typeof(argument) for argument in arguments)
    try:
        with uncollected():
            kernel.dispatcher.compile(kinds)
    except errors.TypingError as error:
        raise CompilationError(str(error)) from error
    found = kernel.dispatcher.overloads[kinds]
    address = int(found.library.get_pointer_to_function(found.fndesc.llvm_func_name))
    return Code(found.entry_point, address, returned_by(found))


def returned_by(found: Any) -> str:
    """The type of what a compiled kernel (a CompileResult of numba) returns."""
    return str(types.unliteral(found.signature.return_type))


def spelled_type(kind: Any) -> str:
    """A type of numba as ``spelled`` has the kind of an argument; NumbaError for what Python cannot give."""
    kind = types.unliteral(kind)
    if isinstance(kind, types.Array):
        return spelled_array(as_dtype(kind.dtype), kind.ndim, kind.layout, kind.mutable, kind.aligned)
    if isinstance(kind, types.BaseTuple):
        return spelled_tuple([spelled_type(entry) for entry in kind], getattr(kind, "instance_class", None))
    if isinstance(kind, types.Dispatcher):
        return dependencies(kind.dispatcher.py_func, kind.dispatcher.targetoptions)
    return "None" if kind == types.none else str(as_dtype(kind))


def packed(found: Any) -> bytes:
    """The bytes of a compiled kernel (a CompileResult of numba), of whose typing nothing is kept in memory either."""
    description, module = found.fndesc, found.library._final_module
    description.typemap = description.calltypes = None
    environments = {each.env_name: each.consts for each in found._find_referenced_environments()}
    symbols = [symbol for kind in (module.functions, module.global_variables) for symbol in kind]
    parts = Packed(
        machine_code=found.library._get_compiled_object(),
        for_python=description.llvm_cpython_wrapper_name,
        for_code=description.llvm_func_name,
        environment=description.env_name,
        environments={description.env_name: found.environment.consts, **environments},
        needed=[symbol.name for symbol in symbols if symbol.is_declaration and not symbol.name.startswith("llvm.")],
        begin=tuple(found.reload_init),
        returned=returned_by(found),
    )
    return bytes(dumps(tuple(parts)))


def name_functions(symbols: Iterable[str]) -> None:
    """Let modules of numba name the functions that machine code knows by ``symbols``; ImportError where none does."""
    cpu_target.target_context.refresh()
    for symbol in symbols:
        if llvm.address_of_symbol(symbol) is None:
            raise ImportError(f"nothing here is named {symbol}")


def use_full_vector_width() -> None:
    """Let LLVM use 512-bit registers where the processor has them (its tuning of some Intel processors prefers 256).

    What writes machine code takes its settings when it is made: where that was before, for functions of others, a new
    one is made.
    """
    if config.CPU_FEATURES is None and config.CPU_NAME is None:
        features = llvm.get_host_cpu_features()
        if features.get("avx512f"):
            config.CPU_FEATURES = features.flatten() + ",-prefer-256-bit"
            context = cpu_target.target_context
            if context.codegen()._tm_features != config.CPU_FEATURES:
                context._internal_codegen = JITCPUCodegen("numba.exec")


def allow_loops_over_many_arrays() -> None:
    """Let LLVM compare up to 512 pairs of array addresses before a vectorised loop (by default it gives up earlier).

    A neuron with two currents and parameters of its own has 25 arrays.
    """
    llvm.set_option("distsim", "--runtime-memory-check-threshold=512")
    llvm.set_option("distsim", "--vectorize-memory-check-threshold=512")


use_full_vector_width()
allow_loops_over_many_arrays()
for function in accurate.FUNCTIONS:
    part_of_kernels(function, PART)
compilation.begin(sys.modules[__name__])
