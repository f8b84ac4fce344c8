"""Changes as a checkpoint keeps them: neurons and values as data that JSON can hold, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from distsim.core import distributions, one_signed
from distsim.core.errors import InputError
from distsim.core.parts import Neurons, Part, Piece
from distsim.core.populations import Populations
from distsim.core.units import shown
from distsim.core.values import check_array, is_distribution


def neurons_kept(neurons: Neurons) -> list[Any]:
    """The pieces of some neurons: population, and a range or a list of indices."""
    return [[piece.population.name, _indices_kept(piece.chosen)] for piece in neurons.pieces]


def _indices_kept(chosen: Any) -> Any:
    if isinstance(chosen, range):
        return {"range": [chosen.start, chosen.stop, chosen.step]}
    return {"indices": chosen.tolist()}


def neurons_from(kept: list[Any], network: Populations[Any]) -> Neurons:
    """The neurons of ``network`` of which ``neurons_kept`` gave that."""
    chosen = [range(*of["range"]) if "range" in of else np.array(of["indices"], np.int64) for _, of in kept]
    names = [name for name, _ in kept]
    return network.neurons(Part([Piece(network.find(n), own) for n, own in zip(names, chosen, strict=True)]))


def value_kept(value: Any) -> Any:
    """A number, a text, an array, sequences of them or a distribution; InputError for anything else."""
    if isinstance(value, (list, tuple)) and any(isinstance(each, (list, tuple, np.ndarray)) for each in value):
        return {"several": [value_kept(each) for each in value]}
    if isinstance(value, (list, tuple, range, np.ndarray)) and np.ndim(value) > 0:
        return {"array": check_array(value, "a change").tolist()}
    if is_distribution(value):
        name = type(value).__name__
        if _class_of(name) is not type(value):
            raise InputError(f"a change by {name}, which is not of distsim, cannot be kept; give the numbers it draws")
        return {"distribution": name, "parameters": {k: value_kept(v) for k, v in vars(value).items()}}
    plain = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
    if not isinstance(plain, (int, float, str, type(None))):
        raise InputError(f"a change is made of numbers, arrays of them or distributions, got {shown(value)}")
    return {"number": str(plain)} if isinstance(plain, float) and not math.isfinite(plain) else plain


def value_from(kept: Any) -> Any:
    """The value of which ``value_kept`` gave that."""
    if not isinstance(kept, dict):
        return kept
    if "number" in kept:
        return float(kept["number"])
    if "several" in kept:
        return tuple(value_from(each) for each in kept["several"])
    if "array" in kept:
        return np.array(kept["array"], np.float64)
    return _class_of(kept["distribution"])(**{k: value_from(v) for k, v in kept["parameters"].items()})


def _class_of(name: str) -> Any:
    return getattr(distributions, name, None) or getattr(one_signed, name, None)
