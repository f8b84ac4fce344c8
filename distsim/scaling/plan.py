"""From a command line to what is to be run: everything that can be wrong is found here. Rank 0 only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from distsim.core.errors import InputError
from distsim.models.model import RunSettings, SpikingModel
from distsim.models.registry import find, scalable
from distsim.scaling.experiment import DEFAULT_MODEL, Experiment, Point
from distsim.scaling.folder import Folder
from distsim.scaling.options import Options

Network = tuple[tuple[tuple[str, Any], ...], int, int | None]
"""What tells the networks of an experiment apart: variant, size, in-degree."""
SET_BY = {"time": "time", "presimulation": "presimulation", "seed": "seeds"}
"""Settings of a run that may be parameters of the model, and the settings of the experiment that stand for them."""


@dataclass(frozen=True)
class Plan:
    """What is to be done, as plain data that all ranks get.

    ``points`` are those still to run, ``total`` counts all; ``parameters`` holds the model's parameters by network;
    ``limited`` tells whether there is a time budget; ``digest`` is that of the user's file which makes the networks.
    """

    experiment: Experiment
    limited: bool
    points: tuple[Point, ...]
    total: int
    parameters: Mapping[Network, Any]
    digest: str | None = None

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
    identity = {**experiment.identity(), **_of_model(experiment, points[0], networks)}
    settings = {**experiment.settings(), "ranks": experiment.ranks or (job_ranks,)}
    folder = Folder(options.out, identity, settings, resume=options.resume)
    done = {Point.from_dict(record).key() for record in folder.records}
    # Those that failed come last: a point that ends its job, as by exhausting the memory, keeps no other from its turn.
    missing = sorted((p for p in points if p.key() not in done), key=lambda point: folder.failed[point.key()])
    return Plan(
        experiment, options.budget is not None, tuple(missing), len(points), networks, identity.get("file")
    ), folder


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
    """What the model is given for ``point``, all but the seed."""
    model = model_of(experiment)
    settings, _ = model.divided(experiment.run_settings())
    return {**model.resized(point.size, point.indegree), **experiment.parameters, **dict(point.variant), **settings}


def settings_of(experiment: Experiment, parameters: Any, **more: Any) -> RunSettings:
    """How a network is simulated: as the model has it, but for what the experiment says, and ``more``."""
    model = model_of(experiment)
    return model.settings_of(parameters, model.divided({**experiment.run_settings(), **more})[1])


def model_of(experiment: Experiment, digest: str | None = None) -> SpikingModel:
    """The model of an experiment; InputError where it is not spiking, or its file no longer has this ``digest``."""
    model = find(experiment.model)
    if not isinstance(model, SpikingModel):
        able = ", ".join(scalable())
        raise InputError(f"model '{model.name}' is no spiking network whose size can be chosen; such are {able}")
    if digest is not None and model.digest != digest:
        raise InputError(f"'{experiment.model}' has changed since the experiment began; take another --out")
    return model


def _load_networks(experiment: Experiment, points: list[Point], origins: Mapping[str, str]) -> dict[Network, Any]:
    """The model's parameters for each network; building the descriptions here finds wrong values before any run."""
    model = model_of(experiment)
    loaded: dict[Network, Any] = {}
    try:
        _check_reserved(experiment, points[0], origins)
        for point in points:
            network = point.variant, point.size, point.indegree
            if network not in loaded:
                loaded[network] = model.load(overrides(experiment, point))
                built = model.build_network(loaded[network])
                _check_size(model, point, built)
                _check_settings(settings_of(experiment, loaded[network]), built)
    except InputError as error:
        raise InputError(_placed(str(error), model, origins)) from None
    except (ArithmeticError, MemoryError) as error:
        raise InputError(
            f"{point}: the parameters lead beyond the range of numbers or of the memory "
            f"({str(error) or type(error).__name__}); write smaller ones"
        ) from None
    return loaded


def _check_reserved(experiment: Experiment, point: Point, origins: Mapping[str, str]) -> None:
    """InputError where a parameter is given that a setting of the experiment stands for."""
    model = model_of(experiment)
    setters = dict.fromkeys(model.resized(point.size, point.indegree), "sizes and indegree")
    setters |= {name: SET_BY[setting] for setting, name in model.parameter_of.items()}
    for table in ("parameters", "vary"):
        for name in getattr(experiment, table):
            if name in setters:
                where = origins.get(f"{table}.{name}", table)
                raise InputError(f"{where}: {table}: '{name}' is set by {setters[name]}")


def _check_size(model: SpikingModel, point: Point, network: Any) -> None:
    """InputError where a model that knows one size only has another one than asked for."""
    size = sum(population.size for population in network.populations if population.model.receives)
    if not model.resizes and size != point.size:
        raise InputError(
            f"sizes: the network of model '{model.name}' has {size} neurons, not {point.size}; for other sizes its "
            "file needs a function resized(neurons, indegree)"
        )


def _check_settings(settings: RunSettings, network: Any) -> None:
    """InputError where times are no multiples of the network's time step, or the interval exceeds a delay."""
    settings.check(network.dt)
    if settings.interval is not None:
        delays = [getattr(projection.synapse, "delay", None) for projection in network.projections]
        shortest = min((d for d in delays if isinstance(d, (int, float))), default=settings.interval)
        if settings.interval > shortest:
            raise InputError(f"interval = {settings.interval:g} ms is longer than the delay of {shortest:g} ms")


def _placed(message: str, model: SpikingModel, origins: Mapping[str, str]) -> str:
    """A message of the model with the place where the parameter or setting that it names was given."""
    places = {name.partition(".")[2] or name: place for name, place in origins.items()}
    places |= {name: origins[SET_BY[s]] for s, name in model.parameter_of.items() if SET_BY[s] in origins}
    named = (word for word in re.findall(r"\w+", message) if word in places and word != DEFAULT_MODEL)
    place = places.get(next(named, ""))
    return f"{place}: {message}" if place and not message.startswith(place) else message


def _of_model(experiment: Experiment, point: Point, networks: Mapping[Network, Any]) -> dict[str, Any]:
    """What of the model all points share: name, settings and parameters, those of the model included.

    A release that changes a default starts anew; so does a user's file that has changed.
    """
    model = model_of(experiment)
    parameters = networks[point.variant, point.size, point.indegree]
    own = {*model.resized(point.size, point.indegree), *experiment.vary, "T", "seed"}
    common = {name: value for name, value in parameters.values().items() if name not in own}
    settings = settings_of(experiment, parameters)
    identity = {"model": model.name, "presimulation": settings.presimulation, "precision": settings.precision}
    return {**identity, **({"file": model.digest} if model.digest else {}), "parameters": common}
