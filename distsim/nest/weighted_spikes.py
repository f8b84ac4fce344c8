"""Spikes with weights of their own: a spike_generator with ``spike_weights`` is one source for each of its weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from distsim.nest.connection_calls import Batch, Call
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import Values
from distsim.nest.node_blocks import Block
from distsim.nest.time_grid import Clock

Trains = dict[int, list[tuple[int, float]]]
"""By id: of each generator the ids of its sources, and the weight of the spikes of each, times which synapses act."""


def by_spike_weight(blocks: list[Block], calls: list[Call], clock: Clock) -> tuple[list[Block], list[Call]]:
    """Nodes and connections with a source for each weight of a spike: the first of a generator has its id.

    The others come after all nodes, and a call stays one call, so that ranks and random numbers of all else stay.
    """
    sending = {int(number) for call in calls if call.way == "neurons" for number in np.unique(call.source)}
    trains: Trains = {}
    found, further = list(blocks), list[Block]()
    for place, block in enumerate(blocks):
        if block.first in sending and len(block.values.get("spike_weights", ())):
            weights = np.unique(block.values["spike_weights"])
            begin = blocks[-1].first + blocks[-1].n + len(further)
            ids = [block.first, *range(begin, begin + len(weights) - 1)]
            parts = [
                Block(number, 1, block.model, _spikes_of(block.values, weight))
                for number, weight in zip(ids, weights.tolist(), strict=True)
            ]
            found[place], trains[block.first] = parts[0], list(zip(ids, weights.tolist(), strict=True))
            further += parts[1:]
    return found + further, [_with_sources(call, trains, clock) for call in calls]


def _spikes_of(values: Values, weight: float) -> Values:
    """The values of a spike_generator with the spikes of one weight."""
    chosen = values["spike_weights"] == weight
    often = values["spike_multiplicities"]
    own = {"spike_times": values["spike_times"][chosen], "spike_multiplicities": often[chosen] if len(often) else often}
    return values | own | {"spike_weights": np.zeros(0)}


def _with_sources(call: Call, trains: Trains, clock: Clock) -> Call:
    """The call with connections from all sources of the generators, those of each times its weight."""
    if call.way != "neurons" or not np.isin(call.source, list(trains)).any():
        return call
    if call.random or call.kind.spec.plastic or not isinstance(call.values["weight"], (float, np.ndarray)):
        raise NESTErrors.NotImplemented(
            "a spike_generator with spike_weights can be connected by one_to_one, all_to_all or arrays of nodes, and "
            "by synapses without plasticity whose weights are numbers"
        )
    every = np.arange(len(call.target))
    batches = call.batches(call.stand_in(), 0, clock, every, None)
    return call.listed([part for batch in batches for part in _of_sources(batch, trains)])


def _of_sources(batch: Batch, trains: Trains) -> Iterator[Batch]:
    """The edges of a batch from all sources."""
    weight = batch.values["weight"] if "weight" in batch.values else batch.call.values["weight"]
    batch.values["weight"] = np.array(np.broadcast_to(weight, batch.source.shape), np.float64)
    yield batch.take(~np.isin(batch.source, list(trains)))
    for generator, sources in trains.items():
        own = batch.take(batch.source == generator)
        for number, factor in sources:
            values = own.values | {"weight": own.values["weight"] * factor}
            yield Batch(batch.call, np.full_like(own.source, number), own.target, own.place, values)
