"""``nest.logic``: one parameter or another."""

from __future__ import annotations

from typing import Any

from distsim.nest import parameter_objects
from distsim.nest.parameter_objects import Parameter


def conditional(condition: Any, param_if_true: Any, param_if_false: Any) -> Parameter:
    """``param_if_true`` where ``condition`` is not 0, else ``param_if_false``."""
    return parameter_objects.conditional(condition, param_if_true, param_if_false)
