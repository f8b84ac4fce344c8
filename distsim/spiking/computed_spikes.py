"""Spikes that are known of any neuron without simulating the network: of sources, and of neurons that ignore input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.spiking.drives.driven import poisson_input
from distsim.spiking.network import Population
from distsim.spiking.neurons.ignore_and_fire import IgnoreAndFire, IgnoreAndFireGroup
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Source

Int64Array = npt.NDArray[np.int64]
TOGETHER = 1 << 14  # neurons whose spikes are computed together
MOST_SPIKES = 1 << 16  # that there is room for at once, unless a single step may have more
Needed = Callable[[int, int], Int64Array]


def computable(population: Population, seed: int, dt: float) -> bool:
    """Whether the spikes of ``population`` in any step follow from its description alone."""
    if isinstance(population.model, Source):
        nobody = PopulationShare(population, np.zeros(0, np.int64), 0, seed, dt)
        return not list(population.model.group([nobody]).remembered())
    return isinstance(population.model, IgnoreAndFire)


class ComputedSpikes:
    """The spikes of some neurons of ``population``, computed for a stretch of steps at a time.

    needed: gives the gids (n,) from one up to another, ascending, whose spikes are asked for; share: which part of all
    neurons these are, about.
    """

    def __init__(self, population: Population, seed: int, dt: float, needed: Needed, share: float) -> None:
        model: Any = population.model
        if isinstance(model, IgnoreAndFire):
            model = replace(model, integrate=None)
        self._population = replace(population, model=model)
        self._seed, self._dt, self._needed = seed, dt, needed
        self._width = int(min(population.size, TOGETHER / max(share, TOGETHER / max(population.size, 1)))) or 1

    def pieces(self, start: int, end: int) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Steps and gids of all their spikes in the steps start + 1 .. end, in pieces."""
        first = self._population.first_gid
        for low in range(first, first + self._population.size, self._width):
            gids = self._needed(low, min(low + self._width, first + self._population.size))
            if len(gids):
                for index, stamp in self._fired(gids, start, end):
                    yield stamp, gids[index]

    def _fired(self, gids: Int64Array, start: int, end: int) -> Iterator[tuple[npt.NDArray[np.int32], Int64Array]]:
        """Index and step of the spikes of neurons ``gids``, valid until the next ones."""
        share = PopulationShare(self._population, gids, 0, self._seed, self._dt)
        group: Any = self._population.model.group([share])
        apart = 1  # steps, at least, from a spike of a neuron to its next
        if isinstance(group, IgnoreAndFireGroup):
            group.skip(start)
            apart = int(group.period.min())
        multiplicity = self._population.model.multiplicity(self._dt)
        together = min(end - start, apart * max(1, MOST_SPIKES // (len(gids) * multiplicity)))
        room = len(gids) * -(-together // apart) * multiplicity
        index, stamp = np.empty(room, np.int32), np.empty(room, np.int64)
        rings = tuple(np.zeros((1, 0), np.int64) for _ in range(self._population.model.inputs()))  # of nobody
        input_ = rings, 1.0, np.zeros((1, together)), poisson_input([], 1.0)
        for begin in range(start, end, together):
            n = min(together, end - begin)
            found = group.update(begin + 1, n, *input_, index, stamp)
            yield index[:found], stamp[:found]
