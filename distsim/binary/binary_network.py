"""A network of binary neurons: populations, couplings, recordings, checked as they are added. No ranks, no edges.

Neuron i has state s_i, 0 or 1, and updates it at the points of its own Poisson process of mean interval tau: it
becomes 1 if its input h_i = sum_j J_ij s_j lies above its threshold theta, else 0. Couplings have no delay. A neuron of
an external population has no input: at each of its updates it becomes 1 with a probability of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Connected, Rule, check_of_edges, find_ends
from distsim.connect.rules.nonzero import NonZero
from distsim.core.errors import InputError, check_arguments
from distsim.core.parts import Neurons, Part
from distsim.core.populations import Indices, ascending, check_indices
from distsim.core.units import check_number
from distsim.core.values import Value, check_array, check_shape, check_value, largest
from distsim.record.kept_network import KeptNetwork

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BinaryPopulation(Neurons):
    """``size`` binary neurons with global ids ``first_gid`` .. ``first_gid + size - 1``.

    theta: threshold, in units of J. tau: mean interval between updates (ms). m_0: the probability that a neuron is
    active at the start. m_ext: of an external population, which has no threshold, the probability that a neuron is
    active after an update, and, where m_0 is None, at the start. Each is a number, an array (size,) or a distribution.
    """

    name: str
    size: int
    first_gid: int
    theta: Value | None
    tau: Value
    m_0: Value | None
    m_ext: Value | None = None


@dataclass(frozen=True, eq=False)
class BinaryProjection(Connected[Neurons]):
    """Couplings of strength ``J``: one value, or an array, which of a matrix is a view of what the user gave."""

    J: Value | npt.NDArray[Any]


@dataclass(frozen=True)
class CouplingRecording:
    """Keep the couplings from ``sources`` to ``targets``, indices (n,) within two populations."""

    source: str
    target: str
    sources: Int64Array = field(repr=False)
    targets: Int64Array = field(repr=False)


@dataclass(frozen=True)
class StateSampling:
    """Record the states of ``neurons`` (n,) of a population at ``times`` (T,) (ms), ascending."""

    neurons: Int64Array = field(repr=False)
    times: npt.NDArray[np.float64]


@check_arguments
class BinaryNetwork(KeptNetwork[BinaryPopulation]):
    """A network of binary neurons; with a seed it defines every bit of a simulation.

    Every method checks what it is given and raises InputError with one sentence that says what would be right.
    """

    def __init__(self) -> None:
        super().__init__()
        self.projections: list[BinaryProjection] = []
        self.activity_recordings: dict[str, float | None] = {}  # population: interval (ms), None for every flip
        self.flip_recordings: dict[str, Indices | None] = {}  # population: neurons, None for all
        self.state_recordings: dict[str, StateSampling] = {}
        self.coupling_recordings: list[CouplingRecording] = []
        self.update_recordings: list[str] = []  # of all populations, or none

    @classmethod
    def _known_classes(cls) -> tuple[type, ...]:
        return CouplingRecording, StateSampling

    def _builders(self) -> dict[str, Callable[..., object]]:
        return {"populations": self._population_again, "projections": self._connect_again}

    def _population_again(self, name: str, size: int, m_ext: Value | None, **given: Any) -> None:
        self._add(name, size, **given, **({} if m_ext is None else {"m_ext": m_ext}))

    def _connect_again(self, source: Neurons, target: Neurons, rule: Rule, J: Any) -> None:
        """Without converting numbers of a matrix, which may be of any real type."""
        self._append(BinaryProjection(len(self.projections), source, target, rule, J))

    def population(self, name: str, size: int, theta: Any, tau: Any = 1.0, m_0: Any = 0.0) -> BinaryPopulation:
        """Add ``size`` neurons of threshold ``theta`` and mean update interval ``tau`` (ms), active with chance m_0.

        A number, an array (size,) or a distribution each; m_0 = 0 is all inactive, and an array of zeros and ones
        gives the state of every neuron at the start.
        """
        return self._add(name, size, theta=theta, tau=tau, m_0=m_0)

    def external_population(self, name: str, size: int, m: Any, tau: Any = 1.0, m_0: Any = None) -> BinaryPopulation:
        """Add ``size`` neurons that nothing drives: each is active with probability ``m`` after any of its updates.

        The external populations of the mean field: of mean activity m and variance m (1 - m), independent of each
        other. tau: mean interval (ms) between updates, after which a neuron has forgotten its state; m_0: as in
        ``population``; without it, activity is stationary from the start. A number, an array (size,) or a distribution
        each.
        """
        return self._add(name, size, theta=None, tau=tau, m_0=m_0, m_ext=m)

    def _add(self, name: str, size: int, **given: Any) -> BinaryPopulation:
        """A new population, checked; None for what it does not have."""
        where = self._require_new(name)
        size = self._check_size(size, where)
        limits = {"tau": {"above": 0.0}, "m_0": {"low": 0.0}, "m_ext": {"low": 0.0}}
        values: dict[str, Any] = {}
        for key, value in given.items():
            label = f"{where}: {key.removesuffix('_ext')}"
            if value is None and (key, "m_ext" in given) in (("theta", True), ("m_0", True)):
                values[key] = None
                continue
            values[key] = check_value(value, label, **limits.get(key, {}))
            check_shape(values[key], (size,), label)
            if key in ("m_0", "m_ext") and largest(values[key]) > 1.0:
                raise InputError(f"{label} is a probability and must be at most 1, got {largest(values[key]):g}")
        population = BinaryPopulation(name, size, self.size, **values)
        self.populations.append(population)
        return population

    def connect(self, source: Neurons | str, target: Neurons | str, rule: Rule, J: Any) -> BinaryProjection:
        """Couple ``source`` to ``target`` by ``rule`` with strength ``J``: a number, an array or a distribution.

        Each is a population, its name, or a part of one or several populations, among whose neurons the rule draws.
        """
        self._require_open()
        source, target, where = find_ends(self, source, target, rule)
        strength = check_value(J, f"{where}: J")
        projection = BinaryProjection(len(self.projections), source, target, rule, strength)
        check_of_edges(strength, rule.array_shape(projection.ends), f"{where}: J")
        return self._append(projection)

    def connect_matrix(
        self,
        J: Any,
        source: BinaryPopulation | str | None = None,
        target: BinaryPopulation | str | None = None,
    ) -> list[BinaryProjection]:
        """Couple neurons by a matrix: J[i, j] is the strength from neuron j to neuron i, and 0 is no coupling.

        Of shape (n, n) with the n neurons of all populations in the order in which these were added, or, where
        ``source`` and ``target`` are given, (target size, source size). Numbers of any real type, which are neither
        copied nor converted as a whole: of a file that ``numpy.load(..., mmap_mode="r")`` maps, each rank reads what
        it checks, and keeps the couplings of its own neurons alone. The array must not change until the simulation is
        made. Returns the projections: one for each pair of populations with any coupling.
        """
        self._require_open()
        if (source is None) != (target is None):
            raise InputError("connect_matrix: source and target go together: give both or neither")
        sources = self.populations if source is None else [self.find(source)]
        targets = self.populations if target is None else [self.find(target)]
        shape = sum(p.size for p in targets), sum(p.size for p in sources)
        whole = NonZero(J).matrix
        if whole.shape != shape:
            raise InputError(
                f"connect_matrix: J has shape {whole.shape}, but must have shape {shape}: a row for each target, a "
                "column for each source"
            )
        first_row, first_column = targets[0].first_gid if targets else 0, sources[0].first_gid if sources else 0
        made: list[BinaryProjection] = []
        for to in targets:
            for of in sources:
                row, column = to.first_gid - first_row, of.first_gid - first_column
                rule = NonZero(whole[row : row + to.size, column : column + of.size])
                values = rule.values()
                if values:
                    strength = rule.matrix if len(values) > 1 else values[0]
                    made.append(BinaryProjection(len(self.projections) + len(made), of, to, rule, strength))
        for projection in made:
            self._append(projection)
        return made

    def _append(self, projection: BinaryProjection) -> BinaryProjection:
        external = next((p.name for p, _ in projection.target.pieces if p.m_ext is not None), None)
        if external is not None:
            told = f"'{external}' is an external population, which has no input"
            raise InputError(f"projection '{projection.name}': {told}")
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

    def record_flips(self, population: Neurons | str, neurons: Iterable[int] | None = None) -> None:
        """Record every change of state of ``neurons`` (indices; default: all): time, neuron, new state.

        Of a part, those of its neurons, each with those of its own population.
        """
        self._require_open()
        if isinstance(population, Part):
            for own, chosen_ones in self._recorded(population, neurons):
                self.record_flips(own, chosen_ones)
            return
        population = self.find(population)  # type: ignore[arg-type] # which refuses anything else
        if population.name in self.flip_recordings:
            raise InputError(f"record_flips: the flips of '{population.name}' are recorded already")
        chosen = None if neurons is None else check_indices(neurons, population, f"record_flips '{population.name}'")
        self.flip_recordings[population.name] = chosen if chosen is None else ascending(chosen)

    def record_updates(self) -> None:
        """Record every update of every neuron, and the mean activity of each population and of all just after it."""
        self._require_open()
        if self.update_recordings:
            raise InputError("record_updates: updates are recorded already")
        self.update_recordings.append("all")

    def record_states(
        self,
        times: Iterable[float],
        population: Neurons | str | None = None,
        neurons: Iterable[int] | None = None,
    ) -> None:
        """Record the states, 0 or 1, just after all updates up to each of ``times`` (ms).

        Of all populations, or of ``population``, or of some ``neurons`` (indices) of it, or of a part of populations.
        """
        self._require_open()
        if isinstance(population, Part):
            for own, chosen_ones in self._recorded(population, neurons):
                self.record_states(times, own, chosen_ones)
            return
        if population is None and neurons is not None:
            raise InputError("record_states: neurons are indices within a population; give that population, too")
        when = check_array(times, "record_states: times", low=0.0)
        one = [] if population is None else [self.find(population)]  # type: ignore[arg-type] # which refuses others
        for chosen in one or self.populations:
            if chosen.name in self.state_recordings:
                raise InputError(f"record_states: '{chosen.name}' is recorded already; give all times at once")
            indices = np.array(check_indices(neurons, chosen, f"record_states '{chosen.name}'"), np.int64)
            self.state_recordings[chosen.name] = StateSampling(indices, np.unique(when))

    def record_couplings(
        self,
        source: Neurons | str,
        target: Neurons | str,
        sources: Iterable[int] | None = None,
        targets: Iterable[int] | None = None,
    ) -> None:
        """Keep the couplings from ``source`` to ``target``, or between chosen neurons of theirs, in the file.

        Of parts, those of their neurons, each with those of its own population.
        """
        self._require_open()
        source, target = self.neurons(source), self.neurons(target)
        if isinstance(source, Part) or isinstance(target, Part):
            for ends in self._recorded_between(source, target, sources, targets):
                self.record_couplings(*ends)
            return
        where = f"record_couplings '{source.name}->{target.name}'"
        self.find_projections(source, target)
        if any((r.source, r.target) == (source.name, target.name) for r in self.coupling_recordings):
            raise InputError(f"{where}: these couplings are recorded already")
        chosen = self.chosen_ends(source, target, sources, targets, where)
        self.coupling_recordings.append(CouplingRecording(source.name, target.name, *chosen))

    @staticmethod
    def chosen_ends(
        source: Neurons,
        target: Neurons,
        sources: Iterable[int] | None,
        targets: Iterable[int] | None,
        where: str,
    ) -> tuple[Int64Array, Int64Array]:
        """Indices of the chosen neurons of two populations, or parts, ascending, each once; all of them for None."""
        ends = (sources, source, f"{where}: sources"), (targets, target, f"{where}: targets")
        of, to = (np.unique(np.array(check_indices(*end), np.int64)) for end in ends)
        return of, to
