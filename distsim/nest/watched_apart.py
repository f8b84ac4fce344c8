"""Whether a weight recorder can tell the connections of a call from others between the same nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from distsim.nest.connection_calls import Call
from distsim.nest.nest_errors import NESTErrors


def check_told_apart(of_projection: dict[int, list[Call]], watched: set[int], pairs_of: Callable[[Call], Any]) -> None:
    """NotImplemented where what a weight recorder is told of a call would hold what synapses of another transmit.

    Connections one by one are collected into one projection, and recorded is all of it between the nodes of a call.
    of_projection: the calls by the index of their projection. watched: the numbers of those that are recorded.
    pairs_of: gives the sources and the targets (n,) of a call.
    """
    for alike in of_projection.values():
        mine = [call for call in alike if call.number in watched]
        if len(alike) == 1 or not mine:
            continue
        pairs = [pairs_of(call) for call in alike]
        owner = np.repeat([call.number for call in alike], [len(source) for source, _ in pairs])
        source, target = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
        for call in mine:
            others = (owner != call.number) & np.isin(source, call.source) & np.isin(target, call.target)
            if others.any():
                raise NESTErrors.NotImplemented(
                    f"{call.kind.name}: weights between the nodes {source[others][0]} and {target[others][0]} cannot "
                    "be recorded apart from those of other connections between them that were made one by one; "
                    "connect whole populations"
                )
