"""The neurons of one rank in populations of one kind, side by side: constants, state, and the call of their kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.cache_lines import on_line
from distsim.core.errors import InputError
from distsim.core.jit import CompilationError
from distsim.spiking.drives.stretches import Stretches
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Group

FloatArray = npt.NDArray[np.float64]


class NeuronGroup(Group):
    """The local neurons of populations of one kind, and their state: arrays (n,) in tuples as the model declares it."""

    def __init__(self, shares: list[PopulationShare]) -> None:
        self.shares = list(shares)
        self.stretches = Stretches.of(share.n for share in shares)
        models: list[Any] = [share.population.model for share in shares]
        self.model = models[0]
        self.parameters = [share.parameters() for share in shares]
        self.divide(self.stretches)
        self.values = self.initial_values()
        self._places: dict[str, int] = {}  # of state variables among all arrays of values
        self._above = {s.name: None if s.above is None else self.of_neurons(s.above) for s in self.model.every_state()}

    def divide(self, stretches: Stretches) -> None:
        """See ``Group.divide``."""
        self.stretches, self.bounds = stretches, stretches.bounds
        found, table = self._constants()
        self.constants = of_stretches(found, stretches.population), table[stretches.population]

    def _constants(self) -> tuple[Any, FloatArray]:
        """Those of the populations, see ``side_by_side``."""
        pairs = zip(self.shares, self.parameters, strict=True)
        constants = [share.population.model.constants(p, share.dt) for share, p in pairs]  # type: ignore[attr-defined]
        return side_by_side(constants, [share.n for share in self.shares])

    def alike(self) -> npt.NDArray[np.bool_]:
        """Whether the constants of each population (populations,) are those of the one before, or of single neurons."""
        found, table = self._constants()
        of_populations = [table, *(column for column in flat(found) if np.ndim(column) > 1)]
        columns = np.concatenate(of_populations, axis=1)
        return np.append(False, (columns[1:] == columns[:-1]).all(axis=1))

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
        kernel, own = self.compiled()
        try:
            return kernel(*own, first_step, n_steps, self.taken(rings), unit, current, poisson, index, stamp)
        except CompilationError as error:
            why = " ".join(str(error).split())
            raise InputError(f"{type(self.model).__name__}: 'step' cannot be compiled: {why}") from error

    def taken(self, rings: tuple[npt.NDArray[Any], ...]) -> Any:
        """The rings as they are: the kernel takes them one by one."""
        return rings

    def compiled(self) -> tuple[Any, tuple[Any, ...]]:
        return self.model.kernel, (self.values, self.constants, self.bounds)

    def set_model(self, number: int, model: Any, changed: npt.NDArray[np.int64]) -> None:
        """Give the neurons of population ``number`` the parameters of ``model``, of their kind; states stay."""
        share = self.shares[number]
        before = {name: values for name, values in self._above.items() if values is not None}
        self.shares[number] = replace(share, population=replace(share.population, model=model))
        self.parameters[number] = self.shares[number].parameters()
        for state in self.model.every_state():
            if state.above is not None:
                after = self._above[state.name] = self.of_neurons(state.above)
                moved = after != before[state.name]
                values = self._find(state.name, self.model.states, self.values)
                values[moved] = (values[moved] + before[state.name][moved]) - after[moved]
        self.divide(self.stretches)

    def set_state(self, name: str, local: npt.NDArray[np.int64], new: FloatArray) -> None:
        """Let a state variable of the neurons ``local`` (m,) have the values ``new`` (m,)."""
        values, above = self._find(name, self.model.states, self.values), self._above[name]
        values[local] = new if above is None else new - above[local]

    def summed(self, name: str) -> tuple[npt.NDArray[Any], ...]:
        """See ``Group.summed``."""
        if name not in self._places:  # to look a state up takes longer than a step of a small network
            self._places[name] = next(i for i, s in enumerate(self.model.every_state()) if s.name == name)
        values = next(islice(flat(self.values), self._places[name], None))
        above = self._above[name]
        return (values,) if above is None else (values, above)

    def state(self, name: str) -> FloatArray:
        """Values (n,) of a state variable."""
        values, *above = self.summed(name)
        return values + above[0] if above else values.astype(np.float64)

    def remembered(self) -> Iterator[npt.NDArray[Any]]:
        """See ``Group.remembered``."""
        return flat(self.values)

    def _find(self, name: str, states: Any, values: Any) -> Any:
        """The entry of ``values`` that belongs to the state ``name``; None where there is none."""
        if not isinstance(states, tuple):
            return values if states.name == name else None
        found = (self._find(name, s, v) for s, v in zip(states, values, strict=True))
        return next((value for value in found if value is not None), None)


def flat(values: Any) -> Iterator[npt.NDArray[Any]]:
    """The arrays in tuples of tuples."""
    if isinstance(values, tuple):
        for entry in values:
            yield from flat(entry)
    else:
        yield values


def of_stretches(constants: Any, population: npt.NDArray[np.int64]) -> Any:
    """Constants as ``side_by_side`` gives them, whole numbers of populations (populations, 1) as those of stretches."""
    if isinstance(constants, tuple):
        return tuple(of_stretches(entry, population) for entry in constants)
    return constants[population] if isinstance(constants, np.ndarray) and constants.ndim > 1 else constants


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
