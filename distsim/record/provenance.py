"""What a result carries so that it can be repeated."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mpi4py import MPI

PACKAGES = ("distsim", "numpy", "numba", "h5py", "mpi4py")


class Described(Protocol):
    """A network that can tell all that fixes it."""

    def description(self) -> dict[str, Any]: ...


def about(network: Described, comm: MPI.Comm, seed: int, **settings: Any) -> dict[str, Any]:
    """What fixes every bit of a run, and with what it was made, as JSON-ready data; ``settings`` of its kind."""
    return {
        **settings,
        "seed": seed,
        "ranks": comm.size,
        "versions": versions(PACKAGES),
        "network": network.description(),
    }


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Versions of Python and of ``packages``; None for one that runs without being installed."""
    from importlib import metadata

    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found
