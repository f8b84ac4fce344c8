"""What a scaling experiment is: its settings, and the points it consists of."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("size", "strong", "weak")
PRECISIONS = ("double", "single")
EXCHANGES = ("auto", "allgather", "allgatherv", "alltoallv")
DEFAULT_MODEL = "two_population"
DEFAULT_SIZES = (1250, 2500, 3750, 5000)
DEFAULT_INDEGREE = 1250
DEFAULT_VARY = {"neuron_model": ("iaf_psc_alpha", "ignore_and_fire")}

POINT_SETTINGS = ("kind", "sizes", "size_per_rank", "ranks", "indegree_grows", "vary", "seeds", "repetitions")
"""The settings that make up the list of points; experiments that differ in these alone may share an output folder."""

KEY = ("variant", "size", "indegree", "ranks", "seed", "repetition")
"""The fields of a record that tell which point of its folder it is."""

Scalar = bool | int | float | str


@dataclass(frozen=True)
class Point:
    """One simulation of an experiment.

    ``size`` is the number of neurons asked for, ``indegree`` the number of inputs per neuron (None: the model's own
    rule), ``variant`` the varied parameters and their values, ``repetition`` counts runs of the same network from 1.
    """

    variant: tuple[tuple[str, Scalar], ...]
    size: int
    indegree: int | None
    ranks: int
    seed: int
    repetition: int = 1

    def __str__(self) -> str:
        again = f", repetition {self.repetition}" if self.repetition > 1 else ""
        words = [variant_label(dict(self.variant)), f"N = {self.size}", f"seed {self.seed}{again}", count(self.ranks)]
        return ", ".join(word for word in words if word)

    def as_dict(self) -> dict[str, Any]:
        """The fields of ``KEY`` as plain data."""
        return {**dataclasses.asdict(self), "variant": dict(self.variant)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Point:
        """The point that ``as_dict`` gave ``fields`` for."""
        return cls(tuple(fields["variant"].items()), *(fields[name] for name in KEY[1:]))

    def key(self) -> str:
        """What ``key_of`` gives for the record of this point."""
        return key_of(self.as_dict())


def key_of(record: Mapping[str, Any]) -> str:
    """The point that a record is of, as a text to compare; KeyError where a field is missing."""
    return json.dumps([record[name] for name in KEY], sort_keys=True)


def variant_label(variant: Mapping[str, Any]) -> str:
    """A name for varied parameters: a text stands for itself, ``g = 5`` for a number; empty where nothing varies."""
    return ", ".join(value if isinstance(value, str) else f"{name} = {value}" for name, value in variant.items())


def count(ranks: int) -> str:
    """``1 rank``, ``2 ranks``."""
    return "1 rank" if ranks == 1 else f"{ranks} ranks"


@dataclass(frozen=True)
class Experiment:
    """A scaling experiment with a spiking model of distsim, or a user's own, whose ``model`` is the path of its file.

    kind: "size" (fixed ranks, N = ``sizes`` grows), "strong" (fixed N = ``sizes``, ``ranks`` grow) or "weak" (N is
    ``size_per_rank`` times ``ranks``). ``indegree`` is fixed, None leaves it to the model; where ``indegree_grows`` in
    weak scaling it is that of one rank and grows with N. ``ranks`` () are those of the job. ``vary`` holds values of
    model parameters whose combinations are run, ``parameters`` one value for further parameters. ``time``,
    ``presimulation`` (not measured) and ``interval`` (of spike exchange, None: the minimum delay) are in ms;
    ``presimulation`` and ``precision`` are the model's own where they are None.
    """

    model: str = DEFAULT_MODEL
    kind: str = "size"
    sizes: tuple[int, ...] = ()
    size_per_rank: int | None = None
    ranks: tuple[int, ...] = ()
    indegree: int | None = None
    indegree_grows: bool | None = None
    vary: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    repetitions: int = 1
    time: float = 1000.0
    presimulation: float | None = None
    precision: str | None = None
    interval: float | None = None
    exchange: str = "auto"

    def points(self, job_ranks: int) -> list[Point]:
        """All points, small networks and few ranks first, so that early points cost little.

        ``job_ranks`` is the number of ranks where the experiment names none.
        """
        variants = [tuple(zip(self.vary, values, strict=True)) for values in itertools.product(*self.vary.values())]
        runs = [(seed, again) for seed in self.seeds for again in range(1, self.repetitions + 1)]
        return [
            Point(variant, size, indegree, ranks, seed, again)
            for size, indegree, ranks in self._networks(job_ranks)
            for variant in variants
            for seed, again in runs
        ]

    def _networks(self, job_ranks: int) -> list[tuple[int, int | None, int]]:
        """Number of neurons, in-degree and number of ranks of every point."""
        all_ranks = self.ranks or (job_ranks,)
        if self.kind != "weak" or self.size_per_rank is None:
            return [(size, self.indegree, ranks) for size in self.sizes for ranks in all_ranks]
        return [(self.size_per_rank * ranks, self._indegree(ranks), ranks) for ranks in all_ranks]

    def _indegree(self, ranks: int) -> int | None:
        """The in-degree in weak scaling on so many ranks."""
        return self.indegree * ranks if self.indegree is not None and self.indegree_grows else self.indegree

    def identity(self) -> dict[str, Any]:
        """The settings common to all points, as plain data: equal for experiments whose points belong together."""
        return {name: value for name, value in self.settings().items() if name not in (*POINT_SETTINGS, "indegree")}

    def run_settings(self) -> dict[str, Any]:
        """The settings of each run that are given, see ``models.model.SETTINGS``; the others are the model's own."""
        given = {name: getattr(self, name) for name in ("time", "presimulation", "precision", "interval", "exchange")}
        return {name: value for name, value in given.items() if value is not None}

    def settings(self) -> dict[str, Any]:
        """All settings as plain data."""
        return dataclasses.asdict(self)
