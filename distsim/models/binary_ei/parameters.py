"""Parameters of the binary network, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from distsim.core.errors import InputError
from distsim.models.model_parameters import ModelParameters, derived
from distsim.record.storage import read_text
from distsim.theory.binary_mean_field import BinaryMeanField, balanced_threshold

MODEL = "binary_ei"


class Parameters(ModelParameters, model=MODEL):
    """All parameters, whose values, units, meanings and sources stand in defaults.toml, and what follows.

    Lists are tuples: K[i][j] and J[i][j] are of inputs in population i from population j.
    """

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None) -> Self:
        """The parameters with those of the file, if ``file`` names one, and ``overrides`` in their place."""
        path = (overrides or {}).get("file", "")
        return super().load({**(_read(str(path)) if path else {}), **(overrides or {})})

    def check(self) -> None:
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
        self.check_below("T_transient", "T")

    @derived
    def thresholds(self) -> tuple[float, ...]:
        """Threshold of each population: theta, or the mean input sum_j K_ij J_ij m_j at the expected activities."""
        if self.theta:
            return self.theta
        return tuple(balanced_threshold(self.K, self.J, self.m_expected).tolist())

    @property
    def mean_field(self) -> BinaryMeanField:
        """The mean field of the network."""
        return BinaryMeanField(self.K, self.J, self.thresholds, self.tau)


def _read(path: str) -> dict[str, Any]:
    """The parameters in a TOML file."""
    import tomllib

    text = read_text(Path(path))
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{MODEL}: file = {path:.200} cannot be read: {error}") from None


def _check_indegree(indegree: int, size: int, ends: tuple[str, str]) -> None:
    """InputError where so many different inputs are not there."""
    source, target = ends
    others = size - int(source == target)
    if indegree > others:
        raise InputError(
            f"{MODEL}: K asks for {indegree} inputs from {source} in {target}, but a neuron of {target} has {others} "
            f"different sources in {source} without autapses and multapses"
        )


load = Parameters.load
