"""``Disconnect``: connections between neurons that are taken away."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.connect_specs import synapse_kind
from distsim.nest.edges_of_calls import categories, edges_of
from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors, unknown

Int64Array = npt.NDArray[np.int64]
RULES = ("one_to_one", "all_to_all")
Pair = tuple[str, int, int]
"""The model of a connection, its source and its target."""


def take_away_between(source: Int64Array, target: Int64Array, conn_spec: Any, syn_spec: Any) -> None:
    """Take away a connection of each pair of nodes that a rule names."""
    spec = {"rule": conn_spec or "one_to_one"} if conn_spec is None or isinstance(conn_spec, str) else dict(conn_spec)
    rule = spec.pop("rule", "one_to_one")
    if rule not in RULES:
        raise NESTErrors.BadProperty(f"Disconnect: {unknown('rule by which connections are taken away', rule, RULES)}")
    if spec:
        raise NESTErrors.UnaccessedDictionaryEntry(
            f"Unaccessed elements in conn_spec, in function Disconnect: {', '.join(spec)}"
        )
    name = syn_spec.get("synapse_model", "static_synapse") if isinstance(syn_spec, dict) else syn_spec
    kind = synapse_kind(name or "static_synapse")
    if rule == "one_to_one" and len(source) != len(target):
        raise NESTErrors.DimensionMismatch("Source and Target population must be of the same size.")
    every = (source, target) if rule == "one_to_one" else (np.tile(source, len(target)), np.repeat(target, len(source)))
    take_away([(kind.name, s, t) for s, t in zip(*(ends.tolist() for ends in every), strict=True)])


def take_away(pairs: list[Pair]) -> None:
    """Take away the first connection that is found of each pair.

    Where there is none, it raises InexistentConnection, and none is taken away.
    """
    source, target = (np.unique(np.array([pair[side] for pair in pairs], np.int64)) for side in (1, 2))
    names = {pair[0] for pair in pairs}
    wanted = Counter(pairs)
    taken: dict[int, list[tuple[int, int]]] = {}
    for call in KERNEL.calls:
        for part in edges_of(call, source, target, everywhere=True) if call.kind.name in names else ():
            (between,) = categories([part])
            rows = np.column_stack([part.source, part.target, part.place])[between == 0]
            for s, t, place in rows.tolist():
                if wanted[call.kind.name, s, t] > 0:
                    wanted[call.kind.name, s, t] -= 1
                    taken.setdefault(call.number, []).append((t, place))
    if any(wanted.values()):
        raise NESTErrors.InexistentConnection("Deletion of connection is not possible because it does not exist.")
    for number, edges in taken.items():
        call = KERNEL.calls[number]
        if call.kind.spec.states and KERNEL.clock.step:
            raise NESTErrors.NotImplemented(
                f"{call.kind.name}: synapses that change cannot be taken away once they were simulated"
            )
        KERNEL.take_away(call, np.array(edges, np.int64))
