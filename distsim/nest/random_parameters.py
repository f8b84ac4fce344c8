"""``nest.random``: parameters that are drawn."""

from __future__ import annotations

from distsim.core.distributions import Normal, Uniform
from distsim.core.one_signed import Gamma
from distsim.nest.nest_errors import NESTErrors, told_by_nest
from distsim.nest.parameter_objects import Parameter, drawn, log_normal, uniform_whole


def _check(right: bool, what: str) -> None:
    if not right:
        raise NESTErrors.BadProperty(what)


@told_by_nest
def uniform(min: float = 0.0, max: float = 1.0) -> Parameter:
    """Uniform between ``min`` and ``max``."""
    _check(min < max, "UniformParameter: min < max required.")
    return drawn(Uniform(min, max))


@told_by_nest
def uniform_int(max: int) -> Parameter:
    """Whole numbers from 0 to ``max`` - 1."""
    _check(max > 0, "UniformIntParameter: max > 0 required.")
    return uniform_whole(max)


@told_by_nest
def normal(mean: float = 0.0, std: float = 1.0) -> Parameter:
    """Normal with this mean and standard deviation."""
    _check(std > 0.0, "NormalParameter: std > 0 required.")
    return drawn(Normal(mean, std))


@told_by_nest
def exponential(beta: float = 1.0) -> Parameter:
    """Exponential of mean ``beta``."""
    return drawn(Gamma(1.0, beta))


@told_by_nest
def lognormal(mean: float = 0.0, std: float = 1.0) -> Parameter:
    """exp of a normal with this mean and standard deviation."""
    _check(std > 0.0, "LognormalParameter: std > 0 required.")
    return log_normal(mean, std)
