"""The windows of one rank: guessed, exchanged and settled to the end of a stretch, in compiled code where it can be.

Where compiled code finds no MPI library, or the ranks are none of MPI's, Python takes the same steps one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.binary import window_course as steps
from distsim.binary.couplings import Couplings
from distsim.binary.local_neurons import LocalNeurons
from distsim.binary.stretch import Stretch
from distsim.binary.window_course import CHANGES, DONE, FLIPS, NOW, STOP, TO_EXCHANGE
from distsim.core import clock as clocks
from distsim.core.jit import COMPILED
from distsim.parallel import compiled_collectives as collectives
from distsim.parallel.communicator import is_of_mpi
from distsim.parallel.compiled_collectives import FAILED
from distsim.parallel.growing_allgather import GrowingAllgather
from distsim.parallel.timers import Timers

if TYPE_CHECKING:
    from mpi4py import MPI

PHASES = {
    "speculate": steps.SPECULATING, "exchange": steps.EXCHANGING, "correct": steps.CORRECTING, "settle": steps.SETTLING,
}  # fmt: skip


class Windows:
    """Settles stretches of the updates of ``neurons``.

    course, times: see ``window_course``; all lengths of windows are to be set. handles: by which compiled code calls
    MPI, (0,) where it does not.
    """

    def __init__(self, neurons: LocalNeurons, couplings: Couplings, comm: MPI.Comm) -> None:
        self.course, self.times = np.zeros(8, np.int64), np.zeros(7)
        self.comm = comm
        self.exchange = GrowingAllgather(comm, np.float64, 2)  # time and code of a change
        self.timers = Timers()
        self._neurons = neurons
        self.couple(couplings)
        handles = collectives.handles(comm) if _can_be_compiled(comm) else ()
        self.handles = np.array(handles, np.uint64).view(np.int64)  # those of MPICH may have the highest bit

    def couple(self, couplings: Couplings) -> None:
        """Let ``couplings`` give the inputs from now on."""
        self._couplings = couplings.arrays
        self._hits = np.empty(int(np.diff(couplings.offsets).max(initial=0)) + 1, np.int64)

    def settle(self, stretch: Stretch, start: float, stop: float) -> int:
        """Find out all of a stretch of time (ms); returns the number of its flips."""
        course, times = self.course, self.times
        course[: steps.WINDOWS] = 0
        times[NOW], times[STOP] = start, stop
        while not course[DONE]:
            if len(self.handles):
                self._settle_compiled(stretch)
            else:
                self._guess(stretch)
            if course[TO_EXCHANGE]:
                self._exchange(stretch)
        return int(course[FLIPS])

    def _guess(self, stretch: Stretch) -> None:
        of_neurons = self._neurons.arrays, self._neurons.m_ext
        updates = stretch.arrays, stretch.n
        steps.guess_window(self.course, self.times, *of_neurons, *updates, self._couplings, stretch.changes)
        self.timers.lap("speculate")

    def _exchange(self, stretch: Stretch) -> None:
        """Exchange what is guessed, and take it in."""
        arrays = self._neurons.arrays, stretch.arrays
        if self.comm.size == 1:
            steps.settle_all(self.course, self.times, *arrays, stretch.flips)
        else:
            incoming, _ = self.exchange(stretch.changes, int(self.course[CHANGES]))
            self.timers.lap("exchange")
            self._take_in(stretch, incoming)
        self.timers.lap("settle")

    def _take_in(self, stretch: Stretch, incoming: Any) -> None:
        arrays = self._neurons.arrays, stretch.arrays
        steps.settle_front(self.course, self.times, incoming, *arrays, stretch.flips)
        self.timers.lap("settle")
        rest = self._scratch(stretch), self._couplings, stretch.changes
        steps.correct_rest(self.course, self.comm.rank, incoming, *arrays, *rest)
        self.timers.lap("correct")

    def _scratch(self, stretch: Stretch) -> tuple[Any, ...]:
        """What kernels note while they correct: marked updates, inputs of updates, and edges whose targets have one."""
        return stretch.marks, stretch.inputs, self._hits

    def _settle_compiled(self, stretch: Stretch) -> None:
        """Go on in compiled code, until all is settled or Python is to do an exchange."""
        clock, spent = clocks.new_clock(), np.zeros(len(PHASES), np.int64)
        clocks.start(clock)
        result = steps.settle_windows(
            self.course, self.times, self.comm.rank, self._neurons.arrays, self._neurons.m_ext, stretch.arrays,
            stretch.n, self._scratch(stretch), self._couplings, stretch.changes, stretch.flips,
            (*self.exchange.buffers, self.exchange.room, self.handles), (clock, spent),
        )  # fmt: skip
        if result == FAILED:
            raise RuntimeError("MPI could not exchange changes of state")
        for name, phase in PHASES.items():
            self.timers.seconds[name] += float(spent[phase]) / clocks.SECOND
        self.timers.start()

    def call_kernels(self, stretch: Stretch) -> None:
        """Call every kernel on an empty stretch, so that it is compiled (local)."""
        self._guess(stretch)
        self.course[CHANGES] = 0
        if self.comm.size == 1:
            steps.settle_all(self.course, self.times, self._neurons.arrays, stretch.arrays, stretch.flips)
            return
        self._take_in(stretch, np.zeros_like(self.exchange.buffers[1]))
        if len(self.handles):
            self._settle_compiled(stretch)


def _can_be_compiled(comm: Any) -> bool:
    """Whether compiled code can call collectives of ``comm``, which may be a rank alone or none of MPI's."""
    return comm.size > 1 and COMPILED and clocks.at_hand() and is_of_mpi(comm) and collectives.at_hand()
