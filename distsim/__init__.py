"""distsim: a distributed simulator of neuronal networks that gives the same bits on any number of ranks.

All that a script needs: networks, and simulations, of spiking, binary and rate neurons, models of neurons, synapses and
input, rules and distributions, results, readers of result files, errors. Two further doors are ``distsim.analysis``
(statistics and figures) and ``distsim.models`` (published networks).

The names, and where they come from, stand in ``__init__.pyi`` beside this file, which type checkers read. They are
loaded when they are first used, so that ``import distsim`` stays light.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

__version__ = "0.1.0"


@cache
def _modules() -> dict[str, str]:
    """The module of every public name."""
    import re
    from pathlib import Path

    stub = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    return {name: module for module, name in re.findall(r"^from (\S+) import (\w+) as", stub, re.MULTILINE)}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name.startswith("__") or name not in _modules():
        raise AttributeError(f"module 'distsim' has no attribute '{name}'")
    import_module("distsim.parallel.job").end_together()
    globals()[name] = found = getattr(import_module(_modules()[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted(["__version__", *_modules()])
