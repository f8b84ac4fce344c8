"""Calls of compiled kernels by address, so that a function that calls many of them need not be compiled with them.

A kernel called by its name becomes part of its caller, and is compiled once more with it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import config, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic, overload


def address_of(kernel: Any, arguments: tuple[Any, ...]) -> Any:
    """Where the machine code of ``kernel`` for arguments of these types begins; it returns an int64."""
    if config.DISABLE_JIT:
        return kernel
    signature = tuple(typeof(argument) for argument in arguments)
    kernel.compile(signature)
    compiled = kernel.overloads[signature]
    if types.unliteral(compiled.signature.return_type) != types.int64:
        raise TypeError(f"{kernel.py_func.__qualname__} returns {compiled.signature.return_type}, not a whole number")
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


def call(address: Any, arguments: tuple[Any, ...]) -> int:
    """What the kernel at ``address`` returns for ``arguments``, which must be of the types that it was made for."""
    return int(address(*arguments))


@overload(call, jit_options={"forceinline": True})
def _call(address, arguments):  # type: ignore[no-untyped-def]
    return lambda address, arguments: _call_at(address, arguments)


@intrinsic
def _call_at(typing_context, address, arguments):  # type: ignore[no-untyped-def]
    kinds = tuple(arguments.types)

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        kernel_type = context.call_conv.get_function_type(types.int64, kinds)
        kernel = builder.inttoptr(values[0], ir.PointerType(kernel_type))
        given = [builder.extract_value(values[1], k) for k in range(len(kinds))]
        status, result = context.call_conv.call_function(builder, kernel, types.int64, kinds, given)
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return result

    return types.int64(types.int64, arguments), generate
