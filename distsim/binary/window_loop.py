"""The loop of asynchronous binary neurons: draw the updates of a stretch of time, and settle them window by window.

The trajectory is that of the sequential algorithm, which takes the updates of all neurons one by one: after every
exchange within a window the earliest wrong decision of all ranks is mended, so the rounds end, and they end at the
one trajectory in which every decision follows from all earlier ones. How long windows and stretches are changes
nothing but speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.couplings import Couplings
from distsim.binary.flip_tally import Flipped, FlipTally
from distsim.binary.update_kernels import (
    add_active,
    correct,
    decide_external,
    draw_states,
    draw_updates,
    first_updates,
    settle,
    sort_updates,
    speculate,
)  # fmt: skip
from distsim.core.placement import local_gids
from distsim.core.rng import streams_of
from distsim.core.values import values_of_neurons
from distsim.parallel.communicator import beyond
from distsim.parallel.gather import allgather_array
from distsim.parallel.growing_allgather import GrowingAllgather
from distsim.parallel.timers import Timers

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

STRETCH_UPDATES = 1 << 15  # updates of a rank that are drawn and sorted together, at least
STRETCH_SHARE = 0.5  # of the neurons update in a stretch, at least: to look through all of them then costs little
FIRST_WINDOW = 256  # updates of all ranks in the first window
FEW_ROUNDS, MANY_ROUNDS = 3, 5  # exchanges in a window: with fewer it grows, with more it shrinks


class LocalNeurons:
    """The neurons of this rank, over all populations, ascending by global id.

    gids (n,), first (populations + 1,): local index at which each population begins; state (n,) uint8; limits (n,):
    thresholds; h and theta (n,): inputs and thresholds in half units of the couplings; the times (n,) of the next
    updates. m_ext (n,): the chance of external neurons to be active after an update, -1 for all others; (0,) where no
    population is external.
    """

    def __init__(self, network: BinaryNetwork, comm: MPI.Comm, seed: int, couplings: Couplings) -> None:
        shares = [local_gids(p.first_gid, p.size, comm.rank, comm.size) for p in network.populations]
        self.first = np.cumsum([0, *(len(share) for share in shares)])
        self.gids = np.concatenate([np.zeros(0, np.int64), *shares])
        self.n = len(self.gids)
        (theta, tau, m_0), m_ext = np.zeros((3, self.n)), np.full(self.n, -1.0)
        for k, (population, gids) in enumerate(zip(network.populations, shares, strict=True)):
            here = slice(self.first[k], self.first[k + 1])
            for array, name in ((m_ext, "m_ext"), (m_0, "m_0"), (theta, "theta"), (tau, "tau")):
                value = getattr(population, name)
                if value is not None:
                    array[here] = values_of_neurons(value, seed, name, gids, population.first_gid)
            if population.m_0 is None:
                m_0[here] = m_ext[here]
        self.state = np.empty(self.n, np.uint8)
        draw_states(streams_of(seed, "m_0", 1, self.gids), m_0, self.state)
        self.initial = self.state.copy()
        self.limits = theta
        self.tau = tau[:1].copy() if self.n and (tau == tau[0]).all() else tau
        self.couple(couplings)
        self.last = np.full(self.n, -1, np.int32)
        self.external = any(p.m_ext is not None for p in network.populations)
        some = slice(None) if self.external else slice(0)
        self.m_ext = m_ext[some]
        self.draw_from(seed)
        self.decided = np.zeros(len(self.m_ext), np.int64)
        self.upcoming = np.empty(self.n)
        self.counter = np.empty(self.n, np.int64)
        first_updates(self.streams, self.tau, self.upcoming, self.counter)

    def couple(self, couplings: Couplings) -> None:
        """Count thresholds and inputs, which are 0, in units of ``couplings``."""
        self.theta = couplings.threshold(self.limits)
        self.h = np.zeros(self.n, couplings.input_type)

    def draw_from(self, seed: int) -> None:
        """Take the streams of ``seed`` for all that is drawn from now on: intervals, decisions of external neurons."""
        self.streams = streams_of(seed, "update", 0, self.gids)
        self.decisions = streams_of(seed, "external", 0, self.gids[: len(self.m_ext)])

    @property
    def rate(self) -> float:
        """Updates of all of them per ms."""
        return float((1.0 / np.broadcast_to(self.tau, self.n)).sum())

    def tally(self) -> FlipTally:
        """Of flips from the start on."""
        return FlipTally(self.gids, self.first, self.initial)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What kernels take."""
        return self.gids, self.theta, self.state, self.h, self.last


class Stretch:
    """The updates of this rank in a stretch of time, sorted, with room for ``capacity`` of them."""

    def __init__(self, capacity: int, input_type: Any) -> None:
        self.capacity = capacity
        self.input_type = input_type
        self.n = 0
        self.drawn_time, self.drawn_index = np.empty(capacity), np.empty(capacity, np.int32)
        self.time, self.index = np.empty(capacity), np.empty(capacity, np.int32)
        self.seen = np.empty(capacity, input_type)
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


def call_kernels(network: BinaryNetwork, seed: int, couplings: Couplings) -> None:
    """Call every kernel of a run on the couplings of this rank for no neuron, so that it is compiled (local)."""
    neurons = LocalNeurons(network, beyond(network.size), seed, couplings)
    add_active(neurons.gids, couplings.arrays, neurons.h)
    stretch = Stretch(1, couplings.input_type).draw(neurons, 0.0, 1.0)
    arrays, updates, changes = couplings.arrays, stretch.arrays, stretch.changes
    speculate(0, 0, neurons.arrays, neurons.m_ext, updates, arrays, changes)
    none, hits = np.zeros((1, 1, 2)), np.empty(0, np.int64)
    correct(0, 0, 0, none, neurons.arrays, updates, stretch.marks, arrays, hits, changes)
    settle(0, 0, neurons.arrays, updates, stretch.flips, 0)
    neurons.tally().add(stretch.first_flips(0))


class BinaryLoop:
    """Advance the neurons of this rank; ``window`` (ms) fixes the length of windows, which else adapts.

    n_updates, n_flips: of this rank so far; windows, rounds: windows so far, and exchanges in them; stretch: the
    updates of the last ``advance``.
    """

    def __init__(
        self, network: BinaryNetwork, comm: MPI.Comm, seed: int, couplings: Couplings, window: float | None = None
    ) -> None:
        self.neurons = LocalNeurons(network, comm, seed, couplings)
        self.comm = comm
        self.exchange = GrowingAllgather(comm, np.float64, 2)  # time and code of a change
        self.tally = self.neurons.tally()
        self.timers = Timers()
        self.time = 0.0
        self.n_updates = self.n_flips = self.windows = self.rounds = 0
        self._forced = window
        self.set_pace()
        expected = min(self._stretch_time * self.neurons.rate, 1e9) if self.neurons.n else 0.0
        self._capacity = int(1.1 * expected) + 1024
        self.couple(couplings)

    def couple(self, couplings: Couplings) -> None:
        """Let ``couplings`` give the inputs from now on (collective)."""
        self.couplings = couplings.arrays
        self.unit = couplings.unit
        self._hits = np.empty(int(np.diff(couplings.offsets).max(initial=0)) + 1, np.int64)
        self.stretch = Stretch(self._capacity, couplings.input_type)
        self.neurons.couple(couplings)
        self.find_inputs()

    def set_pace(self) -> None:
        """Choose the lengths of windows and stretches for the rate of updates (collective)."""
        rates = self.comm.allgather(self.neurons.rate)  # summed in the order of ranks: the same on all of them
        self.rate = sum(rates)
        self._window = FIRST_WINDOW / self.rate if self.rate else np.inf
        stretch_updates = max(STRETCH_UPDATES, STRETCH_SHARE * self.neurons.n)
        lengths = self.comm.allgather(stretch_updates / self.neurons.rate if self.neurons.n else np.inf)
        self._stretch_time = min(lengths)

    def find_inputs(self) -> None:
        """Sum up the inputs of the neurons of this rank, those that all active ones give (collective)."""
        self.neurons.h[:] = 0
        active = self.neurons.gids[self.neurons.state > 0]
        add_active(allgather_array(active, self.comm), self.couplings, self.neurons.h)

    def advance(self, stop: float) -> Flipped:
        """Go through all updates up to ``stop`` (ms), or to the end of a stretch before it.

        Returns the flips of this rank, sorted: time (n,), local index (n,), new state (n,); valid until the next call.
        """
        stop = min(max(self.time + self._stretch_time, float(np.nextafter(self.time, np.inf))), stop)
        self.timers.start()
        stretch = self.stretch = self.stretch.draw(self.neurons, self.time, stop)
        self.timers.lap("draw")
        begin, flips = 0, 0
        while self.time < stop:
            after = float(np.nextafter(self.time, np.inf))  # a window may be shorter than the resolution of time
            self.time = min(max(self.time + (self._forced or self._window), after), stop)
            end = int(np.searchsorted(stretch.time[: stretch.n], self.time, side="right"))
            flips = self._settle(begin, end, flips)
            begin = end
        self.n_updates += stretch.n
        found = stretch.first_flips(flips)
        self.add_flips(found)
        return found

    def add_flips(self, flips: Flipped) -> None:
        """Count and tally flips of this rank."""
        self.n_flips += len(flips[0])
        self.tally.add(flips)

    def _settle(self, begin: int, end: int, flips: int) -> int:
        """Find the states after the updates begin .. end - 1; flips are listed from number ``flips`` on."""
        stretch, neurons, lap = self.stretch, self.neurons.arrays, self.timers.lap
        n = speculate(begin, end, neurons, self.neurons.m_ext, stretch.arrays, self.couplings, stretch.changes)
        lap("speculate")
        rounds = 0
        while True:
            incoming, changes = self.exchange(stretch.changes, n)
            lap("exchange")
            rounds += 1
            if changes == 0 or self.comm.size == 1:
                break
            rank = self.comm.rank
            n = correct(
                begin, end, rank, incoming, neurons, stretch.arrays, stretch.marks, self.couplings, self._hits,
                stretch.changes,
            )  # fmt: skip
            lap("correct")
        flips = settle(begin, end, neurons, stretch.arrays, stretch.flips, flips)
        self.windows += 1
        self.rounds += rounds
        if rounds < FEW_ROUNDS:
            self._window = min(2.0 * self._window, self._stretch_time)
        elif rounds > MANY_ROUNDS:
            self._window *= 0.6
        lap("settle")
        return int(flips)
