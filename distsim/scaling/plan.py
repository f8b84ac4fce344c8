"""From a command line to what is to be run: everything that can be wrong is found here. Rank 0 only."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from distsim.core.errors import InputError
from distsim.core.units import to_steps
from distsim.scaling.experiment import DEFAULT_MODEL, Experiment, Point
from distsim.scaling.folder import Folder
from distsim.scaling.options import Options

Network = tuple[tuple[tuple[str, Any], ...], int, int | None]
"""What tells the networks of an experiment apart: variant, size, in-degree."""
SET_BY = {"T": "time", "seed": "seeds"}
"""Parameters of every model that a setting of the experiment stands for."""


@dataclass(frozen=True)
class Plan:
    """What is to be done, as plain data that all ranks get.

    ``points`` are those still to run, ``total`` counts all; ``parameters`` holds the model's parameters by network;
    ``limited`` tells whether there is a time budget.
    """

    experiment: Experiment
    limited: bool
    points: tuple[Point, ...]
    total: int
    parameters: Mapping[Network, Any]

    def parameters_of(self, point: Point) -> Any:
        """The model's parameters for ``point``, all but the seed."""
        return self.parameters[point.variant, point.size, point.indegree]


def prepare(options: Options, job_ranks: int, most_ranks: float) -> tuple[Plan, Folder]:
    """Read and check everything that can be wrong, make the output folder ready and lock it.

    ``job_ranks`` are used where the experiment names none, ``most_ranks`` are those that a point may ask for.
    Raises InputError.
    """
    from distsim.scaling.schema import read_experiment

    experiment, origins = read_experiment(options.file, options.settings)
    points = experiment.points(job_ranks)
    _check_ranks(points, most_ranks, origins)
    _check_indegree(points, origins)
    if options.plot and find_spec("matplotlib") is None:
        raise InputError("matplotlib, which draws the figure, is not installed; install it or give --no-plot")
    networks = _load_networks(experiment, points, origins)
    identity = {**experiment.identity(), "parameters": _common(experiment, points[0], networks)}
    settings = {**experiment.settings(), "ranks": experiment.ranks or (job_ranks,)}
    folder = Folder(options.out, identity, settings, resume=options.resume)
    done = {Point.from_dict(record).key() for record in folder.records}
    # Those that failed come last: a point that ends its job, as by exhausting the memory, keeps no other from its turn.
    missing = sorted((p for p in points if p.key() not in done), key=lambda point: folder.failed[point.key()])
    return Plan(experiment, options.budget is not None, tuple(missing), len(points), networks), folder


def _check_ranks(points: list[Point], most_ranks: float, origins: Mapping[str, str]) -> None:
    most = max(point.ranks for point in points)
    if most > most_ranks:
        where = f"{origins['ranks']}: " if "ranks" in origins else ""
        raise InputError(
            f"{where}a point needs {most} ranks, but the job has {most_ranks}; start it by mpirun -n {most}, or, "
            'without mpirun, with --launcher "mpirun -n {ranks}"'
        )


def _check_indegree(points: list[Point], origins: Mapping[str, str]) -> None:
    for point in points:
        if point.indegree is not None and point.indegree > point.size:
            where = f"{origins['indegree']}: indegree" if "indegree" in origins else "indegree"
            raise InputError(
                f"{where} = {point.indegree} is above the {point.size} neurons of a network; write at most "
                f"{point.size}, or larger sizes"
            )


def overrides(experiment: Experiment, point: Point) -> dict[str, Any]:
    """What the model is given for ``point``."""
    return {**_sized(experiment, point), **experiment.parameters, **dict(point.variant), **_times(experiment)}


def _sized(experiment: Experiment, point: Point) -> dict[str, Any]:
    return dict(_find(experiment.model).resized(point.size, point.indegree))


def _times(experiment: Experiment) -> dict[str, Any]:
    return {"T": experiment.time} if "T" in _find(experiment.model).defaults() else {}


def _find(model: str) -> Any:
    """The model's module; InputError where it is no spiking model with a size."""
    from distsim.models.registry import MODELS, find

    module = find(model)
    if not hasattr(module, "resized"):
        able = ", ".join(name for name in MODELS if hasattr(find(name), "resized"))
        raise InputError(f"model '{model}' is no spiking network whose size can be chosen; such are {able}")
    return module


def _load_networks(experiment: Experiment, points: list[Point], origins: Mapping[str, str]) -> dict[Network, Any]:
    """The model's parameters for each network; building the descriptions here finds wrong values before any run."""
    model = _find(experiment.model)
    _check_reserved(experiment, points[0], origins)
    loaded: dict[Network, Any] = {}
    for point in points:
        network = point.variant, point.size, point.indegree
        if network not in loaded:
            try:
                loaded[network] = model.load(overrides(experiment, point))
                _check_times(experiment, model.build_network(loaded[network]), origins)
            except InputError as error:
                raise InputError(_placed(str(error), origins)) from None
            except (ArithmeticError, MemoryError) as error:
                raise InputError(
                    f"{point}: the parameters lead beyond the range of numbers or of the memory "
                    f"({str(error) or type(error).__name__}); write smaller ones"
                ) from None
    return loaded


def _check_reserved(experiment: Experiment, point: Point, origins: Mapping[str, str]) -> None:
    """InputError where a parameter is given that a setting of the experiment stands for."""
    setters = dict.fromkeys(_sized(experiment, point), "sizes and indegree") | SET_BY
    for table in ("parameters", "vary"):
        for name in getattr(experiment, table):
            if name in setters:
                where = origins.get(f"{table}.{name}", table)
                raise InputError(f"{where}: {table}: '{name}' is set by {setters[name]}")


def _check_times(experiment: Experiment, network: Any, origins: Mapping[str, str]) -> None:
    """InputError where times are no multiples of the network's time step, or the interval exceeds a delay."""

    def where(name: str) -> str:
        return f"{origins[name]}: {name}" if name in origins else name

    to_steps(experiment.time, network.dt, where("time"), low=1)
    to_steps(experiment.presimulation, network.dt, where("presimulation"))
    to_steps(experiment.presimulation + experiment.time, network.dt, "presimulation + time")
    if experiment.interval is not None:
        to_steps(experiment.interval, network.dt, where("interval"), low=1)
        delays = [getattr(projection.synapse, "delay", None) for projection in network.projections]
        shortest = min((d for d in delays if isinstance(d, (int, float))), default=experiment.interval)
        if experiment.interval > shortest:
            raise InputError(
                f"{where('interval')} = {experiment.interval:g} ms is longer than the delay of {shortest:g} ms"
            )


def _placed(message: str, origins: Mapping[str, str]) -> str:
    """A message of the model with the place where the parameter or setting that it names was given."""
    places = {name.partition(".")[2] or name: place for name, place in origins.items()}
    places |= {parameter: origins[name] for parameter, name in SET_BY.items() if name in origins}
    named = (word for word in re.findall(r"\w+", message) if word in places and word != DEFAULT_MODEL)
    place = places.get(next(named, ""))
    return f"{place}: {message}" if place and not message.startswith(place) else message


def _common(experiment: Experiment, point: Point, networks: Mapping[Network, Any]) -> dict[str, Any]:
    """The model's parameters that all points share, defaults included: a release that changes one starts anew."""
    own = {*_sized(experiment, point), *experiment.vary, "T", "seed"}
    values = dataclasses.asdict(networks[point.variant, point.size, point.indegree])
    return {name: value for name, value in values.items() if name not in own}
