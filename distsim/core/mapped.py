"""Arrays that lie in a file and are read where they are looked at: each rank takes the rows of its own neurons."""

from __future__ import annotations

import math
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, nearest

BLOCK = 1 << 17  # numbers that are looked at together


def mapped(path: PathLike[str], kind: Any, name: str) -> npt.NDArray[Any]:
    """The array of a file, as it lies on the disk: ``values.npy``, or a dataset of an HDF5 file, ``values.h5/weights``.

    kind: the type of its numbers, which are not converted. Raises InputError, naming the array ``name``, where there is
    no such array.
    """
    whole = Path(path)
    file = next((parent for parent in (whole, *whole.parents) if parent.is_file()), None)
    if file is None:
        raise InputError(f"{name}: there is no file '{whole}'")
    try:
        found = np.load(file, mmap_mode="r") if file == whole else _dataset(file, str(whole.relative_to(file)), name)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{name}: '{whole}' is neither a .npy file nor a dataset, as in 'values.h5/weights': {error}"
        ) from None
    if not isinstance(found, np.ndarray) or found.dtype != kind:
        held = found.dtype if isinstance(found, np.ndarray) else "several arrays"
        raise InputError(f"{name}: '{whole}' holds {held}, but must hold {np.dtype(kind)}")
    return np.asarray(found)


def blocks(array: npt.NDArray[Any]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """A few rows of an array after the other, each with the number of its first row: it may be larger than memory."""
    together = max(1, BLOCK // max(1, math.prod(array.shape[1:])))
    for begin in range(0, len(array), together):
        yield begin, array[begin : begin + together]


def _dataset(file: Path, dataset: str, name: str) -> npt.NDArray[Any]:
    """A dataset of an HDF5 file, if it is one piece of the file."""
    import h5py

    with h5py.File(file, "r") as store:
        if not isinstance(store.get(dataset), h5py.Dataset):
            known: list[str] = []
            store.visititems(lambda path, thing: known.append(path) if isinstance(thing, h5py.Dataset) else None)
            raise InputError(f"{name}: '{file}' has no dataset '{dataset}'{nearest(dataset, known)}")
        found = store[dataset]
        begin = found.id.get_offset()
        if found.size and (begin is None or found.chunks is not None):
            raise InputError(
                f"{name}: dataset '{dataset}' of '{file}' is in chunks; write it without chunks, filters or checksums"
            )
        if not found.size:
            return np.empty(found.shape, found.dtype)
        return np.memmap(file, found.dtype, "r", begin, found.shape)
