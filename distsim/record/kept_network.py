"""The network that is kept in the file of a run: its description, and the arrays that this needs."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.kept_objects import FindClass, Keep, Load, class_finder, object_from, object_kept
from distsim.core.mapped import blocks
from distsim.core.parts import Neurons, Part, Piece
from distsim.core.populations import AnyPopulation, Populations
from distsim.core.units import check_path
from distsim.record.jsonable import plain
from distsim.record.store import Store
from distsim.record.taken_back import UNREADABLE

GROUP = "network"
MOST_BYTES = 1 << 30
"""Of an array that is kept; of a larger one there is the hash."""
COUNTED = ("first_gid", "index", "seed")
"""What populations, projections and stimuli have that was not given to the network."""


class KeptArrays:
    """Puts arrays into a file, each once, as /network/arrays/<number>."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers: dict[str, int] = {}

    def keep(self, array: npt.NDArray[Any]) -> Any:
        """Put ``array`` (n,) or (n, m) into the file: its number there, or, where it is too large, its hash."""
        digest = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
        for _, block in blocks(array):  # which may be one part of another, or lie in a file
            digest.update(np.ascontiguousarray(block).data if block.size else b"")
        if array.nbytes > MOST_BYTES:
            return {"hash": digest.hexdigest(), "shape": list(array.shape)}
        if digest.hexdigest() not in self._numbers:
            number = self._numbers[digest.hexdigest()] = len(self._numbers)
            name, width = f"{GROUP}/arrays/{number}", array.shape[1] if array.ndim > 1 else None
            self._store.column(name, array.dtype, width, rows=len(array))
            for _, block in blocks(array):
                self._store.append(name, block)
        return self._numbers[digest.hexdigest()]


class KeptNetwork(Populations[AnyPopulation]):
    """A network that the file of its run holds, in /network, so that it can be built again.

    The attribute ``description`` there is JSON: populations, projections and recordings with all that was given to
    them; arrays of parameters, connections, positions and trains are datasets.
    """

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *own: type) -> Self:
        """The network of the run that wrote the file at ``path``, recordings and all, to be simulated anew.

        Classes of a user's own, of neurons, synapses or the like, are given, too. What was changed during the run is
        not part of it. Raises InputError where the file holds no network, one of another class, only the hash of an
        array of it, or one that is described differently today.
        """
        import h5py

        check_path(path, "from_file: path")
        try:
            with h5py.File(path, "r") as file:
                kept, about = _description(file, path, cls), json.loads(file.attrs["distsim"])
                find_class = class_finder((*own, *cls._known_classes()), f"'{path}'")
                network = cls(**kept["made"])
                network._take(kept, lambda array: _array(file, array), find_class)
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(f"there is no file '{path}'") from None
        except UNREADABLE as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"'{path}' cannot be read, it is damaged or of another kind: {reason}") from error
        if plain(network.description()) != about["network"]:
            raise InputError(
                f"'{path}' was written by another version of distsim, or of a class that was given: the "
                "network that it describes is another one here"
            )
        return network

    @classmethod
    def _known_classes(cls) -> tuple[type, ...]:
        """Classes of what a network holds that are not public ones."""
        return ()

    def _builders(self) -> dict[str, Callable[..., object]]:
        """What adds, with all that was given, an entry of each list: populations first, which others are of."""
        return {"populations": self.population, "projections": self.connect}  # type: ignore[attr-defined] # of a wing

    def _given(self, name: str) -> list[dict[str, Any]]:
        """What was given to each entry of a list that ``_builders`` names."""
        return [
            {f.name: getattr(each, f.name) for f in fields(each) if f.name not in COUNTED}
            for each in getattr(self, name)
        ]

    @property
    def _recordings(self) -> dict[str, Any]:
        return {name: asked for name, asked in vars(self).items() if name.endswith("recordings")}

    def _kept(self, keep: Keep) -> dict[str, Any]:
        """All that was given to the network, as JSON can hold it."""
        return {
            "class": type(self).__name__,
            "made": {"dt": self.dt} if hasattr(self, "dt") else {},
            **{name: object_kept(self._given(name), keep) for name in self._builders()},
            **{name: object_kept(asked, keep) for name, asked in self._recordings.items()},
        }

    def _take(self, kept: dict[str, Any], load: Load, find_class: FindClass) -> None:
        """Add all of which ``_kept`` gave that."""

        def neurons(given: list[Any]) -> Neurons:
            pieces = [Piece(self.find(name), chosen) for name, chosen in given]
            if len(pieces) == 1 and pieces[0].whole:  # which may be empty
                return self.find(pieces[0].population)
            return self.neurons(Part(pieces))

        for name, add in self._builders().items():
            for given in object_from(kept[name], load, find_class, neurons):
                add(**given)
        for name, asked in self._recordings.items():
            found = object_from(kept[name], load, find_class, neurons)
            asked.update(found) if isinstance(asked, dict) else asked.extend(found)


def keep_network(store: Store, network: KeptNetwork[Any]) -> None:
    """Put ``network`` into the file; where it cannot be kept, because of a user's own class, the file tells why."""
    try:
        store.text(GROUP, "description", json.dumps(network._kept(KeptArrays(store).keep), allow_nan=False))
    except InputError as error:
        store.text(GROUP, "missing", str(error))


def _description(file: Any, path: str | os.PathLike[str], wanted: type) -> dict[str, Any]:
    """What the file says of its network; InputError where it has none, or none of the class that is ``wanted``."""
    if GROUP not in file:
        raise InputError(f"'{path}' holds no network: give the file of a run")
    if "missing" in file[GROUP].attrs:
        raise InputError(f"'{path}' does not hold all of its network: {file[GROUP].attrs['missing']}")
    kept: dict[str, Any] = json.loads(file[GROUP].attrs["description"])
    if kept["class"] not in [cls.__name__ for cls in wanted.__mro__]:
        raise InputError(
            f"'{path}' holds a {kept['class']}: {kept['class']}.from_file builds it, not {wanted.__name__}"
        )
    return kept


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
