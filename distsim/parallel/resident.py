"""Memory of this process, as the operating system counts it."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Bytes of this process in memory now; 0 where the system does not tell."""
    return _field("VmRSS")


def peak_bytes() -> int:
    """The most bytes that this process had in memory so far; 0 where the system does not tell."""
    return _field("VmHWM")


def _field(name: str) -> int:
    if not _STATUS.exists():
        return 0
    line = next((line for line in _STATUS.read_text().splitlines() if line.startswith(name)), f"{name}: 0 kB")
    return int(line.split()[1]) * 1024
