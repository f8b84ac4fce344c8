"""Nodes as they were created: blocks of one model with consecutive ids, and the values of their parameters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.units import LARGEST
from distsim.nest.nest_errors import NESTErrors, unknown
from distsim.nest.nest_models import NodeModel, Values
from distsim.nest.time_grid import Clock

Int64Array = npt.NDArray[np.int64]
Index = slice | Int64Array
ARRAYS = (list, tuple, np.ndarray)


@dataclass
class Model:
    """A model as it stands in the kernel: under its ``name``, with the defaults that were set."""

    name: str
    spec: NodeModel
    defaults: Values
    number: int = 0


@dataclass
class Block:
    """Nodes ``first`` .. ``first`` + ``n`` - 1 of one model; a value is one for all, or, of neurons, an array (n,)."""

    first: int
    n: int
    model: Model
    values: Values = field(default_factory=dict)

    @property
    def spec(self) -> NodeModel:
        return self.model.spec

    @property
    def kind(self) -> str:
        return self.model.spec.kind

    @property
    def ids(self) -> Int64Array:
        return np.arange(self.first, self.first + self.n)

    def value(self, name: str, index: int) -> Any:
        """That of one node, as a plain number."""
        value = self.values[name]
        if isinstance(value, np.ndarray) and not is_list(self.spec, name):
            return value[index].item()
        return value

    def parts(self, ends: list[int]) -> list[Block]:
        """Its nodes as blocks, each from one of ``ends`` to the next."""
        return [
            Block(self.first + begin, end - begin, self.model, {n: self._of(n, begin, end) for n in self.values})
            for begin, end in pairwise(ends)
        ]

    def _of(self, name: str, begin: int, end: int) -> Any:
        """The value of some of the nodes."""
        value = self.values[name]
        if _alone(self.spec, name, value):
            return copy(value)
        return value[begin:end] if end - begin > 1 else value[begin].item()

    def assign(self, index: Index, given: Values, clock: Clock) -> None:
        """Give the nodes at ``index`` values: one for all of them, or an array with one for each; checked first."""
        size = len(np.arange(self.n)[index])
        plain = {name: checked_value(self.spec, name, value, size) for name, value in given.items()}
        known = {name: value if _alone(self.spec, name, value) else value[index] for name, value in self.values.items()}
        plain = check_values(self.spec, known, plain, clock, f"'{self.model.name}' with node ID {self.first}")
        for name, value in plain.items():
            before = self.values[name]
            whole = size == self.n
            if whole or (_alone(self.spec, name, value) and _alone(self.spec, name, before) and value is before):
                self.values[name] = value
            else:
                both = np.full(self.n, before) if _alone(self.spec, name, before) else before.copy()
                both[index] = value
                self.values[name] = both


def is_list(spec: NodeModel, name: str) -> bool:
    """Whether a node's value of that name is itself a list."""
    return isinstance(spec.defaults.get(name), ARRAYS)


def _alone(spec: NodeModel, name: str, value: Any) -> bool:
    """Whether a value is one for all nodes of a block."""
    return not isinstance(value, np.ndarray) or is_list(spec, name)


def checked_value(spec: NodeModel, name: str, value: Any, size: int) -> Any:
    """A value as the type of its default; an array of ``size`` where each node has its own."""
    if name in spec.fixed:
        if np.all(np.asarray(value) == spec.fixed[name]):
            return spec.fixed[name]
        raise NESTErrors.BadProperty(f"{spec.name}: {name} can only be {spec.fixed[name]}, got {value!r:.80}")
    if name not in spec.defaults:
        known = [*spec.defaults, *spec.fixed]
        raise NESTErrors.UnaccessedDictionaryEntry(f"{unknown(f'parameter of {spec.name}', name, known)}")
    default = spec.defaults[name]
    if isinstance(default, np.ndarray):
        return np.array(value, np.float64).reshape(-1)
    if isinstance(default, ARRAYS):
        return [value] if isinstance(value, str) else list(value)
    if isinstance(value, ARRAYS) and np.ndim(value) == 1:
        array = np.asarray(value)
        if len(array) not in (1, size):
            raise NESTErrors.BadProperty(f"{spec.name}: {name} has {len(array)} values for {size} nodes; give one each")
        array = array if len(array) == size else np.full(size, array[0])
        return _number(spec, name, array[0]) if size == 1 else array.astype(type(default), copy=True)
    return _number(spec, name, value)


def _number(spec: NodeModel, name: str, value: Any) -> Any:
    """A single value as the type of its default."""
    kind = type(spec.defaults[name])
    if (kind is str) != isinstance(value, str):
        raise NESTErrors.TypeMismatch(f"{spec.name}: {name} must be of type {kind.__name__}, got {value!r:.80}")
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise NESTErrors.TypeMismatch(
            f"{spec.name}: {name} must be of type {kind.__name__}, got {value!r:.80}"
        ) from None


def check_values(spec: NodeModel, known: Values, given: Values, clock: Clock, where: str) -> Values:
    """The values that are given, as the model takes them; BadProperty where it does not."""
    given = {name: value for name, value in given.items() if name in spec.defaults}
    try:
        if spec.accept is not None:
            given = spec.accept(known, given, clock)
        if spec.population is not None:
            spec.population(finite(of_model(spec, known | given)))
    except InputError as error:
        raise NESTErrors.BadProperty(f"Setting status of a {where}: {error}") from error
    return given


def of_model(spec: NodeModel, values: Values) -> Values:
    """The values of parameters: all that is no state."""
    return {name: value for name, value in values.items() if name not in spec.states}


def finite(values: Values) -> Values:
    """The values with infinite ones as large as a number of ours may be."""
    return {
        name: np.clip(value, -LARGEST, LARGEST) if isinstance(value, (float, np.ndarray)) else value
        for name, value in values.items()
    }


def blocks_of(blocks: list[Block], ids: Int64Array) -> Iterable[tuple[Block, Int64Array]]:
    """The blocks that nodes are of, and which of their nodes they are, run by run in the order of ``ids``."""
    if not len(ids):
        return
    low, high = (bisect_right(blocks, end, key=lambda block: block.first) for end in (ids.min(), ids.max()))
    near = blocks[low - 1 : high]
    if len(near) == 1:
        yield near[0], ids - near[0].first
        return
    which = np.searchsorted([block.first for block in near], ids, side="right") - 1
    ends = np.flatnonzero(np.diff(which)) + 1
    for run in np.split(np.arange(len(ids)), ends):
        block = near[which[run[0]]]
        yield block, ids[run] - block.first
