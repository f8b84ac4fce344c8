"""What a network, and the engine that simulates it, ask of neuron models and stimuli."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class NeuronModel(Protocol):
    """Parameters of a neuron model."""

    @property
    def initial_states(self) -> tuple[str, ...]:
        """State variables whose initial value can be given."""

    @property
    def state_variables(self) -> tuple[str, ...]:
        """State variables that can be recorded."""

    @property
    def receives(self) -> bool:
        """Whether it takes input; a source of spikes does not."""

    def check(self, size: int, dt: float, where: str) -> None:
        """Raise InputError, its message starting with ``where``, for parameters that do not fit size or dt."""

    def inputs(self) -> int:
        """Number of input currents with a time course of their own."""

    def input_of(self, negative: bool) -> int:
        """Which of them a synapse of negative or positive weight drives."""

    def group(self, local: Any) -> Any:
        """The neurons of one rank (``neurons.group.Local``) with their state (``neurons.group.Group``)."""


def weight_unit(model: NeuronModel) -> str:
    """Unit of the weights of synapses onto neurons of ``model``: pA unless the model says otherwise."""
    return str(getattr(model, "weight_unit", "pA"))


@runtime_checkable
class Stimulus(Protocol):
    """Parameters of a stimulus."""

    @property
    def is_stimulus(self) -> bool:
        """True: tells stimuli from other frozen data."""

    def check(self, size: int, dt: float, where: str) -> None:
        """Raise InputError for parameters that do not fit the size of the population or dt."""
