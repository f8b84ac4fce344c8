"""What a model is: a name, parameters, and the network that they make. Importable without engine and MPI."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from distsim.core.units import to_steps
from distsim.models.defaults import Default
from distsim.models.model_parameters import ModelParameters
from distsim.record.jsonable import plain
from distsim.spiking.choices import EXCHANGES, LOOPS, PRECISIONS

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.models.course import Keeping
    from distsim.models.outcome import Outcome
    from distsim.models.recording import Recording
    from distsim.parallel.progress import Progress


@dataclass(frozen=True)
class RunSettings:
    """How a network is simulated: ``time`` (ms) after ``presimulation`` (ms), which is in hashes and no other result.

    ``seed``, ``precision``, ``interval`` (ms; None: the minimum delay), ``exchange`` and ``loop`` are those of
    ``Simulation``. Raises InputError for values that they cannot have.
    """

    time: float = 1000.0
    presimulation: float = 0.0
    seed: int = 1
    precision: str = "double"
    interval: float | None = None
    exchange: str = "auto"
    loop: str = "compiled"

    def __post_init__(self) -> None:
        for name, default in SETTINGS.items():
            if name != "interval" or self.interval is not None:
                object.__setattr__(self, name, default.check(getattr(self, name), name))

    def check(self, dt: float | None) -> None:
        """Raise InputError where a time is no whole multiple of ``dt`` (ms), if there is one."""
        if dt is None:
            return
        to_steps(self.time, dt, "time", low=1)
        to_steps(self.presimulation, dt, "presimulation")
        to_steps(self.presimulation + self.time, dt, "presimulation + time")
        if self.interval is not None:
            to_steps(self.interval, dt, "interval", low=1)


SETTINGS = {
    "time": Default(1000.0, "ms", "simulated time", "", above=0.0),
    "presimulation": Default(0.0, "ms", "simulated before that, and in no result but hashes", "", low=0.0),
    "seed": Default(1, "", "seed of all random numbers", ""),
    "precision": Default("double", "", "of weights and sums of input", "", choices=PRECISIONS),
    "interval": Default(1.0, "ms", "time between exchanges of spikes; by default the minimum delay", "", above=0.0),
    "exchange": Default("auto", "", "plan of spike exchange", "", choices=EXCHANGES),
    "loop": Default("compiled", "", "what runs the intervals; results are the same", "", choices=LOOPS),
}
"""What each setting may be. Those before interval fix the bits of the result, together with the parameters."""
OF_ALL_NEURONS = ("time", "presimulation", "seed")
"""The settings that rate and binary neurons have, too; the others are of spikes."""


class Model:
    """A network with a name. ``line`` says what it is, ``parameters`` is the class of what it can be given.

    A model of this package is a folder, whose module ``network`` has the function ``build_network(parameters)``.
    ``shortcuts`` has the parameters with an option of their own: {"pairs": "pairs"} makes ``--pairs 20`` of
    ``--set pairs=20``. ``parameter_of`` has the parameter that stands for a setting, where the model has one.
    """

    name: str
    line: str
    parameters: type[ModelParameters]
    shortcuts: ClassVar[Mapping[str, str]] = {}
    digest: str | None = None
    """Of the files that make the model, where they are not of this package: its points belong to no other."""
    presimulation: ClassVar[str] = "presimulation"
    """Name of the parameter, if there is one, that is the time before the measured one."""
    free: ClassVar[tuple[str, ...]] = ()
    """Parameters on which no result depends: a run may go on with others."""

    @property
    def parameter_of(self) -> dict[str, str]:
        """Names of the parameters that settings stand for, by setting; none where the model has no such parameter."""
        names = {"time": "T", "presimulation": self.presimulation, "seed": "seed"}
        return {setting: name for setting, name in names.items() if name in self.parameters.DEFAULTS}

    def divided(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of ``given`` settings, overrides of the parameters that they stand for, and those that are no parameters."""
        names = self.parameter_of
        overrides = {names[setting]: value for setting, value in given.items() if setting in names}
        return overrides, {setting: value for setting, value in given.items() if setting not in names}

    def load(self, overrides: Mapping[str, Any] | None = None) -> Any:
        """The parameters, see ``ModelParameters.load``."""
        return self.parameters.load(overrides)

    def identity(
        self,
        parameters: Any,
        settings: RunSettings | None = None,
        recording: Recording | None = None,
        branch: str | None = None,
    ) -> dict[str, Any]:
        """What fixes the results of a run, and what is recorded of it, as plain data: a run goes on only as the same.

        ``settings``: None for an experiment, whose parameters say all. ``branch``: digest of the checkpoint that it
        continues.
        """
        fixing = ("time", "presimulation", "seed", "precision")
        chosen = {name: getattr(settings, name) for name in fixing} if settings else {}
        own = {name: value for name, value in parameters.as_dict().items() if name not in self.free}
        made = {"model": self.name, "file": self.digest, "parameters": own, **chosen}
        made |= {"branch": branch} if branch else {}
        found: dict[str, Any] = plain({**made, "record": recording and recording.texts})
        return found

    def build_network(self, parameters: Any) -> Any:
        """The network that ``parameters`` make; its simulation takes time, pre-simulation and seed."""
        return import_module(f"{type(self).__module__}.network").build_network(parameters)


class ExperimentModel(Model):
    """A model that is run in a way of its own, by the function ``run`` of the module ``experiment`` in its folder."""

    def run(
        self,
        comm: MPI.Comm,
        parameters: Any,
        folder: Path | None,
        progress: Progress,
        keeping: Keeping | None = None,
        check: Callable[[], None] | None = None,
    ) -> Outcome:
        """Simulate and evaluate, writing to ``folder`` if there is one; collective, complete on rank 0.

        ``keeping`` and ``check`` are those of ``models.run.simulate``: the experiment goes in parts, between which
        it is saved and may end, by its ``models.course.Course``.
        """
        from distsim.models.course import course_of

        experiment = import_module(f"{type(self).__module__}.experiment")
        with course_of(comm, self.identity(parameters), keeping, check) as course:
            found: Outcome = experiment.run(comm, parameters, folder, progress, course)
        return found


class NetworkModel(Model, ABC):
    """A network, of neurons of any kind, that every run of any model simulates in the same way, see ``models.run``.

    ``settings`` are its own defaults, ``chosen`` the names of those that its neurons have, ``colours`` those of its
    populations in figures.
    """

    settings: RunSettings = RunSettings()
    chosen: ClassVar[tuple[str, ...]] = OF_ALL_NEURONS
    resizes: bool = True
    """Whether its size can be chosen."""
    colours: Mapping[str, str] | None = None
    weight_style: ClassVar[Mapping[str, Any]] = {}
    """How figures show plastic weights: ``multapses`` and ``highest`` of matrices, ``edges`` and ``density`` of
    histograms, see ``analysis.weight_statistics`` and ``analysis.weight_plots``."""

    @abstractmethod
    def resized(self, neurons: int, indegree: int | None) -> dict[str, Any]:
        """The overrides that give ``neurons`` neurons with ``indegree`` inputs each (None: as the model has it).

        Raises InputError where there is no such network.
        """

    def extra(self, simulation: Any, activity: Any, parameters: Any) -> Outcome | None:
        """What the model adds to its run: called on every rank while the simulation is open, so it may ask anything.

        Tables, summary entries and figures replace those of the same title or name, or are added to them.
        """
        return None

    def settings_of(self, parameters: Any, given: Mapping[str, Any]) -> RunSettings:
        """The settings of a run: parameters that stand for them, what is ``given``, and else the model's own."""
        of_parameters = {setting: getattr(parameters, name) for setting, name in self.parameter_of.items()}
        return replace(self.settings, **of_parameters, **given)


class SpikingModel(NetworkModel):
    """A network of spiking neurons."""

    chosen = tuple(SETTINGS)
