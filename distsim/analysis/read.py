"""Reading the result file (HDF5) of a run: spikes, connections, states, and what is needed to repeat it.

Spikes are stored as SONATA has them: /spikes/<population>/timestamps (float64, ms) and node_ids (uint64, counting from
0 in the population), sorted by time, then neuron. Files of a run that was killed, or is still going on, can be read up
to its last flush. What distsim wrote is compared with its checksums, so that a damaged file is never taken for data.
"""

from __future__ import annotations

import json
import math
import os
import stat
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, nearest
from distsim.core.exported import About, ExportedSpikes, ExportedStates
from distsim.core.format_versions import FILES

Path = str | os.PathLike[str]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Result = TypeVar("Result")
ATTEMPTS = 5  # to read a file that is being written
UNREADABLE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, MemoryError)
"""What h5py and numpy may raise for a file that is damaged, or has another layout."""


class RecordedSynapses(NamedTuple):
    """Synapses, sorted by source, then target: indices in their populations, weight (pA), delay (ms), each (n,).

    Every synapse is a row, so a multapse is several, by sign of weight, then delay, then as they were drawn;
    ``weight_statistics.merge_multapses`` makes one of them. ``time`` (ms) is when they were recorded.
    """

    source: IntArray
    target: IntArray
    weight: FloatArray
    delay: FloatArray
    time: float


class RecordedCouplings(NamedTuple):
    """Couplings of binary neurons, sorted by source, then target, (n,) each: indices in their populations, strength."""

    source: IntArray
    target: IntArray
    weight: FloatArray


class RecordedUpdates(NamedTuple):
    """Updates of binary neurons, by time, then neuron: ``time`` (n,) (ms), ``neuron`` (n,) (global id).

    And the fraction of active neurons just after: ``mean`` (n,) of all, ``activity[name]`` (n,) of each population.
    """

    time: FloatArray
    neuron: IntArray
    mean: FloatArray
    activity: dict[str, FloatArray]


class _States(NamedTuple):
    time: FloatArray
    neuron: IntArray
    value: FloatArray


class RecordedStates(_States, ExportedStates):
    """A state variable: ``value`` (times, neurons) at ``time`` (times,) (ms) of the neurons ``neuron`` (neurons,)."""

    unit = "1"
    of = "", ""
    """The population, and the variable."""

    def _about(self) -> About:
        stop = float(self.time[-1]) if len(self.time) else 0.0
        return About(self.of[0], self.neuron, 0.0, stop, self.of[1], self.unit)

    def _times_and_values(self) -> tuple[FloatArray, FloatArray]:
        return self.time, self.value


class _Spikes(NamedTuple):
    time: FloatArray
    neuron: IntArray


class RecordedSpikes(_Spikes, ExportedSpikes):
    """Spikes: ``time`` (n,) in ms, ascending, and ``neuron`` (n,)."""

    of: About | None = None

    def _about(self) -> About | None:
        return self.of

    def _times_and_neurons(self) -> tuple[FloatArray, IntArray]:
        return self.time, self.neuron


def read_spikes(path: Path, population: str, start: float = 0.0, stop: float = math.inf) -> RecordedSpikes:
    """Spike times (n,) (ms) after ``start`` up to and including ``stop``, and the neurons (n,) that fired.

    Sorted by time, then neuron; ``to_neo``, ``to_pandas`` and ``spike_trains`` hand them to other tools. Raises
    InputError where the file cannot be read or holds no spikes of the population.
    """
    times, neurons = _read_columns(path, "spikes", population, timestamps=np.float64, node_ids=np.int64)
    first, last = (int(i) for i in np.searchsorted(times, (start, stop), side="right"))
    found = RecordedSpikes(times[first:last], neurons[first:last])
    found.of = _about_spikes(path, population, found, start, stop)
    return found


def _about_spikes(path: Path, population: str, spikes: RecordedSpikes, start: float, stop: float) -> About:
    """Of which neurons and times the spikes are; those that there are, where another program wrote them."""

    def ends(file: Any) -> float | None:
        return float(file.attrs["T"]) if "distsim" in file.attrs and "T" in file.attrs else None

    end = _read(path, ends)
    neurons = np.unique(spikes.neuron) if end is None else read_recorded_neurons(path, population)
    last = float(spikes.time[-1]) if len(spikes.time) else 0.0
    return About(population, neurons, start, min(stop, max(last, 0.0 if end is None else end)))


def read_recorded_neurons(path: Path, population: str) -> IntArray:
    """Indices (n,) of the neurons of a population whose spikes were recorded, ascending, be they silent or not.

    Raises InputError where the file cannot be read or holds no spikes of the population.
    """

    def recorded(file: Any) -> IntArray | None:
        group = _group(file, "spikes", population)
        return _column(group, "recorded").astype(np.int64) if "recorded" in group else None

    found = _read(path, recorded)
    if found is not None:
        return found
    described = read_parameters(path)["network"]["populations"]
    return np.arange(next(known["size"] for known in described if known["name"] == population))


def read_connections(path: Path, source: str, target: str, time: float | None = None) -> RecordedSynapses:
    """The synapses from population ``source`` to ``target`` as recorded at ``time`` (ms), by default at the last time.

    They are recorded before the first run, at time 0, and after every run. Raises InputError where the file cannot be
    read or has none of these populations or of this time.
    """

    def connections(file: Any) -> RecordedSynapses:
        group = _group(file, "weights", f"{source}->{target}")
        times, *columns = _columns(group, "time", "source", "target", "weight", "delay")
        if times.size == 0:  # else one entry per synapse and recorded time, in order of time
            raise InputError(f"'{path}' holds no synapses of '{source}->{target}': none were recorded")
        chosen = times[-1] if time is None else time
        first, last = (int(i) for i in (np.searchsorted(times, chosen, side) for side in ("left", "right")))
        if first == last:
            known = ", ".join(f"{t:g}" for t in np.unique(times))
            raise InputError(
                f"'{path}': the synapses of '{source}->{target}' were recorded at {known} ms, not at {time} ms"
            )
        source_, target_, weight, delay = (column[first:last] for column in columns)
        ends = source_.astype(np.int64), target_.astype(np.int64)
        return RecordedSynapses(*ends, weight.astype(np.float64), delay.astype(np.float64), float(chosen))

    return _read(path, connections)


def read_states(path: Path, population: str, variable: str) -> RecordedStates:
    """The recorded values of a state variable; InputError where there are none in the file.

    The variable of binary neurons is "state", 0 or 1.
    """

    def states(file: Any) -> RecordedStates:
        _group(file, "states", population)
        return _states(_group(file, f"states/{population}", variable), population, variable)

    return _read(path, states)


def read_rates(path: Path, population: str) -> RecordedStates:
    """The recorded rates (1/s) of rate neurons; InputError where there are none in the file."""
    return _read(path, lambda file: _states(_group(file, "rates", population), population, "rate"))


def read_flips(path: Path, population: str) -> tuple[FloatArray, IntArray, IntArray]:
    """Changes of state of binary neurons: time (n,) (ms), neuron (n,), state (n,) after; sorted by time, then neuron.

    ``distsim.analysis.activity_plots.states_at`` makes states of them. InputError where there are none in the file.
    """
    time, neuron, state = _read_columns(path, "flips", population, time=np.float64, neuron=np.int64, state=np.int64)
    return time, neuron, state


def read_activity(path: Path, population: str) -> tuple[FloatArray, FloatArray]:
    """Mean activity of binary neurons: time (n,) (ms) and value (n,), each holding until the next where all were kept.

    Raises InputError where there is none in the file.
    """
    time, value = _read_columns(path, "activity", population, time=np.float64, value=np.float64)
    return time, value


def read_binary_states(path: Path, population: str) -> tuple[IntArray, IntArray]:
    """States (size,) of binary neurons at the start, and after the last run() that came to its end; or InputError."""
    initial, final = _read_columns(path, "states", population, initial=np.int64, final=np.int64)
    return initial, final


def read_couplings(path: Path, source: str, target: str) -> RecordedCouplings:
    """The couplings that were kept from population ``source`` to ``target``; InputError where there are none."""
    name = f"{source}->{target}"
    columns = _read_columns(path, "couplings", name, source=np.int64, target=np.int64, weight=np.float64)
    return RecordedCouplings(*columns)


def read_updates(path: Path) -> RecordedUpdates:
    """Every update of binary neurons and the mean activities after it; InputError where none were recorded."""

    def updates(file: Any) -> RecordedUpdates:
        group = _group(file, "updates", "all")
        time, neuron, mean, activity = _columns(group, "time", "neuron", "mean", "activity")
        names = json.loads(group.attrs["populations"])
        of = {name: activity[:, k].astype(np.float64) for k, name in enumerate(names)}
        return RecordedUpdates(time.astype(np.float64), neuron.astype(np.int64), mean.astype(np.float64), of)

    return _read(path, updates)


def read_parameters(path: Path) -> dict[str, Any]:
    """What is needed to repeat the run: versions, seed, dt, ranks, description of the network; T (ms): how far it came.

    Raises InputError for a file that distsim did not write.
    """

    def parameters(file: Any) -> dict[str, Any]:
        if "distsim" not in file.attrs:
            raise InputError(f"'{path}' was not written by distsim: it has no attribute 'distsim'")
        text = file.attrs["distsim"]
        data = text.encode() if isinstance(text, str) else bytes(text)
        if "distsim_crc32" in file.attrs and zlib.crc32(data) != file.attrs["distsim_crc32"]:
            raise ValueError("the attribute 'distsim' does not have its checksum")
        found = json.loads(data)
        if not isinstance(found, dict):
            raise ValueError("the attribute 'distsim' is no JSON object")
        return {**found, **({"T": float(file.attrs["T"])} if "T" in file.attrs else {})}

    return _read(path, parameters)


def read_contents(path: Path) -> dict[str, list[str]]:
    """Of what there are recordings: the names that the other readers take, by "spikes", "weights" and the like.

    Synapses are named "source->target". Raises InputError where the file cannot be read.
    """
    return _read(path, lambda file: {kind: sorted(file[kind]) for kind in sorted(file) if kind != "network"})


def _read_columns(path: Path, kind: str, population: str, **types: type) -> list[npt.NDArray[Any]]:
    """Datasets of the group ``kind``/``population``, each of a type."""
    columns = _read(path, lambda file: _columns(_group(file, kind, population), *types))
    return [column.astype(dtype) for column, dtype in zip(columns, types.values(), strict=True)]


def _read(path: Path, action: Callable[[Any], Result]) -> Result:
    """What ``action`` makes of the open file; once more where the file was written to meanwhile.

    Raises InputError where that is not a file, or damaged.
    """
    import h5py

    before = _version(path)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with h5py.File(path, "r") as file:
                if file.attrs.get("format", FILES) != FILES:
                    raise InputError(
                        f"'{path}' has format {file.attrs['format']}, this version of distsim reads {FILES}"
                    )
                return action(file)
        except InputError:
            raise
        except UNREADABLE as error:
            after = _version(path)
            if after == before or attempt == ATTEMPTS:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise InputError(
                    f"'{path}' cannot be read as HDF5, it is damaged or of another kind: {reason}"
                ) from error
            before = after
    raise InputError(f"'{path}' cannot be read")


def _version(path: Path) -> tuple[int, int]:
    """Length and time of the last change of a file; InputError where there is none."""
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"read: needs the path of a file, got {path!r}")
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise InputError(f"there is no file '{path}'") from None
    except (OSError, ValueError) as error:
        raise InputError(f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"'{path}' is {'a folder' if stat.S_ISDIR(found.st_mode) else 'a device or pipe'}, not a file")
    return found.st_size, found.st_mtime_ns


def _group(file: Any, parent: str, name: str) -> Any:
    """The group parent/name, or InputError with the nearest name there."""
    names = list(file[parent]) if parent in file else []
    if name not in names:
        raise InputError(f"'{file.filename}' has no {parent} of '{name}'{nearest(name, names)}")
    return file[parent][name]


def _states(group: Any, population: str, variable: str) -> RecordedStates:
    """The values of a state variable in ``group``."""
    time, value = _columns(group, "time", "value")
    (neuron,) = _columns(group, "neuron")
    found = RecordedStates(time.astype(np.float64), neuron.astype(np.int64), value.astype(np.float64))
    found.unit, found.of = str(group["value"].attrs.get("units", "1")), (population, variable)
    return found


def _columns(group: Any, *names: str) -> list[npt.NDArray[Any]]:
    """Datasets of ``group``, as many rows as all have: a killed run may have written some further than others."""
    columns = [_column(group, name) for name in names]
    rows = min(len(column) for column in columns)
    return [column[:rows] for column in columns]


def _column(group: Any, name: str) -> npt.NDArray[Any]:
    """The rows of a dataset that are there for sure; ValueError where they do not have their checksum."""
    dataset = group[name]
    if "checked" not in dataset.attrs:  # of another program
        return np.asarray(dataset[()])
    rows, crc = (int(n) for n in dataset.attrs["checked"])
    values = np.ascontiguousarray(dataset[:rows])
    if len(values) != rows or zlib.crc32(values.data if values.size else b"") != crc:
        raise ValueError(f"'{dataset.name}' does not have its checksum")
    return values
