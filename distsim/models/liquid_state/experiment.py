"""The experiment of figure 2: many pairs of stimuli, and how far apart the states are that they leave in one liquid.

Trials are shared out over the ranks and simulated in batches. What is reported are sums of whole numbers, so that it
depends on neither.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.errors import RangeError
from distsim.core.units import MS_PER_S, to_steps
from distsim.models.liquid_state.network import build_network
from distsim.models.liquid_state.parameters import MODEL, Parameters
from distsim.models.liquid_state.states import pair_distances
from distsim.models.liquid_state.stimuli import collect_pairs, on_grid
from distsim.models.liquid_state.trials import Trials, memory_of_trials
from distsim.models.outcome import Outcome, Table
from distsim.parallel.communicator import on_root
from distsim.parallel.job import faults
from distsim.parallel.machine import check_memory
from distsim.parallel.progress import Progress
from distsim.record.storage import write_whole
from distsim.spiking.neurons.lif_multisynapse import STIMULUS
from distsim.spiking.sources.spike_trains import SpikeTrains

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpi4py import MPI

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
Pair = tuple[FloatArray, FloatArray]

GRID = 2.0**-30  # distances are summed in whole numbers of this
SETTLED = 100.0  # ms after which the mean over time of a distance begins
SHOWN = 50.0  # ms between the times in tables
EMPTY_ARRAY, OF_PAIR = 112, 200  # bytes: of an array without data, of the tuples and numbers that go with a pair
LIMIT = 2**31  # of the sum of squared distances, beyond which the whole numbers might not hold it
STYLES: tuple[Any, ...] = ((0, (3, 1.5)), (0, (8, 3, 1.5, 3)), (0, (8, 4)), "-")
"""One line style for each distance between stimuli, the largest first: as in the published figure."""


class Sums(NamedTuple):
    """Sums over the pairs at each of the distances between stimuli: (distances, steps), in whole numbers of GRID.

    of distances and of their squares at each step; settled (distances, 2): of the mean from SETTLED ms on, and its
    square; spikes (distances, 2): of excitatory and of inhibitory neurons.
    """

    distance: Int64Array
    squared: Int64Array
    settled: Int64Array
    spikes: Int64Array

    @classmethod
    def zero(cls, classes: int, n_steps: int) -> Sums:
        return cls(*(np.zeros(shape, np.int64) for shape in ((classes, n_steps),) * 2 + ((classes, 2),) * 2))

    def over_ranks(self, comm: MPI.Comm) -> Sums:
        """The sums of all ranks (collective)."""
        everywhere = Sums(*map(np.empty_like, self))
        for mine, total in zip(self, everywhere, strict=True):
            comm.Allreduce(mine, total)
        return everywhere


@dataclass(frozen=True)
class Curves:
    """Distance of liquid states by time (T,) in ms, mean and standard error (distances, T) over pairs.

    settled (distances, 2): the same of the mean from SETTLED ms on. rates (distances, 2): 1/s, of excitatory and of
    inhibitory neurons.
    """

    distances: tuple[float, ...]
    time: FloatArray
    mean: FloatArray
    error: FloatArray
    settled: FloatArray
    rates: FloatArray


def run(comm: MPI.Comm, parameters: Parameters, folder: Path | None, progress: Progress) -> Outcome:
    """Simulate all pairs; curves go to state_distance.csv in ``folder``, if there is one. Collective."""
    p = parameters
    network = build_network(p)
    side_by_side = min(p.batch, 2 * p.pairs * len(p.distances))
    needed = memory_of_pairs(p) + memory_of_trials(network, side_by_side).total
    check_memory(comm, needed, f"{MODEL}: a run")
    pairs = collect_pairs(p)
    trials = Trials(network, comm, p.seed)
    with faults(comm):
        sums = simulate(trials, pairs, p, comm, progress).over_ranks(comm)
    curves = curves_of(sums, p)
    if folder is not None:
        on_root(comm, lambda: write_whole(folder / "state_distance.csv", _csv(curves)))
    return outcome(curves, trials.synapse_counts(), p, distance_hash(sums))


def _csv(curves: Curves) -> bytes:
    """A row for each time: the time (ms), and the distance of liquid states at every distance of the stimuli."""
    text = BytesIO()
    columns = np.column_stack((curves.time, curves.mean.T))
    header = "time_ms," + ",".join(f"d_{d:g}" for d in curves.distances)
    np.savetxt(text, columns, fmt="%.9g", delimiter=",", header=header, comments="")
    return text.getvalue()


def memory_of_pairs(p: Parameters) -> float:
    """Bytes that the stimuli of all pairs take, which every rank holds, and the list of them."""
    train = EMPTY_ARRAY + 8.0 * p.rate * p.T / MS_PER_S
    return p.pairs * len(p.distances) * (2.0 * train + OF_PAIR)


def simulate(
    trials: Trials, pairs: Sequence[Sequence[Pair]], p: Parameters, comm: MPI.Comm, progress: Progress
) -> Sums:
    """The sums over the pairs that fall to this rank.

    Pair k of distance d starts from the initial potentials of the trials 2 (k classes + d) and the next one.
    """
    classes, n_steps = len(pairs), to_steps(p.T, p.dt, "T")
    sums = Sums.zero(classes, n_steps)
    jobs = [(d, k) for k in range(p.pairs) for d in range(classes)]
    block = max(1, p.batch // 2)
    mine = range(comm.rank * block, len(jobs), comm.size * block)
    with progress("trials", 2.0 * len(jobs), "trials") as tell:
        for begin in mine:
            some = jobs[begin : begin + block]
            trains = [SpikeTrains([on_grid(train, p)]) for d, k in some for train in pairs[d][k]]
            numbers = [2 * (k * classes + d) + side for d, k in some for side in (0, 1)]
            spikes = trials.run(p.T, numbers, {STIMULUS: trains}, p.batch)
            curves = pair_distances(spikes, len(some), p.N, n_steps, p.dt, p.tau_state)
            excitatory = spikes.gid <= p.N_E
            for j, (d, _) in enumerate(some):
                own = spikes.trial // 2 == j
                _add(sums, d, curves[j], (int((own & excitatory).sum()), int((own & ~excitatory).sum())), p)
            tell(min(2.0 * (begin + comm.size * block), 2.0 * len(jobs)))
    return sums


def _add(sums: Sums, d: int, curve: FloatArray, spikes: tuple[int, int], p: Parameters) -> None:
    """Add one pair at distance number ``d``."""
    late, most = curve[_settled(p) :], curve.max(initial=0.0)
    settled = math.fsum(late) / len(late)
    if most * most * p.pairs > LIMIT:
        raise RangeError(f"{MODEL}: liquid states are too far apart to be summed exactly; fewer pairs may do")
    sums.distance[d] += np.rint(curve / GRID).astype(np.int64)
    sums.squared[d] += np.rint(curve * curve / GRID).astype(np.int64)
    sums.settled[d] += np.array([round(settled / GRID), round(settled * settled / GRID)])
    sums.spikes[d] += np.array(spikes)


def _settled(p: Parameters) -> int:
    """Steps before the mean over time begins: SETTLED ms, or none in a shorter run."""
    return int(SETTLED / p.dt) if p.T > SETTLED else 0


def curves_of(sums: Sums, p: Parameters) -> Curves:
    """Means and standard errors from sums."""
    mean, error = _mean_and_error(sums.distance, sums.squared, p.pairs)
    settled = np.stack(_mean_and_error(sums.settled[:, 0], sums.settled[:, 1], p.pairs), axis=1)
    time = np.arange(1, sums.distance.shape[1] + 1) * p.dt
    seconds = 2 * p.pairs * p.T / MS_PER_S
    rates = sums.spikes / (np.maximum([p.N_E, p.N_I], 1) * seconds)
    return Curves(p.distances, time, mean, error, settled, rates)


def _mean_and_error(total: Int64Array, squared: Int64Array, n: int) -> tuple[FloatArray, FloatArray]:
    """Mean of n values from their sums, and its standard error (not a number for one value)."""
    mean = total * GRID / n
    if n == 1:
        return mean, np.full_like(mean, np.nan)
    variance = np.maximum(squared * GRID / n - mean * mean, 0.0) * n / (n - 1)
    return mean, np.sqrt(variance / n)


def distance_hash(sums: Sums) -> str:
    """SHA-256 of the sums, which are the same bits on any number of ranks and for any batch."""
    return hashlib.sha256(b"".join(column.astype("<i8").tobytes() for column in sums)).hexdigest()


def outcome(curves: Curves, synapses: dict[str, int], p: Parameters, digest: str) -> Outcome:
    """Tables, summary and figure."""
    own = {name: n for name, n in synapses.items() if not name.startswith(STIMULUS)}
    column = Table(
        f"{p.N} neurons, {p.N_E} excitatory and {p.N_I} inhibitory; synapses",
        (*own, "all"),
        ((*own.values(), sum(own.values())),),
    )
    rows = [round(float(t) / p.dt) - 1 for t in np.arange(SHOWN, p.T + 0.5 * p.dt, SHOWN)]
    times = [f"{curves.time[i]:g}" for i in rows]
    late = f"{SETTLED:g} ms on" if p.T > SETTLED else "all"
    distances = Table(
        f"distance of the liquid states of {p.pairs} pairs by the distance d of the stimuli, at times (ms)",
        ("d", *times, f"mean, {late}", "its error", "rate E (1/s)", "rate I (1/s)"),
        tuple(
            (d, *(float(curves.mean[k, i]) for i in rows), *map(float, curves.settled[k]), *map(float, curves.rates[k]))
            for k, d in enumerate(curves.distances)
        ),
        ("g", *[".3f"] * len(rows), ".4f", ".4f", ".2f", ".2f"),
    )
    summary = {
        "seed": p.seed,
        "synapses": own,
        "distances": list(curves.distances),
        "time_ms": [float(curves.time[i]) for i in rows],
        "state_distance": curves.mean[:, rows].tolist(),
        "mean_state_distance": curves.settled[:, 0].tolist(),
        "rates": {"E": curves.rates[:, 0].tolist(), "I": curves.rates[:, 1].tolist()},
        "distance_hash": digest,
    }
    figure = partial(plot_state_distances, curves.time, curves.mean, curves.distances)
    return Outcome((column, distances), summary, {"state_distance": figure})


def plot_state_distances(time: FloatArray, mean: FloatArray, distances: Sequence[float]) -> Figure:
    """Mean distance (distances, T) of liquid states against ``time`` (ms): one line style for each distance."""
    from distsim.analysis.plots import _figure

    figure = _figure(4.4, 4.0)
    axes = figure.subplots()
    for curve, d, style in zip(mean, distances, STYLES, strict=True):
        axes.plot(time / MS_PER_S, curve, linestyle=style, color="black", lw=1.1, label=f"d(u,v) = {d:g}")
    axes.set_xlim(0.0, float(time[-1]) / MS_PER_S)
    axes.set_ylim(0.0, max(2.5, 1.05 * float(mean.max(initial=0.0))))
    axes.set_xlabel("time (s)")
    axes.set_ylabel("state distance")
    axes.legend(loc="upper center", frameon=False, handlelength=3.6)
    return figure
