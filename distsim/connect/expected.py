"""What a network will take of the memory of one rank."""

from __future__ import annotations

from dataclasses import dataclass

WORD = 8  # bytes


@dataclass(frozen=True)
class Memory:
    """Bytes on one rank, about; recordings are not in it.

    tables: of synapses; plasticity: what plastic synapses remember beside; rings: of input; neurons: and the buffers of
    their spikes; building: what is only there while the network is built.
    """

    tables: float = 0.0
    plasticity: float = 0.0
    rings: float = 0.0
    neurons: float = 0.0
    building: float = 0.0

    @property
    def total(self) -> float:
        return self.tables + self.plasticity + self.rings + self.neurons + self.building
