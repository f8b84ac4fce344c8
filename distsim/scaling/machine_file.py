"""What a prediction knows of a machine: how fast a core computes beside the others, and what an exchange takes.

``python -m distsim.scaling machine`` measures it under mpirun and writes machine.toml, which this module reads.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_names
from distsim.core.units import check_count, check_number
from distsim.record.storage import read_file

FORMAT = 1
MICRO = 1e-6
ROUNDING = 1e-9
FEWEST = 6
"""Spikes for which blocks have room at least: that of ``parallel.capacity``, with which numba would be imported."""
LEAST_NEURONS = 100
"""Of the reference network, which has to have some activity."""
COSTS = {"build": "ns for each synapse", "update": "ns for each neuron and step", "deliver": "ns for each event"}
"""What is measured of computing, and its units."""
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Exchanged:
    """An exchange of ``spikes`` of each rank: ``microseconds`` by the fastest ``plan`` on ``ranks`` of ``nodes``."""

    ranks: int
    nodes: int
    spikes: int
    microseconds: float
    plan: str


@dataclass(frozen=True)
class Machine:
    """A machine as it was measured.

    cores: how many computed side by side, each a reference network of so many ``neurons``; compute: what a core took
    then for each synapse, neuron and event, see ``COSTS``; exchange: what was measured of it; watts: of all processors
    of a node while their cores computed, where they tell; memory: bytes of a rank before it builds anything, those of
    Python, the modules and the MPI library, once all ranks have spoken with each other (None: not known).
    """

    name: str
    cores: int
    neurons: int
    compute: Mapping[str, float]
    exchange: tuple[Exchanged, ...]
    watts: float | None = None
    memory: float | None = None

    def times(self, other: Machine) -> dict[str, float]:
        """How many times the time of ``other`` this machine takes to compute, by cost."""
        return {name: self.compute[name] / other.compute[name] for name in COSTS}

    @property
    def _fit(self) -> FloatArray:
        """Coefficients (3,) of 1, log2(ranks), and spikes of all ranks, none negative, by least relative squares."""
        from scipy.optimize import nnls

        rows = np.array([_terms(e.ranks, e.spikes) for e in self.exchange])
        taken = np.array([e.microseconds for e in self.exchange])
        found: FloatArray = nnls(rows / taken[:, None], np.ones(len(taken)))[0]
        return found

    @property
    def exchange_error(self) -> float:
        """By how much of itself the typical measured exchange differs from the curve."""
        off = [_terms(e.ranks, e.spikes) @ self._fit / e.microseconds - 1.0 for e in self.exchange]
        return float(np.sqrt(np.mean(np.square(off))))

    def exchange_seconds(self, ranks: int, spikes: float) -> float:
        """Seconds of an exchange of ``spikes`` of each of ``ranks`` ranks.

        Between what was measured on as many ranks it is interpolated; else it is that of the curve
        t = a + b log2(ranks) + c ranks spikes, as collectives of small and of large messages have it (Thakur,
        Rabenseifner & Gropp 2005). Fewer spikes than ``FEWEST`` take as long as these.
        """
        if ranks == 1:
            return 0.0
        spikes = max(spikes, FEWEST)
        here = sorted((e.spikes, e.microseconds) for e in self.exchange if e.ranks == ranks)
        if here and here[0][0] <= spikes <= here[-1][0]:
            known, taken = np.array(here).T
            return MICRO * float(np.interp(spikes, known, taken))
        return MICRO * float(_terms(ranks, spikes) @ self._fit)

    def exchange_range(self, ranks: int, spikes: float) -> tuple[float, float]:
        """The least and the most seconds that such an exchange takes by any curve as good as that which is taken.

        That is one of the same form, with no negative coefficient, which no measured exchange is further from than the
        furthest is from that one. Of exchanges on two ranks alone none tells whether time grows with log2(ranks).
        """
        from scipy.optimize import linprog

        if ranks == 1:
            return 0.0, 0.0
        of_each = np.array([_terms(e.ranks, e.spikes) / e.microseconds for e in self.exchange])
        off = float(np.abs(of_each @ self._fit - 1.0).max()) + ROUNDING
        limits = {"A_ub": np.concatenate((of_each, -of_each)), "b_ub": np.repeat((1.0 + off, off - 1.0), len(of_each))}
        here = _terms(ranks, spikes)
        least, most = (sign * linprog(sign * here, **limits).fun for sign in (1.0, -1.0))
        return MICRO * float(least), MICRO * float(most)

    @property
    def most_ranks(self) -> int:
        """On how many ranks exchanges were measured."""
        return max(e.ranks for e in self.exchange)

    @property
    def most_nodes(self) -> int:
        """On how many nodes."""
        return max(e.nodes for e in self.exchange)

    def text(self) -> str:
        """The machine as TOML."""
        lines = [
            "# Written by python -m distsim.scaling machine",
            f"format = {FORMAT}",
            f"name = {_quoted(self.name)}",
            f"cores = {self.cores} # that computed side by side",
            f"neurons = {self.neurons} # of the reference network of each",
            *([] if self.watts is None else [f"watts = {self.watts:.1f} # of the processors of a node meanwhile"]),
            *([] if self.memory is None else [f"memory = {self.memory:.0f} # bytes of a rank that has built nothing"]),
            "",
            "[compute]",
            *(f"{name} = {self.compute[name]:.4g} # {unit}" for name, unit in COSTS.items()),
        ]
        for entry in self.exchange:
            lines += ["", "[[exchange]]"]
            lines += [
                f"{name} = {_quoted(value) if isinstance(value, str) else f'{value:.6g}'}"
                for name, value in asdict(entry).items()
            ]
        return "\n".join(lines) + "\n"


def _terms(ranks: int, spikes: float) -> FloatArray:
    return np.array([1.0, log2(ranks), ranks * max(spikes, FEWEST)])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


def read_machine(path: Path) -> Machine:
    """The machine that a file describes; InputError where it is none, or of another form."""
    try:
        data = tomllib.loads(read_file(path).decode())
    except FileNotFoundError:
        raise InputError(
            f"machine file '{path}' does not exist; measure one: mpirun -n RANKS python -m distsim.scaling machine"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' is no machine file: {error}") from None
    try:
        return _checked(data)
    except InputError as error:
        raise InputError(f"'{path}' is no machine file: {error}; measure one anew") from None


def _checked(data: Mapping[str, Any]) -> Machine:
    if data.get("format") != FORMAT:
        raise InputError(f"its format is {data.get('format')}, not {FORMAT}")
    check_names(data, ("format", *(entry.name for entry in fields(Machine))), "entry", "machine")
    positive = partial(check_number, above=0.0)
    compute, exchange = data.get("compute"), data.get("exchange")
    if not isinstance(compute, Mapping) or not isinstance(exchange, list) or not exchange:
        raise InputError("it lacks the table compute, or the tables exchange")
    known = {name: positive(data[name], name) for name in ("watts", "memory") if name in data}
    return Machine(
        name=str(data.get("name", "")),
        cores=check_count(data.get("cores"), "cores", low=1),
        neurons=check_count(data.get("neurons"), "neurons", low=LEAST_NEURONS),
        compute={name: positive(compute.get(name), f"compute.{name}") for name in COSTS},
        exchange=tuple(_exchanged(entry, f"exchange[{i}]") for i, entry in enumerate(exchange)),
        **known,
    )


def _exchanged(entry: Any, name: str) -> Exchanged:
    if not isinstance(entry, Mapping):
        raise InputError(f"{name} must be a table")
    check_names(entry, [known.name for known in fields(Exchanged)], "entry", name)
    return Exchanged(
        ranks=check_count(entry.get("ranks"), f"{name}.ranks", low=2),
        nodes=check_count(entry.get("nodes"), f"{name}.nodes", low=1),
        spikes=check_count(entry.get("spikes"), f"{name}.spikes", low=0),
        microseconds=check_number(entry.get("microseconds"), f"{name}.microseconds", above=0.0),
        plan=str(entry.get("plan", "")),
    )


def written(machine: Machine, path: Path) -> None:
    """Write the machine file, whole or not at all."""
    from distsim.record.storage import write_whole

    write_whole(path, machine.text().encode())


ASSUMED: Sequence[Exchanged] = tuple(
    Exchanged(ranks, max(1, ranks // 64), spikes, 1.5 + 1.0 * log2(ranks) + 8e-4 * ranks * spikes, "assumed")
    for ranks in (2, 64, 4096)
    for spikes in (FEWEST, 1000)
)
"""Exchanges where no machine was measured: 1 µs for each doubling of the ranks and 10 GB/s, as good networks have."""
