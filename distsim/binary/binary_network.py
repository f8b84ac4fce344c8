"""A network of binary neurons: populations, couplings, recordings, checked as they are added. No ranks, no edges.

Neuron i has state s_i, 0 or 1, and updates it at the points of its own Poisson process of mean interval tau: it
becomes 1 if its input h_i = sum_j J_ij s_j lies above its threshold theta, else 0. Couplings have no delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distsim.connect.rule import Connected, Rule, check_of_edges, find_ends
from distsim.core.errors import InputError, check_arguments
from distsim.core.parts import Neurons
from distsim.core.populations import Populations
from distsim.core.units import check_number
from distsim.core.values import Value, check_shape, check_value, largest


@dataclass(frozen=True, eq=False)
class BinaryPopulation(Neurons):
    """``size`` binary neurons with global ids ``first_gid`` .. ``first_gid + size - 1``.

    theta: threshold, in units of J. tau: mean interval between updates (ms). m_0: the probability that a neuron is
    active at the start. Each is a number, an array (size,) or a distribution.
    """

    name: str
    size: int
    first_gid: int
    theta: Value
    tau: Value
    m_0: Value


@dataclass(frozen=True, eq=False)
class BinaryProjection(Connected[BinaryPopulation]):
    """Couplings of strength ``J``."""

    J: Value


@check_arguments
class BinaryNetwork(Populations[BinaryPopulation]):
    """A network of binary neurons; with a seed it defines every bit of a simulation.

    Every method checks what it is given and raises InputError with one sentence that says what would be right.
    """

    def __init__(self) -> None:
        super().__init__()
        self.projections: list[BinaryProjection] = []
        self.activity_recordings: dict[str, float | None] = {}  # population: interval (ms), None for every flip
        self.flip_recordings: list[str] = []

    def population(self, name: str, size: int, theta: Any, tau: Any = 1.0, m_0: Any = 0.0) -> BinaryPopulation:
        """Add ``size`` neurons of threshold ``theta`` and mean update interval ``tau`` (ms), active with chance m_0.

        A number, an array (size,) or a distribution each; m_0 = 0 is all inactive, and an array of zeros and ones
        gives the state of every neuron at the start.
        """
        where = self._require_new(name)
        size = self._check_size(size, where)
        values = {
            "theta": check_value(theta, f"{where}: theta"),
            "tau": check_value(tau, f"{where}: tau", above=0.0),
            "m_0": check_value(m_0, f"{where}: m_0", low=0.0),
        }
        for key, value in values.items():
            check_shape(value, (size,), f"{where}: {key}")
        if largest(values["m_0"]) > 1.0:
            raise InputError(f"{where}: m_0 is a probability and must be at most 1, got {largest(values['m_0']):g}")
        population = BinaryPopulation(name, size, self.size, **values)
        self.populations.append(population)
        return population

    def connect(
        self, source: BinaryPopulation | str, target: BinaryPopulation | str, rule: Rule, J: Any
    ) -> BinaryProjection:
        """Couple ``source`` to ``target`` by ``rule`` with strength ``J``: a number, an array or a distribution."""
        self._require_open()
        source, target, where = find_ends(self, source, target, rule)
        strength = check_value(J, f"{where}: J")
        projection = BinaryProjection(len(self.projections), source, target, rule, strength)
        check_of_edges(strength, rule.array_shape(projection.ends), f"{where}: J")
        self.projections.append(projection)
        return projection

    def record_activity(self, population: BinaryPopulation | str, interval: float | None = None) -> None:
        """Record the mean activity of ``population``: at every flip, or every ``interval`` ms from 0 on."""
        self._require_open()
        name = self.find(population).name
        if name in self.activity_recordings:
            raise InputError(f"record_activity: the activity of '{name}' is recorded already")
        if interval is not None:
            interval = check_number(interval, f"record_activity '{name}': interval", above=0.0)
        self.activity_recordings[name] = interval

    def record_flips(self, population: BinaryPopulation | str) -> None:
        """Record every change of state in ``population``: time, neuron, new state."""
        self._require_open()
        name = self.find(population).name
        if name in self.flip_recordings:
            raise InputError(f"record_flips: the flips of '{name}' are recorded already")
        self.flip_recordings.append(name)
