"""``nest.NodeCollection``: nodes by their ids, ascending; what they have is read and set through it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.node_blocks import ARRAYS, blocks_of
from distsim.nest.node_status import set_values, status_of
from distsim.nest.parameter_objects import Drawing, Parameter

Int64Array = npt.NDArray[np.int64]


class NodeCollection:
    """Nodes with the ids ``data`` (ascending, different), or another collection."""

    _ids: Int64Array
    _step: int
    _epoch: int

    def __init__(self, data: Any = None) -> None:
        given = [] if data is None else data.tolist() if isinstance(data, (NodeCollection, np.ndarray)) else list(data)
        if any(not isinstance(i, (int, np.integer)) for i in given):
            raise TypeError("All node IDs must be integers")
        ids = np.array(given, np.int64)
        if (np.diff(ids) <= 0).any():
            same = len(np.unique(ids)) < len(ids)
            raise NESTErrors.BadProperty(
                "All node IDs in a NodeCollection have to be unique" if same else "Node IDs have to be sorted"
            )
        for number in (ids[:1], ids[-1:]):
            if len(number):
                KERNEL.node(int(number[0]))
        self._fill(ids)

    def _fill(self, ids: Int64Array, step: int = 1) -> None:
        object.__setattr__(self, "_ids", ids)
        object.__setattr__(self, "_step", step)
        object.__setattr__(self, "_epoch", KERNEL.epoch)

    @classmethod
    def of(cls, ids: Int64Array, step: int = 1) -> NodeCollection:
        """The nodes ``ids`` (n,), which are known to be right; ``step``: of the slice that they were taken by."""
        made = cls.__new__(cls)
        made._fill(ids, step)
        return made

    def _valid(self) -> Int64Array:
        """The ids; KernelException where the kernel was reset since."""
        if len(self._ids) and self._epoch != KERNEL.epoch:
            raise NESTErrors.KernelException(
                "InvalidNodeCollection: the kernel was reset since these nodes were created"
            )
        return self._ids

    # ------------------------------------------------------------ as a sequence

    def __len__(self) -> int:
        return len(self._ids)

    def __bool__(self) -> bool:
        return len(self._ids) > 0

    def __iter__(self) -> Iterator[NodeCollection]:
        return (NodeCollection.of(self._ids[i : i + 1]) for i in range(len(self._ids)))

    def __contains__(self, number: Any) -> bool:
        wanted = number._ids if isinstance(number, NodeCollection) else np.array([number])
        return bool(np.isin(wanted, self._ids).all())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NodeCollection):
            return NotImplemented
        return np.array_equal(self._ids, other._ids) and self._epoch == other._epoch

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, key: Any) -> NodeCollection:
        ids = self._valid()
        if isinstance(key, slice):
            for end, name in ((key.start, "start"), (key.stop, "stop")):
                if end is not None and not -len(ids) <= end <= len(ids):
                    raise IndexError(f"slice {name} value outside of the NodeCollection")
            if key.step is not None and key.step < 1:
                raise IndexError("slicing step for NodeCollection must be strictly positive")
            if not len(ids[key]):
                raise NESTErrors.BadParameter("start < stop required.")
            return NodeCollection.of(ids[key], step=key.step or 1)
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            if not -len(ids) <= key < len(ids):
                raise IndexError("index value outside of the NodeCollection")
            return NodeCollection.of(ids[[int(key)]])
        if isinstance(key, ARRAYS):
            return self._chosen(np.asarray(key), ids)
        raise IndexError("only integers, slices, lists, tuples, and numpy arrays are valid indices")

    def _chosen(self, key: npt.NDArray[Any], ids: Int64Array) -> NodeCollection:
        """The nodes at a list of indices, or where an array of bool is true."""
        if not key.size:
            return NodeCollection.of(ids[:0])
        if key.ndim != 1:
            raise TypeError("NodeCollection indices must be a one-dimensional list")
        if key.dtype == np.bool_:
            if len(key) != len(ids):
                raise IndexError("Bool index array must be the same length as NodeCollection")
            return NodeCollection.of(ids[key])
        if key.dtype.kind not in "iu":
            raise TypeError("NodeCollection indices must be integers or bools")
        if (key < -len(ids)).any() or (key >= len(ids)).any():
            raise IndexError("index value outside of the NodeCollection")
        chosen = ids[key]
        if len(np.unique(chosen)) < len(chosen):
            raise ValueError("All node IDs in a NodeCollection have to be unique")
        if (np.diff(chosen) < 0).any():
            raise NESTErrors.BadProperty("Indices must be sorted in ascending order")
        return NodeCollection.of(chosen)

    def __add__(self, other: Any) -> NodeCollection:
        if not isinstance(other, NodeCollection):
            raise TypeError("only a NodeCollection can be added to a NodeCollection")
        both = np.concatenate([self._valid(), other._valid()])
        ids = np.unique(both)
        if len(ids) < len(both):
            raise NESTErrors.BadProperty("Cannot join overlapping NodeCollections.")
        return NodeCollection.of(ids)

    def __radd__(self, other: Any) -> NodeCollection:
        return self if other == 0 else NotImplemented

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        return np.array(self._ids, dtype=dtype)

    def __repr__(self) -> str:
        if not len(self._ids):
            return "NodeCollection(<empty>)"
        metadata = "None" if KERNEL.layer(self._ids) is None else "spatial"
        lines = []
        for block, index in blocks_of(KERNEL.blocks, self._valid()):
            runs = np.split(index, np.flatnonzero(np.diff(index) != self._step) + 1)
            for run in runs:
                first, last = int(run[0]) + block.first, int(run[-1]) + block.first
                step = f", step={run[1] - run[0]}" if len(run) > 1 and run[1] - run[0] > 1 else ""
                end = f", last={last}{step}" if len(run) > 1 else ""
                lines.append(f"model={block.model.name}, size={len(run)}, first={first}{end}")
        if len(lines) == 1 and "step" not in lines[0]:
            return f"NodeCollection(metadata={metadata}, {lines[0]})"
        pad = ";\n" + " " * 15
        return f"NodeCollection(metadata={metadata},{pad[1:]}{pad.join(lines)})"

    def index(self, number: int) -> int:
        """Which of the nodes has the id ``number``."""
        found = np.flatnonzero(self._ids == number)
        if not len(found):
            raise ValueError(f"{number} is not in NodeCollection")
        return int(found[0])

    def tolist(self) -> list[int]:
        """The ids."""
        return [int(i) for i in self._ids]

    # ------------------------------------------------------------ where nodes lie

    def places(self) -> npt.NDArray[np.float64]:
        """Their positions (n, d)."""
        ids = self._valid()
        if KERNEL.layer(ids) is None:
            raise NESTErrors.LayerExpected(
                "the nodes have no positions; give them some with Create(..., positions=...)"
            )
        return KERNEL.positions(ids)

    def numbers_of(self, parameter: Parameter, positions: Any = None) -> tuple[float, ...]:
        """The numbers of a parameter at the nodes; those of connections from one node to positions (n, d)."""
        ids = self._valid()
        if positions is None:
            return tuple(KERNEL.draw(parameter, ids).tolist())
        if len(ids) != 1:
            raise ValueError("The NodeCollection must be a single node ID")
        targets = np.atleast_2d(np.asarray(positions, np.float64))
        n = len(targets)
        places = np.repeat(self.places(), n, axis=0), targets, KERNEL.wrap(ids)
        drawing = Drawing(int(KERNEL.status["rng_seed"]), KERNEL.draws, np.repeat(ids, n), np.arange(n), places=places)
        return tuple(parameter.values(drawing).tolist())

    # ------------------------------------------------------------ what nodes have

    def get(self, *params: Any, output: str = "") -> Any:
        """What nodes have: of one node a value, of several a tuple; a dictionary for a list of names, or for all.

        params: a name or a list of names; or ``"events"`` and names of what is in these. output: "pandas" or "json".
        """
        if not len(self):
            raise ValueError("Cannot get parameter of empty NodeCollection")
        if output not in ("", "pandas", "json"):
            raise NESTErrors.BadParameter(f"output must be 'pandas' or 'json', got {output!r:.80}")
        names = None if not params else [params[0]] if isinstance(params[0], str) else list(params[0])
        wanted = names if len(params) < 2 else [params[0]]
        found = status_of(self._valid(), wanted)
        alone = len(params) == 1 and isinstance(params[0], str)
        if len(params) > 1:
            inner = [params[1]] if isinstance(params[1], str) else list(params[1])
            alone = isinstance(params[1], str)
            found = {name: [each[name] for each in found[params[0]]] for name in inner}
        if output == "pandas":
            return self._table(found)
        single = len(self) == 1
        told = {name: values[0] if single else tuple(values) for name, values in found.items()}
        result = next(iter(told.values())) if alone else told
        return json.dumps(_plain(result)) if output == "json" else result

    def _table(self, found: dict[str, list[Any]]) -> Any:
        """A pandas DataFrame with a row for each node."""
        import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]

        return pd.DataFrame({name: list(values) for name, values in found.items()}, index=tuple(self.tolist()))

    def set(self, params: Any = None, **kwargs: Any) -> None:
        """Set parameters: a dictionary for all nodes, or a list of one each; values are numbers, lists, parameters."""
        if kwargs and params is not None:
            raise TypeError("must either provide params or kwargs, but not both.")
        given = kwargs if params is None else params
        if isinstance(given, (list, tuple)) and len(given) == 1:
            (given,) = given  # of all
        if isinstance(given, (list, tuple)):
            if len(given) != len(self):
                raise NESTErrors.BadParameter(
                    f"List of dictionaries must be the same size as the NodeCollection ({len(self)}), got {len(given)}."
                )
            for i, each in enumerate(given):
                set_values(self._valid()[i : i + 1], each)
            return
        if not isinstance(given, dict):
            raise TypeError("params must be a dictionary or a list of dictionaries")
        set_values(self._valid(), given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "spatial":
            layer = KERNEL.layer(self._ids)
            return None if layer is None else layer.told(self._ids)
        if not len(self):
            raise AttributeError(f"an empty NodeCollection has no '{name}'")
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.set({name: value})


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value
