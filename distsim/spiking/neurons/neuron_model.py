"""The base of all models of neurons: parameters, state variables, and the equations of one neuron in one step."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from distsim.core.errors import InputError, check_arguments, nearest
from distsim.core.units import MAX_STEPS, check_count, check_flag, check_number, shown
from distsim.core.values import is_distribution
from distsim.spiking.neurons.neuron_group import NeuronGroup
from distsim.spiking.neurons.neuron_loop import update_of
from distsim.spiking.protocols import PopulationModel


@check_arguments
@dataclass(frozen=True)
class State:
    """A state variable of a neuron, with its unit and its initial value: a number, or the name of a parameter.

    A whole number as initial value makes it a counter (int32). above: name of the parameter from which the equations
    measure it, as potentials from E_L, so that none of its digits is lost. hidden: can be neither set nor recorded.
    """

    name: str
    unit: str
    initial: float | str
    above: str | None = None
    hidden: bool = False

    def __post_init__(self) -> None:
        for name in ("name", "unit", "above"):
            value = getattr(self, name)
            if not isinstance(value, str) and (name != "above" or value is not None):
                raise InputError(f"State: {name} must be a string, got {shown(value)}")
        check_flag(self.hidden, "State: hidden")
        if not isinstance(self.initial, str):
            number = check_number(self.initial, f"State: the initial value of {self.name}")
            is_count = isinstance(self.initial, numbers.Integral)
            count = (
                check_count(self.initial, f"State: the initial value of {self.name}", high=MAX_STEPS) if is_count else 0
            )
            object.__setattr__(self, "initial", count if is_count else number)


class NeuronModel(PopulationModel, abstract=True):
    """A model of neurons; a class of a model has what stands here, and becomes a frozen dataclass of its parameters.

    - parameters, annotated: ``C_m: Value = of_each(250.0, "pF", above=0.0)``, see ``distsim.core.declared``;
    - ``states``: a tuple of ``State``, in the order in which ``step`` takes them; an entry may be a tuple again;
    - ``step(state, arrived, injected, constants)``: a static method that returns (state, whether the neuron fires);
    - ``constants(p, dt)``, unless the parameters and dt are what ``step`` needs.

    ``step`` advances one neuron by one step. It sees only numbers: state and constants in tuples as they were declared;
    arrived: for each input, the sum of the weights of all that arrives at the end of the step; injected: the current
    (pA) during the step. It is compiled, so that it may use arithmetic, conditions, and functions of
    ``distsim.core.jit.inline``; those of ``distsim.core.elementary`` give the same bits everywhere.
    """

    noun: ClassVar[str] = "neuron model"
    needs: ClassVar[dict[str, str]] = {"states": "a tuple of State(name, unit, initial)"}
    states: ClassVar[Any]
    repeats: ClassVar[bool] = False
    """Whether ``step`` returns how often the neuron fires, at most ``multiplicity`` times, instead of whether."""
    kernel: ClassVar[Any]

    def __init_subclass__(cls, *, abstract: bool = False, **further: Any) -> None:
        super().__init_subclass__(abstract=abstract, **further)
        if not abstract:
            check_contract(cls)
            cls.kernel = staticmethod(update_of(cls.step, cls.repeats))  # no method: it takes no model

    @staticmethod
    @abstractmethod
    def step(state: Any, arrived: Any, injected: Any, constants: Any) -> Any:
        """A static method that returns (state, whether it fires) at the end of a step of one neuron."""

    def constants(self, p: SimpleNamespace, dt: float) -> tuple[Any, ...]:
        """What ``step`` takes as constants: numbers, or arrays (n,) where each neuron has its own, in tuples.

        p: the parameters, each a number or (n,). Whole numbers must be the same for all neurons. As it stands here: all
        parameters in the order of their declaration, then dt.
        """
        return (*vars(p).values(), dt)

    def every_state(self) -> list[State]:
        """All state variables, one after the other."""
        return list(_flat(self.states))

    @property
    def initial_states(self) -> tuple[str, ...]:
        return self.state_variables

    @property
    def state_variables(self) -> tuple[str, ...]:
        return tuple(state.name for state in self.every_state() if not state.hidden)

    def unit_of(self, variable: str) -> str:
        return next((state.unit for state in self.every_state() if state.name == variable), "1")

    @property
    def kind(self) -> Hashable:
        """Class, inputs and structure of the state; models with parameters of single neurons are a kind of their own.

        Constants of single neurons take longer to read than one for all.
        """
        values = vars(self).values()
        own = any(isinstance(value, np.ndarray) or is_distribution(value) for value in values)
        return type(self), self.inputs(), tuple(self.every_state()), own

    @staticmethod
    def group(shares: list[Any]) -> NeuronGroup:
        return NeuronGroup(shares)


def _flat(states: Any) -> Any:
    """The states in tuples of tuples."""
    if isinstance(states, State):
        yield states
    else:
        for state in states:
            yield from _flat(state)


def check_contract(cls: Any) -> None:
    """InputError where ``step`` or ``states`` of a class of neurons are not what they should be."""
    name = cls.__name__
    if not isinstance(vars(cls).get("step", staticmethod(cls.step)), staticmethod):
        raise InputError(f"{name}: 'step' must be a static method: it sees only numbers")
    if isinstance(cls.states, property):
        return
    states = cls.states
    if not isinstance(states, tuple) or not all(isinstance(state, (State, tuple)) for state in states):
        raise InputError(f"{name}: 'states' must be a tuple of State(name, unit, initial)")
    known = [f.name for f in fields(cls)]
    for state in _flat(states):
        for needed in (state.initial, state.above):
            if isinstance(needed, str) and needed not in known:
                raise InputError(f"{name}: state {state.name} needs the parameter '{needed}'{nearest(needed, known)}")
