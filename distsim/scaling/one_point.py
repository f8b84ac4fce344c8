"""One point of a scaling experiment from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.errors import InputError
from distsim.scaling.experiment import read_experiment

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.scaling.point import Task


def run_point(
    model: str,
    size: int,
    *,
    indegree: int | None = None,
    seed: int = 1,
    parameters: Mapping[str, Any] | None = None,
    time: float | None = None,
    presimulation: float | None = None,
    precision: str | None = None,
    interval: float | None = None,
    exchange: str | None = None,
    loop: str | None = None,
    record: Sequence[str] = (),
    keep: Sequence[str] = (),
    folder: str | os.PathLike[str] | None = None,
    checkpoint: str | None = None,
    checkpoint_file: str | os.PathLike[str] | None = None,
    comm: MPI.Comm | None = None,
) -> dict[str, Any]:
    """Build and simulate a network as the scaling harness does; collective; returns the record on every rank.

    model: a name that ``python -m distsim list`` shows, or the path of a file of your own. size: number of neurons.
    indegree: inputs per neuron; left out, the model's own rule (1250 for two_population). parameters: others of the
    model. time, presimulation (ms), precision, interval (ms), exchange, loop: as in an experiment file; left out, the
    model's own. record, keep: what is recorded and kept, in the words of an experiment file, in ``folder``, which must
    be new or empty. checkpoint: the point is saved to ``checkpoint_file`` so often ("10m", or "500ms" of simulated
    time), and, where signals are heeded, for a signal, which ends it with ``SuspendedError``; it goes on from there, if
    there is one, its data in ``folder`` as well, and removes it at its end. comm: the ranks, by default those of the
    job.

    The record is that of a line of runs.jsonl, see docs/scaling.md: times in s, memory in bytes, rates in 1/s, weights
    in pA; but ``speedup`` and ``efficiency``, which take several, are None. Raises InputError for wrong input, before
    anything is computed.
    """
    from distsim.parallel import on_root, world
    from distsim.parallel.progress import silent
    from distsim.record import surroundings
    from distsim.record.checkpoint_files import remove
    from distsim.record.jsonable import plain
    from distsim.scaling.point import run_point as run
    from distsim.scaling.report.summary import with_speed

    given = {
        "model": model, "sizes": [size], "indegree": indegree, "seeds": [seed], "vary": {},
        "parameters": dict(parameters or {}), "time": time, "presimulation": presimulation, "precision": precision,
        "interval": interval, "exchange": exchange, "loop": loop, "record": record or None, "keep": keep or None,
        "checkpoint": checkpoint,
    }  # fmt: skip
    ranks = comm or world()
    chosen = {name: value for name, value in given.items() if value is not None}
    data, file = (None if path is None else Path(path) for path in (folder, checkpoint_file))
    task = on_root(ranks, partial(_task, chosen, data, file, ranks.size))
    measured = {**run(ranks, task, silent), **surroundings.collect(ranks), "date": surroundings.now()}
    on_root(ranks, lambda: remove(task.checkpoint) if task.checkpoint else None)
    found: dict[str, Any] = on_root(ranks, lambda: with_speed(plain(measured), ()))
    return found


def _task(given: Mapping[str, Any], folder: Path | None, checkpoint: Path | None, ranks: int) -> Task:
    """The only point of the experiment with these settings."""
    from distsim.scaling.plan import plan_of
    from distsim.scaling.point import Task

    plan = plan_of(*read_experiment(None, given, lambda name: f"run_point: {name}"), ranks, ranks)
    (point,) = plan.points
    if plan.experiment.keeps() != (folder is not None):
        raise InputError("run_point: record or keep say what is kept, folder says where; give both or neither")
    if (plan.experiment.every() is None) != (checkpoint is None):
        raise InputError("run_point: checkpoint says how often the point is saved, checkpoint_file where; give both")
    begun = checkpoint is not None and checkpoint.exists()
    if not begun and folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"run_point: folder '{folder}' must be new or empty")
    return Task(plan.experiment, point, plan.parameters_of(point), folder, checkpoint)
