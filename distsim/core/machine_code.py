"""Compiled kernels as bytes and back, with as little of numba as running them takes.

numba itself, when it loads a kernel, imports what it would compile one with (scipy's linear algebra among it: 200
modules) and takes the LLVM code that is kept for kernels that call this one apart, once in every process. Here both
wait until something is compiled, as do numba's own functions that count references, which it compiles at first.
"""

from __future__ import annotations

import io
import pickle
import sys
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.environment import Environment, _rebuild_env, lookup_environment
from numba.core.runtime import _nrt_python as _nrt
from numba.core.serialize import dumps


def packed(kernel: Any) -> bytes:
    """The compiled ``kernel`` (a CompileResult of numba), with the names that it defines and those that it asks for."""
    module = kernel.library._final_module
    symbols = [(s.name, s.is_declaration) for kind in (module.functions, module.global_variables) for s in kind]
    defined = {name for name, is_asked_for in symbols if not is_asked_for}
    needed = [name for name, is_asked_for in symbols if is_asked_for and not name.startswith("llvm.")]
    return dumps((kernel._reduce(), defined, needed))


def unpacked(data: bytes, context: Any) -> Any:
    """The kernel that is ``packed``; ImportError where it reaches functions of a module that has no name here."""
    parts, defined, needed = _Reader(io.BytesIO(data)).load()
    (name, _, code), description, environment, signature, _, _, annotation, to_run, environments = parts
    _name_functions_of_runtime()
    if any(not _is_known(symbol) for symbol in needed):
        context.refresh()  # what numba itself does each time: modules name their functions when they are imported
    for function in to_run:
        function()
    library = _Library.of(context.codegen(), name, code, defined)
    for known in environments:
        library.codegen.set_env(known.env_name, known)
    return compiler.compile_result(
        target_context=context, typing_context=context.typing_context, library=library, environment=environment,
        entry_point=context.get_executable(library, description, environment), fndesc=description,
        type_annotation=annotation, signature=signature, objectmode=False, lifted=(), reload_init=to_run,
        referenced_envs=environments,
    )  # fmt: skip


def _is_known(symbol: str) -> bool:
    """Whether machine code can ask for ``symbol``; what is known stays so."""
    if symbol not in _known and llvm.address_of_symbol(symbol) is not None:
        _known.add(symbol)
    return symbol in _known


_known: set[str] = set()


@cache
def _name_functions_of_runtime() -> None:
    """What machine code asks for to hold arrays. numba names it too, when it compiles what only compiling takes."""
    for name, address in _nrt.c_helpers.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


class _Library(JITCodeLibrary):  # type: ignore[misc]
    """Machine code from a disk, whose LLVM code is read when another kernel is to be compiled that calls it."""

    _bitcode: bytes
    _shared_module: Any

    @classmethod
    def of(cls, codegen: Any, name: str, code: tuple[bytes, bytes], defined: set[str]) -> _Library:
        library = cls(codegen, name)
        machine_code, library._bitcode = code
        library.enable_object_caching()
        library._set_compiled_object(machine_code)
        library._finalize_final_module()
        codegen._engine._defined_symbols.update(defined)
        return library

    def _get_module_for_linking(self) -> Any:
        if self._shared_module is None:
            self._shared_module = llvm.parse_bitcode(self._bitcode)
        return self._shared_module


class _Reader(pickle.Unpickler):
    """Reads a compiled kernel without the modules of numba that its functions come from."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return _environment if found is _rebuild_env else found


def _environment(module: str, constants: list[Any], name: str) -> Environment:
    """What a compiled function can ask Python for: constants. For its module only one that is not compiled asks."""
    if not module.startswith("numba.") or module in sys.modules or lookup_environment(name) is not None:
        return _rebuild_env(module, constants, name)
    made = Environment({"__name__": module})
    made.consts[:] = constants
    made.env_name = name
    Environment._memo[name] = made
    return made
