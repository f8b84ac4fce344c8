"""A stretch of time: the updates of one rank in it, and what is found out about each."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.binary.flip_tally import Flipped
from distsim.binary.local_neurons import LocalNeurons
from distsim.binary.update_kernels import decide_external, draw_updates, sort_updates


class Stretch:
    """The updates of this rank in a stretch of time, sorted, with room for ``capacity`` of them."""

    def __init__(self, capacity: int, input_type: Any) -> None:
        self.capacity = capacity
        self.input_type = input_type
        self.n = 0
        self.drawn_time, self.drawn_index = np.empty(capacity), np.empty(capacity, np.int32)
        self.time, self.index = np.empty(capacity), np.empty(capacity, np.int32)
        self.seen, self.inputs = np.empty(capacity, input_type), np.empty(capacity, input_type)
        self.decided, self.marks = np.empty(capacity, np.uint8), np.zeros(capacity, np.uint8)
        self.before, self.after = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
        self.delta = np.zeros(capacity, np.int8)
        self.flips = np.empty(capacity), np.empty(capacity, np.int32), np.empty(capacity, np.uint8)
        self.changes = np.empty((capacity, 2))

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What kernels take."""
        return self.time, self.index, self.seen, self.decided, self.before, self.after, self.delta

    def first_flips(self, n: int) -> Flipped:
        """The first ``n`` flips: time (n,), local index (n,), new state (n,)."""
        time, index, state = self.flips
        return time[:n], index[:n], state[:n]

    def draw(self, neurons: LocalNeurons, start: float, stop: float) -> Stretch:
        """All updates after ``start`` up to ``stop``: in this object, or in a larger one where they do not fit."""
        stretch: Stretch = self
        at, n = 0, 0
        while True:
            at, n = draw_updates(
                neurons.streams, neurons.tau, neurons.upcoming, neurons.counter, stop, at, n,
                stretch.drawn_time, stretch.drawn_index,
            )  # fmt: skip
            if at == neurons.n:
                break
            larger = Stretch(2 * stretch.capacity, self.input_type)
            larger.drawn_time[:n], larger.drawn_index[:n] = stretch.drawn_time, stretch.drawn_index
            stretch = larger
        stretch.n = n
        sort_updates(stretch.drawn_time[:n], stretch.drawn_index[:n], start, stop, stretch.time, stretch.index)
        if neurons.external:
            decide_external(stretch.index[:n], neurons.decisions, neurons.m_ext, neurons.decided, stretch.decided)
        return stretch
