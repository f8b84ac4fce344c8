"""Reading liquid.h5, what an experiment with a liquid kept: stimuli, distances of states, spikes and states of trials.

A pair is named by the distance of its stimuli and its number among those at this distance, a trial by the stimulus of
the pair as well, "u" or "v". Spikes and stimuli fit the functions of ``filtered_trains`` and ``liquid_distances``. A
file of a run that was ended, or is still going on, can be read up to its last flush.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.analysis.read import Path, RecordedStates, _columns, _read, read_parameters
from distsim.core.errors import InputError, check_names
from distsim.core.units import check_count, check_number

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
SIDES = ("u", "v")


class DistanceCurves(NamedTuple):
    """How far apart liquid states are: ``value`` (pairs, T) at ``time`` (T,) (ms), in the order of the pairs' numbers.

    ``distance`` (pairs,) is that of the stimuli, ``pair`` (pairs,) the number at this distance.
    """

    time: FloatArray
    distance: FloatArray
    pair: IntArray
    value: FloatArray


def read_distance_curves(path: Path, distance: float | None = None) -> DistanceCurves:
    """The distance of the states of every pair, or of those whose stimuli are at ``distance``.

    Raises InputError where the file cannot be read or holds no curves, or no stimuli at that distance.
    """

    def curves(file: Any) -> DistanceCurves:
        (time,) = _columns(file["curves"], "time")
        value, of_pair, pair = _columns(file["curves"], "value", "distance", "pair")
        return DistanceCurves(time, of_pair, pair, value)

    known = _known(path, "curves")
    found = _read(path, curves)
    if distance is None:
        return found
    _number_of(path, known, distance)
    chosen = found.distance == distance
    return DistanceCurves(found.time, *(column[chosen] for column in found[1:]))


def read_stimuli(path: Path, distance: float, pair: int) -> tuple[FloatArray, FloatArray]:
    """The stimuli u (n,) and v (m,) of a pair, times in ms: as they were drawn, before they come to the grid.

    Raises InputError where the file cannot be read, holds no stimuli, or none of this pair.
    """
    u, v = (_trial(path, "stimuli", distance, pair, side, "time")[0] for side in SIDES)
    return u, v


def read_trial_spikes(path: Path, distance: float, pair: int, stimulus: str) -> tuple[FloatArray, IntArray]:
    """Spike times (n,) (ms) and neurons (n,) of a trial, sorted by time, then neuron; excitatory neurons come first.

    ``stimulus`` is "u" or "v". Raises InputError where the file cannot be read, or spikes of the pair were not kept.
    """
    times, neurons = _trial(path, "spikes", distance, pair, stimulus, "time", "neuron")
    return times, neurons


def read_trial_states(path: Path, distance: float, pair: int, stimulus: str) -> RecordedStates:
    """The states of a trial: value (T, neurons) at time (T,) (ms); its transpose is what ``liquid_states`` gives.

    ``stimulus`` is "u" or "v". Raises InputError where the file cannot be read, or states of the pair were not kept.
    """
    value, time = _trial(path, "states", distance, pair, stimulus, "value", "time")
    return RecordedStates(time, np.arange(value.shape[1]), value)


def _trial(path: Path, kind: str, distance: float, pair: int, stimulus: str, *names: str) -> list[npt.NDArray[Any]]:
    """The rows of a trial in the group ``kind``; InputError where that trial is not there."""
    check_names([stimulus], SIDES, "stimulus of a pair", "read")
    known = _known(path, kind)
    d, number = _number_of(path, known, distance), check_count(pair, "read: pair")
    parameters = known["parameters"]
    there = range(parameters["pairs"]) if kind == "stimuli" else parameters["keep_pairs"]
    if number not in there:
        whole = f"0 to {len(there) - 1}" if kind == "stimuli" else ", ".join(map(str, there)) or "none"
        raise InputError(f"'{path}' holds {kind} of the pairs {whole} at each distance, not of pair {number}")
    place = number * len(known["distances"]) + d
    if kind != "stimuli" and 2.0 * (place + 1) * parameters["T"] > known["T"] * (1.0 + 1e-9):
        raise InputError(f"'{path}' does not reach pair {number} at distance {distance:g}: the run was ended before")
    columns = _read(path, lambda file: _columns(file[kind], "trial", *names))
    chosen = columns[0] == 2 * place + SIDES.index(stimulus)
    return [column[chosen] for column in columns[1:]]


def _known(path: Path, kind: str) -> dict[str, Any]:
    """What the file tells of its run; InputError where it is of another kind, or ``kind`` was not kept."""
    known = read_parameters(path)
    keep = known.get("parameters", {}).get("keep")
    if keep is None:
        raise InputError(f"'{path}' is not the file of an experiment with a liquid")
    if kind not in keep.split(","):
        raise InputError(f"'{path}' holds no {kind}: its run was to keep {keep.replace(',', ', ')}")
    return known


def _number_of(path: Path, known: dict[str, Any], distance: float) -> int:
    """The number of a distance in the file that has the parameters ``known``."""
    distances: list[float] = known["distances"]
    if check_number(distance, "read: distance") not in distances:
        there = ", ".join(f"{d:g}" for d in distances)
        raise InputError(f"'{path}' holds pairs of stimuli at the distances {there}, not at {distance:g}")
    return distances.index(distance)
