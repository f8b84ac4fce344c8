"""Ranks of a node take the code of modules from the first of them."""

from __future__ import annotations

import inspect
import json
import sys
from importlib.machinery import ExtensionFileLoader
from pathlib import Path

import numpy._core._multiarray_umath  # noqa: F401 # a library
import pytest

from distsim.parallel.shared_modules import Finder, Told, modules_here
from tests.mpi import mpirun

READS = """
import json, sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from distsim.parallel import world
from distsim.parallel.shared_modules import import_together
comm = world()
before = len(sys.modules), len(opened)
import_together(comm, ["numba", "distsim.spiking.simulation"])
from distsim.core.rng import streams_of
files = [name for name in opened[before[1]:] if name.endswith((".py", ".pyc"))]
origin = streams_of.__module__, streams_of.__code__.co_filename
found = comm.gather([len(sys.modules) - before[0], len(files), origin])
if comm.rank == 0:
    print(json.dumps(found))
"""


def test_one_rank_of_a_node_reads_and_all_have_the_modules():
    first, *others = json.loads(mpirun(3, ["-c", READS]).stdout)
    assert first[1] > 400
    for modules, read, origin in others:
        assert modules > 400
        assert read <= 5
        assert origin == first[2]


def test_modules_are_as_if_they_had_been_read_here():
    """A module of Python, a package, and a library."""
    modules = modules_here()
    assert modules.found["distsim.parallel"].folders == [str(Path(sys.modules["distsim.parallel"].__file__).parent)]
    finder = Finder(modules)
    for name in ("distsim.parallel.shared_modules", "distsim.parallel", "numpy._core._multiarray_umath"):
        spec, known = finder.find_spec(name), sys.modules[name].__spec__
        assert (spec.name, spec.origin, spec.parent, spec.has_location) == (
            known.name, known.origin, known.parent, known.has_location,
        )  # fmt: skip
        assert spec.submodule_search_locations == known.submodule_search_locations
        assert isinstance(spec.loader, ExtensionFileLoader if name.startswith("numpy") else Told)
    loader = finder.find_spec("distsim.parallel.shared_modules").loader
    assert loader.get_code("distsim.parallel.shared_modules") == known_code("distsim.parallel.shared_modules")
    assert finder.find_spec("distsim.nowhere") is None
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere"):
        finder.find_spec("nowhere.at_all")


def known_code(name):
    return compile(inspect.getsource(sys.modules[name]), sys.modules[name].__file__, "exec", dont_inherit=True)
