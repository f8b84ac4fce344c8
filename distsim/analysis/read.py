"""Reading the result file (HDF5) of a run: spikes, connections, states, and what is needed to repeat it.

Spikes are stored as SONATA has them: /spikes/<population>/timestamps (float64, ms) and node_ids (uint64, counting from
0 in the population), sorted by time, then neuron. Files of a run that was killed can be read up to its last flush.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.errors import InputError, nearest

Path = str | os.PathLike[str]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Connections(NamedTuple):
    """Synapses, sorted by source, then target: indices in their populations, weight (pA), delay (ms), each (n,).

    ``time`` (ms) is when they were recorded.
    """

    source: IntArray
    target: IntArray
    weight: FloatArray
    delay: FloatArray
    time: float


class States(NamedTuple):
    """A state variable: ``value`` (times, neurons) at ``time`` (times,) (ms) of the neurons ``neuron`` (neurons,)."""

    time: FloatArray
    neuron: IntArray
    value: FloatArray


def read_spikes(path: Path, population: str, start: float = 0.0, stop: float = math.inf) -> tuple[FloatArray, IntArray]:
    """Spike times (n,) (ms) after ``start`` up to and including ``stop``, and the neurons (n,) that fired.

    Sorted by time, then neuron. Raises InputError where the file cannot be read or holds no spikes of the population.
    """
    with _open(path) as file:
        group = _group(file, "spikes", population)
        times = np.asarray(group["timestamps"][()], np.float64)
        # a killed run may have written one of the two further than the other
        times = times[: min(times.size, group["node_ids"].size)]
        first, last = (int(i) for i in np.searchsorted(times, (start, stop), side="right"))
        return times[first:last], np.asarray(group["node_ids"][first:last]).astype(np.int64)


def read_connections(path: Path, source: str, target: str, time: float | None = None) -> Connections:
    """The synapses from population ``source`` to ``target`` as recorded at ``time`` (ms), by default at the last time.

    Raises InputError where the file cannot be read or has none of these populations or of this time.
    """
    with _open(path) as file:
        group = _group(file, "weights", f"{source}->{target}")
        times = np.asarray(group["time"][()], np.float64)  # one entry per synapse and recorded time, in order of time
        if times.size == 0:
            raise InputError(f"'{path}' holds no synapses of '{source}->{target}': none were recorded")
        chosen = times[-1] if time is None else time
        first, last = (int(i) for i in (np.searchsorted(times, chosen, side) for side in ("left", "right")))
        if first == last:
            known = ", ".join(f"{t:g}" for t in np.unique(times))
            raise InputError(
                f"'{path}': the synapses of '{source}->{target}' were recorded at {known} ms, not at {time} ms"
            )
        return Connections(
            source=np.asarray(group["source"][first:last]).astype(np.int64),
            target=np.asarray(group["target"][first:last]).astype(np.int64),
            weight=np.asarray(group["weight"][first:last], np.float64),
            delay=np.asarray(group["delay"][first:last], np.float64),
            time=float(chosen),
        )


def read_states(path: Path, population: str, variable: str) -> States:
    """The recorded values of a state variable; InputError where there are none in the file."""
    with _open(path) as file:
        _group(file, "states", population)
        group = _group(file, f"states/{population}", variable)
        time = np.asarray(group["time"][()], np.float64)
        value = np.asarray(group["value"][()], np.float64)
        rows = min(time.size, value.shape[0])
        return States(time[:rows], np.asarray(group["neuron"][()]).astype(np.int64), value[:rows])


def read_flips(path: Path, population: str) -> tuple[FloatArray, IntArray, IntArray]:
    """Changes of state of binary neurons: time (n,) (ms), neuron (n,), state (n,) after; sorted by time, then neuron.

    ``distsim.analysis.binary.states_at`` makes states of them. InputError where there are none in the file.
    """
    with _open(path) as file:
        group = _group(file, "flips", population)
        neuron, state = (np.asarray(group[name][()]).astype(np.int64) for name in ("neuron", "state"))
        return np.asarray(group["time"][()], np.float64), neuron, state


def read_activity(path: Path, population: str) -> tuple[FloatArray, FloatArray]:
    """Mean activity of binary neurons: time (n,) (ms) and value (n,), each holding until the next where all were kept.

    Raises InputError where there is none in the file.
    """
    with _open(path) as file:
        group = _group(file, "activity", population)
        return np.asarray(group["time"][()], np.float64), np.asarray(group["value"][()], np.float64)


def read_binary_states(path: Path, population: str) -> tuple[IntArray, IntArray]:
    """States (size,) of binary neurons at the start and at the end of what was simulated, or InputError."""
    with _open(path) as file:
        group = _group(file, "states", population)
        initial, final = (np.asarray(group[name][()]).astype(np.int64) for name in ("initial", "final"))
        return initial, final


def read_parameters(path: Path) -> dict[str, Any]:
    """What is needed to repeat the run: versions, seed, dt, ranks, description of the network; T (ms): how far it came.

    Raises InputError for a file that distsim did not write.
    """
    with _open(path) as file:
        if "distsim" not in file.attrs:
            raise InputError(f"'{path}' was not written by distsim: it has no attribute 'distsim'")
        found = json.loads(file.attrs["distsim"])
        simulated = {"T": float(file.attrs["T"])} if "T" in file.attrs else {}
    if not isinstance(found, dict):
        raise InputError(f"'{path}': the attribute 'distsim' is no JSON object")
    return {**found, **simulated}


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """The open file. One that is still marked as being written (killed run, or run in progress) is read as SWMR."""
    import h5py

    if not os.path.exists(path):
        raise InputError(f"there is no file '{path}'")
    try:
        file = h5py.File(path, "r")
    except OSError as plain_error:
        try:
            file = h5py.File(path, "r", libver="latest", swmr=True)
        except (OSError, ValueError):
            raise InputError(f"'{path}' cannot be read as HDF5: {plain_error}") from plain_error
    with file:
        yield file


def _group(file: Any, parent: str, name: str) -> Any:
    """The group parent/name, or InputError with the nearest name there."""
    names = list(file[parent]) if parent in file else []
    if name not in names:
        raise InputError(f"'{file.filename}' has no {parent} of '{name}'{nearest(name, names)}")
    return file[parent][name]
