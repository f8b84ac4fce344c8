"""Checks that all neuron models share."""

from __future__ import annotations

import dataclasses
from typing import Any

from distsim.network.values import check_shape, check_value


def freeze_values(model: Any, limits: dict[str, dict[str, float]], names: tuple[str, ...]) -> None:
    """Replace the fields ``names`` of the frozen dataclass ``model`` by their checked values."""
    for name in names:
        value = check_value(getattr(model, name), f"{type(model).__name__}: {name}", **limits.get(name, {}))
        object.__setattr__(model, name, value)


def check_sizes(model: Any, size: int, where: str) -> None:
    """InputError where a parameter is an array of another length than the population."""
    for parameter in dataclasses.fields(model):
        check_shape(getattr(model, parameter.name), (size,), f"{where}: {type(model).__name__} {parameter.name}")
