"""What was recorded of parts of populations, out of what was recorded of the populations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from distsim.core.errors import InputError
from distsim.core.parts import Neurons, Part
from distsim.parallel.gather import Spikes, States


def spikes_of_part(part: Part, spikes: Callable[[Neurons], Spikes]) -> Spikes:
    """The spikes of a part, of those of the populations that it is of."""
    populations = {piece.population.first_gid: piece.population for piece in part.pieces}
    found = [(first_gid, spikes(population)) for first_gid, population in populations.items()]
    step = np.concatenate([of_population.step for _, of_population in found])
    neuron = part.index_of(np.concatenate([first_gid + of_population.neuron for first_gid, of_population in found]))
    step, neuron = step[neuron >= 0], neuron[neuron >= 0]
    order = np.lexsort((neuron, step))
    return Spikes(step[order], neuron[order])


def states_of_part(part: Part, variable: str, states: Callable[[Neurons, str], States]) -> States:
    """The recorded states of a part of one population; its neurons are counted within the part."""
    if len(part.by_population()) > 1:
        raise InputError(f"states of {part.name}: ask for those of one population at a time")
    whole = states(part.pieces[0].population, variable)
    place = {int(neuron): column for column, neuron in enumerate(whole.neuron)}
    wanted = part.by_population()[0].indices.tolist()
    missing = [neuron for neuron in wanted if neuron not in place]
    if missing:
        raise InputError(f"{variable} of neuron {missing[0]} of '{part.pieces[0].population.name}' is not recorded")
    return States(whole.step, np.arange(part.size), whole.value[:, [place[neuron] for neuron in wanted]])
