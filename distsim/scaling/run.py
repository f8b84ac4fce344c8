"""An experiment from its command line to its figure, on all ranks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from distsim.errors import InputError
from distsim.parallel import on_root
from distsim.progress import bars
from distsim.record import surroundings
from distsim.scaling.experiment import RESERVED, Experiment, Point
from distsim.scaling.point import run_point


@dataclass(frozen=True)
class Plan:
    """What is to be done, settled on rank 0 and the same on every rank.

    ``points`` are those still to run, ``done`` the number of points found finished; ``parameters`` holds the model's
    parameters by neuron model and size.
    """

    experiment: Experiment
    folder: Path
    plot: bool
    points: tuple[Point, ...]
    done: int
    parameters: Mapping[tuple[str, int], Any]


def run(comm: Any, arguments: list[str]) -> None:
    """Run the experiment of a command line on all ranks of ``comm``; collective.

    Raises InputError on all ranks, before anything is computed or overwritten, where command line, experiment file
    or output folder are wrong.
    """
    plan = on_root(comm, partial(prepare, arguments, comm.size))
    if plan is None:
        return
    around = surroundings.collect(comm)
    say = _say if comm.rank == 0 else _keep_silent
    progress_bars = bars(comm)
    total = plan.done + len(plan.points)
    say(f"{total} points, {plan.done} of them done before; ranks: {comm.size}; output folder: {plan.folder}")
    for number, point in enumerate(plan.points, start=plan.done + 1):
        with progress_bars(f"[{number}/{total}] {point}", plan.experiment.time) as progress:
            parameters = plan.parameters[point.neuron_model, point.size]
            record = run_point(comm, plan.experiment, point, parameters, progress)
        on_root(comm, partial(_keep, plan.folder, {**record, **around, "date": surroundings.now()}, number, total))
    if comm.rank == 0:
        _report(plan)


def prepare(arguments: list[str], ranks: int) -> Plan | None:
    """Read and check everything that can be wrong, make the output folder ready; rank 0 only.

    Returns None where only help was asked for. Raises InputError.
    """
    from distsim.scaling import records
    from distsim.scaling.options import parse
    from distsim.scaling.schema import read_experiment

    try:
        options = parse(arguments)
    except SystemExit:  # argparse has printed the help
        return None
    experiment = read_experiment(options.file, options.settings)
    if options.plot and find_spec("matplotlib") is None:
        raise InputError("matplotlib, which draws the figure, is not installed; install it or give --no-plot")
    parameters = _load_parameters(experiment)
    identity = {**experiment.identity(), "parameters": _common_parameters(next(iter(parameters.values())))}
    done = {records.key(record) for record in records.open_folder(options.out, identity, resume=options.resume)}
    points = experiment.points()
    missing = tuple(point for point in points if experiment.key(point, ranks) not in done)
    return Plan(experiment, options.out, options.plot, missing, len(points) - len(missing), parameters)


def _load_parameters(experiment: Experiment) -> dict[tuple[str, int], Any]:
    """The model's parameters for each network; building the descriptions here finds wrong values before any run."""
    from distsim.models.two_population import network, parameters

    loaded = {}
    for neuron_model in experiment.neuron_models:
        for size in experiment.sizes:
            values = parameters.load(experiment.model_parameters(neuron_model, size))
            network.build_network(values)
            loaded[neuron_model, size] = values
    delay = next(iter(loaded.values())).delay
    if experiment.interval is not None and experiment.interval > delay:
        raise InputError(f"interval = {experiment.interval:g} ms is longer than the delay of {delay:g} ms")
    return loaded


def _common_parameters(parameters: Any) -> dict[str, Any]:
    """The model's parameters that all points share, defaults included: a release that changes one starts anew."""
    return {name: value for name, value in dataclasses.asdict(parameters).items() if name not in RESERVED}


def _keep(folder: Path, record: dict[str, Any], number: int, total: int) -> None:
    from distsim.scaling import records
    from distsim.scaling.report import point_line

    records.append(folder / records.RUNS, record)
    _say(point_line(number, total, record))


def _report(plan: Plan) -> None:
    """Table and figure of all that the output folder holds, earlier points included."""
    from distsim.scaling import records
    from distsim.scaling.report import table

    held = records.read(plan.folder / records.RUNS)
    _say(f"\n{table(held)}\n")
    _say(f"records: {plan.folder / records.RUNS}")
    if plan.plot:
        from distsim.scaling.figure import draw

        for path in draw(held, plan.folder / records.FIGURE):
            _say(f"figure: {path}")


def _say(text: str) -> None:
    print(text, flush=True)


def _keep_silent(text: str) -> None:
    """What ranks other than 0 say."""
