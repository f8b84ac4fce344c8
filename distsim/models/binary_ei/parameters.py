"""Parameters of the binary network, and what follows from them.

The values, their units, meanings and sources stand in defaults.toml beside this file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError
from distsim.models.defaults import Default, check_axes, check_derived, check_overrides, read_defaults
from distsim.models.given_file import read_given
from distsim.theory.binary_mean_field import BinaryMeanField, balanced_threshold

MODEL = "binary_ei"
DERIVED = ("thresholds",)
SHORTCUTS = {"populations": "file"}


@cache
def defaults() -> Mapping[str, Default]:
    """The parameters by name: default value, unit, meaning, source, permitted range."""
    return read_defaults(Path(__file__).with_name("defaults.toml"))


def load(overrides: Mapping[str, Any] | None = None) -> Parameters:
    """The published parameters, with those of the file, if ``file`` names one, and ``overrides`` in their place.

    Raises InputError for an unknown name (with the nearest known one), a value of the wrong type, shape or range, and
    in-degrees that cannot be met.
    """
    given = dict(overrides or {})
    path = given.get("file", "")
    if path:
        given = {**_read(str(path)), **given}
    return Parameters(**check_overrides(defaults(), given, DERIVED, MODEL))  # type: ignore[arg-type]


def _read(path: str) -> dict[str, Any]:
    """The parameters in a TOML file."""
    import tomllib

    text = read_given(path, f"{MODEL}: file = {path:.200}")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{MODEL}: file = {path:.200} cannot be read: {error}") from None


@dataclass(frozen=True)
class Parameters:
    """All parameters; see defaults.toml for units and meanings. Checked whenever one is made.

    Lists are tuples: K[i][j] and J[i][j] are of inputs in population i from population j.
    """

    file: str
    names: tuple[str, ...]
    N: tuple[int, ...]
    K: tuple[tuple[int, ...], ...]
    J: tuple[tuple[float, ...], ...]
    m_expected: tuple[float, ...]
    theta: tuple[float, ...]
    tau: float
    m_0: float
    T: float
    T_transient: float
    seed: int

    def __post_init__(self) -> None:
        for name, default in defaults().items():
            object.__setattr__(self, name, default.check(getattr(self, name), f"{MODEL}: {name}"))
        check_axes(defaults(), {name: getattr(self, name) for name in defaults()}, MODEL)
        if not self.names or len(set(self.names)) < len(self.names):
            raise InputError(
                f"{MODEL}: names must be different and at least one, got {', '.join(self.names) or 'none'}"
            )
        chosen = "theta" if self.theta else "m_expected"
        if len(getattr(self, chosen)) != len(self.N):
            raise InputError(
                f"{MODEL}: {chosen} has {len(getattr(self, chosen))} entries, but there are {len(self.N)} populations"
            )
        for i, row in enumerate(self.K):
            for j, indegree in enumerate(row):
                _check_indegree(indegree, self.N[j], (self.names[j], self.names[i]))
        if self.T_transient >= self.T:
            raise InputError(f"{MODEL}: T_transient = {self.T_transient:g} ms must be below T = {self.T:g} ms")
        check_derived(self, DERIVED, MODEL)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Threshold of each population: theta, or the mean input sum_j K_ij J_ij m_j at the expected activities."""
        if self.theta:
            return self.theta
        return tuple(balanced_threshold(self.K, self.J, self.m_expected).tolist())

    @property
    def mean_field(self) -> BinaryMeanField:
        """The mean field of the network."""
        return BinaryMeanField(self.K, self.J, self.thresholds, self.tau)

    def as_dict(self) -> dict[str, Any]:
        """All parameters and derived quantities by name (ready for JSON)."""
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in DERIVED}}


def _check_indegree(indegree: int, size: int, ends: tuple[str, str]) -> None:
    """InputError where so many different inputs are not there."""
    source, target = ends
    others = size - int(source == target)
    if indegree > others:
        raise InputError(
            f"{MODEL}: K asks for {indegree} inputs from {source} in {target}, but a neuron of {target} has {others} "
            f"different sources in {source} without autapses and multapses"
        )
