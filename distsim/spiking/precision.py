"""Types of weights and of sums of input: those of the precision that is asked for, unless they would lose too much.

What is decided here follows from the network alone, so that all ranks decide alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from distsim.core.distributions import Distribution
from distsim.core.errors import check_names
from distsim.core.values import Value, typical_sizes
from distsim.spiking.choices import PRECISIONS
from distsim.spiking.synapses.synapse_model import SynapseModel

TOLERANCE = 1e-4  # of itself, by which a weight, or a change of a plastic one, may be rounded
FLOAT32 = np.finfo(np.float32)


def check_precision(precision: str) -> Any:
    """The type of weights; InputError for an unknown precision."""
    check_names([precision], PRECISIONS, "precision", "Simulation")
    return np.float32 if precision == "single" else np.float64


def weight_type(synapses: Iterable[SynapseModel], wanted: Any) -> Any:
    """The type of weights of a table: ``wanted``, but float64 where weights or their changes need it."""
    return np.float64 if wanted is np.float32 and any(needs_double(synapse) for synapse in synapses) else wanted


def needs_double(synapse: SynapseModel) -> bool:
    """Whether float32 cannot hold the weights and parameters of a synapse, or loses what it learns.

    A weight is rounded by up to 2**-24 of itself whenever it changes.
    """
    if float(FLOAT32.epsneg) / 2 > TOLERANCE * synapse.least_change():
        return True
    values = [value for name, value in synapse.values.items() if name != "delay"]
    return any((typical_sizes(value) < FLOAT32.tiny).any() for value in values)  # none is given that is too large


def too_coarse(unit: float, weights: Iterable[Value]) -> bool:
    """Whether multiples of ``unit`` are off by more than TOLERANCE of a weight: for drawn ones, of the median size."""
    for weight in weights:
        sizes = typical_sizes(weight) / unit
        error = 0.5 if isinstance(weight, Distribution) else np.abs(sizes - np.rint(sizes))
        if (error > TOLERANCE * sizes).any():
            return True
    return False
