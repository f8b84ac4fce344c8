"""What machine code is told apart by: all that a kernel reaches, processor, versions and compiler."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import distsim
from distsim.core import kernel_key
from distsim.core.jit import COMPILED, Compiled, inline
from distsim.core.kernel_key import dependencies

pytestmark = pytest.mark.skipif(not COMPILED, reason="without a compiler there is no machine code")

FACTOR = 3


@inline
def scaled(x):
    return FACTOR * x


def total(values):
    return scaled(values.sum())


def unscaled(values):
    return values.sum()


def digests(*modules):
    """What every kernel of the ``modules`` depends on."""
    kernels = {
        f"{kernel.py_func.__module__}.{kernel.py_func.__name__}": kernel
        for module in modules
        for kernel in vars(importlib.import_module(module)).values()
        if isinstance(kernel, Compiled)
    }
    return {name: dependencies(kernel.py_func, kernel.targetoptions) for name, kernel in kernels.items()}


def test_every_kernel_of_the_package_has_a_key():
    modules = [m.name for m in pkgutil.walk_packages(distsim.__path__, "distsim.") if "__main__" not in m.name]
    found = digests(*modules)
    assert len(found) > 80
    assert len(set(found.values())) == len(found)


def test_an_edit_recompiles_what_reaches_it_and_nothing_else(monkeypatch):
    modules = ["distsim.theory.siegert", "distsim.core.one_signed", "distsim.spiking.exchange"]
    before = digests(*modules)
    elementary = importlib.import_module("distsim.core.elementary")

    @inline
    def log(x):
        return x

    monkeypatch.setattr(importlib.import_module("distsim.core.one_signed"), "log", log)
    after = digests(*modules)
    changed = {name for name in before if before[name] != after.get(name)}
    assert changed - {"distsim.core.elementary.log"} == {"distsim.core.one_signed.to_exponential"}
    assert elementary.log is not log


OTHERWISE = {
    "numba": (kernel_key, "part_of_numba", lambda *name: SimpleNamespace(get_versions=lambda: {"version": "0.1"})),
    "llvmlite": (kernel_key.llvmlite, "__version__", "0.1"),
    "numpy": (np, "__version__", "0.1"),
    "processor": (kernel_key.llvm, "get_host_cpu_name", lambda: "another"),
    "what it can do": (kernel_key.llvm, "get_host_cpu_features", lambda: SimpleNamespace(flatten=lambda: "+none")),
    "sources": (kernel_key, "SOURCES", ("calls.py",)),
}


@pytest.mark.parametrize("where", OTHERWISE)
def test_versions_processor_and_compiler_are_part_of_the_key(monkeypatch, where):
    before = kernel_key.compiler_digest()
    monkeypatch.setattr(*OTHERWISE[where])
    assert kernel_key.compiler_digest.__wrapped__() != before


def test_constants_and_helpers_are_part_of_a_kernel(monkeypatch):
    here = sys.modules[__name__]
    scaled_total, plain = dependencies(total, {}), dependencies(unscaled, {})
    monkeypatch.setattr(here, "FACTOR", 4)
    assert dependencies(total, {}) != scaled_total
    assert dependencies(unscaled, {}) == plain
    monkeypatch.setattr(here, "FACTOR", 3)
    assert dependencies(total, {}) == scaled_total
    assert dependencies(total, {"boundscheck": True}) != scaled_total


def test_a_constant_that_cannot_be_told_apart_is_refused(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", object())
    with pytest.raises(TypeError, match="global of the class object"):
        dependencies(total, {})
