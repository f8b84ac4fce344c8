"""The experiment with the binary network: simulated mean activities beside those of the mean field."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.binary.binary_simulation import BinarySimulation
from distsim.core.errors import DistsimError
from distsim.models.binary_ei.network import build_network
from distsim.models.binary_ei.parameters import Parameters
from distsim.models.outcome import Outcome, Table
from distsim.parallel.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpi4py import MPI

    from distsim.binary.flip_recorder import MeanActivity

FILE = "activity.h5"


def run(comm: MPI.Comm, parameters: Parameters, folder: Path | None, progress: Progress) -> Outcome:
    """Simulate ``parameters.T`` ms, and compare mean activities after the transient with the mean field; collective.

    With a folder, activities, flips and states go to activity.h5 there.
    """
    p = parameters
    predicted = _predicted(p)
    file = folder / FILE if folder is not None else None
    with BinarySimulation(build_network(p), comm, p.seed, file=file) as simulation:
        with progress("simulate", p.T) as tell:
            simulation.run(p.T, tell)
        activities = {name: simulation.activity(name) for name in p.names}
        updates, flips = simulation.update_count(), simulation.flip_count()
        couplings = simulation.coupling_count()
    rows = []
    for k, name in enumerate(p.names):
        activity = activities[name]
        mean, sd = activity.mean(p.T_transient, p.T), activity.sd(p.T_transient, p.T)
        rows.append((name, p.N[k], p.thresholds[k], None if predicted is None else float(predicted[k]), mean, sd))
    header = ("population", "neurons", "threshold", "m, mean field", "m, simulated", "SD over time")
    title = f"mean activity from {p.T_transient:g} to {p.T:g} ms"
    table = Table(title, header, tuple(rows), ("", ",", ".3f", ".4f", ".4f", ".4f"))
    counts = {"couplings": couplings, "updates": updates, "flips": flips}
    count_table = Table("counts", tuple(counts), (tuple(counts.values()),), (",",) * len(counts))
    columns = ("N", "threshold", "m_predicted", "m_simulated", "m_sd")
    summary = {**counts, "populations": {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}}
    return Outcome((table, count_table), summary, {"activity": partial(_draw, p, activities, predicted)})


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
    return plot_activity(
        {name: (activity.time, activity.value) for name, activity in activities.items()},
        p.T,
        {} if predicted is None else dict(zip(p.names, predicted.tolist(), strict=True)),
        {name: (times, theory[:, k]) for k, name in enumerate(p.names)},
    )
