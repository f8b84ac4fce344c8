"""How far an experiment with a liquid is, kept while it lasts: which pairs of stimuli are done, and their sums.

Pairs have one order, see ``experiment.simulate``, in which they are done, and sums are of whole numbers: what is kept
belongs to no rank, and another job goes on on any number of them, with any ``batch``, to the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.units import check_number
from distsim.models.liquid_state.distance_sums import Sums
from distsim.models.liquid_state.parameters import MODEL, Parameters
from distsim.parallel.communicator import on_root
from distsim.parallel.job import faults
from distsim.record.checkpoint import Archive, Restoring, Saving, of_network, open_checkpoint
from distsim.record.checkpoint_files import before_it
from distsim.record.output import KeptFile
from distsim.record.surroundings import versions

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.models.liquid_state.liquid_file import LiquidFile

KIND = f"{MODEL} experiment"


class TrialsCheckpoint:
    """The checkpoint at ``path`` of the experiment that ``p`` describes; every method is collective.

    It is saved after ``every`` s of wall time, at the end of the block of trials of that moment, and before ``check``,
    which is called after each block, raises what it raises on all ranks alike. done: pairs that are done, 0 where there
    is no checkpoint yet. Raises InputError where the one there is of another experiment, or damaged, and StorageError
    where there is no room.
    """

    def __init__(
        self, comm: MPI.Comm, path: Path, every: float, p: Parameters, check: Callable[[], None] | None = None
    ) -> None:
        self.comm, self.path, self.done = comm, path, 0
        self._every, self._check = check_number(every, "checkpoints: every", low=0.0), check
        self._identity = {name: value for name, value in p.as_dict().items() if name != "batch"}
        self._newest = on_root(comm, lambda: next((x for x in (path, before_it(path)) if x.exists()), None))
        self._head: dict[str, Any] | None = None
        if self._newest is not None:
            self._head = open_checkpoint(comm, self._newest, KIND, self._identity)
        self._last = time.perf_counter()

    @property
    def file(self) -> KeptFile | None:
        """What the file of the experiment held when the checkpoint was saved, if there is one."""
        return None if self._head is None else (self._head["file"], self._head["time"])

    def begin(self, sums: Sums, file: LiquidFile | None) -> None:
        """Bring back ``sums``, zero until now, or save that nothing is done yet."""
        if self._head is None or self._newest is None:
            self._save(sums, file)
            return
        with faults(self.comm):
            archive = Restoring(self.comm, self._newest, self._head)
            try:
                self._transfer(archive, sums)
            finally:
                archive.close()

    def between(self, done: int, sums: Sums, file: LiquidFile | None) -> None:
        """So many pairs are ``done``: save, if it is time to, and ask whether the job is to go on."""
        self.done = done
        if self.comm.bcast(time.perf_counter() - self._last >= self._every):
            self._save(sums, file)
            self._last = time.perf_counter()
        try:
            if self._check is not None:
                self._check()
        except Exception:
            self._save(sums, file)
            raise

    def _save(self, sums: Sums, file: LiquidFile | None) -> None:
        about = {"simulation": KIND, "network": of_network(self._identity), "versions": versions()}
        kept = (None, 0.0) if file is None else file.kept()
        with faults(self.comm):
            archive = Saving(self.comm, self.path, 1, about | {"file": kept[0], "time": kept[1]})
            try:
                self._transfer(archive, sums)
                archive.close()
            except BaseException:
                archive.discard()
                raise

    def _transfer(self, archive: Archive, sums: Sums) -> None:
        """What is kept of all ranks: brought back, the sums are those of rank 0."""
        self.done = archive.number("pairs done", self.done)
        total = sums.over_ranks(self.comm) if archive.saving else sums
        for name, of_all in total._asdict().items():
            found = archive.shared(name, of_all.reshape(-1))
            if not archive.saving:
                of_all[:] = found.reshape(of_all.shape) * (self.comm.rank == 0)
