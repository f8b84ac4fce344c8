"""Declared things, such as models, rules and distributions, as data that JSON can hold, and back.

Arrays are kept beside the data: ``keep`` takes one and returns what stands for it, ``load`` turns that into the array.
Neurons of a network are kept as the names of their populations, and which of them they are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.parts import Neurons
from distsim.core.units import shown

Keep = Callable[[npt.NDArray[Any]], Any]
Load = Callable[[Any], npt.NDArray[Any]]
FindClass = Callable[[str], Any]
FindNeurons = Callable[[Any], Neurons]


def object_kept(thing: Any, keep: Keep) -> Any:
    """What JSON can hold of a number, a text, an array, neurons, or collections or declared things of them.

    Raises InputError for anything else.
    """
    if isinstance(thing, Neurons):
        return {"neurons": [[piece.population.name, object_kept(piece.chosen, keep)] for piece in thing.pieces]}
    if isinstance(thing, range):
        return {"range": [thing.start, thing.stop, thing.step]}
    if isinstance(thing, dict) and all(isinstance(name, str) for name in thing):
        return {"entries": {name: object_kept(each, keep) for name, each in thing.items()}}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        given = {f.name: object_kept(getattr(thing, f.name), keep) for f in dataclasses.fields(thing)}
        return {"class": type(thing).__name__, **given}
    if isinstance(thing, np.ndarray) and thing.ndim:
        return {"array": keep(thing)}
    plain = thing.item() if isinstance(thing, (np.generic, np.ndarray)) else thing
    if isinstance(plain, (list, tuple)) and plain and all(isinstance(each, np.ndarray) for each in plain):
        return {"arrays": keep(np.concatenate(plain)), "lengths": keep(np.array([len(each) for each in plain]))}
    if isinstance(plain, (list, tuple)):
        return [object_kept(each, keep) for each in plain]
    if isinstance(plain, float) and not math.isfinite(plain):
        return {"number": str(plain)}
    if not isinstance(plain, (bool, int, float, str, type(None))):
        raise InputError(f"{shown(plain)} cannot be kept in a file: give numbers, texts, arrays or declared classes")
    return plain


def object_from(kept: Any, load: Load, find_class: FindClass, find_neurons: FindNeurons | None = None) -> Any:
    """The thing of which ``object_kept`` gave that; sequences become tuples.

    find_class: the class of a name; find_neurons: those of which names of populations, and indices, are given.
    """

    def found(value: Any) -> Any:
        return object_from(value, load, find_class, find_neurons)

    if isinstance(kept, list):
        return tuple(map(found, kept))
    if not isinstance(kept, dict):
        return kept
    if "class" in kept:
        given = {name: found(value) for name, value in kept.items() if name != "class"}
        return find_class(kept["class"])(**given)
    if "entries" in kept:
        return {name: found(value) for name, value in kept["entries"].items()}
    if "neurons" in kept and find_neurons is not None:
        return find_neurons(found(kept["neurons"]))
    if "range" in kept:
        return range(*kept["range"])
    if "number" in kept:
        return float(kept["number"])
    if "array" in kept:
        return load(kept["array"])
    return tuple(np.split(load(kept["arrays"]), np.cumsum(load(kept["lengths"]))[:-1]))


def class_finder(own: tuple[Any, ...], what: str) -> FindClass:
    """The class of a name: a public one of the package, or one of a user's ``own``; InputError, of ``what``, else."""
    known = {cls.__name__: cls for cls in own}

    def find(name: str) -> Any:
        found = known.get(name) or getattr(import_module("distsim"), name, None)
        if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
            raise InputError(f"{what}: '{name}' is no class of distsim; give the class itself, too")
        return found

    return find
