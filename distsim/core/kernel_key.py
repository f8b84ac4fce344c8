"""What the machine code of a kernel depends on, as text: a digest of it names the code on disk.

numba compiles the bytecode of a function and of all functions it reaches, and takes global constants for what they are
at that moment. All of these are at hand in memory, so nothing has to be looked for on a disk.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config, types
from numba.core.dispatcher import Dispatcher
from numba.core.types.containers import BaseNamedTuple, BaseTuple

VERSIONS = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
SETTINGS = ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")
"""Settings of numba that change machine code."""


def key_of(dependencies: str, sig: Any, codegen: Any) -> str:
    """A digest of ``dependencies``, argument types, processor, versions and settings."""
    settings = [(name, getattr(config, name, None)) for name in SETTINGS]
    machine = (codegen.magic_tuple(), VERSIONS, settings, compiler_digest())
    return hashlib.sha256(repr((dependencies, [spelled(t) for t in sig], machine)).encode()).hexdigest()[:40]


@cache
def compiler_digest() -> str:
    """A digest of how kernels and their loops over tuples are compiled, which kernels need not name."""
    names = ("jit.py", "machine_code.py", "shared_words.py", "tuples.py")
    sources = (Path(__file__).with_name(name).read_bytes() for name in names)
    return hashlib.sha256(b"".join(sources)).hexdigest()


def spelled(kind: Any) -> str:
    """A type of numba by what machine code sees of it: named tuples with their fields, kernels with what they reach."""
    if isinstance(kind, types.Dispatcher):
        return dependencies(kind.dispatcher.py_func, kind.dispatcher.targetoptions)
    if isinstance(kind, BaseNamedTuple):
        entries = [spelled(entry) for entry in kind]
        return f"{class_name(kind.instance_class)}{list(zip(kind.fields, entries, strict=True))}"
    if isinstance(kind, BaseTuple):
        return f"({', '.join(spelled(entry) for entry in kind)})"
    return f"{type(kind).__name__} {kind}"


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
    if isinstance(value, Dispatcher):
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
    elif isinstance(value, (types.Type, BuiltinFunctionType, np.ufunc)):
        yield f"{type(value).__name__} {getattr(value, '__name__', value)}"
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        yield f"{type(value).__name__} {value!r}"
    else:
        raise TypeError(f"a kernel cannot be told apart by a global of the class {type(value).__name__}")


def class_name(thing: Any) -> str:
    """Where a class or a function is defined."""
    return f"{thing.__module__}.{thing.__qualname__}"
