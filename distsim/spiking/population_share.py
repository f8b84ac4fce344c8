"""The neurons of a population on one rank."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.values import values_of_neurons
from distsim.spiking.network import Population

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PopulationShare:
    """The neurons of ``population`` that this rank owns, and what fixes their random numbers.

    gids (n,) int64: global ids; begin: which of its group the first of them is.
    """

    population: Population
    gids: npt.NDArray[np.int64]
    begin: int
    seed: int
    dt: float

    @property
    def n(self) -> int:
        return len(self.gids)

    @property
    def end(self) -> int:
        return self.begin + len(self.gids)

    def parameters(self) -> SimpleNamespace:
        """The parameters of the model for the local neurons: floats where all are equal, else (n,) float64."""
        model: Any = self.population.model
        seed, gids, first_gid = self.seed, self.gids, self.population.first_gid
        given = {f.name: getattr(model, f.name) for f in fields(model)}
        local = {n: values_of_neurons(v, seed, f"parameter {n}", gids, first_gid) for n, v in given.items()}
        return SimpleNamespace(**local)

    def initial(self, name: str, default: float | FloatArray, trial: int = 0) -> FloatArray:
        """Initial values (n,) float64 of a state variable; distributions are drawn anew for every ``trial``."""
        value = self.population.initial.get(name)
        if value is not None:
            first_gid = self.population.first_gid
            default = values_of_neurons(value, self.seed, f"initial {name}", self.gids, first_gid, trial)
        return np.array(np.broadcast_to(default, self.n), np.float64)
