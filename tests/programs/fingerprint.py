"""All of a simulation that must not depend on the number of ranks, in a form that prints as JSON."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from distsim import Network, Simulation


def fingerprint(simulation: Simulation) -> dict[str, Any]:
    """Hashes of spikes, states, connections and weights, and numbers derived from them (collective)."""
    network = simulation.network
    recordings = sorted((r.population, r.variable) for r in network.state_recordings)
    states = [simulation.states(*recording) for recording in recordings]
    pairs = list(dict.fromkeys((p.source.name, p.target.name) for p in network.projections))
    few = [
        simulation.weights(source, target, first_of(network, source), first_of(network, target), at=at)
        for source, target in pairs
        for at in ("last_spike", "now")
    ]
    return {
        "spike_hash": simulation.spike_hash(),
        "weight_hash": simulation.weight_hash(),
        "state_hash": digest(*(array for s in states for array in (s.step, s.neuron, s.value))),
        "edge_hash": digest(*(array for c in few for array in (c.source, c.target, c.weight, c.delay))),
        "spikes": simulation.spike_count(),
        "synapses": simulation.synapse_count(),
        "plastic_weights": simulation.plastic_weight_statistics(),
        "time": simulation.time,
    }


def first_of(network: Network, population: str) -> range:
    """The first 40 neurons of a population, or all where it has fewer."""
    return range(min(40, network.find(population).size))


def digest(*arrays: np.ndarray) -> str:
    """SHA-256 of the bytes of arrays, and of their shapes and types."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.shape}{array.dtype}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
