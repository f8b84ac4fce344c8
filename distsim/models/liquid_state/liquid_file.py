"""What an experiment with a liquid keeps in its file, readable at any moment (record/store.py).

/stimuli/{trial, time}                   a row per spike of a stimulus, as it was drawn: ms, not yet on the grid
/curves/{value (pairs, T), distance, pair}, /curves/time (T,)   the distance of the states of every pair
/spikes/{trial, time, neuron}            of the pairs ``keep_pairs``, by trial, then time, then neuron
/states/{value (rows, N), trial, time}   of the same: a row per trial and time
Neurons count from 0, the excitatory ones come first. Pair k of distance number d has the trials 2 (k classes + d) and
the next one. Root attributes: ``distsim``, all that was known at the start as JSON, and ``T``, the simulated time (ms)
of the trials, one after the other, up to which the file is complete. Its readers are those of analysis/read_liquid.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.filtered_trains import liquid_states
from distsim.connect.expected import WORD
from distsim.core.units import to_steps
from distsim.models.liquid_state.batch import TrialSpikes
from distsim.models.liquid_state.parameters import MODEL, Parameters
from distsim.models.liquid_state.stimuli import Pair
from distsim.parallel.gather import in_ms
from distsim.record.output import Output
from distsim.record.store import Store
from distsim.record.surroundings import versions
from distsim.spiking.network import Network

if TYPE_CHECKING:
    from mpi4py import MPI

FILE = "liquid.h5"
TOGETHER = 256  # pairs of each distance whose stimuli are written at once
COLUMNS: dict[str, dict[str, Any]] = {
    "stimuli": {"trial": np.int64, "time": np.float64},
    "curves": {"value": np.float64, "distance": np.float64, "pair": np.int64},
    "spikes": {"trial": np.int64, "time": np.float64, "neuron": np.int64},
    "states": {"value": np.float64, "trial": np.int64, "time": np.float64},
}
"""What each group has; a reader takes as many rows as the shortest of them."""
Columns = dict[str, npt.NDArray[Any]]
Job = tuple[int, int]
"""Number of the distance, and of the pair."""
FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


class LiquidFile:
    """The file at ``path`` of the experiment that ``p`` describes; collective, rank 0 writes.

    Raises InputError, on all ranks, where the file exists or cannot be written, and StorageError from the first
    ``append`` or ``close`` for which there is no room.
    """

    def __init__(
        self, comm: MPI.Comm, path: Path, network: Network, p: Parameters, pairs: Sequence[Sequence[Pair]]
    ) -> None:
        self.comm, self.p, self.time = comm, p, 0.0
        self.steps = sampled_steps(p)
        about = {"model": MODEL, "seed": p.seed, "ranks": comm.size, "versions": versions()}
        known = about | {"distances": p.all_distances, "parameters": p.as_dict(), "network": network.description()}
        self._output = Output(comm, path, known, lambda store: lay_out(store, p, pairs, in_ms(self.steps, p.dt)))

    def append(self, jobs: Sequence[Job], spikes: TrialSpikes, curves: FloatArray, time: float) -> None:
        """Add what is to be kept of this rank's pairs, those of higher ranks behind it.

        spikes and curves (pairs, steps) are those of the pairs ``jobs``. ``time`` (ms) is that of all trials until now.
        """
        self.time = time
        kinds = [kind for kind in self.p.kept if kind != "stimuli"]
        if not kinds:
            return
        of_kind = {"curves": self._curves, "spikes": self._spikes, "states": self._states}
        mine = {kind: of_kind[kind](jobs, spikes, curves) for kind in kinds}
        for rows in self.comm.gather(mine) or ():
            for kind, columns in rows.items():
                self._output.append(kind, **columns)
        self._output.flush(time)

    def close(self) -> None:
        """Make the file complete, and close it."""
        self._output.flush(self.time)
        self._output.close()

    def _curves(self, jobs: Sequence[Job], _: TrialSpikes, curves: FloatArray) -> Columns:
        distance = np.array([self.p.all_distances[d] for d, _ in jobs], np.float64)
        return {"value": curves[:, self.steps - 1], "distance": distance, "pair": np.array([k for _, k in jobs], int)}

    def _spikes(self, jobs: Sequence[Job], spikes: TrialSpikes, _: FloatArray) -> Columns:
        parts = [(np.full(len(time), trial), time, neuron) for trial, time, neuron in self._kept(jobs, spikes)]
        return _columns(parts, trial=np.zeros(0, np.int64), time=np.zeros(0), neuron=np.zeros(0, np.int64))

    def _states(self, jobs: Sequence[Job], spikes: TrialSpikes, _: FloatArray) -> Columns:
        at = in_ms(self.steps, self.p.dt)
        parts = [
            (liquid_states(time, neuron, self.p.N, at, self.p.tau_state).T, np.full(len(at), trial), at)
            for trial, time, neuron in self._kept(jobs, spikes)
        ]
        return _columns(parts, value=np.zeros((0, self.p.N)), trial=np.zeros(0, np.int64), time=np.zeros(0))

    def _kept(self, jobs: Sequence[Job], spikes: TrialSpikes) -> Iterator[tuple[int, FloatArray, Int64Array]]:
        """Number, spike times (ms) and neurons of the trials whose spikes and states are kept."""
        for place, (d, k) in enumerate(jobs):
            if k in self.p.keep_pairs:
                for side in (0, 1):
                    step, gid = spikes.of(2 * place + side)
                    yield trial_of(d, k, side, len(self.p.all_distances)), in_ms(step, self.p.dt), gid - 1


def trial_of(d: int, pair: int, side: int, classes: int) -> int:
    """Number of a trial: of distance number ``d`` of ``classes``, and of the first or second stimulus of a pair."""
    return 2 * (pair * classes + d) + side


def sampled_steps(p: Parameters) -> Int64Array:
    """Steps at whose ends curves and states are kept."""
    if not {"curves", "states"} & set(p.kept):
        return np.zeros(0, np.int64)
    interval, last = to_steps(p.keep_interval, p.dt, "keep_interval"), to_steps(p.T, p.dt, "T")
    return np.arange(interval, last + 1, interval)


def memory_of_kept(p: Parameters, ranks: int) -> float:
    """Bytes of what goes to the file at once from so many ranks: all of them where it is written, else one."""
    pairs, samples = ranks * max(1, p.batch // 2), len(sampled_steps(p))
    trials = 2.0 * min(pairs, len(p.keep_pairs) * len(p.all_distances)) if "states" in p.kept else 0.0
    return 2.0 * WORD * samples * (pairs + trials * (p.N + 2))


def lay_out(store: Store, p: Parameters, pairs: Sequence[Sequence[Pair]], time: FloatArray) -> None:
    """Add all groups and datasets, and what is known at the start: the stimuli, and the times (ms) of the curves."""
    widths = {"curves": len(time), "states": p.N}
    for kind in p.kept:
        for name, dtype in COLUMNS[kind].items():
            width = widths[kind] if name == "value" else None
            store.column(f"{kind}/{name}", dtype, width=width, unit="ms" if name == "time" else "")
    if "curves" in p.kept:
        store.column("curves/time", np.float64, rows=len(time), unit="ms")
        store.append("curves/time", time)
    if "stimuli" in p.kept:
        for begin in range(0, p.pairs, TOGETHER):
            _append_stimuli(store, pairs, range(begin, min(begin + TOGETHER, p.pairs)))


def _append_stimuli(store: Store, pairs: Sequence[Sequence[Pair]], numbers: range) -> None:
    """Add the stimuli of the pairs ``numbers`` at each distance."""
    trains = [
        (trial_of(d, k, side, len(pairs)), pairs[d][k][side])
        for k in numbers
        for d in range(len(pairs))
        for side in (0, 1)
    ]
    store.append("stimuli/trial", np.repeat([trial for trial, _ in trains], [len(train) for _, train in trains]))
    store.append("stimuli/time", np.concatenate([train for _, train in trains]))


def _columns(parts: Sequence[tuple[npt.NDArray[Any], ...]], **empty: npt.NDArray[Any]) -> Columns:
    """The columns of all parts together, by the names of those without rows."""
    return {name: np.concatenate([none, *(part[i] for part in parts)]) for i, (name, none) in enumerate(empty.items())}
