"""What was recorded so far on this rank: spikes by the block of their senders, samples of state variables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
OF_WEIGHTS = "weights", "targets", "receptors", "ports"
"""Columns of a weight recorder beside sender and time; all but the first are whole numbers."""


@dataclass
class Events:
    """Events in columns (n,): ids of senders, steps, how much earlier than its end in the step (ms), and values."""

    senders: Int64Array
    steps: Int64Array
    offsets: FloatArray
    values: dict[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def none(cls, names: Iterable[str] = ()) -> Events:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), {name: np.zeros(0) for name in names})

    def take(self, chosen: npt.NDArray[np.bool_] | Int64Array) -> Events:
        """Some of them."""
        values = {name: value[chosen] for name, value in self.values.items()}
        return Events(self.senders[chosen], self.steps[chosen], self.offsets[chosen], values)

    @staticmethod
    def joined(parts: list[Events], names: Iterable[str] = ()) -> Events:
        """All of several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        every = [Events.none(names), *parts]
        values = {name: np.concatenate([part.values[name] for part in every]) for name in names}
        return Events(
            np.concatenate([part.senders for part in every]),
            np.concatenate([part.steps for part in every]),
            np.concatenate([part.offsets for part in every]),
            values,
        )

    def in_order(self, steps_together: int) -> Events:
        """By interval of so many steps, within it by sender, within that by time: the order in which NEST has them."""
        if not len(self.steps):
            return self
        interval, within = np.divmod(self.steps - 1, steps_together)
        first, last = int(self.senders.min()), int(self.senders.max())
        if int(self.steps.max()) * (last - first + 1) >= 2**62:  # no key in one number
            return self.take(np.lexsort((self.steps, self.senders, interval)))
        key = (interval * (last - first + 1) + self.senders - first) * steps_together + within
        return self if (key[1:] >= key[:-1]).all() else self.take(np.argsort(key, kind="stable"))


class EventLog:
    """spikes: of each block of senders, by its first node; samples: of each block and state variable."""

    def __init__(self) -> None:
        self.spikes: dict[int, list[Events]] = defaultdict(list)
        self.samples: dict[tuple[int, str], list[Events]] = defaultdict(list)
        self.weights: dict[int | None, list[Events]] = defaultdict(list)
        self._forgotten = 0

    def add_spikes(self, block: int, senders: Int64Array, steps: Int64Array, offsets: FloatArray | None = None) -> None:
        """Keep spikes (n,) of a block."""
        if len(steps):
            self.spikes[block].append(Events(senders, steps, np.zeros(len(steps)) if offsets is None else offsets))

    def add_samples(self, block: int, name: str, ids: Int64Array, steps: list[int], values: list[FloatArray]) -> None:
        """Keep values (n,) of the nodes ``ids`` (n,) at each of ``steps``."""
        if steps and len(ids):
            senders, at = np.tile(ids, len(steps)), np.repeat(np.array(steps, np.int64), len(ids))
            events = Events(senders, at, np.zeros(len(at)), {name: np.concatenate(values)})
            self.samples[block, name].append(events)

    def add_weights(
        self, recorder: int | None, senders: Int64Array, targets: Int64Array, steps: Int64Array, weights: FloatArray,
        receptor: int, call: int,
    ) -> None:  # fmt: skip
        """Keep what synapses from senders to targets (n,) transmitted at spikes, for a weight recorder.

        call: number of the call of ``Connect`` that made them, which stands in place of their ports.
        """
        columns = weights, targets.astype(np.float64), *(np.full(len(steps), float(n)) for n in (receptor, call))
        values = dict(zip(OF_WEIGHTS, columns, strict=True))
        self.weights[recorder].append(Events(senders, steps, np.zeros(len(steps)), values))

    def forget(self, step: int) -> None:
        """Forget all up to ``step``."""
        if step <= self._forgotten:
            return
        self._forgotten = step
        for kept in (self.spikes, self.samples, self.weights):
            for parts in kept.values():
                parts[:] = [part.take(part.steps > step) for part in parts]

    def weights_of(self, recorder: int) -> Events:
        """All that a weight recorder has."""
        self.weights[recorder] = [Events.joined(self.weights[recorder], OF_WEIGHTS)]
        return self.weights[recorder][0]

    def spikes_of(self, block: int) -> Events:
        """All spikes of a block."""
        self.spikes[block] = [Events.joined(self.spikes[block])]
        return self.spikes[block][0]

    def samples_of(self, block: int, name: str) -> Events:
        """All samples of a state variable of a block."""
        self.samples[block, name] = [Events.joined(self.samples[block, name], (name,))]
        return self.samples[block, name][0]
