"""Values of neurons that are changed between runs: what is given for a part, and what a population has then."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.parts import Neurons, Part, Piece
from distsim.core.values import Value, check_shape, check_value, values_of_neurons

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


def of_piece(value: Any, neurons: Neurons, piece: Piece, name: str, **limits: float) -> Value:
    """What is given for ``neurons``, a number, an array (size,) or a distribution, checked: what of it is a piece's."""
    checked = check_value(value, name, **limits)
    check_shape(checked, (neurons.size,), name)
    if not isinstance(checked, np.ndarray):
        return checked
    place = neurons.index_of(piece.population.first_gid + piece.indices)
    return checked[place]


def local_places(piece: Piece, gids: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Which of the neurons ``gids`` of this rank belong to ``piece`` (m,), and which of the piece they are (m,)."""
    place = Part([piece]).index_of(gids)
    mine = np.flatnonzero(place >= 0)
    return mine, place[mine]


def values_at(
    value: Value, place: Int64Array, seed: int, purpose: str, gids: Int64Array, number: int = 0
) -> FloatArray:
    """Values (m,) of the neurons ``gids`` (m,), which are at ``place`` (m,) of those that ``value`` is given for.

    ``purpose`` keys the streams of a distribution, of which change number ``number`` takes that number.
    """
    if isinstance(value, np.ndarray):
        return value[place]
    drawn = values_of_neurons(value, seed, purpose, gids, 0, number)
    return np.array(np.broadcast_to(drawn, len(place)), np.float64)


def in_part(before: Value, piece: Piece, purpose: str, value: Value, seed: int) -> Value:
    """A parameter of all neurons of a population, of which those of ``piece`` have another value.

    ``purpose`` keys the streams of distributions, which give a neuron what they would have given at the beginning.
    """
    population = piece.population
    if piece.whole:
        return value
    gids = population.gids
    known = values_of_neurons(before, seed, purpose, gids, population.first_gid)
    whole = np.array(np.broadcast_to(known, population.size), np.float64)
    if not isinstance(value, np.ndarray):
        value = values_of_neurons(value, seed, purpose, gids[piece.indices], population.first_gid)
    whole[piece.indices] = value
    return whole
