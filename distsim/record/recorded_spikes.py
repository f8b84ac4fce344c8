"""The recorded spikes of a run, read piece by piece in the order of time: never all of them are in memory."""

from __future__ import annotations

import json
import math
import os
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, nearest

PIECE = 1 << 10  # spikes that are read together
CACHE = 1 << 16  # bytes of a dataset that HDF5 keeps
UNREADABLE = (OSError, RuntimeError, LookupError, ValueError, TypeError)
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class RecordedSpikes:
    """The file of a run at ``path``, which stays open.

    about: what was known of the run at its start; notes: texts that were noted later, by name; end: the time (ms) up to
    which the file is complete. Raises InputError for a file that cannot be read, or is not that of a run.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import h5py

        self.path = path
        try:
            self._file = h5py.File(path, "r", rdcc_nbytes=CACHE)
            weakref.finalize(self, self._file.close)
            attributes = self._file.attrs
            self.about: dict[str, Any] = json.loads(bytes(attributes["distsim"]))
            self.end = float(attributes["T"])
            self.notes = {name: value for name, value in attributes.items() if isinstance(value, str)}
            self.populations = sorted(self._file["spikes"]) if "spikes" in self._file else []
        except FileNotFoundError:
            raise InputError(f"there is no recording '{path}'") from None
        except UNREADABLE as error:
            raise InputError(f"'{path}' cannot be read as the file of a run of spiking neurons: {error}") from None

    def look(self) -> None:
        """Read some spikes of every population, so that the memory that reading takes is taken."""
        for population in filter(self.has, self.populations):
            next(self.spikes(population).until(math.inf), None)

    def has(self, population: str) -> bool:
        """Whether the spikes of all neurons of ``population`` are there."""
        return population in self.populations and "recorded" not in self._file[f"spikes/{population}"]

    def spikes(self, population: str) -> SpikesInTime:
        """Those of a population, from the first on; InputError where there are none of all its neurons."""
        if not self.has(population):
            part = " but of some" if population in self.populations else ""
            known = "" if part else nearest(population, self.populations)
            raise InputError(f"'{self.path}' has no spikes{part} of the neurons of '{population}'{known}")
        group = self._file[f"spikes/{population}"]
        return SpikesInTime(group["timestamps"], group["node_ids"])


class SpikesInTime:
    """Spikes by time: times (n,) (ms) ascending and neurons (n,), arrays or datasets, taken from the first one on."""

    def __init__(self, times: Any, neurons: Any) -> None:
        self._times, self._neurons = times, neurons
        self._next, self._rows = 0, min(_rows(times), _rows(neurons))

    def until(self, time: float) -> Iterator[tuple[FloatArray, IntArray]]:
        """Those up to ``time`` (ms) that were not taken yet, times and neurons, a piece at a time."""
        while self._next < self._rows:
            piece = slice(self._next, min(self._next + PIECE, self._rows))
            times = np.asarray(self._times[piece], np.float64)
            n = int(np.searchsorted(times, time, side="right"))
            self._next += n
            if n:
                yield times[:n], np.asarray(self._neurons[piece][:n], np.int64)
            if n < len(times):
                return


def _rows(column: Any) -> int:
    """How many rows are there for sure."""
    checked = getattr(column, "attrs", {}).get("checked")
    return len(column) if checked is None else int(checked[0])
