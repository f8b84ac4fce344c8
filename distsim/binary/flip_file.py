"""What a ``BinarySimulation`` writes to its file, readable at any moment (record/store.py).

/states/<population>/{initial, final} (size,) uint8, final at the end of the last run() that came to its end; where
recorded, /flips/<population>/{time, neuron, state} and /activity/<population>/{time, value}, times in ms;
/states/<population>/state/{neuron, time, value}, value (T, n) uint8; /updates/all/{time, neuron, mean, activity},
activity (n, populations), whose names are the attribute ``populations`` (JSON), neuron a global id; and
/couplings/<source>-><target>/{source, target, weight}. The network: /network, see record/kept_network.py. Root
attributes: ``distsim``, all that was known at the start as JSON, and ``T``, the simulated time (ms) up to which all but
final states is complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.coupled_pairs import CoupledPairs
from distsim.binary.flip_recorder import BinaryRecorder
from distsim.binary.state_sampler import BinaryStates
from distsim.binary.update_recorder import Updates
from distsim.record.kept_network import keep_network
from distsim.record.output import Output
from distsim.record.store import Store

FLIPS = {"time": np.float64, "neuron": np.int64, "state": np.uint8}
ACTIVITY = {"time": np.float64, "value": np.float64}
COUPLINGS = {"source": np.uint64, "target": np.uint64, "weight": np.float64}
UPDATES = "updates/all"
OF_UPDATE = ("time", "neuron", "mean", "activity")


def lay_out(store: Store, network: BinaryNetwork) -> None:
    """Add all groups and datasets that the recordings of ``network`` need, and keep the network itself."""
    keep_network(store, network)
    for population in network.populations:
        for name in ("initial", "final"):
            store.column(f"states/{population.name}/{name}", np.uint8, rows=population.size)
    for kind, recorded, columns in (
        ("flips", network.flip_recordings, FLIPS),
        ("activity", network.activity_recordings, ACTIVITY),
    ):
        for population_name in recorded:
            for name, dtype in columns.items():
                unit = "ms" if name == "time" else ""
                store.column(f"{kind}/{population_name}/{name}", dtype, unit=unit)

    for name, sampling in network.state_recordings.items():
        group = f"states/{name}/state"
        store.column(f"{group}/neuron", np.uint64, rows=len(sampling.neurons))
        store.append(f"{group}/neuron", sampling.neurons)
        store.column(f"{group}/time", np.float64, unit="ms")
        store.column(f"{group}/value", np.uint8, width=len(sampling.neurons))
    if network.update_recordings:
        store.column(f"{UPDATES}/time", np.float64, unit="ms")
        store.column(f"{UPDATES}/neuron", np.uint64)
        store.column(f"{UPDATES}/mean", np.float64)
        store.column(f"{UPDATES}/activity", np.float64, width=len(network.populations))
        store.text(UPDATES, "populations", json.dumps([p.name for p in network.populations]))
    for couplings in network.coupling_recordings:
        for name, dtype in COUPLINGS.items():
            store.column(f"couplings/{couplings.source}->{couplings.target}/{name}", dtype)


def append_records(output: Output, recorder: BinaryRecorder, time: float) -> None:
    """Append the flips and activities recorded since the last time, up to ``time`` (ms) (collective)."""
    for population in recorder.network.populations:
        name = population.name
        flips, activity = recorder.take(name, time, output.comm)
        if flips is not None:
            output.append(f"flips/{name}", **flips._asdict())
        if activity is not None:
            output.append(f"activity/{name}", value=activity.value, time=activity.time)
    for name, sampler in recorder.states.items():
        states = sampler.take(output.comm)
        output.append(f"states/{name}/state", value=states.value, time=states.time)
    if recorder.updates is not None:
        found = recorder.updates.take(output.comm)
        together = np.empty((len(found.time), len(found.activity)))
        for k, values in enumerate(found.activity.values()):
            together[:, k] = values
        output.append(UPDATES, activity=together, mean=found.mean, neuron=found.neuron, time=found.time)


def append_couplings(output: Output, source: str, target: str, pairs: CoupledPairs) -> None:
    """Append some couplings, those of ``source`` to ``target`` (collective)."""
    output.append(f"couplings/{source}->{target}", **pairs._asdict())


def read_states(output: Output, name: str, everywhere: bool) -> BinaryStates:
    """The states of a population that were written so far, on every rank or on rank 0 alone (collective)."""
    neuron, time, value = output.read(f"states/{name}/state", "neuron", "time", "value", everywhere=everywhere)
    return BinaryStates(time, neuron.astype(np.int64), value)


def read_updates(output: Output, network: BinaryNetwork, everywhere: bool) -> Updates:
    """The updates that were written so far, on every rank or on rank 0 alone (collective)."""
    return _updates(network, *output.read(UPDATES, *OF_UPDATE, everywhere=everywhere))


def updates_in_pieces(output: Output, network: BinaryNetwork) -> Iterator[Updates]:
    """The same some at a time, for rank 0 alone; not collective."""
    return (_updates(network, *piece) for piece in output.pieces(UPDATES, *OF_UPDATE))


def _updates(network: BinaryNetwork, *columns_of_file: npt.NDArray[Any]) -> Updates:
    time, neuron, mean, activity = columns_of_file
    columns = activity.reshape(-1, len(network.populations)).T.copy()
    of = {population.name: column for population, column in zip(network.populations, columns, strict=True)}
    return Updates(time, neuron.astype(np.int64), mean, of)
