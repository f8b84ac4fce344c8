"""What a ``Simulation`` writes to its file, readable at any moment, also after the job was killed (record/store.py).

Spikes are laid out as in SONATA: /spikes/<population>/timestamps (ms) and node_ids, counted from 0 within the
population, sorted by time; its size is an attribute; beside them recorded, the ids of the recorded neurons, where these
are not all. States: /states/<population>/<variable>/{time, neuron, value}; value is (T, n). Weights, before the first
run and after every run: /weights/<source>-><target>/{source, target, weight, delay, time}: a row per synapse and
recorded time (ms). The network: /network, see record/kept_network.py.
Root attributes: ``distsim``, all that was known at the start as JSON (see record/simulation_base.py), and ``T``, the
simulated time (ms) up to which the file is complete (weights at time 0 come with the first run).
"""

from __future__ import annotations

import numpy as np

from distsim.parallel.gather import Connections, Spikes, spike_pieces
from distsim.record.kept_network import keep_network
from distsim.record.output import Output, lay_out_states
from distsim.record.store import Store
from distsim.spiking.network import Network
from distsim.spiking.recorders import Recorders
from distsim.spiking.recordings import WeightRecording

SORTING = {"none": 0, "by_id": 1, "by_time": 2}  # as SONATA numbers it


def lay_out(store: Store, network: Network) -> None:
    """Add all groups and datasets that the recordings of ``network`` need, and keep the network itself."""
    keep_network(store, network)
    for spikes in network.spike_recordings:
        group = f"spikes/{spikes.population}"
        store.choice(group, "sorting", "by_time", SORTING)
        store.number(group, "size", network.find(spikes.population).size, np.uint64)
        store.column(f"{group}/timestamps", np.float64, unit="ms")
        store.column(f"{group}/node_ids", np.uint64)
        if spikes.size < network.find(spikes.population).size:
            store.column(f"{group}/recorded", np.uint64, rows=spikes.size)
            store.append(f"{group}/recorded", spikes.indices.astype(np.uint64))
    for states in network.state_recordings:
        unit = network.find(states.population).model.unit_of(states.variable)
        lay_out_states(store, states_group(states.population, states.variable), states.neurons, unit)
    for weights in network.weight_recordings:
        group = f"weights/{weights.source}->{weights.target}"
        for name in ("source", "target"):
            store.column(f"{group}/{name}", np.uint64)
        for name in ("weight", "delay", "time"):
            store.column(f"{group}/{name}", np.float64)
        unit = network.find(weights.target).model.weight_unit
        units = f"weight: {unit}, delay: ms, time: ms of the run's end at which the weight was recorded"
        store.text(group, "units", units)


def states_group(population: str, variable: str) -> str:
    """Where the recorded values of a state variable are."""
    return f"states/{population}/{variable}"


def move_records(output: Output, recorders: Recorders, dt: float) -> None:
    """Move the spikes and states since the last time to the file, by rank 0, which alone gets them, piece by piece."""
    for name, recorder in recorders.of_spikes.items():
        for spikes in spike_pieces(*recorder.take(), output.comm):
            output.append(f"spikes/{name}", timestamps=spikes.times(dt), node_ids=spikes.neuron)
    for of_population in recorders.of_states.values():
        for states in of_population:
            group = states_group(states.recording.population, states.recording.variable)
            for piece in states.take(output.comm):
                output.append_states(group, piece, dt)


def append_weights(output: Output, recording: WeightRecording, time: float, edges: Connections) -> None:
    """Append recorded synapses as they are at ``time`` (ms)."""
    times = np.full(len(edges.weight), time)
    output.append(f"weights/{recording.source}->{recording.target}", **vars(edges), time=times)


def read_spikes(output: Output, population: str, dt: float, everywhere: bool = True) -> Spikes:
    """All spikes of a population that were written so far, on every rank or on rank 0 alone (collective)."""
    time, neuron = output.read(f"spikes/{population}", "timestamps", "node_ids", everywhere=everywhere)
    return Spikes(np.rint(time / dt).astype(np.int64), neuron.astype(np.int64))
