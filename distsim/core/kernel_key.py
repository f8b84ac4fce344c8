"""What the machine code of a kernel depends on, as text: a digest of it names the code on disk.

numba compiles the bytecode of a function and of all functions it reaches, and takes global constants for what they are
at that moment. All of these are at hand in memory, so nothing has to be looked for on a disk.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from distsim.core.machine_code import part_of_numba

SETTINGS = {
    "NUMBA_OPT": ("OPT", 3),
    "NUMBA_BOUNDSCHECK": ("BOUNDSCHECK", None),
    "NUMBA_LOOP_VECTORIZE": ("LOOP_VECTORIZE", 1),
    "NUMBA_SLP_VECTORIZE": ("SLP_VECTORIZE", 0),
    "NUMBA_DEBUGINFO": ("DEBUGINFO_DEFAULT", 0),
}
"""Settings of numba that change machine code: variable of the environment, name, what it is by default."""
PROCESSOR = ("CPU_NAME", "CPU_FEATURES", "ENABLE_AVX")
"""Those by which it is told another processor."""
SOURCES = (
    "calls.py",
    "compiler.py",
    "instructions.py",
    "kernel_compiler.py",
    "machine_code.py",
    "tuple_calls.py",
    "jit.py",
    "tuples.py",
)
"""What makes machine code."""
IN_KERNELS: dict[Any, Any] = {}
"""Functions, and those that choose what kernels call for them."""
_ROWS, _COLUMNS, _ALIGNED, _WRITEABLE = 0x1, 0x2, 0x100, 0x400  # in the flags of an array


def key_of(dependencies: str, kinds: tuple[Any, ...]) -> str:
    """A digest of ``dependencies``, ``kinds`` of arguments, processor, versions and settings."""
    described = (dependencies, [spelled(kind) for kind in kinds], compiler_digest(), settings())
    return hashlib.sha256(repr(described).encode()).hexdigest()[:40]


@cache
def compiler_digest() -> str:
    """A digest of processor, versions, and how all that is compiled is, which kernels need not name."""
    processor = (llvm.get_default_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    numba = part_of_numba("numba._version", ".py").get_versions()["version"]
    versions = (sys.version, numba, llvmlite.__version__, np.__version__)
    asked = [os.environ.get(f"NUMBA_{name}") for name in PROCESSOR]
    sources = [Path(__file__).with_name(name).read_bytes() for name in SOURCES]
    return hashlib.sha256(repr((processor, versions, asked, sources)).encode()).hexdigest()


def settings() -> list[tuple[str, Any]]:
    """Settings of numba that change machine code, where they are not what they are by default.

    numba is asked where it is there or somebody set one of them.
    """
    if not _may_be_set() and "numba.core.config" not in sys.modules:
        return []
    config = import_module("numba.core.config")
    return [(name, getattr(config, name)) for name, usual in SETTINGS.values() if getattr(config, name, usual) != usual]


@cache
def _may_be_set() -> bool:
    return any(variable in os.environ for variable in SETTINGS) or Path(".numba_config.yaml").exists()


def spelled(kind: Any) -> str:
    """A kind by what machine code sees of it: named tuples with their fields, compiled functions with all they reach.

    TypeError for what no kernel takes.
    """
    if isinstance(kind, tuple) and kind and isinstance(kind[0], np.dtype):
        dtype, dimensions, flags = kind
        layout = "C" if flags & _ROWS else "F" if flags & _COLUMNS else "A"
        return f"array {dtype} {dimensions}{layout} {bool(flags & _WRITEABLE)} {bool(flags & _ALIGNED)}"
    if isinstance(kind, tuple) and kind and hasattr(kind[0], "_fields"):
        return f"{class_name(kind[0])}{list(zip(kind[0]._fields, map(spelled, kind[1]), strict=True))}"
    if isinstance(kind, tuple):
        return f"({', '.join(map(spelled, kind))})"
    if not isinstance(kind, type):
        return dependencies(kind.py_func, kind.targetoptions)
    if kind is type(None):
        return "None"
    if issubclass(kind, (bool, int, float, complex, np.generic)):
        return str(np.dtype(kind))
    raise TypeError(f"kernels take numbers, arrays, and tuples of them, not {kind.__name__}")


def dependencies(function: Callable[..., Any], options: dict[str, Any]) -> str:
    """A digest of ``function``, compiled with ``options``, and of all that it reaches."""
    digest = hashlib.sha256(repr(sorted(options.items())).encode())
    for part in _parts_of_function(function, set()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _parts_of_function(function: Any, seen: set[int]) -> Iterator[str]:
    """Bytecode, defaults and everything that the names in ``function`` stand for, each function once."""
    if id(function) in seen:
        yield class_name(function)
        return
    seen.add(id(function))
    yield class_name(function)
    if function in IN_KERNELS:
        yield from _parts_of_function(IN_KERNELS[function], seen)
    yield from _parts_of_codes(function.__code__)
    names = _names(function.__code__)
    for name, value in _reached(function):
        yield name
        yield from _parts(value, names, seen)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """``code`` and that of the functions defined within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


@cache
def _parts_of_codes(outer: CodeType) -> list[str]:
    return [part for code in _codes(outer) for part in _parts_of_code(code)]


def _parts_of_code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
    yield getattr(code, "co_exceptiontable", b"").hex()
    for constant in code.co_consts:
        if isinstance(constant, frozenset):
            yield repr(sorted(constant, key=repr))
        elif not isinstance(constant, CodeType):
            yield repr(constant)


@cache
def _names(outer: CodeType) -> frozenset[str]:
    return frozenset(name for code in _codes(outer) for name in code.co_names)


def _reached(function: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of globals, of the cells of a closure, and of defaults."""
    known = function.__globals__
    yield from ((name, known[name]) for name in sorted(_names(function.__code__)) if name in known)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents
    yield from _defaults(function)


def _defaults(function: Any) -> Iterator[tuple[str, Any]]:
    """The defaults of arguments, by number or name."""
    yield from ((str(i), value) for i, value in enumerate(function.__defaults__ or ()))
    yield from (function.__kwdefaults__ or {}).items()


def _parts(value: Any, names: frozenset[str], seen: set[int]) -> Iterator[str]:
    """What machine code takes of ``value``, of whose attributes ``names`` may be asked for."""
    if hasattr(value, "py_func"):
        yield repr(sorted(value.targetoptions.items()))
        yield from _parts_of_function(value.py_func, seen)
    elif isinstance(value, FunctionType):
        yield from _parts_of_function(value, seen)
    elif isinstance(value, ModuleType):
        yield value.__name__
        if value.__name__.split(".")[0] == __name__.split(".")[0] and id(value) not in seen:
            seen.add(id(value))
            for name in sorted(names & set(vars(value))):
                yield from _parts(vars(value)[name], names, seen)
    elif isinstance(value, (np.ndarray, np.generic)):
        yield f"{value.dtype} {value.shape} {np.asarray(value).tobytes().hex()}"
    elif isinstance(value, (tuple, list)):
        yield f"{class_name(type(value))} {len(value)}"
        for item in value:
            yield from _parts(item, names, seen)
    elif isinstance(value, type):
        yield f"{class_name(value)} {getattr(value, '_fields', ())}"
    elif isinstance(getattr(value, "_defn", None), FunctionType):  # an intrinsic
        yield from _parts_of_function(value._defn, seen)
    elif isinstance(value, (BuiltinFunctionType, np.ufunc)) or type(value).__module__.startswith("numba."):
        yield f"{type(value).__name__} {getattr(value, '__name__', value)}"
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        yield f"{type(value).__name__} {value!r}"
    else:
        raise TypeError(f"a kernel cannot be told apart by a global of the class {type(value).__name__}")


def class_name(thing: Any) -> str:
    """Where a class or a function is defined."""
    return f"{thing.__module__}.{thing.__qualname__}"
