"""Python's modules, read from the disk by one rank of each node and handed to its other ranks.

To import numpy, numba and the simulator asks the file system for thousands of names, and the ranks of a large job do
that all at once. Here the first rank of every node imports what a job needs, and the others get the code of the modules
from its memory. Libraries of machine code are opened by each rank, since the ranks of a node share their pages.
"""

from __future__ import annotations

import importlib
import marshal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from distsim.core.lasting_imports import keep_imported, uncollected
from distsim.parallel.communicator import patient_barrier

if TYPE_CHECKING:
    from mpi4py import MPI


class Found(NamedTuple):
    """Where a module is, the folders of its parts if it is a package, and where its code is; None for a library."""

    origin: str
    folders: list[str] | None
    part: tuple[int, int] | None


class Modules(NamedTuple):
    """The modules of a process that came from files; ``code`` holds that of all, so that its memory is given back.

    names: of all its modules and packages that are part of none.
    """

    found: dict[str, Found]
    code: bytearray
    names: frozenset[str]


def import_together(comm: MPI.Comm, names: Sequence[str]) -> None:
    """Import those of the modules ``names`` that exist on all ranks of ``comm``, with all that they import; collective.

    The ranks of a node see the same files.
    """
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    before = frozenset(sys.modules)
    with uncollected():
        if node.rank == 0:
            _import(names)
        patient_barrier(node)
        modules = node.bcast(modules_here(before) if node.rank == 0 and node.size > 1 else None)
        if node.rank > 0:
            finder = Finder(modules)
            sys.meta_path.insert(0, finder)
            try:
                _import(names)
            finally:
                sys.meta_path.remove(finder)
    keep_imported()
    node.Free()


def _import(names: Sequence[str]) -> None:
    """What is not there is told where it is used."""
    for name in names:
        with suppress(ModuleNotFoundError):
            importlib.import_module(name)


def modules_here(before: frozenset[str] = frozenset()) -> Modules:
    """All of this process that can be handed on, without those that were there ``before``."""
    found, code = {}, bytearray()  # grown in one piece: what many small ones leave behind stays with the process
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if name in before or spec is None or spec.name != name or spec.origin is None:
            continue
        folders = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
        if isinstance(spec.loader, ExtensionFileLoader):
            found[name] = Found(spec.origin, folders, None)
        elif type(spec.loader) is SourceFileLoader:
            begin = len(code)
            code += marshal.dumps(spec.loader.get_code(name))
            found[name] = Found(spec.origin, folders, (begin, len(code)))
    return Modules(found, code, frozenset(name for name in sys.modules if "." not in name))


class Finder:
    """Finds modules that another rank has found, and looks for no package that it has not found; for others as ever."""

    def __init__(self, modules: Modules) -> None:
        self._found, self._code, self._names = modules.found, memoryview(modules.code), modules.names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = self._found.get(fullname)
        if found is None:
            if fullname.partition(".")[0] not in self._names:
                raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
            return None
        loader: SourceFileLoader | ExtensionFileLoader
        if found.part is None:
            loader = ExtensionFileLoader(fullname, found.origin)
        else:
            loader = Told(fullname, found.origin, self._code[slice(*found.part)])
        return spec_from_file_location(fullname, loader=loader, submodule_search_locations=found.folders)


class Told(SourceFileLoader):
    """Runs ``code`` (marshalled) that another rank has read, and keeps none of it."""

    def __init__(self, name: str, path: str, code: memoryview) -> None:
        super().__init__(name, path)
        self._code: memoryview | None = code

    def get_code(self, fullname: str) -> Any:
        code, self._code = self._code, None
        return super().get_code(fullname) if code is None else marshal.loads(code)
