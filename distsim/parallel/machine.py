"""The memory of the machine: how much of it is free, and whether what is to be done fits; and that of this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distsim.core.errors import InputError
from distsim.parallel.communicator import first_told

if TYPE_CHECKING:
    from mpi4py import MPI

MEMINFO, OWN_GROUPS, GROUPS = Path("/proc/meminfo"), Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
STATUS = Path("/proc/self/status")
GROUP_FILES = (  # limit, use, and what of it can be freed; version 2 and 1
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def check_memory(comm: MPI.Comm, needed: float, what: str) -> None:
    """Raise InputError, on all ranks alike, where some rank needs more memory than the machine has for it (collective).

    ``needed``: bytes on this rank; ranks on one machine share what is free there. Nothing is checked where the system
    does not tell what is free.
    """
    from mpi4py import MPI

    free = available_bytes()
    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    ranks = node.size
    node.Free()
    words = None
    if free is not None and needed > free / ranks:
        many = f" on each of {comm.size} ranks" if comm.size > 1 else ""
        has = f"this machine has {in_words(free)} free" + (f" for {ranks} of them" if ranks > 1 else "")
        words = (
            f"{what} needs about {in_words(needed)} of memory{many}, but {has}; choose a smaller network, or more "
            "machines"
        )
    if (refusal := first_told(comm, words)) is not None:
        raise InputError(refusal)


def available_bytes() -> int | None:
    """Bytes of memory that processes of this job can still get: free on the machine, and within its limits.

    None where the system does not tell.
    """
    free = [*_free_of_machine(), *_free_of_groups()]
    return max(0, min(free)) if free else None


def resident_bytes() -> int:
    """Bytes of this process in memory now; 0 where the system does not tell."""
    return _field(STATUS, "VmRSS") or 0


def peak_bytes() -> int:
    """The most bytes that this process had in memory so far; 0 where the system does not tell."""
    return _field(STATUS, "VmHWM") or 0


def in_words(n: float, units: Sequence[str] = UNITS) -> str:
    """A number of bytes as people say it: "5.1 TB"; or of other ``units``, each a thousand of the one before."""
    power = 0
    while n >= 999.5 and power < len(units) - 1:
        n, power = n / 1000.0, power + 1
    return f"{n:.2g} {units[power]}" if n < 99.5 else f"{n:.0f} {units[power]}"


def _free_of_machine() -> list[int]:
    available = _field(MEMINFO, "MemAvailable")
    if available is not None:
        return [available]
    try:
        return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (OSError, ValueError):
        return []


def _free_of_groups() -> Iterator[int]:
    """What the control groups of this process leave, from its own to the outermost: limit - use + what can be freed."""
    for folder in _own_groups():
        for limit_name, use_name, cached in GROUP_FILES:
            try:
                limit = int((folder / limit_name).read_text(encoding="ascii"))
                use = int((folder / use_name).read_text(encoding="ascii"))
                lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
                fields = dict(line.split() for line in lines)
                yield limit - use + int(fields.get(cached, 0))
            except (OSError, ValueError):  # no such file, or "max": no limit
                continue


def _own_groups() -> Iterator[Path]:
    """Folders of the control groups of this process that may limit memory, inner ones first."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        root = GROUPS / kinds
        own = root / path.lstrip("/")
        yield from (folder for folder in (own, *own.parents) if folder == root or root in folder.parents)


def _field(file: Path, name: str) -> int | None:
    """Bytes that ``file`` says ``name`` has; None where it does not tell."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
    except (OSError, ValueError):
        return None
