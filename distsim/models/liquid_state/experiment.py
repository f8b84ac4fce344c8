"""The experiment of figure 2: many pairs of stimuli, and how far apart the states are that they leave in one liquid.

Trials are shared out over the ranks, which take blocks of pairs in turn, and simulated in batches.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.analysis.liquid_plots import plot_state_distances
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S
from distsim.models.course import Course
from distsim.models.liquid_state.distance_sums import SETTLED, Curves, curves_of, distance_hash
from distsim.models.liquid_state.liquid_file import FILE, memory_of_kept
from distsim.models.liquid_state.network import build_network
from distsim.models.liquid_state.parameters import MODEL, Parameters
from distsim.models.liquid_state.stimuli import collect_pairs
from distsim.models.liquid_state.trial_pairs import TrialPairs
from distsim.models.liquid_state.trials import Trials, memory_of_trials
from distsim.models.outcome import Outcome, Table
from distsim.models.recording import NOTHING
from distsim.parallel.communicator import on_root
from distsim.parallel.machine import check_memory
from distsim.parallel.progress import Progress
from distsim.record.storage import write_whole
from distsim.spiking.neurons.lif_multisynapse import STIMULUS

if TYPE_CHECKING:
    from mpi4py import MPI

SHOWN = 50.0  # ms between the times in the summary
COLUMNS = 5  # of times, at most, in the table
EMPTY_ARRAY, OF_PAIR = 112, 200  # bytes: of an array without data, of the tuples and numbers that go with a pair
UNLESS_ASKED = ("stimuli", NOTHING)
"""What may be kept, or not, without a folder: it need not be asked for."""


def run(comm: MPI.Comm, parameters: Parameters, folder: Path | None, progress: Progress, course: Course) -> Outcome:
    """Simulate all pairs; collective. ``folder`` gets state_distance.csv, and liquid.h5 with what is to be kept.

    Raises InputError where there is no folder for what is asked for.
    """
    p = parameters
    if folder is None and p.keep not in UNLESS_ASKED:
        raise InputError(f"{MODEL}: keep = {p.keep} needs a folder to keep it in; give one with --out")
    network = build_network(p)
    side_by_side = min(p.batch, 2 * p.pairs * len(p.all_distances))
    needed = memory_of_pairs(p) + memory_of_trials(network, side_by_side).total
    if folder is not None:
        needed += memory_of_kept(p, comm.size if comm.rank == 0 else 1)
    check_memory(comm, needed, f"{MODEL}: a run")
    pairs = collect_pairs(p)
    trials = Trials(network, comm, p.seed)
    simulation = course.open(partial(TrialPairs, trials, pairs, p, folder), folder and folder / FILE)
    course.advance(simulation, course.start_of(simulation), simulation.duration, "trials", progress)
    sums = simulation.sums.over_ranks(comm)
    curves = curves_of(sums, p)
    parts = course.added_up({"phase_times": {}}, simulation)["parts"]
    simulation.close()
    if folder is not None:
        on_root(comm, lambda: write_whole(folder / "state_distance.csv", _csv(curves)))
    found = outcome(curves, trials.synapse_counts(), p, distance_hash(sums))
    return replace(found, summary={**found.summary, "parts": parts})


def _csv(curves: Curves) -> bytes:
    """A row for each time (ms): the mean distance of liquid states at every distance of the stimuli, and its errors."""
    text = BytesIO()
    columns = np.column_stack((curves.time, curves.mean.T, curves.error.T))
    names = [f"{what}_{d:g}" for what in ("d", "error") for d in curves.distances]
    np.savetxt(text, columns, fmt="%.9g", delimiter=",", header=",".join(("time_ms", *names)), comments="")
    return text.getvalue()


def memory_of_pairs(p: Parameters) -> float:
    """Bytes of the stimuli of all pairs, which every rank holds, of the list of them, and of their sums."""
    classes = len(p.all_distances)
    train = EMPTY_ARRAY + 8.0 * p.rate * p.T / MS_PER_S
    sums = 6.0 * 8.0 * classes * p.T / p.dt  # of this rank, of all, and what is made of them
    return p.pairs * classes * (2.0 * train + OF_PAIR) + sums


def outcome(curves: Curves, synapses: dict[str, int], p: Parameters, digest: str) -> Outcome:
    """Tables, summary and figure."""
    own = {name: n for name, n in synapses.items() if not name.startswith(STIMULUS)}
    column = Table(
        f"{p.N} neurons, {p.N_E} excitatory and {p.N_I} inhibitory; synapses",
        (*own, "all"),
        ((*own.values(), sum(own.values())),),
    )
    rows = [round(float(t) / p.dt) - 1 for t in np.arange(SHOWN, p.T + 0.5 * p.dt, SHOWN)]
    apart = -(-len(rows) // COLUMNS) or 1
    shown = rows[apart - 1 :: apart]
    times = [f"{curves.time[i]:g}" for i in shown]
    late = f"{SETTLED:g} ms on" if p.T > SETTLED else "all"
    values = ((curves.mean, curves.settled[:, 0], curves.rates), (curves.error, curves.settled[:, 1], None))
    distances = Table(
        f"distance of the liquid states of {p.pairs} pairs by the distance d of the stimuli, at times (ms)",
        ("d", "", *times, f"mean, {late}", "rate E (1/s)", "rate I (1/s)"),
        tuple(
            (
                d,
                what,
                *map(float, curve[k, shown]),
                float(settled[k]),
                *((None, None) if r is None else map(float, r[k])),
            )
            for k, d in enumerate(curves.distances)
            for what, (curve, settled, r) in zip(("mean", "its error"), values, strict=True)
        ),
        ("g", "", *[".3f"] * len(shown), ".4f", ".2f", ".2f"),
    )
    summary = {
        "seed": p.seed,
        "synapses": own,
        "distances": list(curves.distances),
        "time_ms": [float(curves.time[i]) for i in rows],
        "state_distance": curves.mean[:, rows].tolist(),
        "state_distance_error": curves.error[:, rows].tolist(),
        "mean_state_distance": curves.settled[:, 0].tolist(),
        "mean_state_distance_error": curves.settled[:, 1].tolist(),
        "rates": {"E": curves.rates[:, 0].tolist(), "I": curves.rates[:, 1].tolist()},
        "distance_hash": digest,
    }
    figure = partial(plot_state_distances, curves.time, curves.mean, curves.distances, curves.error)
    return Outcome((column, distances), summary, {"state_distance": figure})
