"""What kernels call that is no Python: instructions of the processor, and functions by their addresses.

Only where something is compiled this is imported, as all that imports numba.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, overload, type_callable
from numba.np.arrayobj import populate_array

from distsim.core.cache_lines import LINE
from distsim.core.calls import call
from distsim.core.jit import INLINED, CFunction, prefetch, prefetch_between, scratch
from distsim.core.shared_words import give_way, load, store, words

WORD = 8  # bytes
_sched_yield = CFunction("sched_yield", "int32")


def ask_for(builder: Any, address: Any) -> None:
    """Write the instruction that starts to load what lies at ``address``, for reading, to stay in all caches."""
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    function_type = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0i8")
    builder.call(function, [address, word(0), word(3), word(1)])


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


@overload(
    prefetch_between, jit_options=INLINED
)  # numba's own way to inline takes variables of several such calls for one
def _prefetch_between_compiled(array, begin, end):  # type: ignore[no-untyped-def]
    def each_line(array, begin, end):  # type: ignore[no-untyped-def]
        place, last = _address(array, begin), _address(array, end - 1)
        while place < last:
            _prefetch_at(place)
            place += LINE
        _prefetch_at(last)

    return each_line


@type_callable(scratch)
def _scratch_typed(context):  # type: ignore[no-untyped-def]
    return lambda size, kind: types.Array(kind.dtype, 1, "C") if isinstance(size, types.IntegerLiteral) else None


@lower_builtin(scratch, types.IntegerLiteral, types.NumberClass)
def _scratch_written(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
    """Memory of the function in which it is written, from a cache line on."""
    size, item = signature.args[0].literal_value, context.get_data_type(signature.return_type.dtype)
    memory = cgutils.alloca_once(builder, ir.ArrayType(item, size))
    memory.align = LINE
    data, word = builder.bitcast(memory, item.as_pointer()), ir.IntType(64)
    width = word(context.get_abi_sizeof(item))
    array = context.make_array(signature.return_type)(context, builder)
    populate_array(array, data=data, shape=[word(size)], strides=[width], itemsize=width, meminfo=None)
    return array._getvalue()


@intrinsic
def _pointer(typing_context, address):  # type: ignore[no-untyped-def]
    """The address of words as a pointer."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.uint64)(types.int64), generate


@intrinsic
def _load_word(typing_context, address):  # type: ignore[no-untyped-def]
    """The word at an address; what was written before it was stored can be read."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(place, "acquire", WORD)

    return types.uint64(types.int64), generate


@intrinsic
def _store_word(typing_context, address, value):  # type: ignore[no-untyped-def]
    """Write the word at an address, after all that was written before."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store_atomic(arguments[1], place, "release", WORD)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), generate


@overload(words, jit_options=INLINED)
def _words_compiled(address, n):  # type: ignore[no-untyped-def]
    return lambda address, n: carray(_pointer(address), n)


@overload(load, jit_options=INLINED)
def _load_compiled(address):  # type: ignore[no-untyped-def]
    return lambda address: _load_word(address)


@overload(store, jit_options=INLINED)
def _store_compiled(address, value):  # type: ignore[no-untyped-def]
    return lambda address, value: _store_word(address, value)


@overload(give_way, jit_options=INLINED)
def _give_way_compiled():  # type: ignore[no-untyped-def]
    def call():  # type: ignore[no-untyped-def]
        _sched_yield()

    return call


@type_callable(call)
def _call_typed(context):  # type: ignore[no-untyped-def]
    return lambda address, arguments: types.int64(types.int64, arguments)


@lower_builtin(call, types.int64, types.BaseTuple)
def _call_written(context, builder, signature, values):  # type: ignore[no-untyped-def]
    kinds = tuple(signature.args[1].types)
    given = [builder.extract_value(values[1], k) for k in range(len(kinds))]
    kernel_type = context.call_conv.get_function_type(types.int64, kinds)
    kernel = builder.inttoptr(values[0], ir.PointerType(kernel_type))
    status, result = context.call_conv.call_function(builder, kernel, types.int64, kinds, given)
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
    return result
