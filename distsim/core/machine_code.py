"""Machine code of kernels as bytes and back, loaded and called without numba's compiler, which stays unimported.

numba takes 0.14 s of CPU and 24 MB to import, and half as much again to load a kernel: 200 modules, with scipy's linear
algebra among them. What machine code itself asks for are the functions of three libraries that come with numba, which
are opened by themselves; the compiler is imported when something is compiled, or when machine code asks for a function
that only its modules name.
"""

from __future__ import annotations

import builtins
import ctypes
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite.binding as llvm


class Code(NamedTuple):
    """What Python calls; the address that other machine code calls; the type of what is returned."""

    call: Callable[..., Any]
    address: int
    returned: str


class Packed(NamedTuple):
    """Machine code with the names in it of what Python and machine code call, and of its environment.

    environments: of it and of what became part of it, their names with the constants that they may ask Python for.
    needed: names of functions that it asks for. begin: functions that must run before.
    """

    machine_code: bytes
    for_python: str
    for_code: str
    environment: str
    environments: dict[str, list[Any]]
    needed: list[str]
    begin: tuple[Callable[[], None], ...]
    returned: str


@cache
def numba_folder() -> Path:
    """Where numba is, which is not imported."""
    spec = find_spec("numba")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'numba'", name="numba")
    return Path(spec.origin).parent


def part_of_numba(name: str, suffix: str = EXTENSION_SUFFIXES[0]) -> Any:
    """The module ``name`` of numba, without those that it is part of."""
    if name not in sys.modules:
        spec = spec_from_file_location(name, numba_folder().joinpath(*name.split(".")[1:]).with_suffix(suffix))
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules.setdefault(name, module)
    return sys.modules[name]


def unpacked(payload: bytes, name_functions: Callable[[list[str]], None]) -> Code:
    """The kernel that was ``Packed``.

    name_functions: is asked to let machine code know functions by these names, or to raise ImportError.
    """
    packed = Packed(*pickle.loads(payload))
    engine = engine_without(packed.for_python)  # from its first one on LLVM knows the functions of this process
    if unknown := [symbol for symbol in packed.needed if not _is_known(symbol)]:
        name_functions(unknown)
    for function in packed.begin:
        function()
    engine.add_object_file(llvm.ObjectFileRef.from_data(packed.machine_code))
    environments = {name: _environment(constants) for name, constants in packed.environments.items()}
    for name, environment in environments.items():
        ctypes.c_void_p.from_address(engine.get_global_value_address(name)).value = id(environment)
    keep = (engine, environments)
    python = _dynamic().make_function(
        sys.modules[__name__], packed.for_code, "", engine.get_function_address(packed.for_python),
        environments[packed.environment], keep,
    )  # fmt: skip
    return Code(python, engine.get_function_address(packed.for_code), packed.returned)


def _environment(constants: list[Any]) -> Any:
    """What a compiled function can ask Python for: constants. For its module only one that is not compiled asks."""
    made = _dynamic().Environment({})
    made.consts[:] = constants
    return made


_engines: list[tuple[Any, set[str]]] = []


def engine_without(name: str) -> Any:
    """What holds machine code, for some that defines ``name``, as nothing does that it holds already."""
    for engine, names in _engines:
        if name not in names:
            names.add(name)
            return engine
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
    _engines.append((engine, {name}))
    return engine


def machine() -> Any:
    """What makes machine code for this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(opt=1, jit=True)


def _is_known(symbol: str) -> bool:
    """Whether machine code can ask for ``symbol``; what is known stays so."""
    if symbol not in _known:
        if symbol in _addresses():
            llvm.add_symbol(symbol, _addresses()[symbol])
        elif llvm.address_of_symbol(symbol) is None:
            return False
        _known.add(symbol)
    return True


_known: set[str] = set()


@cache
def _dynamic() -> Any:
    return part_of_numba("numba._dynfunc")


@cache
def _addresses() -> dict[str, int]:
    """Functions of Python and of numba's libraries, by the names that machine code knows them by."""
    return dict(_named())


def _named() -> Iterator[tuple[str, int]]:
    for library in (part_of_numba("numba._helperlib"), _dynamic()):
        yield from ((f"numba_{name}", address) for name, address in library.c_helpers.items())
    for name, address in part_of_numba("numba.core.runtime._nrt_python").c_helpers.items():
        yield name if name.startswith("_") else f"NRT_{name}", address
    yield "_Py_NoneStruct", id(None)
    for name, value in vars(builtins).items():
        if isinstance(value, type) and issubclass(value, BaseException):
            yield f"PyExc_{name}", id(value)
