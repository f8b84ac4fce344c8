"""What a job on any number of ranks will take: ranks of it are simulated alone, the rest follows from the machine.

Memory, building and computing are those of the sampled ranks, exactly. In an interval all ranks wait for the slowest:
its time is the mean over ranks and as many standard deviations as the largest of that many normal numbers is expected
above theirs (Blom 1958); the deviation is found between the sampled ranks, interval by interval. An exchange costs what
was measured of the machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, check_count, check_number
from distsim.scaling.dry import DryResult, Spikes, dry_run
from distsim.scaling.experiment import Point
from distsim.scaling.machine_file import ASSUMED, COSTS, Machine
from distsim.scaling.settings import Experiment

FloatArray = npt.NDArray[np.float64]
SAMPLED = 3
"""Ranks of a job that are simulated, where not all are."""
MOST_MADE_UP = 100_000_000
"""Spikes at an assumed rate that are made up at most."""
BYTES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
SECONDS_PER_HOUR = 3600.0
JOULES = ("J", "kJ", "MJ", "GJ", "TJ")
PHASES = ("update", "deliver", "wait", "exchange")


@dataclass(frozen=True)
class Node:
    """A node of the machine that is predicted: cores, memory in bytes, watts while it computes (None: not known)."""

    cores: int
    memory: float
    watts: float | None = None

    @classmethod
    def of(cls, text: str) -> Node:
        """As it is written: "cores=128 memory=256G watts=700"; InputError for anything else."""
        from distsim.command.arguments import divided, value_of
        from distsim.core.errors import check_names

        form = "cores=128 memory=256G, with watts=700 if they are known"
        given = divided(text.replace(",", " ").split(), "--node", form)
        check_names(given, ("cores", "memory", "watts"), "word", "option --node")
        if not {"cores", "memory"} <= set(given):
            raise InputError(f"option --node: '{text:.80}' is not of the form {form}")
        size, unit = given["memory"].removesuffix("B").removesuffix("i"), 1.0
        if size[-1:] in BYTES:
            size, unit = size[:-1], BYTES[size[-1]]
        watts = given.get("watts")
        return cls(
            check_count(value_of(given["cores"]), "option --node: cores", low=1),
            check_number(value_of(size), "option --node: memory", above=0.0) * unit,
            None if watts is None else check_number(value_of(watts), "option --node: watts", above=0.0),
        )


@dataclass(frozen=True)
class Prediction:
    """A point as it will be: memory in bytes, times in s, of ``T`` ms of simulated time; energy in J, None: not known.

    seconds: by phase, of which "wait" is what the slowest rank of each interval takes beyond the mean; exchange:
    seconds of one exchange as it is taken to be, the least and the most that it may be, see ``Machine.exchange_range``;
    error: that of the real-time factor, relative to it: of sampling ranks (a standard error) and half of that range;
    limit: what takes most of it; fits: whether nodes have the memory.
    sampled: the ranks that were simulated; wrong: intervals in which a sampled rank had other spikes than those that
    were replayed, always so where rates were assumed.
    """

    point: Point
    nodes: int
    ranks_per_node: int
    sampled: tuple[int, ...]
    neurons: int
    synapses: float
    memory_per_rank: float
    memory_per_node: float
    build_time: float
    T: float
    seconds: dict[str, float]
    exchange: tuple[float, float, float]
    error: float
    core_hours: float
    energy: float | None
    fits: bool
    wrong: int

    @property
    def sim_time(self) -> float:
        """Seconds of the run."""
        return sum(self.seconds.values())

    @property
    def real_time_factor(self) -> float:
        """Wall time by simulated time."""
        return self.sim_time * MS_PER_S / self.T

    @property
    def limit(self) -> str:
        """The phase that takes most, or "memory" where there is too little."""
        return max(self.seconds, key=self.seconds.__getitem__) if self.fits else "memory"

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        more = {"sim_time": self.sim_time, "real_time_factor": self.real_time_factor, "limit": self.limit}
        return {**asdict(self), "point": self.point.as_dict(), **more}


@dataclass(frozen=True)
class Assumptions:
    """What a prediction is made of: the node, the machine and this one (None: the same), spikes or a rate in 1/s."""

    node: Node
    machine: Machine | None = None
    here: Machine | None = None
    spikes: Spikes = None
    rate: float | None = None
    sampled: int = SAMPLED

    @property
    def exchange(self) -> Machine:
        """The machine whose exchanges are taken."""
        return self.machine or Machine("assumed", 1, 0, dict.fromkeys(COSTS, 1.0), tuple(ASSUMED))

    @property
    def slower(self) -> dict[str, float]:
        """How many times what computing took here it takes there, by cost."""
        if self.machine is None or self.here is None:
            return dict.fromkeys(COSTS, 1.0)
        return self.machine.times(self.here)

    @property
    def memory_of_mpi(self) -> float:
        """Bytes that the MPI library takes of a rank there, more than of a process here."""
        there, here = (machine.memory if machine else None for machine in (self.machine, self.here))
        return max(0.0, there - here) if there and here else 0.0


def sampled_ranks(ranks: int, n: int) -> tuple[int, ...]:
    """``n`` of the ranks, spread over all; the first has the most neurons, the last the fewest."""
    return tuple(sorted({int(rank) for rank in np.linspace(0, ranks - 1, min(n, ranks)).round()}))


def predict(experiment: Experiment, point: Point, given: Assumptions) -> Prediction:
    """What ``point`` will take; each sampled rank is simulated in a process of its own.

    ``experiment`` is one whose models' own values are known, that of a ``Plan``. Raises InputError for wrong input.
    """
    chosen = sampled_ranks(point.ranks, given.sampled)
    results = [_alone(partial(_dry, experiment, point, rank, given.spikes, given.rate)) for rank in chosen]
    return predicted(point, results, given)


def predicted(point: Point, results: Sequence[DryResult], given: Assumptions) -> Prediction:
    """The prediction of a point from sampled ranks of it."""
    per_node = min(given.node.cores, point.ranks)
    nodes = math.ceil(point.ranks / given.node.cores)
    exchange = _exchange(point, results, given.exchange)
    seconds, error = _seconds(point, results, given.slower, exchange)
    build = given.slower["build"] * _greatest([r.build_time for r in results], point.ranks)
    memory = _greatest([float(r.memory_peak) for r in results], point.ranks) + given.memory_of_mpi
    hours = (build + sum(seconds.values())) / SECONDS_PER_HOUR
    watts = given.node.watts or (given.machine.watts if given.machine else None)
    return Prediction(
        point=point,
        nodes=nodes,
        ranks_per_node=per_node,
        sampled=tuple(r.rank for r in results),
        neurons=max(r.neurons for r in results),
        synapses=_greatest([float(r.synapses) for r in results], point.ranks),
        memory_per_rank=memory,
        memory_per_node=memory * per_node,
        build_time=build,
        T=results[0].time,
        seconds=seconds,
        exchange=exchange,
        error=error,
        core_hours=hours * nodes * given.node.cores if nodes > 1 else hours * per_node,
        energy=None if watts is None else watts * nodes * hours * SECONDS_PER_HOUR,
        fits=memory * per_node <= given.node.memory,
        wrong=sum(r.wrong for r in results),
    )


def _exchange(point: Point, results: Sequence[DryResult], machine: Machine) -> tuple[float, float, float]:
    """Seconds of one exchange, the least and the most that it may be."""
    spikes = float(np.mean([r.received.mean() for r in results])) / point.ranks
    return machine.exchange_seconds(point.ranks, spikes), *machine.exchange_range(point.ranks, spikes)


def _seconds(
    point: Point, results: Sequence[DryResult], slower: dict[str, float], exchange: tuple[float, float, float]
) -> tuple[dict[str, float], float]:
    """Seconds of the run by phase, and the relative error of their sum."""
    once, least, most = exchange
    update = [slower["update"] * (r.computing - r.seconds["deliver"]) for r in results]
    deliver = [slower["deliver"] * r.seconds["deliver"] for r in results]
    of_intervals = np.array([
        u / len(r.events) + d * _shares(r.events) for u, d, r in zip(update, deliver, results, strict=True)
    ])  # fmt: skip
    mean, slowest = of_intervals.mean(axis=0), _slowest(of_intervals, point.ranks)
    seconds = {
        "update": float(np.mean(update)),
        "deliver": float(np.mean(deliver)),
        "wait": float((slowest - mean).sum()),
        "exchange": once * len(mean),
    }
    totals = of_intervals.sum(axis=1)
    spread = float(totals.std(ddof=1)) / math.sqrt(len(totals)) if 1 < len(totals) < point.ranks else 0.0
    off = 0.5 * (most - least) * len(mean)
    return seconds, math.hypot(spread, off) / max(sum(seconds.values()), np.finfo(float).tiny)


def _shares(events: npt.NDArray[np.int64]) -> FloatArray:
    """What each interval has of the time for delivery (sums to 1): that of its events and of a look at what came."""
    weights = 1.0 + events
    return np.asarray(weights / weights.sum())


def _slowest(of_intervals: FloatArray, ranks: int) -> FloatArray:
    """What the slowest of all ``ranks`` will take in each interval, from what some take (sampled, intervals)."""
    if len(of_intervals) == ranks:
        return np.asarray(of_intervals.max(axis=0))
    mean = of_intervals.mean(axis=0)
    deviation = math.sqrt(float(of_intervals.var(axis=0, ddof=1).mean())) if len(of_intervals) > 1 else 0.0
    return np.asarray(np.maximum(mean + deviation * expected_largest(ranks), of_intervals.max(axis=0)))


def _greatest(values: Sequence[float], ranks: int) -> float:
    """The greatest that is expected of all ``ranks``, of which some have these values."""
    if len(values) < 2 or len(values) == ranks:
        return max(values)
    return max(*values, float(np.mean(values) + np.std(values, ddof=1) * expected_largest(ranks)))


def expected_largest(n: int) -> float:
    """The expected largest of ``n`` standard normal numbers, to within 1 % (Blom 1958)."""
    from scipy.special import ndtri

    return float(ndtri((n - 0.375) / (n + 0.25))) if n > 1 else 0.0


# ---------------------------------------------------------------- in processes of their own


def _alone(call: partial[Any]) -> Any:
    """What ``call`` gives in a new process, whose memory is that of nothing else."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(call).result()


def this_machine(neurons: int) -> Machine:
    """What computing a reference network of so many neurons takes here, in a process of its own."""
    compute, memory = _alone(partial(_costs_here, neurons))
    return Machine("here", 1, neurons, compute, tuple(ASSUMED), memory=memory)


def _costs_here(neurons: int) -> tuple[dict[str, float], float]:
    from distsim.parallel import world
    from distsim.scaling.measure_machine import compute_costs, memory_of_ranks

    memory = memory_of_ranks(world())
    return compute_costs(world(), neurons)[0], memory


def _dry(experiment: Experiment, point: Point, rank: int, spikes: Spikes, rate: float | None) -> DryResult:
    return dry_run(experiment, point, rank, spikes if rate is None else made_up(experiment, point, rate))


def made_up(experiment: Experiment, point: Point, rate: float) -> dict[str, Any]:
    """Spikes of all neurons at a rate (1/s), independent of each other: times (n,) ms and neurons (n,) by population.

    InputError where they are too many to be held.
    """
    from distsim.scaling.plan import load_point, model_of, seeded

    parameters, settings = seeded(experiment, point, load_point(experiment, point))
    network = model_of(experiment).build_network(parameters)
    steps = round((settings.presimulation + settings.time) / network.dt)
    expected = rate * steps * network.dt / MS_PER_S
    if expected * point.size > MOST_MADE_UP:
        raise InputError(
            f"predict: {rate:g} spikes per second of {point.size} neurons are {expected * point.size:.2g} spikes, too "
            f"many to be made up; take a --time of at most {settings.time * MOST_MADE_UP / (expected * point.size):.2g}"
        )
    rng, found = np.random.default_rng(point.seed), {}
    for population in network.populations:
        n = rng.poisson(expected * population.size)
        step = np.sort(rng.integers(1, steps + 1, n))
        found[population.name] = (step * network.dt, rng.integers(0, population.size, n))
    return found
