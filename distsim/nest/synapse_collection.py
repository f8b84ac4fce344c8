"""``nest.GetConnections`` and ``nest.SynapseCollection``: synapses, those whose targets are on this rank."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.connect_specs import check_synapse_value, synapse_kind
from distsim.nest.connection_calls import Batch, Call, Override
from distsim.nest.edges_of_calls import categories, edges_of, few_edges, ports_of
from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors, unknown
from distsim.nest.node_blocks import ARRAYS
from distsim.nest.node_collection import NodeCollection
from distsim.nest.parameter_objects import Parameter
from distsim.nest.taken_away import take_away
from distsim.spiking.network import Between

Int64Array = npt.NDArray[np.int64]


def connections(
    source: NodeCollection | None = None, target: NodeCollection | None = None, model: str | None = None,
    label: int | None = None,
) -> SynapseCollection:  # fmt: skip
    """The synapses from ``source`` to ``target``, each all nodes for None, of one model or of all, with a label."""
    kind = None if model is None else synapse_kind(model)
    batches = []
    for call in KERNEL.calls:
        if kind is None or call.kind is kind:
            batches += list(edges_of(call, _ids(source), _ids(target)))
    if label is not None:
        labelled = [batch for batch in batches if "synapse_label" in batch.values]
        batches = [batch.take(batch.values["synapse_label"] == label) for batch in labelled]
    return SynapseCollection(batches)


def _ids(nodes: NodeCollection | None) -> Int64Array | None:
    return None if nodes is None else nodes._valid()


class SynapseCollection:
    """Synapses in NEST's order: by model, by what they connect, by source, by target."""

    _parts: list[Batch]
    _order: Int64Array

    def __init__(self, parts: list[Batch] | None, order: Int64Array | None = None) -> None:
        parts = [part for part in parts or [] if len(part.source)]
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "_order", self._sorted() if order is None else order)

    def _sorted(self) -> Int64Array:
        models = self._repeated([part.call.kind.number for part in self._parts])
        senders = np.concatenate([np.zeros(0, np.int64), *categories(self._parts)])
        return np.lexsort((self._joined("source"), senders, models))  # of one source as they were made

    def _repeated(self, each: list[Any]) -> npt.NDArray[Any]:
        return np.repeat(np.array(each), [len(part.source) for part in self._parts])

    def _joined(self, name: str) -> Int64Array:
        return np.concatenate([np.zeros(0, np.int64), *(getattr(part, name) for part in self._parts)])

    # ------------------------------------------------------------ as a sequence

    def __len__(self) -> int:
        return len(self._order)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[SynapseCollection]:
        return (SynapseCollection(self._parts, self._order[i : i + 1]) for i in range(len(self)))

    def __getitem__(self, key: Any) -> SynapseCollection:
        if isinstance(key, (int, np.integer)):
            if not -len(self) <= key < len(self):
                raise IndexError("list index out of range")
            return SynapseCollection(self._parts, self._order[[int(key)]])
        return SynapseCollection(self._parts, self._order[key])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SynapseCollection):
            return NotImplemented
        names = ["source", "target", "synapse_id", "port"]
        return len(self) == len(other) and (not len(self) or self._lists(names) == other._lists(names))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if not len(self):
            return "The synapse collection does not contain any connections."
        names = ["source", "target", "synapse_model", "weight", "delay"]
        told = self._lists(names)
        rows = [
            [*map(str, row[:3]), *(f"{value:#.3f}" for value in row[3:])] for row in zip(*told.values(), strict=True)
        ]
        heads = [name.replace("_", " ") for name in names]
        widths = [max(len(row[k]) for row in [heads, *rows]) + 1 for k in range(len(heads))]
        lines = [heads, ["-" * width for width in widths], *(rows if len(rows) < 36 else [*rows[:15], *rows[-15:]])]
        return "\n".join(" ".join(each.rjust(width) for each, width in zip(row, widths, strict=True)) for row in lines)

    def sources(self) -> Iterator[int]:
        """The ids of the sources."""
        return iter(self._joined("source")[self._order].tolist())

    def targets(self) -> Iterator[int]:
        """The ids of the targets."""
        return iter(self._joined("target")[self._order].tolist())

    # ------------------------------------------------------------ what synapses have

    def disconnect(self) -> None:
        """Take away a connection of the model, source and target of each: the one that is found first."""
        told = self._lists(["synapse_model", "source", "target"]) if len(self) else {}
        every = KERNEL.comm.allgather(list(zip(*told.values(), strict=True)))
        take_away([pair for of_rank in every for pair in of_rank])

    def get(self, keys: Any = None, output: str = "") -> Any:
        """What synapses have: a list for a name, a dictionary for a list of names or for all; of one alone values."""
        if keys is None:
            names = sorted({name for part in self._present() for name in _names(part.call)} - self._left_out())
        else:
            names = [keys] if isinstance(keys, str) else list(keys)
        if not len(self):
            return () if isinstance(keys, str) else {}
        found = self._lists(names)
        if output == "pandas":
            import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]

            return pd.DataFrame(found, index=list(self.sources()))
        single = len(self) == 1
        told = {name: values[0] if single else values for name, values in found.items()}
        result = told[keys] if isinstance(keys, str) else told
        return json.dumps(result) if output == "json" else result

    def _left_out(self) -> set[str]:
        """What is told only if it is asked for: ports, where a model of these has very many synapses."""
        return set() if all(few_edges(part.call.kind) for part in self._present()) else {"port"}

    def _present(self) -> list[Batch]:
        """The batches of which some synapse is here."""
        ends = np.cumsum([len(part.source) for part in self._parts])
        return [self._parts[k] for k in np.unique(np.searchsorted(ends, self._order, side="right"))]

    def _lists(self, names: list[str]) -> dict[str, list[Any]]:
        return {name: self._list(name) for name in names}

    def _list(self, name: str) -> list[Any]:
        """The values of one name of all synapses, in their order."""
        if name in ("source", "target"):
            return list(self._joined(name)[self._order].tolist())
        columns = [_value(part, name) for part in self._parts]
        known = {each: None for part in self._present() for each in _names(part.call)}
        if name not in known:
            raise KeyError(unknown("property of these connections", name, known))
        if any(column.dtype == object for column in columns):
            columns = [column.astype(object) for column in columns]
        return list(np.concatenate(columns)[self._order].tolist())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.set({name: value})

    def set(self, params: Any = None, **kwargs: Any) -> None:
        """Give synapses values: one for all, a list with one each, or a parameter; or a list of dictionaries."""
        if kwargs and params is not None:
            raise TypeError("must either provide params or kwargs, but not both.")
        given = kwargs if params is None else params
        if isinstance(given, (list, tuple)):
            if len(given) != len(self):
                raise TypeError(f"params has {len(given)} dictionaries for {len(self)} connections")
            given = {name: [each[name] for each in given] for name in given[0]} if given else {}
        for name, value in given.items():
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            targets = self._joined("target")[self._order]
            value = KERNEL.draw(value, targets, np.arange(len(self)))
        if isinstance(value, ARRAYS) and len(value) != len(self):
            raise IndexError(f"{name} has {len(value)} values for {len(self)} connections")
        values = np.empty(len(self))
        values[self._order.argsort(kind="stable")] = 0.0
        ordered = np.broadcast_to(np.asarray(value, np.float64), (len(self),))
        begin = 0
        for part in self._parts:
            end = begin + len(part.source)
            mine = (self._order >= begin) & (self._order < end)
            if mine.any():
                _give(part, self._order[mine] - begin, name, ordered[mine])
                if not _changed_at_once(part.call):
                    KERNEL.changed()
            begin = end


def _changed_at_once(call: Call) -> bool:
    """Let the simulation have the values that synapses were given, where it can take them as it is."""
    engine = KERNEL.engine
    if engine is None or KERNEL.described is not engine:
        return False
    return call.way in ("record", "sample") or (call.way == "drive" and engine.drives.change_call(call))


def _give(part: Batch, index: Int64Array, name: str, values: npt.NDArray[np.float64]) -> None:
    """Give some edges of a batch other values."""
    call = part.call
    check_synapse_value(call.kind, name)
    if name in call.kind.spec.fixed:
        rest = call.values.setdefault(name, call.kind.spec.fixed[name])
        part.values.setdefault(name, np.full(len(part.source), rest))
    if name not in call.of_each or name in ("receptor_type", "weight_recorder"):
        raise NESTErrors.NotImplemented(f'Synapse parameter "{name}" can only be set via SetDefaults() or CopyModel().')
    if _was_simulated(call):
        raise NESTErrors.NotImplemented(f"{call.kind.name}: {name} cannot be set once the synapses were simulated")
    if name == "delay":
        values = np.array([KERNEL.clock.delay(value) for value in values.tolist()])
        KERNEL.add_delays(float(values.min()), float(values.max()))
    given = Override(name, part.target[index], part.place[index], np.array(values))
    call.overrides = [*(each for each in call.overrides if not given.replaces(each)), given]
    changed = np.array(part.values[name], np.float64)
    changed[index] = values
    part.values[name] = changed


def _names(call: Call) -> list[str]:
    """What a synapse of a call has."""
    own = {**call.values, **call.kind.spec.fixed}
    unknown = call.kind.spec.states if _was_simulated(call) else ()
    own = {name: value for name, value in own.items() if name not in unknown}
    return [*own, "source", "target", "receptor", "synapse_model", "synapse_id", "port", "target_thread", "sizeof"]


def _was_simulated(call: Call) -> bool:
    """Whether synapses that change are no longer what they were given."""
    projection = None if KERNEL.engine is None else KERNEL.engine.simulated.get(call.number)
    return KERNEL.clock.step > 0 and projection is not None and not projection.synapse.constant


def _value(part: Batch, name: str) -> npt.NDArray[Any]:
    """The values (n,) of one name of the synapses of a batch; None, as objects, where they have no such thing."""
    call, n = part.call, len(part.source)
    if name == "weight" and call.kind.spec.plastic and KERNEL.engine is not None:
        found = plastic_weights(part)
        if found is not None:
            return found
    if name in call.kind.spec.states and _was_simulated(call):
        raise NESTErrors.NotImplemented(f"{call.kind.name}: {name} is not told once the synapses were simulated")
    if name in part.values:
        return part.values[name].astype(np.int64) if name == "synapse_label" else part.values[name]
    if name == "port":
        return ports_of(part)
    constant = {
        "receptor": call.receptor, "synapse_id": call.kind.number, "synapse_model": call.kind.name, "target_thread": 0,
        "sizeof": 0, **call.kind.spec.fixed,
    }  # fmt: skip
    if name in call.kind.spec.common:
        return np.full(n, call.kind.defaults[name])
    value = constant.get(name, call.values.get(name))
    return np.array([value] * n, object if isinstance(value, (str, type(None))) else None)


def plastic_weights(part: Batch) -> npt.NDArray[np.float64] | None:
    """The weights (n,) of plastic synapses as they are now on this rank; None where nothing was simulated."""
    engine = KERNEL.engine
    projection = None if engine is None else engine.simulated.get(part.call.number)
    if engine is None or engine.simulation is None or projection is None:
        return None
    ends = Between(engine.neurons(np.unique(part.source)), engine.neurons(np.unique(part.target)))
    everyone = np.arange(ends.source.size), np.arange(ends.target.size)
    weights, keys = [np.zeros(0)], [np.zeros((0, 3))]
    for table in engine.simulation.local.tables:
        if projection.index in {each.index for each in table.projections}:  # edges one by one are collected
            edges, rows, source, target = table.between(ends, *everyone)
            delay = np.broadcast_to(table.table.delays_of(edges, rows), len(edges))
            weights.append(table.table.weights_of(edges))
            keys.append(np.column_stack([np.unique(part.source)[source], np.unique(part.target)[target], delay]))
    theirs = np.concatenate(keys)
    steps = [KERNEL.clock.steps(delay) for delay in part.values["delay"].tolist()]
    mine = np.column_stack([part.source, part.target, steps]) if len(steps) else np.zeros((0, 3))
    found = np.empty(len(mine))
    order = np.lexsort(mine.T[::-1])
    known = np.concatenate(weights)[np.lexsort(theirs.T[::-1])]
    if len(known) != len(found):
        sorted_keys = theirs[np.lexsort(theirs.T[::-1])]
        wanted = {tuple(key) for key in mine.tolist()}
        known = known[[tuple(key) in wanted for key in sorted_keys.tolist()]]
    if len(known) != len(found):
        raise NESTErrors.NotImplemented(
            f"{part.call.kind.name}: weights of connections made one by one between the same two nodes with the same "
            "delay cannot be told apart once they were simulated; give them different delays"
        )
    found[order] = known
    return found
