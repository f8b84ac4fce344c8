"""What a network may be asked to record: spikes, weights and what synapses transmit (states: core/populations.py)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from distsim.core.parts import Neurons
from distsim.core.populations import Indices, StateRecording


@dataclass(frozen=True)
class SpikeRecording:
    """Record the spikes of some neurons of a population, in ascending order."""

    population: str
    neurons: Indices

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.neurons)

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """Indices (n,) of the neurons within the population, ascending."""
        return np.asarray(self.neurons, np.int64)


@dataclass(frozen=True)
class WeightRecording:
    """Record the weights between ``sources`` and ``targets`` (indices) before the first and after every run."""

    source: str
    target: str
    sources: Indices
    targets: Indices


@dataclass(frozen=True)
class TransmissionRecording:
    """Record what the synapses between ``sources`` and ``targets`` (indices) transmit at every spike.

    only: the index of the projection whose synapses these are; None: of all between the two.
    """

    source: Neurons
    target: Neurons
    sources: Indices
    targets: Indices
    only: int | None = None

    @property
    def name(self) -> str:
        return f"{self.source.name}->{self.target.name}" + ("" if self.only is None else f" {self.only}")


RECORDINGS = SpikeRecording, StateRecording, WeightRecording, TransmissionRecording
