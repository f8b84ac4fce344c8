"""From a command line to what is to be run: what only the model knows of it is asked here.

Rank 0 only: everything that can be wrong is found here, before anything is written.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from distsim.core.errors import InputError
from distsim.core.units import to_steps
from distsim.scaling.experiment import Origins, Point, placed, points_of, read_experiment
from distsim.scaling.options import Options
from distsim.scaling.settings import DEFAULT_MODEL, SETTINGS, Experiment

Network = tuple[tuple[tuple[str, Any], ...], int, int | None]
"""What tells the networks of an experiment apart: variant, size, in-degree."""
SET_BY = {"T": "time", "seed": "seeds"}
"""Parameters of every model that a setting of the experiment stands for."""
OWN: dict[str, Any] = {"time": 1000.0, "presimulation": 0.0, "precision": "double", "exchange": "auto"}
"""The settings of every model of the package."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be run: ``points``, and the model's parameters by network."""

    experiment: Experiment
    points: list[Point]
    networks: Mapping[Network, Any]

    def parameters_of(self, point: Point) -> Any:
        """The model's parameters for ``point``, all but the seed."""
        return self.networks[point.variant, point.size, point.indegree]

    def identity(self) -> dict[str, Any]:
        """What all points share, the model's defaults included: a release that changes one starts anew."""
        point = self.points[0]
        own = {*_sized(self.experiment, point), *self.experiment.vary, "T", "seed"}
        values = dataclasses.asdict(self.parameters_of(point))
        common = {name: value for name, value in values.items() if name not in own}
        return {**self.experiment.identity(), "parameters": common}

    def settings(self) -> dict[str, Any]:
        """The settings, from which the points follow again."""
        return {**self.experiment.settings(), "ranks": self.experiment.ranks or (self.points[0].ranks,)}


def make_plan(options: Options, job_ranks: int, most_ranks: float) -> Plan:
    """Read and check everything that can be wrong.

    ``job_ranks`` are used where the experiment names none, ``most_ranks`` are those that a point may ask for.
    Raises InputError.
    """
    given, origins = read_experiment(options.file, options.settings)
    experiment = _with_models_own(given)
    points = points_of(experiment, job_ranks)
    _check_points(points, most_ranks, origins)
    if options.plot and find_spec("matplotlib") is None:
        raise InputError("matplotlib, which draws the figure, is not installed; install it or give --no-plot")
    return Plan(experiment, points, _load_networks(experiment, points, origins))


def _check_points(points: list[Point], most_ranks: float, origins: Origins) -> None:
    """InputError where a point needs more ranks than there are, or more inputs than neurons."""
    most = max(point.ranks for point in points)
    if most > most_ranks:
        where = f"{origins['ranks']}: " if "ranks" in origins else ""
        raise InputError(
            f"{where}a point needs {most} ranks, but the job has {most_ranks}; start it by mpirun -n {most}, or, "
            'without mpirun, with --launcher "mpirun -n {ranks}"'
        )
    for point in points:
        if point.indegree is not None and point.indegree > point.size:
            where = f"{origins['indegree']}: indegree" if "indegree" in origins else "indegree"
            raise InputError(
                f"{where} = {point.indegree} is above the {point.size} neurons of a network; write at most "
                f"{point.size}, or larger sizes"
            )


def _with_models_own(experiment: Experiment) -> Experiment:
    """``experiment`` with the model's own values for what it leaves to the model."""
    left = [name for name, setting in SETTINGS.items() if setting.models_own and getattr(experiment, name) is None]
    return dataclasses.replace(experiment, **{name: OWN[name] for name in left if name in OWN})


def load_point(experiment: Experiment, point: Point) -> Any:
    """The model's parameters for ``point``, all but the seed."""
    return _find(experiment.model).load(overrides(experiment, point))


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


def _load_networks(experiment: Experiment, points: list[Point], origins: Origins) -> dict[Network, Any]:
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
                raise InputError(_located(str(error), origins)) from None
            except (ArithmeticError, MemoryError) as error:
                raise InputError(
                    f"{point}: the parameters lead beyond the range of numbers or of the memory "
                    f"({str(error) or type(error).__name__}); write smaller ones"
                ) from None
    return loaded


def _check_reserved(experiment: Experiment, point: Point, origins: Origins) -> None:
    """InputError where a parameter is given that a setting of the experiment stands for."""
    setters = dict.fromkeys(_sized(experiment, point), "sizes and indegree") | SET_BY
    for table in ("parameters", "vary"):
        for name in getattr(experiment, table):
            if name in setters:
                where = origins.get(f"{table}.{name}", table)
                raise InputError(f"{where}: {table}: '{name}' is set by {setters[name]}")


def _check_times(experiment: Experiment, network: Any, origins: Origins) -> None:
    """InputError where times are no multiples of the network's time step, or the interval exceeds a delay."""
    to_steps(experiment.time, network.dt, placed("time", origins), low=1)
    to_steps(experiment.presimulation, network.dt, placed("presimulation", origins))
    to_steps(experiment.presimulation + experiment.time, network.dt, "presimulation + time")
    if experiment.interval is not None:
        to_steps(experiment.interval, network.dt, placed("interval", origins), low=1)
        delays = [getattr(projection.synapse, "delay", None) for projection in network.projections]
        shortest = min((d for d in delays if isinstance(d, (int, float))), default=experiment.interval)
        if experiment.interval > shortest:
            where = placed("interval", origins)
            raise InputError(f"{where} = {experiment.interval:g} ms is longer than the delay of {shortest:g} ms")


def _located(message: str, origins: Origins) -> str:
    """A message of the model with the place where the parameter or setting that it names was given."""
    places = {name.partition(".")[2] or name: place for name, place in origins.items()}
    places |= {parameter: origins[name] for parameter, name in SET_BY.items() if name in origins}
    named = (word for word in re.findall(r"\w+", message) if word in places and word != DEFAULT_MODEL)
    place = places.get(next(named, ""))
    return f"{place}: {message}" if place and not message.startswith(place) else message
