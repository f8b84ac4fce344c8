"""The models that the command line and the harness know: those of this package, installed ones, and users' files."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from distsim.core.errors import InputError, nearest
from distsim.models import own_network
from distsim.models.model import Model, NetworkModel

MODELS = ("two_population", "brunel", "brunel_siegert", "binary_ei", "liquid_state", "microcircuit")
"""Folders of this package; each holds a ``MODEL``, parameters with their table, and the network."""
GROUP = "distsim.models"
"""Entry points of this group name modules of installed packages, which hold what a user's file does."""


def find(name: str) -> Model:
    """A model by name, or the one that the Python file at ``name`` makes, without loading the engine for those here.

    Raises InputError with the nearest name where there is none, and for what is wrong in a user's file.
    """
    if is_path(name):
        return own_network.of_file(Path(name))
    if name in MODELS:
        model: Model = import_module(f"distsim.models.{name}").MODEL
        return model
    if name in (known := installed()):
        return own_network.of_module(name, known[name])
    hint = f"{nearest(name, (*MODELS, *known))} (a network of your own ends in .py)"
    raise InputError(f"unknown model '{name:.80}'{hint}")


def is_path(name: str) -> bool:
    """Whether a model is meant by its file."""
    return name.endswith(".py")


@cache
def installed() -> dict[str, str]:
    """Modules by name of the models that installed packages bring."""
    from importlib.metadata import entry_points  # 20 ms, mostly for the parts of e-mails

    return {point.name: point.module for point in entry_points(group=GROUP)}


def scalable() -> list[str]:
    """The models of this package whose size the harness can choose."""
    return [name for name in MODELS if isinstance(find(name), NetworkModel)]


def lines() -> dict[str, str]:
    """One line on each model by name."""
    return {name: find(name).line for name in MODELS} | {name: f"of {module}" for name, module in installed().items()}
