"""The Poisson input of all populations of a group, in the form in which kernels add it."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.jit import inline, jit
from distsim.core.poisson_counts import BLOCK, add_events

PoissonInput = tuple[Any, ...]
"""Rows, one for each Poisson input of a population: rows (populations + 1,), those of population p are rows[p] ..
rows[p + 1] - 1; inputs (rows,), the input that each drives; keys (all neurons of all rows,) uint64, of which those of a
row begin for neuron i of the group at i + offsets (rows,); salts, thresholds (rows, longest), common, first: of streams
and count tables; weights (rows,) in units of the ring; delays (rows,) in steps. A plain tuple: to look at the type of a
named one, as every call of a kernel does, takes microseconds."""


@inline
def add_poisson(poisson, p, begin, size, first_step, n_steps, rings, random):  # type: ignore[no-untyped-def]
    """Add to rings (slots, n) what arrives in some steps at the neurons begin .. begin + size - 1, of population p."""
    rows, inputs, offsets, keys, salts, thresholds, common, first, weights, delays = poisson
    for r in range(rows[p], rows[p + 1]):
        ring, start = rings[inputs[r]], begin + offsets[r]
        drive = keys[start : start + size], salts[r], thresholds[r], common[r], first[r], weights[r], delays[r]
        for step in range(first_step, first_step + n_steps):
            add_events(drive, step, ring[step % ring.shape[0], begin : begin + size], random)


@jit
def deposit_all(poisson, bounds, first_step, n_steps, rings):  # type: ignore[no-untyped-def]
    """Add what arrives in the steps first_step .. first_step + n_steps - 1 to rings (slots, n)."""
    random = np.empty(BLOCK, np.uint64)
    for p in range(bounds.size - 1):
        for begin in range(bounds[p], bounds[p + 1], BLOCK):
            size = min(BLOCK, bounds[p + 1] - begin)
            add_poisson(poisson, p, begin, size, first_step, n_steps, rings, random)
