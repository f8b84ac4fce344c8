"""How many spikes the parrots of a script may have to repeat in one step, from what is connected to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.edge_list import EdgeList
from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.connect.rules.one_to_one import OneToOne
from distsim.core.poisson_counts import count_table
from distsim.core.units import MS_PER_S
from distsim.nest.connection_calls import Call
from distsim.nest.node_blocks import Block, blocks_of

ROUND = 1 << 10
"""Of parrots whose spikes go round in a circle."""


def room_of(blocks: list[Block], calls: list[Call], dt: float, window: Any) -> dict[int, int]:
    """The most spikes that each block of parrots, by its first node, can get in one step of ``dt`` (ms).

    window: the values of a device as its source takes them. Parrots get those of other parrots: they are summed up as
    often as a chain of them can be long; where the sums still grow, they go round in a circle.
    """
    parrots = {block.first: block for block in blocks if block.kind == "parrot"}
    onto = {first: [c for c in calls if _reaches(c, blocks, first)] for first in parrots}
    room = dict.fromkeys(parrots, 1)
    for _ in range(len(parrots) + 1):
        before = room
        room = {first: max(1, sum(_most(c, blocks, before, dt, window) for c in onto[first])) for first in parrots}
    return {first: most if most == before[first] else max(ROUND, before[first]) for first, most in room.items()}


def _reaches(call: Call, blocks: list[Block], first: int) -> bool:
    """Whether a call connects something to the parrots from ``first`` on, so that they repeat it."""
    return (
        call.receptor == 0
        and call.way in ("neurons", "drive")
        and any(block.first == first for block, _ in blocks_of(blocks, call.target))
    )


def _most(call: Call, blocks: list[Block], room: dict[int, int], dt: float, window: Any) -> int:
    """The most that a call brings to a node in one step."""
    at_once = max(_at_once(block, room, dt, window) for block, _ in blocks_of(blocks, call.source))
    return _indegree(call) * at_once


def _at_once(block: Block, room: dict[int, int], dt: float, window: Any) -> int:
    """The most spikes of a node in one step."""
    if block.kind == "parrot":
        return room[block.first]
    if "rate" in block.values and block.kind == "generator":
        return count_table(block.values["rate"] * dt / MS_PER_S).largest
    if block.spec.source is not None:
        return int(block.spec.source(window(block.values), dt).multiplicity(dt))
    return 1


def _indegree(call: Call) -> int:
    """The most edges of a call onto one node."""
    rule: Any = call.rule
    if isinstance(rule, OneToOne):
        return 1
    if isinstance(rule, FixedIndegree):
        return int(rule.indegree)
    if isinstance(rule, EdgeList):
        return int(np.bincount(rule.target.astype(np.int64), minlength=1).max())
    return len(call.source) if isinstance(rule, AllToAll) else call.expected() + len(call.source)
