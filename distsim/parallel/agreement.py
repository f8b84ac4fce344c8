"""Whether all ranks mean to do the same, found out before they do it: in one collective of 32 bytes.

Ranks that are given different networks, seeds or durations would simulate nonsense, or wait for each other for ever.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.core.errors import InputError
from distsim.core.populations import Populations
from distsim.parallel.communicator import check_communicator
from distsim.parallel.job import end_together

if TYPE_CHECKING:
    from mpi4py import MPI

SHOWN = 60  # characters of a value in a message
ROWS = 256  # of a matrix that are copied together
HIDDEN = ("_frozen", "_collected", "_by_name")  # of a network: what is not part of the description
ENDS = ("source", "target")  # of a projection: populations, which are compared by themselves

Leaf = tuple[str, str, bytes]
"""A single value: where it belongs, what it looks like, and a digest of it."""


def require_same(comm: MPI.Comm, what: str, **values: Any) -> None:
    """Raise InputError on all ranks where ``values`` are not the same on all of them; collective.

    ``what`` is what they are given to. Networks and everything in them are compared by content, arrays to the last
    bit; the message names the first difference, and the lowest rank that differs from rank 0.
    """
    check_communicator(comm, what)
    if comm.size == 1:
        return
    end_together()
    leaves = [leaf for name, value in values.items() for leaf in leaves_of(name.replace("_", " "), value)]
    whole = hashlib.blake2b(digest_size=16)
    for label, _, digest in leaves:
        whole.update(label.encode() + b"\0" + digest)
    if not _same_everywhere(comm, whole.digest()):
        raise InputError(f"{what}: the ranks are not given the same: {_difference(comm, leaves)}")


def _same_everywhere(comm: MPI.Comm, digest: bytes) -> bool:
    """Whether all ranks have this digest: where the largest is the smallest."""
    from mpi4py import MPI

    mine = np.frombuffer(digest, np.uint64)
    both = np.concatenate((mine, ~mine))
    extremes = np.empty_like(both)
    comm.Allreduce(both, extremes, op=MPI.MAX)
    largest, smallest = extremes[: mine.size], ~extremes[mine.size :]
    return bool((largest == smallest).all())


def _difference(comm: MPI.Comm, leaves: list[Leaf]) -> str:
    """The first value that the lowest rank with another one has in its own way (collective)."""
    from mpi4py import MPI

    of_root: list[Leaf] = comm.bcast(leaves, root=0)
    place = first_difference(of_root, leaves)
    rank = comm.allreduce(comm.size if place is None else comm.rank, op=MPI.MIN)
    theirs: tuple[int, list[Leaf]] = comm.bcast((place, leaves[place or 0 : (place or 0) + 1]), root=rank)
    place, other = theirs
    ours = of_root[place : place + 1]
    label = (ours or other)[0][0]
    here, there = (next((text for name, text, _ in found if name == label), "not there") for found in (ours, other))
    return f"{label} is {here} on rank 0, but {there} on rank {rank}"


def first_difference(a: list[Leaf], b: list[Leaf]) -> int | None:
    """The first place at which two lists of values differ; None where they do not."""
    for i in range(max(len(a), len(b))):
        if a[i : i + 1] != b[i : i + 1]:
            return i
    return None


def leaves_of(label: str, value: Any) -> Iterator[Leaf]:
    """All single values in ``value``, each with where it belongs."""
    if isinstance(value, np.ndarray):
        yield label, _shown_array(value), _digest(value.dtype.str, value.shape, *_contents(value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield f"the kind of {label}", type(value).__name__, _digest(type(value).__qualname__)
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            is_end = field.name in ENDS and hasattr(inner, "first_gid")
            yield from leaves_of(f"{field.name} of {label}", inner.name if is_end else inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves_of(f"{key} of {label}", inner)
    elif isinstance(value, (list, tuple)):
        yield from _leaves_of_list(label, value)
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic, PurePath)):
        text = _spelled(value)
        yield label, text if len(text) <= SHOWN else f"{text[:SHOWN]}...", _digest(text)
    elif isinstance(value, Populations):
        for name, inner in vars(value).items():
            if name not in HIDDEN:
                yield from leaves_of(name if isinstance(inner, list) else f"{name} of {label}", inner)
    else:  # another object: it may say of itself where it lies in memory
        yield f"the kind of {label}", type(value).__name__, _digest(type(value).__qualname__)


def _leaves_of_list(label: str, values: list[Any] | tuple[Any, ...]) -> Iterator[Leaf]:
    """The number of entries, and each by its name or number; many plain numbers together."""
    yield f"the number of {label}", str(len(values)), _digest(str(len(values)))
    if all(isinstance(value, (bool, int, float, str)) for value in values):
        yield (
            f"the choice of {label}",
            f"{values[0]!r} ... {values[-1]!r}" if values else "empty",
            _digest(repr(values)),
        )
        return
    if all(isinstance(value, np.ndarray) for value in values):
        parts = [part for value in values for part in (value.shape, np.ascontiguousarray(value).data)]
        yield f"the content of {label}", f"{len(values)} arrays", _digest(*parts)
        return
    for i, value in enumerate(values):
        name = f"'{value.name}'" if hasattr(value, "name") else str(i)
        yield from leaves_of(f"{name} in {label}", value)


def _spelled(value: Any) -> str:
    """A single value as text: the same for 1000, 1000.0 and their likes of numpy."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, int) and not isinstance(plain, bool) and abs(plain) < 2**53:
        plain = float(plain)
    if isinstance(plain, float) and plain.is_integer() and abs(plain) < 2**53:
        return str(int(plain))
    return repr(str(plain) if isinstance(plain, PurePath) else plain)


def _contents(array: Any) -> Iterator[memoryview]:
    """The numbers of an array in order; of a part of a matrix, a few rows at a time: it is never copied as a whole."""
    together = max(1, len(array) if array.ndim < 2 or array.flags.c_contiguous else ROWS)
    for begin in range(0, len(array) if array.ndim else 1, together):
        yield np.ascontiguousarray(array[begin : begin + together] if array.ndim else array).data


def _shown_array(array: Any) -> str:
    shape = " x ".join(map(str, array.shape))
    if not array.size or array.dtype.kind not in "biuf":
        return f"an array of {shape}"
    return f"an array of {shape} from {array.min():g} to {array.max():g}"


def _digest(*parts: Any) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part if isinstance(part, memoryview) else repr(part).encode())
    return digest.digest()
