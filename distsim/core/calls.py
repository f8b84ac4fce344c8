"""Calls of compiled kernels by address, so that one function can call kernels of any types, and is compiled once.

A kernel called by its name becomes part of its caller, and is compiled once more with it. The arguments of a kernel
lie in memory, as words of 64 bits in the order in which machine code takes them; for each list of kinds of words there
is a small function, a thunk, which reads them and calls the kernel: thunk(address of a kernel, address of its words).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from distsim.core.kernel_cache import KIND, store
from distsim.core.kernel_key import compiler_digest
from distsim.core.machine_code import engine_without, machine

Int64Array = npt.NDArray[np.int64]

WORD = 8  # bytes
SIZE, DATA, SHAPE, OF_ARRAY = 2, 4, 5, 7
"""Words of an array of one dimension: its size, its address, its length; and how many it has."""


@dataclass
class Block:
    """Arguments of a kernel as words of memory, of which ``begin`` is the first; addresses of the kernel and its thunk.

    words (n,) int64. places: of each argument, its first word, counted from that of the block.
    """

    kernel: Any
    arguments: tuple[Any, ...]
    address: int
    thunk: int
    words: Int64Array
    places: list[int]
    begin: int = 0

    @classmethod
    def of(cls, kernel: Any, arguments: tuple[Any, ...]) -> Block:
        """That of a kernel that returns an int64; TypeError for arguments that are no numbers, arrays or tuples."""
        words: list[int] = []
        places, kinds = [], ""
        for argument in arguments:
            places.append(len(words))
            kinds += _put(argument, words)
        return cls(kernel, arguments, address_of(kernel, arguments), thunk_of(kinds), np.array(words, np.int64), places)


class Blocks:
    """The blocks of many kernels, one after the other in ``memory`` (words,) int64.

    Arrays are given by address: blocks are made anew where one is replaced. So ``start``, ``add`` each in the same
    order, and take ``memory``, whenever that may have happened; what is the same as before takes hardly any time.
    """

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._memory = np.zeros(0, np.int64)
        self._next = 0

    def start(self) -> None:
        """Begin with the first block."""
        self._next = 0

    def add(self, kernel: Any, arguments: tuple[Any, ...]) -> Block:
        """The next block."""
        k, blocks = self._next, self._blocks
        self._next += 1
        if k < len(blocks) and blocks[k].kernel is kernel and is_same(blocks[k].arguments, arguments):
            return blocks[k]
        block = Block.of(kernel, arguments)
        block.begin = blocks[k - 1].begin + len(blocks[k - 1].words) if k else 0
        if k < len(blocks) and len(blocks[k].words) != len(block.words):
            del blocks[k:]  # what comes after it moves
        blocks[k : k + 1] = [block]
        self._memory = np.zeros(0, np.int64)
        return block

    @property
    def memory(self) -> Int64Array:
        """The words of all blocks that were added since ``start``."""
        if not len(self._memory):
            self._memory = np.concatenate([np.zeros(0, np.int64), *(block.words for block in self._blocks)])
        return self._memory


def is_same(one: Any, other: Any) -> bool:
    """Whether two arguments are the same arrays, or tuples of them, and equal numbers."""
    if one is other:
        return True
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(is_same, one, other))
    return type(one) is type(other) and not isinstance(one, np.ndarray) and bool(one == other)


def _put(value: Any, found: list[int]) -> str:
    """Append the words of ``value`` as machine code takes it; their kinds, see ``thunk_of``."""
    if isinstance(value, tuple):
        return "".join([_put(entry, found) for entry in value])
    if isinstance(value, np.ndarray):
        address = value.__array_interface__["data"][0]
        found += (0, 0, value.size, value.itemsize, address, *value.shape, *value.strides)
        return "i" * (SHAPE + 2 * value.ndim)
    if isinstance(value, float):
        found += struct.unpack("q", struct.pack("d", value))
        return "d"
    if isinstance(value, bool):
        found.append(int(value))
        return "b"
    if type(value) in (int, np.int64):
        found.append(int(value))
    elif isinstance(value, np.uint64):
        found.append(int(value.view(np.int64)))
    else:
        raise TypeError(f"compiled code cannot be given {type(value).__name__} in memory")
    return "i"


def address_of(kernel: Any, arguments: tuple[Any, ...]) -> int:
    """Where the machine code of ``kernel`` for arguments of these types begins; it must return an int64."""
    code = kernel.code(arguments)
    if code.returned != "int64":
        raise TypeError(f"{kernel.py_func.__qualname__} returns {code.returned}, not a whole number")
    return int(code.address)


@cache
def thunk_of(kinds: str) -> int:
    """The address of the thunk of kernels whose words are of these kinds: "i" whole numbers, "d" float64, "b" bool.

    Its machine code, which runs on all processors of this kind, is kept on disk as that of kernels is.
    """
    file = f"thunk-{hashlib.sha256(f'{kinds} {compiler_digest()}'.encode()).hexdigest()[:40]}{KIND}"
    code = store.read(file)
    if code is None:
        code = machine().emit_object(llvm.parse_assembly(str(_module_of(kinds))))
        store.write(file, code)
    engine = engine_without(_name_of(kinds))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    return int(engine.get_function_address(_name_of(kinds)))


def _module_of(kinds: str) -> Any:
    """LLVM's code of the thunk. It is no kernel of numba, which would take a hundred times as long to compile.

    It hands on the two pointers, to what is returned and to what was raised, that come before the arguments of each.
    Addresses are handed on as numbers.
    """
    from llvmlite import ir

    word, status = ir.IntType(64), ir.IntType(32)
    module = ir.Module(_name_of(kinds))
    thunk = ir.Function(module, ir.FunctionType(status, [word] * 4), module.name)
    builder = ir.IRBuilder(thunk.append_basic_block())
    returned, raised, kernel, block = thunk.args
    given: list[Any] = [returned, raised]
    for k, kind in enumerate(kinds):
        of_kind = ir.DoubleType() if kind == "d" else word
        value = builder.load(builder.gep(builder.inttoptr(block, of_kind.as_pointer()), [word(k)]))
        given.append(builder.trunc(value, ir.IntType(8)) if kind == "b" else value)
    to_call = ir.FunctionType(status, [value.type for value in given])
    builder.ret(builder.call(builder.inttoptr(kernel, to_call.as_pointer()), given))
    return module


def _name_of(kinds: str) -> str:
    return f"thunk_{kinds}"


def call(address: int, arguments: tuple[Any, ...]) -> int:
    """What the kernel at ``address`` returns for ``arguments``, which must be of the types that it was made for."""
    raise TypeError("kernels are called by address in compiled code alone")
