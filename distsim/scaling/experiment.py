"""What a scaling experiment is: its settings, and the points it consists of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NEURON_MODELS = ("iaf_psc_alpha", "ignore_and_fire")
PRECISIONS = ("double", "single")
EXCHANGES = ("auto", "allgather", "allgatherv", "alltoallv")

POINT_SETTINGS = ("sizes", "neuron_models", "seeds")
"""The settings that make up the list of points; experiments that differ in these alone may share an output folder."""


RESERVED = {
    "N": "sizes",
    "K": "indegree",
    "T": "time",
    "dt": "dt",
    "neuron_model": "neuron_models",
    "seed": "seeds",
}
"""Parameters of the model that have a setting of their own."""


@dataclass(frozen=True)
class Point:
    """One simulation of an experiment.

    ``size`` is the number of neurons N of the network.
    """

    neuron_model: str
    size: int
    seed: int

    def __str__(self) -> str:
        return f"{self.neuron_model}, N = {self.size}, seed {self.seed}"


@dataclass(frozen=True)
class Experiment:
    """Network-size scaling of the model two_population at fixed in-degree, on the ranks it is started on.

    ``time``, ``dt`` and ``interval`` are in ms; ``interval`` is a forced exchange interval, None the minimum delay.
    ``parameters`` holds values for further parameters of the model, by name.
    """

    sizes: tuple[int, ...] = (1250, 2500, 3750, 5000)
    neuron_models: tuple[str, ...] = NEURON_MODELS
    indegree: int = 1250
    time: float = 1000.0
    dt: float = 0.125
    seeds: tuple[int, ...] = (1,)
    precision: str = "double"
    interval: float | None = None
    exchange: str = "auto"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def points(self) -> list[Point]:
        """All points, sizes outermost: small networks come first, so that early points cost little."""
        return [
            Point(neuron_model, size, seed)
            for size in self.sizes
            for neuron_model in self.neuron_models
            for seed in self.seeds
        ]

    def model_parameters(self, neuron_model: str, size: int) -> dict[str, Any]:
        """What the model two_population is given for a network of ``size`` neurons."""
        return {
            **self.parameters,
            "neuron_model": neuron_model,
            "N": size,
            "K": self.indegree,
            "dt": self.dt,
            "T": self.time,
        }

    def identity(self) -> dict[str, Any]:
        """The settings common to all points, as plain data: equal for experiments whose points belong together."""
        settings = dataclasses.asdict(self)
        for name in POINT_SETTINGS:
            del settings[name]
        return {"model": "two_population", **settings}

    def key(self, point: Point, ranks: int) -> tuple[Any, ...]:
        """What ``records.key`` gives for the record of ``point`` run on ``ranks`` ranks."""
        network = (point.neuron_model, point.size, self.indegree, self.time, self.dt, point.seed)
        return (*network, self.precision, self.interval, self.exchange, ranks)
