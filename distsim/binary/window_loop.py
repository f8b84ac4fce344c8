"""The loop of asynchronous binary neurons: draw the updates of a stretch of time, and settle them window by window.

The trajectory is that of the sequential algorithm, which takes the updates of all neurons one by one: after every
exchange the earliest wrong decision of all ranks is mended, so it ends, and at the one trajectory in which every
decision follows from all earlier ones. How long windows and stretches are changes nothing but speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.couplings import Couplings
from distsim.binary.flip_tally import Flipped
from distsim.binary.local_neurons import LocalNeurons
from distsim.binary.stretch import Stretch
from distsim.binary.window_course import CORRECTION, GIVEN, LENGTH, LONGEST
from distsim.binary.window_kernels import add_active
from distsim.binary.windows import Windows
from distsim.parallel import capacity
from distsim.parallel.array_collectives import gather_array
from distsim.parallel.communicator import largest
from distsim.parallel.lone_rank import beyond

if TYPE_CHECKING:
    from mpi4py import MPI

STRETCH_UPDATES = 1 << 15  # updates of a rank that are drawn and sorted together, at least
STRETCH_SHARE = 0.5  # of the neurons update in a stretch, at least: to look through all of them then costs little
FIRST_WINDOW = 256  # updates of all ranks in the first window
LONE_WINDOW = 1 << 14  # updates of a rank alone, which it settles while they are in the cache
FINE = 1 << 20  # parts of an update per ms in which rates are added
ACTIVE = 1 << 20  # active neurons of all ranks that are told of together, about
EXCHANGE_EDGES, FLIP_EDGES = 2500, 40  # edges that act in the time of an exchange, and in that of finding a row


def call_kernels(network: BinaryNetwork, comm: MPI.Comm, seed: int, couplings: Couplings) -> None:
    """Call every kernel of a run on the couplings of this rank for no neuron, so that it is compiled (local)."""
    neurons = LocalNeurons(network, beyond(network.size), seed, couplings)
    capacity.call_kernels()
    add_active(neurons.gids, couplings.arrays, neurons.h)
    stretch = Stretch(1, couplings.input_type).draw(neurons, 0.0, 1.0)
    Windows(neurons, couplings, comm).call_kernels(stretch)
    neurons.tally().add(stretch.first_flips(0))


class BinaryLoop:
    """Advance the neurons of this rank; ``window`` (ms) fixes the length of windows, which else adapts.

    n_updates, n_flips: of this rank so far; stretch: the updates of the last ``advance``.
    """

    def __init__(
        self, network: BinaryNetwork, comm: MPI.Comm, seed: int, couplings: Couplings, window: float | None = None
    ) -> None:
        self.neurons = LocalNeurons(network, comm, seed, couplings)
        self.windows = Windows(self.neurons, couplings, comm)
        self.timers = self.windows.timers
        self.tally = self.neurons.tally()
        self.time = 0.0
        self.n_updates = self.n_flips = 0
        self.comm = comm
        self.windows.times[GIVEN] = window or 0.0
        self.set_pace()
        expected = min(self._stretch_time * self.neurons.rate, 1e9) if self.neurons.n else 0.0
        self._capacity = int(1.1 * expected) + 1024
        self.couple(couplings)

    def couple(self, couplings: Couplings) -> None:
        """Let ``couplings`` give the inputs from now on (collective)."""
        self.couplings, self.unit = couplings, couplings.unit
        self.windows.couple(couplings)
        self.stretch = Stretch(self._capacity, couplings.input_type)
        self.neurons.couple(couplings)
        n, n_edges = self.comm.allreduce(self.neurons.n), self.comm.allreduce(len(couplings.targets))
        edges = n_edges / max(1, n * self.comm.size)  # of a row
        self.windows.times[CORRECTION] = (edges + FLIP_EDGES) / EXCHANGE_EDGES
        self.find_inputs()

    def set_pace(self) -> None:
        """Choose the lengths of windows and stretches for the rate of updates (collective)."""
        self.rate = self.comm.allreduce(round(self.neurons.rate * FINE)) / FINE  # the same on all ranks
        stretch_updates = max(STRETCH_UPDATES, STRETCH_SHARE * self.neurons.n)
        length = stretch_updates / self.neurons.rate if self.neurons.n else np.inf
        self._stretch_time = -largest(self.comm, [-length])[0]
        times, updates = self.windows.times, FIRST_WINDOW if self.comm.size > 1 else LONE_WINDOW
        times[LENGTH] = updates / self.rate if self.rate else np.inf
        times[LONGEST] = self._stretch_time

    def find_inputs(self) -> None:
        """Sum up the inputs of the neurons of this rank, those that all active ones give (collective)."""
        self.neurons.h[:] = 0
        active = self.neurons.gids[self.neurons.state > 0]
        step, most = ACTIVE // self.comm.size + 1, round(largest(self.comm, [len(active)])[0])
        for begin in range(0, most, step):
            some = gather_array(active[begin : begin + step], self.comm, everywhere=True)
            add_active(some, self.couplings.arrays, self.neurons.h)

    def advance(self, stop: float) -> Flipped:
        """Go through all updates up to ``stop`` (ms), or to the end of a stretch before it.

        Returns the flips of this rank, sorted: time (n,), local index (n,), new state (n,); valid until the next call.
        """
        start = self.time
        stop = min(max(start + self._stretch_time, float(np.nextafter(start, np.inf))), stop)
        self.timers.start()
        self.stretch = self.stretch.draw(self.neurons, start, stop)
        self.timers.lap("draw")
        flips = self.windows.settle(self.stretch, start, stop)
        self.time = stop
        self.n_updates += self.stretch.n
        found = self.stretch.first_flips(flips)
        self.add_flips(found)
        return found

    def add_flips(self, flips: Flipped) -> None:
        """Count and tally flips of this rank."""
        self.n_flips += len(flips[0])
        self.tally.add(flips)
