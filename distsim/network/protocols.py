"""What a network asks of neuron models, synapses and stimuli. The engine asks for more; see neurons/, synapses/, stimuli/."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


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


@runtime_checkable
class Synapse(Protocol):
    """Parameters of a kind of synapse."""

    @property
    def plastic(self) -> bool:
        """Whether weights change with time."""

    def check(self, dt: float, shape: tuple[int, ...] | None, where: str) -> None:
        """Raise InputError for parameters that do not fit dt or the shape of arrays that the rule allows (None: none)."""


@runtime_checkable
class Stimulus(Protocol):
    """Parameters of a stimulus."""

    @property
    def is_stimulus(self) -> bool:
        """True: tells stimuli from other frozen data."""

    def check(self, size: int, dt: float, where: str) -> None:
        """Raise InputError for parameters that do not fit the size of the population or dt."""
