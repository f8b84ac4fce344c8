"""The HDF5 file of a run of binary neurons, written by rank 0 and complete after every run.

/states/<population>/{initial, final} (size,) uint8; where recorded, /flips/<population>/{time, neuron, state} and
/activity/<population>/{time, value}, times in ms. Root attributes: ``distsim``, all that was known at the start as
JSON, and ``T``, the simulated time (ms).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.errors import InputError
from distsim.simulate.binary_records import Activity, Flips


class BinaryFile:
    """Create the file at ``path``; raises InputError where it exists or cannot be written."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        import h5py

        if path.exists():
            raise InputError(f"{path} exists already; remove it or choose another file")
        try:
            self.file = h5py.File(path, "w-", libver="latest")
        except OSError as error:
            raise InputError(f"cannot write {path}: {error}") from None
        self.file.attrs["distsim"] = json.dumps(about, allow_nan=False)
        self.file.attrs["T"] = 0.0

    def write(
        self,
        population: str,
        initial: npt.NDArray[np.uint8],
        final: npt.NDArray[np.uint8],
        flips: Flips | None,
        activity: Activity | None,
    ) -> None:
        """Bring all that is kept of a population up to date; what was there stays, and more is appended."""
        self._set(f"states/{population}", {"initial": initial, "final": final})
        if flips is not None:
            self._set(f"flips/{population}", flips._asdict())
        if activity is not None:
            self._set(f"activity/{population}", {"time": activity.time, "value": activity.value})

    def _set(self, name: str, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Make the datasets of group ``name`` hold ``columns``, which begin with what they hold already."""
        group = self.file.require_group(name)
        for key, values in columns.items():
            if key not in group:
                group.create_dataset(key, (0,), values.dtype, maxshape=(None,), chunks=True)
            old = 0 if name.startswith("states/") else group[key].shape[0]
            group[key].resize(len(values), axis=0)
            group[key][old:] = values[old:]
        if "time" in columns:
            group["time"].attrs["units"] = "ms"

    def flush(self, time: float) -> None:
        """Hand everything up to ``time`` (ms) to the operating system."""
        self.file.attrs.modify("T", time)
        self.file.flush()

    def close(self) -> None:
        """Close the file."""
        self.file.close()
