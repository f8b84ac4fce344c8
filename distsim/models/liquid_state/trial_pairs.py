"""All pairs of trials in their order, as a run that can be saved between two blocks of them and go on.

Pairs have one order, in which they are done, and sums are of whole numbers: what is kept belongs to no rank, and
another job goes on on any number of them, with any ``batch``, to the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from distsim.core.units import to_steps
from distsim.models.liquid_state.distance_sums import Sums, add_pair
from distsim.models.liquid_state.liquid_file import FILE, LiquidFile, trial_of
from distsim.models.liquid_state.parameters import MODEL, Parameters
from distsim.models.liquid_state.states import pair_distances
from distsim.models.liquid_state.stimuli import Pair, on_grid
from distsim.models.liquid_state.trials import Trials
from distsim.parallel.job import faults
from distsim.record.checkpoint import Archive, of_network, open_checkpoint
from distsim.record.restored_checkpoint import Restoring
from distsim.record.saved_checkpoint import save
from distsim.record.surroundings import versions
from distsim.spiking.neurons.lif_multisynapse import STIMULUS
from distsim.spiking.sources.spike_trains import SpikeTrains

KIND = f"{MODEL} experiment"


class TrialPairs:
    """The trials of ``pairs``, shared out over the ranks, which take blocks of pairs in turn; methods are collective.

    To ``models.course.Course`` it is a simulation whose ``time`` (ms) is that of all trials, one after the other.
    ``sums`` are those over the pairs of this rank; what is to be kept goes to a file in ``folder``. checkpoint: it goes
    on from there. Raises InputError where that is of another experiment, or damaged.
    """

    run_phases: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        trials: Trials,
        pairs: Sequence[Sequence[Pair]],
        p: Parameters,
        folder: Path | None,
        checkpoint: Path | None = None,
    ) -> None:
        self.comm, self.done, self.sim_time = trials.comm, 0, 0.0
        self._trials, self._pairs, self._p = trials, pairs, p
        self._jobs = [(d, k) for k in range(p.pairs) for d in range(len(pairs))]
        self._steps = to_steps(p.T, p.dt, "T")
        self.sums = Sums.zero(len(pairs), self._steps)
        going_on = None if checkpoint is None else self._restore(checkpoint)
        self._file = None
        if folder is not None and p.kept:
            self._file = LiquidFile(self.comm, folder / FILE, trials.network, p, pairs, going_on)

    @property
    def time(self) -> float:
        """Simulated time (ms) of all trials that are done, one after the other."""
        return 2.0 * self.done * self._p.T

    @property
    def duration(self) -> float:
        """That of all trials there are."""
        return 2.0 * len(self._jobs) * self._p.T

    def run(self, duration: float, progress: Callable[[float], None] | None = None, *, goes_on: bool = False) -> None:
        """Simulate as many blocks of pairs as it takes for ``duration`` (ms) more; ``progress`` is told how long."""
        start, begin = self.time, time.perf_counter()
        while self.time < min(start + duration, self.duration):
            with faults(self.comm):
                self._next_blocks()
            if progress is not None and self.comm.rank == 0:
                progress(self.time - start)
        self.sim_time += time.perf_counter() - begin

    def _next_blocks(self) -> None:
        """The next block of pairs of each rank. The trials of a pair start from the potentials of their numbers."""
        p, pairs = self._p, self._pairs
        block = max(1, p.batch // 2)
        own = self._jobs[self.done + self.comm.rank * block :][:block]
        self.done = min(self.done + self.comm.size * block, len(self._jobs))
        trains = [SpikeTrains([on_grid(train, p)]) for d, k in own for train in pairs[d][k]]
        numbers = [trial_of(d, k, side, len(pairs)) for d, k in own for side in (0, 1)]
        spikes = self._trials.run(p.T, numbers, {STIMULUS: trains}, p.batch)
        curves = pair_distances(spikes, len(own), p.N, self._steps, p.dt, p.tau_state)
        excitatory = spikes.gid <= p.N_E
        for j, (d, _) in enumerate(own):
            mine = spikes.trial // 2 == j
            counts = int((mine & excitatory).sum()), int((mine & ~excitatory).sum())
            add_pair(self.sums, d, curves[j], counts, p)
        if self._file is not None:
            self._file.append(own, spikes, curves, self.time)

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def slowest(self) -> dict[str, float]:
        """build_time, sim_time and compile_time (s) of the slowest rank."""
        mine = {"build_time": self._trials.build_time, "sim_time": self.sim_time}
        mine["compile_time"] = self._trials.compile_time
        return {name: max(self.comm.allgather(value)) for name, value in mine.items()}

    def phase_times(self) -> dict[str, dict[str, float]]:
        """Nothing: trials have no phases that are timed."""
        return {}

    def save(self, path: Path, note: Any = None) -> None:
        """Keep in a checkpoint at ``path`` which pairs are done, and their sums, with the plain data ``note``."""
        kept = (None, 0.0) if self._file is None else self._file.kept()
        about = {"simulation": KIND, "network": of_network(self._trials.network), "versions": versions(), "note": note}
        with faults(self.comm):
            save(self.comm, path, 1, about | {"file": kept[0], "time": kept[1]}, self._transfer)

    def _restore(self, path: Path) -> Any:
        """Bring back what was kept; what the file held then, and the time (ms) until which, if there was one."""
        head = open_checkpoint(self.comm, path, KIND, self._trials.network)
        with faults(self.comm):
            archive = Restoring(self.comm, path, head)
            try:
                self._transfer(archive)
            finally:
                archive.close()
        return head["file"], head["time"]

    def _transfer(self, archive: Archive) -> None:
        """What is kept of all ranks: brought back, the sums are those of rank 0."""
        self.done = archive.number("pairs done", self.done)
        total = self.sums.over_ranks(self.comm) if archive.saving else self.sums
        for name, of_all in total._asdict().items():
            found = archive.shared(name, of_all.reshape(-1))
            if not archive.saving:
                of_all[:] = found.reshape(of_all.shape) * (self.comm.rank == 0)
