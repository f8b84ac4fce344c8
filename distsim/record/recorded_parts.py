"""What was recorded of parts of populations, out of what was recorded of the populations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.parts import Neurons, Part
from distsim.parallel.gather import States


def events_of_part(part: Part, events: Callable[[Neurons], Any]) -> list[npt.NDArray[Any]]:
    """The events of a part, of those of the populations that it is of: by time, then neuron, counted within the part.

    ``events`` of a population: time or step (n,), neuron (n,), and further columns (n,).
    """
    populations = {piece.population.first_gid: piece.population for piece in part.pieces}
    found = [(first_gid, events(population)) for first_gid, population in populations.items()]
    time, _, *further = (np.concatenate(column) for column in zip(*(of for _, of in found), strict=True))
    neuron = part.index_of(np.concatenate([first_gid + of_population[1] for first_gid, of_population in found]))
    mine = np.flatnonzero(neuron >= 0)
    order = mine[np.lexsort((neuron[mine], time[mine]))]
    return [column[order] for column in (time, neuron, *further)]


def states_of_part(part: Part, variable: str, states: Callable[[Neurons, str], States]) -> States:
    """The recorded states of a part of one population; its neurons are counted within the part."""
    if len(part.by_population()) > 1:
        raise InputError(f"states of {part.name}: ask for those of one population at a time")
    whole = states(part.pieces[0].population, variable)
    return States(whole.step, np.arange(part.size), whole.value[:, columns_of_part(part, variable, whole.neuron)])


def columns_of_part(part: Part, what: str, neurons: npt.NDArray[Any]) -> list[int]:
    """Where the neurons of a part of one population are among ``neurons`` (n,), those of which ``what`` is recorded."""
    (population, _), *others = part.by_population()
    if others:
        raise InputError(f"{what} of {part.name}: ask for those of one population at a time")
    place = {int(neuron): column for column, neuron in enumerate(neurons)}
    wanted = part.by_population()[0].indices.tolist()
    missing = [neuron for neuron in wanted if neuron not in place]
    if missing:
        raise InputError(f"{what} of neuron {missing[0]} of '{population.name}' is not recorded")
    return [place[neuron] for neuron in wanted]
