"""The neurons of one rank in populations of one kind, side by side: constants, state, and the call of their kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core.errors import TypingError

from distsim.core.cache_lines import on_line
from distsim.core.errors import InputError
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Group

FloatArray = npt.NDArray[np.float64]


class NeuronGroup(Group):
    """The local neurons of populations of one kind, and their state: arrays (n,) in tuples as the model declares it."""

    def __init__(self, shares: list[PopulationShare]) -> None:
        self.shares = shares
        models: list[Any] = [share.population.model for share in shares]
        self.model = models[0]
        self.parameters = [share.parameters() for share in shares]
        self.bounds = bounds_of(shares)
        constants = [model.constants(p, shares[0].dt) for model, p in zip(models, self.parameters, strict=True)]
        self.constants = side_by_side(constants, [share.n for share in shares])
        self.values = self.initial_values()
        self._above = {s.name: None if s.above is None else self.of_neurons(s.above) for s in self.model.every_state()}

    def initial_values(self, trial: int = 0) -> tuple[Any, ...]:
        """The state at the start, of trial number ``trial``."""
        return self._initial(self.model.states, trial)

    def _initial(self, state: Any, trial: int) -> Any:
        if isinstance(state, tuple):
            return tuple(self._initial(entry, trial) for entry in state)
        if isinstance(state.initial, int):
            return on_line(np.full(int(self.bounds[-1]), state.initial, np.int32))
        named = isinstance(state.initial, str)
        values = np.concatenate(
            [
                share.initial(state.name, getattr(p, state.initial) if named else state.initial, trial)
                for share, p in zip(self.shares, self.parameters, strict=True)
            ]
        )
        return on_line(values if state.above is None else values - self.of_neurons(state.above))

    def of_neurons(self, name: str) -> FloatArray:
        """A parameter of all neurons (n,)."""
        values = [getattr(p, name) for p in self.parameters]
        return over_neurons(values, [share.n for share in self.shares])

    def update(self, first_step, n_steps, rings, unit, current, poisson, index, stamp):  # type: ignore[no-untyped-def]
        """See ``Group.update``; InputError where the equations cannot be compiled."""
        try:
            return self.model.kernel(
                self.values, self.constants, self.bounds, first_step, n_steps, rings, unit, current, poisson,
                index, stamp,
            )  # fmt: skip
        except TypingError as error:
            why = " ".join(str(error).split())
            raise InputError(f"{type(self.model).__name__}: 'step' cannot be compiled: {why}") from error

    def compiled(self) -> tuple[Any, tuple[Any, ...]]:
        return self.model.kernel, (self.values, self.constants, self.bounds)

    def state(self, name: str) -> FloatArray:
        """Values (n,) of a state variable."""
        values = self._find(name, self.model.states, self.values)
        above = self._above[name]
        return values.astype(np.float64) if above is None else values + above

    def _find(self, name: str, states: Any, values: Any) -> Any:
        """The entry of ``values`` that belongs to the state ``name``; None where there is none."""
        if not isinstance(states, tuple):
            return values if states.name == name else None
        found = (self._find(name, s, v) for s, v in zip(states, values, strict=True))
        return next((value for value in found if value is not None), None)


def bounds_of(shares: list[PopulationShare]) -> npt.NDArray[np.int64]:
    """First neuron of each population, then the number of neurons (populations + 1,)."""
    return np.cumsum([0, *(share.n for share in shares)])


def over_neurons(values: list[Any], sizes: list[int]) -> FloatArray:
    """A value of each population, one number or (size,), as (n,) float64 of all neurons of the group."""
    return np.concatenate([np.broadcast_to(v, size) for v, size in zip(values, sizes, strict=True)]).astype(np.float64)


def is_individual(value: Any) -> bool:
    """Whether a constant, or one in a tuple of them, is an array."""
    return any(map(is_individual, value)) if isinstance(value, tuple) else isinstance(value, np.ndarray)


def side_by_side(values: list[Any], sizes: list[int]) -> tuple[Any, FloatArray]:
    """Constants of the populations of a group, in tuples as they are given for each.

    Returns columns of a table (populations, columns), and the table; where any constant is individual, arrays (n,)
    instead of columns. Whole numbers are always those of populations, (populations, 1). One table takes less time to
    hand to a kernel than an array for each constant.
    """
    individual = any(map(is_individual, values))
    columns: list[Any] = []

    def together(column: list[Any]) -> Any:
        if isinstance(column[0], tuple):
            return tuple(together(list(entry)) for entry in zip(*column, strict=True))
        if isinstance(column[0], int):
            return np.array(column, np.int64)[:, None]
        if individual:
            return over_neurons(column, sizes)
        columns.append(column)
        return len(columns) - 1

    found = together(values)
    return found, np.array(list(zip(*columns, strict=True)), np.float64).reshape(len(sizes), len(columns))
