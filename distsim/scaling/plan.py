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
from distsim.models.model import NetworkModel, RunSettings
from distsim.models.registry import find, scalable
from distsim.scaling.experiment import Origins, Point, placed, points_of, read_experiment
from distsim.scaling.options import Options
from distsim.scaling.settings import DEFAULT_MODEL, Experiment

Network = tuple[tuple[tuple[str, Any], ...], int, int | None]
"""What tells the networks of an experiment apart: variant, size, in-degree."""
SET_BY = {"time": "time", "presimulation": "presimulation", "seed": "seeds"}
"""Settings of a run that may be parameters of the model, and the settings of the experiment that stand for them."""


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
        """What all points share, the model's defaults included: a release that changes one starts anew.

        So does a user's file that has changed.
        """
        model, point = model_of(self.experiment), self.points[0]
        own = {*model.resized(point.size, point.indegree), *self.experiment.vary, "T", "seed"}
        common = {name: value for name, value in self.parameters_of(point).values().items() if name not in own}
        file = {"file": model.digest} if model.digest else {}
        return {**self.experiment.identity(), "model": model.name, **file, "parameters": common}

    def settings(self) -> dict[str, Any]:
        """The settings, from which the points follow again."""
        return {**self.experiment.settings(), "ranks": self.experiment.ranks or (self.points[0].ranks,)}


def make_plan(options: Options, job_ranks: int, most_ranks: float) -> Plan:
    """Read and check everything that can be wrong.

    ``job_ranks`` are used where the experiment names none, ``most_ranks`` are those that a point may ask for.
    Raises InputError.
    """
    if options.plot and find_spec("matplotlib") is None:
        raise InputError("matplotlib, which draws the figure, is not installed; install it or give --no-plot")
    return plan_of(*read_experiment(options.file, options.settings), job_ranks, most_ranks)


def plan_of(given: Experiment, origins: Origins, job_ranks: int, most_ranks: float) -> Plan:
    """As ``make_plan``, of an experiment that has been read."""
    experiment = _with_models_own(given, origins)
    points = points_of(experiment, job_ranks)
    _check_points(points, most_ranks, origins)
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
            own = "" if "indegree" in origins else f", that of {DEFAULT_MODEL} where none is given,"
            raise InputError(
                f"{placed('indegree', origins)} = {point.indegree}{own} is above the {point.size} neurons of a "
                f"network; give an indegree of at most {point.size}, or larger sizes"
            )


def _with_models_own(experiment: Experiment, origins: Origins) -> Experiment:
    """``experiment`` with the model's own values for what it leaves to the model, and None for what that has not."""
    model = model_of(experiment)
    for name, value in experiment.run_settings().items():
        if value is not None and name not in model.chosen:
            raise InputError(f"{placed(name, origins)} has no meaning for the model '{model.name}'; leave it out")
    own = dataclasses.replace(model.settings_of(model.load(), {}), time=model.settings.time)
    left = {name: getattr(own, name) for name in model.chosen if experiment.run_settings().get(name, 0) is None}
    return dataclasses.replace(experiment, **left)


def model_of(experiment: Experiment, digest: str | None = None) -> NetworkModel:
    """The model of an experiment; InputError where it is no network, or its file no longer has this ``digest``."""
    model = find(experiment.model)
    if not isinstance(model, NetworkModel):
        able = ", ".join(scalable())
        raise InputError(f"model '{model.name}' is no network whose size can be chosen; such are {able}")
    if digest is not None and model.digest != digest:
        raise InputError(f"'{experiment.model}' has changed since the experiment began; take another --out")
    return model


def load_point(experiment: Experiment, point: Point) -> Any:
    """The model's parameters for ``point``, all but the seed."""
    model = model_of(experiment)
    of_settings, _ = model.divided(experiment.run_settings())
    sized = model.resized(point.size, point.indegree)
    return model.load({**sized, **experiment.parameters, **dict(point.variant), **of_settings})


def settings_of(experiment: Experiment, parameters: Any, **more: Any) -> RunSettings:
    """How a network is simulated: what the experiment says, and ``more``."""
    model = model_of(experiment)
    known = {name: value for name, value in experiment.run_settings().items() if value is not None}
    return model.settings_of(parameters, model.divided({**known, **more})[1])


def seeded(experiment: Experiment, point: Point, parameters: Any) -> tuple[Any, RunSettings]:
    """The model's ``parameters`` with the seed of ``point``, and how its network is simulated."""
    if "seed" in model_of(experiment).parameter_of:
        parameters = dataclasses.replace(parameters, seed=point.seed)
    return parameters, settings_of(experiment, parameters, seed=point.seed)


def _load_networks(experiment: Experiment, points: list[Point], origins: Origins) -> dict[Network, Any]:
    """The model's parameters for each network; building the descriptions here finds wrong values before any run."""
    model = model_of(experiment)
    loaded: dict[Network, Any] = {}
    try:
        _check_reserved(experiment, points[0], origins)
        for point in points:
            network = point.variant, point.size, point.indegree
            if network not in loaded:
                loaded[network] = load_point(experiment, point)
                built = model.build_network(loaded[network])
                experiment.recording().apply(built)
                _check_size(model, point, built)
                _check_settings(settings_of(experiment, loaded[network]), built)
    except InputError as error:
        raise InputError(_located(str(error), model, origins)) from None
    except (ArithmeticError, MemoryError) as error:
        raise InputError(
            f"{point}: the parameters lead beyond the range of numbers or of the memory "
            f"({str(error) or type(error).__name__}); write smaller ones"
        ) from None
    return loaded


def _check_reserved(experiment: Experiment, point: Point, origins: Origins) -> None:
    """InputError where a parameter is given that a setting of the experiment stands for."""
    model = model_of(experiment)
    setters = dict.fromkeys(model.resized(point.size, point.indegree), "sizes and indegree")
    setters |= {name: SET_BY[setting] for setting, name in model.parameter_of.items()}
    for table in ("parameters", "vary"):
        for name in getattr(experiment, table):
            if name in setters:
                where = origins.get(f"{table}.{name}", table)
                raise InputError(f"{where}: {table}: '{name}' is set by {setters[name]}")


def _check_size(model: NetworkModel, point: Point, network: Any) -> None:
    """InputError where a model that knows one size only has another one than asked for."""
    from distsim.models.wings import wing_of

    size = sum(population.size for population in wing_of(network).neurons(network))
    if not model.resizes and size != point.size:
        raise InputError(
            f"sizes: the network of model '{model.name}' has {size} neurons, not {point.size}; for other sizes its "
            "file needs a function resized(neurons, indegree)"
        )


def _check_settings(settings: RunSettings, network: Any) -> None:
    """InputError where times are no multiples of the network's time step, or the interval exceeds a delay."""
    from distsim.models.course import dt_of

    settings.check(dt_of(network))
    if settings.interval is not None:
        delays = [getattr(projection.synapse, "delay", None) for projection in network.projections]
        shortest = min((d for d in delays if isinstance(d, (int, float))), default=settings.interval)
        if settings.interval > shortest:
            raise InputError(f"interval = {settings.interval:g} ms is longer than the delay of {shortest:g} ms")


def _located(message: str, model: NetworkModel, origins: Origins) -> str:
    """A message of the model with the place where the parameter or setting that it names was given."""
    places = {name.partition(".")[2] or name: place for name, place in origins.items()}
    places |= {name: origins[SET_BY[s]] for s, name in model.parameter_of.items() if SET_BY[s] in origins}
    named = (word for word in re.findall(r"\w+", message) if word in places and word != DEFAULT_MODEL)
    place = places.get(next(named, ""))
    return f"{place}: {message}" if place and not message.startswith(place) else message
