"""The base of all models of neurons: parameters, state variables, and the equations of one neuron in one step."""

from __future__ import annotations

import numbers
from collections.abc import Hashable
from dataclasses import MISSING, dataclass, field, fields
from types import SimpleNamespace
from typing import Any, ClassVar, dataclass_transform

import numpy as np

from distsim.core.distributions import Distribution
from distsim.core.errors import InputError, check_arguments, nearest
from distsim.core.units import MAX_STEPS, check_count, check_flag, check_number, shown, to_steps
from distsim.core.values import check_shape, check_value
from distsim.spiking.neurons.neuron_checks import check_time_constant
from distsim.spiking.neurons.neuron_group import NeuronGroup
from distsim.spiking.neurons.neuron_loop import update_of
from distsim.spiking.protocols import PopulationModel


def parameter(default: Any = MISSING, unit: str = "1", *, low: float = -np.inf, above: float = -np.inf) -> Any:
    """A parameter: one number, an array (size,), or a distribution; at least ``low`` and larger than ``above``."""
    return field(default=default, metadata={"unit": unit, "low": low, "above": above})


def time_constant(default: Any = MISSING) -> Any:
    """A positive parameter in ms, by which something decays within a step: not far below dt."""
    return field(default=default, metadata={"unit": "ms", "above": 0.0, "decays": True})


def duration(default: Any = MISSING) -> Any:
    """A parameter in ms, one whole multiple of dt."""
    return field(default=default, metadata={"unit": "ms", "low": 0.0, "steps": True})


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


@dataclass_transform(frozen_default=True, eq_default=False)
class NeuronModel(PopulationModel):
    """A model of neurons; a class of a model has what stands here, and becomes a frozen dataclass of its parameters.

    - parameters, annotated: ``tau_m: Value = parameter(10.0, "ms", above=0.0)``;
    - ``states``: a tuple of ``State``, in the order in which ``step`` takes them; an entry may be a tuple again;
    - ``step(state, arrived, injected, constants)``: a static method that returns (state, whether the neuron fires);
    - ``constants(p, dt)``, unless the parameters and dt are what ``step`` needs.

    ``step`` advances one neuron by one step. It sees only numbers: state and constants in tuples as they were declared;
    arrived: for each input, the sum of the weights of all that arrives at the end of the step; injected: the current
    (pA) during the step. It is compiled, so that it may use arithmetic, conditions, and functions of
    ``distsim.core.jit.inline``; those of ``distsim.core.elementary`` give the same bits everywhere.
    """

    states: ClassVar[Any]
    kernel: ClassVar[Any]

    def __init_subclass__(cls, abstract: bool = False, **further: Any) -> None:
        super().__init_subclass__(**further)
        dataclass(frozen=True, eq=False)(cls)
        check_arguments(cls)
        if not abstract:
            check_contract(cls)
            cls.kernel = staticmethod(update_of(cls.step))  # no method: it takes no model

    def __post_init__(self) -> None:
        for f in fields(self):  # type: ignore[arg-type] # of every class that is derived
            if "unit" in f.metadata:
                limits = {name: f.metadata[name] for name in ("low", "above") if name in f.metadata}
                object.__setattr__(
                    self, f.name, check_value(getattr(self, f.name), f"{type(self).__name__}: {f.name}", **limits)
                )

    @staticmethod
    def step(state: Any, arrived: Any, injected: Any, constants: Any) -> Any:
        """(state, whether it fires) at the end of a step of one neuron."""
        raise NotImplementedError

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

    @property
    def kind(self) -> Hashable:
        """Class, inputs and structure of the state; models with parameters of single neurons are a kind of their own.

        Constants of single neurons take longer to read than one for all.
        """
        values = vars(self).values()
        own = any(isinstance(value, (np.ndarray, Distribution)) for value in values)
        return type(self), self.inputs(), tuple(self.every_state()), own

    def check(self, size: int, dt: float, where: str) -> None:
        for f in fields(self):  # type: ignore[arg-type]
            value, name = getattr(self, f.name), f"{where}: {type(self).__name__} {f.name}"
            if f.metadata.get("steps"):
                to_steps(value, dt, name)
            elif f.metadata:
                check_shape(value, (size,), name)
            if f.metadata.get("decays"):
                check_time_constant(value, dt, name)

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
    """TypeError that names what a class of neurons lacks."""
    name = cls.__name__
    if cls.step is NeuronModel.step:
        raise TypeError(f"{name}: a neuron model needs a static method step(state, arrived, injected, constants)")
    if not isinstance(vars(cls).get("step", staticmethod(cls.step)), staticmethod):
        raise TypeError(f"{name}: 'step' must be a static method: it sees only numbers")
    states = getattr(cls, "states", None)
    if states is None:
        raise TypeError(f"{name}: a neuron model needs 'states', a tuple of State(name, unit, initial)")
    if isinstance(states, property):
        return
    if not isinstance(states, tuple) or not all(isinstance(state, (State, tuple)) for state in states):
        raise TypeError(f"{name}: 'states' must be a tuple of State(name, unit, initial)")
    known = [f.name for f in fields(cls)]
    for state in _flat(states):
        for needed in (state.initial, state.above):
            if isinstance(needed, str) and needed not in known:
                raise TypeError(f"{name}: state {state.name} needs the parameter '{needed}'{nearest(needed, known)}")
