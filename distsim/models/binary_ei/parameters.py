"""Parameters of the binary network, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from distsim.core.errors import InputError, check_names
from distsim.models.model_parameters import ModelParameters, derived
from distsim.record.storage import read_text
from distsim.theory.binary_mean_field import BinaryMeanField, balanced_threshold

MODEL = "binary_ei"
UPDATES, COUPLINGS, CSV = KEPT = "updates", "couplings", "csv"


class Parameters(ModelParameters, model=MODEL):
    """All parameters, whose values, units, meanings and sources stand in defaults.toml, and what follows.

    Lists are tuples: K[i][j] and J[i][j] are of inputs in population i from population j, K_ext[i][j] and J_ext[i][j]
    of those from external population j.
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
        self._check_external()
        self.check_below("T_transient", "T")
        check_names(self.kept, KEPT, "word in keep", MODEL)
        if max(self.state_times, default=0.0) > self.T:
            raise InputError(f"{MODEL}: state_times must be at most T = {self.T:g} ms, got {max(self.state_times):g}")

    def _check_external(self) -> None:
        """InputError where what is said of external populations does not fit the others."""
        for name in ("N_ext", "K_ext"):
            for number in np.ravel(getattr(self, name)):
                if number != int(number):
                    raise InputError(f"{MODEL}: {name} must hold whole numbers, got {number:g}")
        if not self.N_ext:
            return
        if len(self.K_ext) != len(self.N):
            raise InputError(
                f"{MODEL}: K_ext and J_ext have {len(self.K_ext)} rows, but there are {len(self.N)} populations"
            )
        for name in self.names_ext:
            if name in self.names:
                raise InputError(f"{MODEL}: '{name}' is the name of an external population; give '{name}' another name")
        for i, row in enumerate(self.K_ext):
            for j, indegree in enumerate(row):
                _check_indegree(int(indegree), int(self.N_ext[j]), (self.names_ext[j], self.names[i]))

    @derived
    def thresholds(self) -> tuple[float, ...]:
        """Threshold of each population: theta, or the mean input sum_j K_ij J_ij m_j at the expected activities."""
        if self.theta:
            return self.theta
        return tuple(balanced_threshold(self.K, self.J, self.m_expected, **self._external).tolist())

    @property
    def mean_field(self) -> BinaryMeanField:
        """The mean field of the network."""
        return BinaryMeanField(self.K, self.J, self.thresholds, self.tau, **self._external)

    @property
    def names_ext(self) -> tuple[str, ...]:
        """Names of the external populations: X, or X1, X2, ... where there are several."""
        n = len(self.N_ext)
        return ("X",) if n == 1 else tuple(f"X{k}" for k in range(1, n + 1))

    @property
    def kept(self) -> tuple[str, ...]:
        """The words of ``keep``."""
        return tuple(word.strip() for word in self.keep.split(",") if word.strip())

    @property
    def _external(self) -> dict[str, Any]:
        """What the theory takes of external populations."""
        return {name: getattr(self, name) for name in ("K_ext", "J_ext", "m_ext")} if self.N_ext else {}


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
