"""The experiment with the binary network: simulated mean activities beside those of the mean field."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.binary.binary_simulation import BinarySimulation
from distsim.core.errors import DistsimError, InputError
from distsim.models.binary_ei.network import build_network
from distsim.models.binary_ei.parameters import CSV, MODEL, Parameters
from distsim.models.course import Course
from distsim.models.model import RunSettings
from distsim.models.outcome import Outcome, Table
from distsim.models.wings import wing_of
from distsim.parallel import on_root
from distsim.parallel.progress import Progress
from distsim.record.csv_pieces import csv_pieces
from distsim.record.storage import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpi4py import MPI

    from distsim.binary.flip_recorder import MeanActivity

FILE, CSV_FILE = "activity.h5", "updates.csv"
TIMES = ("build_time", "compile_time", "sim_time")


def run(comm: MPI.Comm, parameters: Parameters, folder: Path | None, progress: Progress, course: Course) -> Outcome:
    """Simulate ``parameters.T`` ms, and compare mean activities after the transient with the mean field; collective.

    With a folder, activities, flips, states, and what ``keep`` and ``state_times`` name go to activity.h5 there. What
    is recorded is gathered on rank 0 alone. Raises InputError where there is no folder for what is to be kept.
    """
    p = parameters
    if folder is None and p.kept:
        raise InputError(f"{MODEL}: keep = {p.keep} needs a folder to keep it in; give one with --out")
    file = folder / FILE if folder is not None else None
    network = build_network(p)
    make = partial(wing_of(network).simulation, network, comm, RunSettings(seed=p.seed), file)
    with course.open(make, file) as simulation:
        course.advance(simulation, course.start_of(simulation), p.T, "simulate", progress)
        names = [population.name for population in network.populations]
        activities = {name: simulation.activity(name, everywhere=False) for name in names}
        counts = {
            "couplings": simulation.coupling_count(),
            "updates": simulation.update_count(),
            "flips": simulation.flip_count(),
        }
        flip_hash = simulation.flip_hash()
        costs = course.added_up(simulation.slowest() | {"phase_times": simulation.phase_times()}, simulation)
        if folder is not None and CSV in p.kept:
            on_root(comm, lambda: write_whole(folder / CSV_FILE, _as_csv(simulation)))
    predicted = _predicted(p)
    rows = [_row(p, k, activities[name], predicted) for k, name in enumerate(names)]
    header = ("population", "neurons", "threshold", "m, mean field", "m, simulated", "SD over time")
    title = f"mean activity from {p.T_transient:g} to {p.T:g} ms"
    tables = (
        Table(title, header, tuple(rows), ("", ",", ".3f", ".4f", ".4f", ".4f")),
        Table("counts", (*counts, "flip hash"), ((*counts.values(), flip_hash),), (*[","] * len(counts), "")),
        Table("times (s)", ("build", "compile", "simulate"), (tuple(costs[t] for t in TIMES),), (".3f",) * 3),
    )
    columns = ("N", "threshold", "m_predicted", "m_simulated", "m_sd")
    summary = {
        **counts,
        "flip_hash": flip_hash,
        **{name: costs[name] for name in (*TIMES, "phase_times", "parts")},
        "populations": {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows},
    }
    figures = {
        "activity": partial(_draw, p, activities, predicted),
        "populations": partial(_draw_populations, p, activities, predicted),
    }
    return Outcome(tables, summary, figures)


def _row(p: Parameters, k: int, activity: MeanActivity, predicted: Any) -> tuple[Any, ...]:
    """Of population k, external ones last: name, size, threshold, mean activity in theory, simulated, its SD."""
    found = activity.mean(p.T_transient, p.T), activity.sd(p.T_transient, p.T)
    external = k - len(p.names)
    if external >= 0:
        return p.names_ext[external], int(p.N_ext[external]), None, p.m_ext[external], *found
    return p.names[k], p.N[k], p.thresholds[k], None if predicted is None else float(predicted[k]), *found


def _as_csv(simulation: BinarySimulation) -> Iterator[bytes]:
    """Every update as a line: time, neuron, mean activity of all and of each population just after it."""
    pieces = ((u.time, u.neuron, u.mean, *u.activity.values()) for u in simulation.updates_in_pieces())
    rows = (row for columns in pieces for row in zip(*(column.tolist() for column in columns), strict=True))
    return csv_pieces(("time_ms", "neuron", "all", *(p.name for p in simulation.network.populations)), rows)


def _predicted(p: Parameters) -> Any:
    """The fixed point of the mean field that starts as the network does; None where it does not come to rest."""
    try:
        return p.mean_field.fixed_point(p.m_0)
    except DistsimError:
        return None


def _draw(p: Parameters, activities: dict[str, MeanActivity], predicted: Any) -> Figure:
    from distsim.analysis.activity_plots import plot_activity

    times = np.linspace(0.0, p.T, 501)
    theory = p.mean_field.trajectory(times, p.m_0)
    courses = {name: (times, theory[:, k]) for k, name in enumerate(p.names)}
    external = dict(zip(p.names_ext, p.m_ext, strict=True))
    resting = {} if predicted is None else dict(zip(p.names, predicted.tolist(), strict=True))
    return plot_activity(
        {name: (activity.time, activity.value) for name, activity in activities.items()},
        p.T,
        {**resting, **external},
        {**courses, **{name: (times, np.full(len(times), m)) for name, m in external.items()}},
    )


def _draw_populations(p: Parameters, activities: dict[str, MeanActivity], predicted: Any) -> Figure:
    """As the example draws it: a panel for each population that is not external."""
    from distsim.analysis.activity_plots import plot_populations

    return plot_populations(
        {name: (activities[name].time, activities[name].value) for name in p.names},
        p.T,
        {} if predicted is None else dict(zip(p.names, predicted.tolist(), strict=True)),
    )
