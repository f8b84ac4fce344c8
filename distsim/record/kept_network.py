"""The network that is kept in the file of a run: its description, and the arrays that this needs."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.units import check_path
from distsim.record.store import Store
from distsim.record.taken_back import UNREADABLE

GROUP = "network"
MOST_BYTES = 1 << 30
"""Of an array that is kept; of a larger one there is the hash."""


class KeptArrays:
    """Puts arrays into a file, each once, as /network/arrays/<number>."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers: dict[str, int] = {}

    def keep(self, array: npt.NDArray[Any]) -> Any:
        """Put ``array`` (n,) or (n, m) into the file: its number there, or, where it is too large, its hash."""
        digest = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
        digest.update(np.ascontiguousarray(array).data if array.size else b"")
        if array.nbytes > MOST_BYTES:
            return {"hash": digest.hexdigest(), "shape": list(array.shape)}
        if digest.hexdigest() not in self._numbers:
            number = self._numbers[digest.hexdigest()] = len(self._numbers)
            name, width = f"{GROUP}/arrays/{number}", array.shape[1] if array.ndim > 1 else None
            self._store.column(name, array.dtype, width, rows=len(array))
            self._store.append(name, array)
        return self._numbers[digest.hexdigest()]


def keep_network(store: Store, described: Callable[[KeptArrays], dict[str, Any]]) -> None:
    """Put into the file what ``described`` makes of a network, given where its arrays go.

    Where it cannot be kept, because of what a user's own class is made of, the file tells why.
    """
    try:
        store.text(GROUP, "description", json.dumps(described(KeptArrays(store)), allow_nan=False))
    except InputError as error:
        store.text(GROUP, "missing", str(error))


def read_network(
    path: str | os.PathLike[str], build: Callable[[dict[str, Any], Callable[[Any], npt.NDArray[Any]]], Any]
) -> tuple[Any, dict[str, Any]]:
    """What ``build`` makes of the network in the file at ``path``, and what the file tells about its run.

    build(description, load); load(what stands for an array) is the array. Raises InputError where the file holds no
    network, is damaged, or has only the hash of an array.
    """
    import h5py

    check_path(path, "from_file: path")
    try:
        with h5py.File(path, "r") as file:
            if GROUP not in file:
                raise InputError(f"'{path}' holds no network: give the file of a run of a spiking network")
            if "missing" in file[GROUP].attrs:
                raise InputError(f"'{path}' does not hold all of its network: {file[GROUP].attrs['missing']}")
            about = json.loads(file.attrs["distsim"])
            return build(json.loads(file[GROUP].attrs["description"]), lambda kept: _array(file, kept)), about
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"there is no file '{path}'") from None
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"'{path}' cannot be read, it is damaged or of another kind: {reason}") from error


def kept_array(path: str, kept: Any) -> npt.NDArray[Any]:
    """An array that ``KeptArrays`` put into the file at ``path``; ValueError where it does not have its checksum."""
    import h5py

    with h5py.File(path, "r") as file:
        return _array(file, kept)


def _array(file: Any, kept: Any) -> npt.NDArray[Any]:
    """An array that was kept; ValueError where it does not have its checksum."""
    if isinstance(kept, dict):
        raise InputError(
            f"'{file.filename}' has only the hash of an array of shape {tuple(kept['shape'])}, which was too large to "
            "be kept: build the network by the program that made it"
        )
    dataset = file[f"{GROUP}/arrays/{kept}"]
    values = np.ascontiguousarray(dataset[()])
    rows, crc = (int(n) for n in dataset.attrs["checked"])
    if rows != len(values) or zlib.crc32(values.data if values.size else b"") != crc:
        raise ValueError(f"'{dataset.name}' does not have its checksum")
    return values
