"""What a network, and the engine that simulates it, ask of neurons, sources of spikes and stimuli."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Hashable, Iterable
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from distsim.core.declared import Declared, check_fits
from distsim.core.errors import InputError


class PopulationModel(Declared, abstract=True):
    """What a population is made of: neurons, or sources of spikes. A model overrides what is different for it."""

    noun: ClassVar[str] = "model"
    receives: ClassVar[bool] = True
    """Whether it takes input; a source of spikes does not."""

    weight_unit: ClassVar[str] = "pA"
    """Unit of the weights of synapses and Poisson input."""

    @property
    def initial_states(self) -> tuple[str, ...]:
        """State variables whose initial value can be given."""
        return ()

    @property
    def state_variables(self) -> tuple[str, ...]:
        """State variables that can be recorded."""
        return ()

    def unit_of(self, variable: str) -> str:
        """The unit of a state variable that can be recorded."""
        return "1"

    @property
    def receptors(self) -> tuple[int | str, ...]:
        """Names that synapses may give to the inputs, in their order."""
        return ()

    @property
    def kind(self) -> Hashable:
        """Populations whose models are of one kind form one group: one call advances them all."""
        return type(self), self.inputs()

    def check(self, size: int, dt: float, where: str) -> None:
        """Raise InputError, its message starting with ``where``, for parameters that do not fit size or dt."""
        check_fits(self, (size,), dt, where)

    def inputs(self) -> int:
        """Number of inputs with a time course of their own."""
        return 1

    def input_of(self, negative: bool) -> int:
        """Which of them a synapse of negative or positive weight drives."""
        return 0

    def multiplicity(self, dt: float) -> int:
        """The largest number of spikes of one neuron in one step."""
        return 1

    def most_arriving(self) -> float:
        """The largest sum of weights that may arrive at the first input of a neuron in one step."""
        return math.inf

    @staticmethod
    @abstractmethod
    def group(shares: list[Any]) -> Group:
        """The neurons of one rank in populations of one kind (``PopulationShare``), with their state."""


class Source(PopulationModel, abstract=True):
    """A population that only sends spikes."""

    receives = False

    def inputs(self) -> int:
        """Return 0: it takes no input."""
        return 0


class Group(Protocol):
    """The local neurons of populations of one kind, side by side: their state, and how it advances."""

    def update(
        self,
        first_step: int,
        n_steps: int,
        rings: tuple[npt.NDArray[Any], ...],
        unit: float,
        current: npt.NDArray[np.float64],
        poisson: tuple[Any, ...],
        index: npt.NDArray[np.int32],
        stamp: npt.NDArray[np.int64],
    ) -> int:
        """Advance through the steps first_step .. first_step + n_steps - 1; returns the number of spikes.

        rings: of each input (slots, n) int64 or int32, summed input arriving in each step, in units of ``unit`` (pA,
        or the unit of weights), read and cleared. current (stretches, n_steps): injected current during each step (pA)
        of each population, or as ``divide`` says. poisson: ``drives.poisson_input.PoissonInput``. index, stamp
        (capacity,): local index and step of each spike, written, in the order of time for each neuron.
        """

    def compiled(self) -> tuple[Any, tuple[Any, ...]] | None:
        """The kernel that does what ``update`` does, and what it works on, ``own``; None where there is no such kernel.

        kernel(*own, first_step, n_steps, rings, unit, current, poisson, index, stamp) -> number of spikes.
        """
        return None

    def divide(self, stretches: Any) -> None:
        """Take currents and Poisson input by ``drives.stretches.Stretches`` instead of by population.

        Called where a part of a population is driven.
        """
        raise InputError(f"{type(self).__name__}: only whole populations of this model can be driven")

    def state(self, name: str) -> npt.NDArray[np.float64]:
        """Values (n,) of a state variable at the end of the last step; sources of spikes have none."""
        raise InputError(f"a source of spikes has no state '{name}'")

    def remembered(self) -> Iterable[npt.NDArray[Any]]:
        """All that goes on from step to step, arrays (n, ...) always in the same order: what a checkpoint keeps.

        They are changed in place when it is brought back. What follows from parameters, seed and step is none of it.
        """
        raise InputError(f"{type(self).__name__}: 'remembered' is missing, which says what a checkpoint keeps of it")


class Stimulus(Declared, abstract=True):
    """What can be given to ``Network.stimulate``."""

    noun: ClassVar[str] = "stimulus"

    @abstractmethod
    def attach(self, network: Any, target: Any) -> None:
        """Let it act on every neuron of the population ``target`` of ``network``; InputError where it does not fit."""


class Drive(Stimulus, abstract=True):
    """A stimulus that acts on neurons directly: events, currents or input of their own."""

    noun: ClassVar[str] = "drive"
    neuron_bytes: ClassVar[int] = 0
    """About how many bytes the engine keeps for each neuron that it acts on."""

    def check(self, size: int, dt: float, where: str) -> None:
        """Raise InputError, its message starting with ``where``, for parameters that do not fit size or dt."""
        check_fits(self, (size,), dt, where)

    def attach(self, network: Any, target: Any) -> None:
        """Check it, and add it to the stimulations of ``network``."""
        self.check(target.size, network.dt, f"stimulus of '{target.name}'")
        network.add_drive(target, self)

    @abstractmethod
    def bind(self, driven: Any) -> None:
        """Tell the local neurons of the target (``drives.driven.Driven``) what is to be added to them, and when."""
