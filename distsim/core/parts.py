"""Parts of populations: chosen neurons of one or of several populations, in the order in which they are given.

    E[:100]    E[[3, 5, 8]]    E[7]    E[:100] + I[:20]    E[:60] | E[40:100]

A part is a description as small as what it was made of: of a slice it holds the slice. Its name tells it from every
other part of the network, so that descriptions, messages and comparisons need no more than the name.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.units import shown

Int64Array = npt.NDArray[np.int64]
LISTED = 8  # neurons that a name lists; of more it tells the number and a hash
FEW = 16  # pieces that are looked through one by one


class Piece(NamedTuple):
    """Some neurons of one population: a range of indices, or an array (n,) int64 of different ones."""

    population: Any
    chosen: range | Int64Array

    @property
    def whole(self) -> bool:
        return isinstance(self.chosen, range) and self.chosen == range(self.population.size)

    @property
    def ascending(self) -> bool:
        """Whether they follow each other in the order of their indices."""
        return isinstance(self.chosen, range) and self.chosen.step == 1

    def meets(self, other: Piece) -> bool:
        """Whether a neuron is in both; not asked of empty ones."""
        if self.population is not other.population or self.ends[1] < other.ends[0] or other.ends[1] < self.ends[0]:
            return False
        if self.ascending and other.ascending:
            return True
        return bool(np.isin(self.indices, other.indices).any())

    @property
    def indices(self) -> Int64Array:
        """Indices (n,) within the population."""
        return np.asarray(self.chosen, np.int64)

    @property
    def ends(self) -> tuple[int, int]:
        """The smallest and the largest gid."""
        if isinstance(self.chosen, range):
            low, high = min(self.chosen[0], self.chosen[-1]), max(self.chosen[0], self.chosen[-1])
        else:
            low, high = int(self.chosen.min()), int(self.chosen.max())
        return self.population.first_gid + low, self.population.first_gid + high

    @property
    def name(self) -> str:
        if self.whole:
            return str(self.population.name)
        if isinstance(self.chosen, range):
            r = self.chosen
            inside = f"{r[0]}" if len(r) == 1 else f"{r.start}:{r.stop}" + (f":{r.step}" if r.step != 1 else "")
        elif len(self.chosen) <= LISTED:
            inside = ",".join(map(str, self.chosen.tolist()))
        else:
            digest = hashlib.blake2b(self.chosen.astype("<i8").tobytes(), digest_size=8).hexdigest()
            inside = f"{len(self.chosen)} neurons #{digest}"
        return f"{self.population.name}[{inside}]"


class Neurons:
    """``size`` neurons in an order, of global ids from ``first_gid`` on: a population, or a part of populations."""

    name: str
    size: int
    first_gid: int
    positions: npt.NDArray[np.float64] | None = None

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The populations that they are of, and which of their neurons, one after the other."""
        return (Piece(self, range(self.size)),)

    def by_population(self) -> list[Piece]:
        """One piece for each of these populations."""
        return list(self.pieces)

    @property
    def gids(self) -> Int64Array:
        """Global ids (n,) of the neurons."""
        return np.arange(self.first_gid, self.first_gid + self.size)

    def gids_at(self, index: npt.NDArray[Any]) -> Int64Array:
        """Global ids (n,) of the neurons with these indices (n,)."""
        return self.first_gid + index.astype(np.int64)

    @property
    def extent(self) -> int:
        """How many gids there are from the smallest to the largest."""
        return self.size

    def index_of(self, gids: Int64Array) -> Int64Array:
        """Which of the neurons each of ``gids`` (n,) is, or -1."""
        index = gids - self.first_gid
        return np.where((index >= 0) & (index < self.size), index, -1)

    def __getitem__(self, chosen: Any) -> Part:
        """The chosen ones: an index, a slice, a list or array of indices, or an array of bool (size,)."""
        index = _checked(chosen, self.size, self.name)
        if len(self.pieces) > 1:
            return Part(_pieces_of(self, np.asarray(index, np.int64)))
        ((population, own),) = self.pieces
        return Part([Piece(population, _chosen_of(own, index))])

    def __iter__(self) -> Iterator[Part]:
        """Each neuron as a part of its own."""
        return (self[i] for i in range(self.size))

    def __add__(self, other: Any) -> Part:
        """These neurons, then those of ``other``, which must be different ones."""
        return Part([*self.pieces, *_neurons(other, self).pieces])

    def __or__(self, other: Any) -> Part:
        """These neurons, then those of ``other`` that are not among them."""
        other = _neurons(other, self)
        if all(piece.ascending for piece in other.pieces) and not common(self, other):
            return Part([*self.pieces, *other.pieces])
        further = np.flatnonzero(self.index_of(other.gids) < 0)
        return Part([*self.pieces, *_pieces_of(other, further)])


class Part(Neurons):
    """Some neurons of one population or of several, all different; InputError where there are none, or one twice."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = _joined(pieces)
        self.size = sum(len(piece.chosen) for piece in self._pieces)
        if not self.size:
            raise InputError("a part of a population is empty: give at least one neuron")
        ends = [piece.ends for piece in self._pieces]
        self.first_gid = min(first for first, _ in ends)
        self._extent = max(last for _, last in ends) + 1 - self.first_gid
        apart = all(before[1] < after[0] for before, after in itertools.pairwise(sorted(ends)))
        if not apart or not all(isinstance(piece.chosen, range) for piece in self._pieces):
            twice = self._sorted[1:] == self._sorted[:-1]
            if twice.any():
                gid = self._sorted[1:][twice][0]
                piece = next(p for p in self._pieces if p.ends[0] <= gid <= p.ends[1])
                index = gid - piece.population.first_gid
                raise InputError(
                    f"{self.name}: neuron {index} of '{piece.population.name}' is there twice; give it once"
                )

    def __repr__(self) -> str:
        return f"{self.name} ({self.size:,})"

    @cached_property
    def name(self) -> str:  # type: ignore[override]
        return "+".join(piece.name for piece in self._pieces)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return self._pieces

    def by_population(self) -> list[Piece]:
        found: dict[str, list[Piece]] = {}
        for piece in self._pieces:
            found.setdefault(piece.population.name, []).append(piece)
        return [
            pieces[0] if len(pieces) == 1 else Piece(pieces[0].population, np.concatenate([p.indices for p in pieces]))
            for pieces in found.values()
        ]

    @property
    def gids(self) -> Int64Array:
        return np.concatenate([piece.population.first_gid + piece.indices for piece in self._pieces])

    def gids_at(self, index: npt.NDArray[Any]) -> Int64Array:
        begins = np.cumsum([0, *(len(piece.chosen) for piece in self._pieces)])
        which = np.searchsorted(begins, index, side="right") - 1
        found = np.empty(len(index), np.int64)
        for k, (population, chosen) in enumerate(self._pieces):
            mine, own = which == k, index[which == k] - begins[k]
            among = chosen.start + chosen.step * own if isinstance(chosen, range) else chosen[own]
            found[mine] = population.first_gid + among
        return found

    @property
    def extent(self) -> int:
        return self._extent

    @cached_property
    def positions(self) -> npt.NDArray[np.float64] | None:  # type: ignore[override]
        """Positions (n, dimensions) of the neurons, where all populations that they are of have some, in one space."""
        found = [(piece.population.positions, piece) for piece in self._pieces]
        if any(positions is None for positions, _ in found):
            return None
        if len({positions.shape[1] for positions, _ in found}) > 1:
            raise InputError(f"{self.name}: positions in these populations differ in their number of dimensions")
        return np.concatenate([positions[piece.indices] for positions, piece in found])

    @cached_property
    def _order(self) -> Int64Array:
        return np.argsort(self.gids, kind="stable")

    @cached_property
    def _sorted(self) -> Int64Array:
        return self.gids[self._order]

    def index_of(self, gids: Int64Array) -> Int64Array:
        if len(self._pieces) <= FEW and all(isinstance(piece.chosen, range) for piece in self._pieces):
            return self._index_in_ranges(gids)
        place = np.minimum(np.searchsorted(self._sorted, gids), self.size - 1)
        return np.where(self._sorted[place] == gids, self._order[place], -1)

    def _index_in_ranges(self, gids: Int64Array) -> Int64Array:
        """``index_of``, without a list of all neurons, where they are in a few ranges."""
        found, before = np.full(len(gids), -1, np.int64), 0
        for population, chosen in self._pieces:
            if not isinstance(chosen, range):
                raise TypeError("this is asked of ranges alone")
            place, apart = np.divmod(gids - population.first_gid - chosen.start, chosen.step)
            here = (apart == 0) & (place >= 0) & (place < len(chosen))
            found[here] = before + place[here]
            before += len(chosen)
        return found


def common(a: Neurons, b: Neurons) -> bool:
    """Whether a neuron is in both, or both are the same."""
    if a is b:
        return True
    if a.first_gid + a.extent <= b.first_gid or b.first_gid + b.extent <= a.first_gid:
        return False
    of_a, of_b = ([piece for piece in neurons.pieces if len(piece.chosen)] for neurons in (a, b))
    if len(of_a) * len(of_b) <= FEW * FEW:
        return any(piece.meets(other) for piece in of_a for other in of_b)
    large, small = (a, b) if a.size > b.size else (b, a)
    return bool((large.index_of(small.gids) >= 0).any())


def _neurons(other: Any, first: Neurons) -> Neurons:
    if not isinstance(other, Neurons):
        raise InputError(f"{first.name}: only populations and parts of them can be added, got {shown(other)}")
    return other


def _checked(chosen: Any, size: int, name: str) -> range | Int64Array:
    """Indices below ``size``; InputError where ``chosen`` is nothing of that kind."""
    known = f"'{name}' has neurons 0 to {size - 1}"
    if isinstance(chosen, slice):
        try:
            index = range(size)[chosen]
        except (TypeError, ValueError):
            raise InputError(f"{name}: a slice is made of whole numbers, its step not 0, got {shown(chosen)}") from None
        for end in (chosen.start, chosen.stop):
            if end is not None and not -size <= end <= size:
                raise InputError(f"{name}: the end {end} of a slice is out of range; {known}")
        return index
    if isinstance(chosen, (int, np.integer)) and not isinstance(chosen, bool):
        if not 0 <= chosen < size:
            raise InputError(f"{name}: neuron {chosen} is out of range; {known}")
        return range(int(chosen), int(chosen) + 1)
    try:
        given = np.asarray(chosen)
    except (TypeError, ValueError, RecursionError):  # lists in it that differ in length
        given = np.zeros((), object)
    if given.dtype == np.bool_ and given.shape == (size,):
        return np.flatnonzero(given)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise InputError(f"{name}: neurons are chosen by an index, a slice or a list of indices, got {shown(chosen)}")
    wrong = np.flatnonzero((given < 0) | (given >= size))
    if len(wrong):
        raise InputError(f"{name}: neuron {given[wrong[0]]} is out of range; {known}")
    return given.astype(np.int64)


def _chosen_of(own: range | Int64Array, index: range | Int64Array) -> range | Int64Array:
    """The entries of ``own`` at ``index``: a range where both are."""
    if isinstance(own, range) and isinstance(index, range):
        begin, end = (own.start + place * own.step for place in (index.start, index.stop))
        return range(begin, end, own.step * index.step)
    return np.asarray(own, np.int64)[np.asarray(index, np.int64)]


def _pieces_of(neurons: Neurons, index: Int64Array) -> list[Piece]:
    """The neurons at ``index`` of several populations, in runs of one population each."""
    pieces = neurons.pieces
    begins = np.cumsum([0, *(len(piece.chosen) for piece in pieces)])
    which = np.searchsorted(begins, index, side="right") - 1
    runs = np.split(np.arange(len(index)), np.flatnonzero(np.diff(which)) + 1)
    found = [(int(which[run[0]]), index[run]) for run in runs if len(run)]
    return [Piece(pieces[k].population, _chosen_of(pieces[k].chosen, own - begins[k])) for k, own in found]


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """The pieces, empty ones left out, neighbours of one population as one, indices in a row as a range."""
    joined: list[Piece] = []
    for population, chosen in pieces:
        if not len(chosen):
            continue
        own = _as_range(chosen)
        if joined and joined[-1].population is population:
            before = joined.pop().chosen
            if (
                isinstance(before, range)
                and isinstance(own, range)
                and before.step == own.step == 1 == own[0] - before[-1]
            ):
                own = range(before[0], own[-1] + 1)
            else:
                own = _as_range(np.concatenate([np.asarray(before, np.int64), np.asarray(own, np.int64)]))
        joined.append(Piece(population, own))
    return tuple(joined)


def _as_range(chosen: range | Int64Array) -> range | Int64Array:
    """Ascending neighbours as a range, of one step and without what its end does not say; a frozen array of others."""
    if isinstance(chosen, range):
        return range(chosen[0], chosen[-1] + (1 if chosen.step > 0 else -1), chosen.step if len(chosen) > 1 else 1)
    if int(chosen[-1]) - int(chosen[0]) == len(chosen) - 1 and (np.diff(chosen) == 1).all():
        return range(int(chosen[0]), int(chosen[-1]) + 1)
    chosen.setflags(write=False)
    return chosen
