"""Python's modules, read from the disk by one rank of each node and handed to its other ranks.

To import numpy, numba and the simulator asks the file system for thousands of names, and the ranks of a large job do
that all at once. Here the first rank of every node imports what a job needs, and the others get the code of the modules
from its memory. Libraries of machine code are opened by each rank, since the ranks of a node share their pages.
"""

from __future__ import annotations

import gc
import importlib
import marshal
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from distsim.parallel.communicator import patient_barrier

if TYPE_CHECKING:
    from mpi4py import MPI


class Found(NamedTuple):
    """Where a module is, the folders of its parts if it is a package, and its code; None for a library."""

    origin: str
    folders: list[str] | None
    code: bytes | None


def import_together(comm: MPI.Comm, names: Sequence[str]) -> None:
    """Import the modules ``names`` on all ranks of ``comm``, with all that they import; collective.

    The ranks of a node see the same files. What is imported stays, so nobody looks for garbage among it meanwhile.
    """
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    collects = gc.isenabled()
    gc.disable()
    try:
        if node.rank == 0:
            _import(names)
        patient_barrier(node)
        modules = node.bcast(found_here() if node.rank == 0 and node.size > 1 else {})
        if node.rank > 0:
            sys.meta_path.insert(0, Finder(modules))
            _import(names)
    finally:
        if collects:
            gc.enable()
    node.Free()


def _import(names: Sequence[str]) -> None:
    for name in names:
        importlib.import_module(name)


def found_here() -> dict[str, Found]:
    """Modules of this process that came from files."""
    found = {}
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is None or spec.name != name or spec.origin is None:
            continue
        folders = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
        if isinstance(spec.loader, ExtensionFileLoader):
            found[name] = Found(spec.origin, folders, None)
        elif type(spec.loader) is SourceFileLoader:
            found[name] = Found(spec.origin, folders, marshal.dumps(spec.loader.get_code(name)))
    return found


class Finder:
    """Finds modules that another rank has found; others are looked for as ever."""

    def __init__(self, modules: Mapping[str, Found]) -> None:
        self._modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = self._modules.get(fullname)
        if found is None:
            return None
        where = found.origin
        loader = ExtensionFileLoader(fullname, where) if found.code is None else Told(fullname, where, found.code)
        return spec_from_file_location(fullname, where, loader=loader, submodule_search_locations=found.folders)


class Told(SourceFileLoader):
    """Runs ``code`` (marshalled) that another rank has read."""

    def __init__(self, name: str, path: str, code: bytes) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> Any:
        return marshal.loads(self._code)
