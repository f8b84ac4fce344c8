"""``nest.spatial`` and what belongs to it: nodes in space are not there, and this says so."""

from __future__ import annotations

from typing import Any

from distsim.nest.nest_errors import NESTErrors


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise NESTErrors.NotImplemented(
        f"nest.spatial.{name}: nodes in space are not there; distsim has positions and SpatialBernoulli"
    )
