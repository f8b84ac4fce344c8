"""How many spikes the parrots of a script may have to repeat in one step, from what is connected to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.core.poisson_counts import count_table
from distsim.core.units import MS_PER_S
from distsim.nest.connection_calls import Call
from distsim.nest.node_blocks import Block, blocks_of
from distsim.nest.time_grid import Clock

ROUND = 1 << 10
"""Of parrots whose spikes go round in a circle."""


def room_of(blocks: list[Block], calls: list[Call], clock: Clock, window: Any) -> dict[int, int]:
    """The most spikes that a node of each block of parrots, by its first node, can get in one step.

    window: the values of a device as its source takes them. Parrots get those of other parrots: they are summed up as
    often as a chain of them can be long; where the sums still grow, they go round in a circle.
    """
    parrots = [block for block in blocks if block.kind == "parrot"]
    if not parrots:
        return {}
    most = np.ones(blocks[-1].first + blocks[-1].n)  # of each node, in one step
    for block in blocks:
        if block.kind == "generator":
            most[block.first] = _at_once(block, clock.resolution, window)
    lists = [block.first for block in blocks if block.spec.name == "spike_generator"]
    most[lists] = most[lists].max(initial=1.0)  # side by side they are one population of ours
    onto = [call for call in calls if call.receptor == 0 and call.way in ("neurons", "drive")]
    onto = [call for call in onto if any(block.kind == "parrot" for block, _ in blocks_of(blocks, call.target))]
    edges = [None if call.random else call.pairs(call.stand_in(), 0, clock) for call in onto]
    for _ in range(sum(block.n for block in parrots) + 1):
        arriving = np.zeros(len(most))
        for call, pairs in zip(onto, edges, strict=True):
            if pairs is None:
                arriving[call.target] += _indegree(call) * most[call.source].max()
            else:
                arriving += np.bincount(pairs[1], weights=most[pairs[0]], minlength=len(most))
        before, most = most, most.copy()
        for block in parrots:
            most[block.ids] = np.clip(arriving[block.ids], 1.0, ROUND * before[block.ids])
        if (most == before).all() or most.max() > ROUND**2:
            break
    grows = [bool((most[block.ids] != before[block.ids]).any()) for block in parrots]
    rooms = zip(parrots, grows, strict=True)
    return {block.first: ROUND if still else int(np.ceil(most[block.ids].max())) for block, still in rooms}


def _at_once(block: Block, dt: float, window: Any) -> int:
    """The most spikes of a generator in one step."""
    if "rate" in block.values and block.kind == "generator":
        return count_table(block.values["rate"] * dt / MS_PER_S).largest
    if block.spec.source is not None:
        return int(block.spec.source(window(block.values), dt).multiplicity(dt))
    return 1


def _indegree(call: Call) -> int:
    """The most edges of a call that the engine draws onto one node."""
    rule: Any = call.rule
    return int(rule.indegree) if isinstance(rule, FixedIndegree) else call.expected() + len(call.source)
