"""PyNEST scripts as they are: ``import distsim.nest as nest``, or ``python -m distsim.nest script.py``.

A layer over the public classes of distsim, with no engine of its own. See ``docs/nest.md``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from distsim.core.lasting_imports import uncollected

with uncollected():
    from distsim.nest import interface, running
    from distsim.nest.interface import *  # noqa: F403 # its __all__ are the functions of NEST
    from distsim.nest.kernel_attributes import VERSION

SUBMODULES = {
    "random": "random_parameters", "math": "parameter_functions", "logic": "parameter_choice",
    "spatial": "positions_in_space", "spatial_distributions": "spatial_parameters",
    "raster_plot": "raster_plot", "voltage_trace": "voltage_trace",
    "visualization": "positions_in_space", "ll_api": "interface", "lib": "interface",
}  # fmt: skip
"""What scripts take from modules of NEST, and the modules of ours that have it."""


class NestModule(ModuleType):
    """The module ``nest``: attributes of the kernel are attributes of it."""

    def __getattr__(self, name: str) -> Any:
        if name in SUBMODULES:
            return import_module(f"{self.__name__}.{SUBMODULES[name]}")
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return running.attribute(name)
        except KeyError:
            from distsim.core.errors import nearest

            hint = nearest(name, [*interface.__all__, *running.known_attributes()])
            raise AttributeError(f"module 'nest' has no attribute '{name}'{hint}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) or name.startswith("_"):
            super().__setattr__(name, value)
        elif name in running.read_only():
            raise AttributeError(f"`{name}` is a read only kernel attribute.")
        elif name in running.known_attributes():
            interface.SetKernelStatus({name: value})
        else:
            from distsim.core.errors import nearest

            hint = nearest(name, running.known_attributes())
            raise AttributeError(f"Cannot set attribute '{name}' on module 'nest'{hint}")

    def __dir__(self) -> list[str]:
        return sorted({*interface.__all__, *SUBMODULES, *running.known_attributes()})


def stand_in() -> None:
    """Let ``import nest``, and of its modules, give this one from now on, on the ranks of the job.

    MPI begins with it, as with that of NEST, and not within the first simulation.
    """
    from distsim.parallel import world

    interface.set_communicator(world())
    module = sys.modules[__name__]
    sys.modules["nest"] = module
    for name, ours in SUBMODULES.items():
        sys.modules[f"nest.{name}"] = import_module(f"{__name__}.{ours}")
        ModuleType.__setattr__(module, name, sys.modules[f"nest.{name}"])


ModuleType.__setattr__(sys.modules[__name__], "__version__", VERSION)
sys.modules[__name__].__class__ = NestModule
