"""What a ``BinarySimulation`` writes to its file, readable at any moment (record/store.py).

/states/<population>/{initial, final} (size,) uint8, final at the end of the last run() that came to its end; where
recorded, /flips/<population>/{time, neuron, state} and /activity/<population>/{time, value}, times in ms. Root
attributes: ``distsim``, all that was known at the start as JSON, and ``T``, the simulated time (ms) up to which flips
and activities are complete.
"""

from __future__ import annotations

import numpy as np

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.flip_recorder import BinaryRecorder
from distsim.record.output import Output
from distsim.record.store import Store

FLIPS = {"time": np.float64, "neuron": np.int64, "state": np.uint8}
ACTIVITY = {"time": np.float64, "value": np.float64}


def lay_out(store: Store, network: BinaryNetwork) -> None:
    """Add all groups and datasets that the recordings of ``network`` need."""
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


def append_records(output: Output, recorder: BinaryRecorder, time: float) -> None:
    """Append the flips and activities recorded since the last time, up to ``time`` (ms) (collective)."""
    for population in recorder.network.populations:
        name = population.name
        flips, activity = recorder.take(name, time, output.comm)
        if flips is not None:
            output.append(f"flips/{name}", **flips._asdict())
        if activity is not None:
            output.append(f"activity/{name}", value=activity.value, time=activity.time)
