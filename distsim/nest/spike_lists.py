"""The spike times of a spike_generator: how they lie on the grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import NEVER, Values
from distsim.nest.time_grid import Clock

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
DIGITS = 9  # of a time in steps that count

SPIKE_LIST: dict[str, Any] = {
    "spike_times": np.zeros(0), "spike_weights": np.zeros(0), "spike_multiplicities": np.zeros(0),
    "precise_times": False, "allow_offgrid_times": False, "shift_now_spikes": False,
}  # fmt: skip


def steps_up(times: FloatArray, dt: float) -> Int64Array:
    """The steps (n,) of ``dt`` (ms) in which times (ms) lie, counted by their ends."""
    return np.ceil(np.round(times / dt, DIGITS)).astype(np.int64)


def accept(values: Values, given: Values, clock: Clock) -> Values:
    """The spike times as the options have them: on the grid, or precise; BadProperty where they cannot be."""
    now = values | given
    if now["precise_times"] and (now["allow_offgrid_times"] or now["shift_now_spikes"]):
        raise NESTErrors.BadProperty(
            "Option precise_times cannot be set to true when either allow_offgrid_times or shift_now_spikes is set to "
            "true."
        )
    times = now["spike_times"]
    if (np.diff(times) < 0.0).any():
        raise NESTErrors.BadProperty("Spike times must be sorted in non-descending order.")
    for name in ("spike_weights", "spike_multiplicities"):
        if len(now[name]) not in (0, len(times)):
            raise NESTErrors.BadProperty(f"{name} must have as many entries as spike_times, or none")
    if "spike_times" not in given:
        return given
    return given | {"spike_times": np.array([_placed(float(time), now, clock) for time in times])}


def _placed(time: float, options: Values, clock: Clock) -> float:
    """One spike time (ms) as it is kept."""
    if time == 0.0 and not options["shift_now_spikes"]:
        raise NESTErrors.BadProperty("spike time cannot be set to 0.")
    if options["precise_times"]:
        return time
    if not clock.on_grid(time) and not options["allow_offgrid_times"]:
        raise NESTErrors.BadProperty(f"Time point {time:g} is not representable in current resolution.")
    step = clock.steps(time) if clock.on_grid(time) else clock.steps_up(time)
    if options["shift_now_spikes"] and step <= clock.step:
        step = clock.step + 1
    return clock.ms(step)


def within_window(values: Values, dt: float) -> tuple[Int64Array, FloatArray]:
    """Steps (n,) of all spikes in the window of the generator, and how much earlier (ms) than its end each is."""
    times = values["spike_times"] + values["origin"]
    steps = steps_up(times, dt)
    low = steps_up(np.array([values["start"] + values["origin"]]), dt)[0]
    stop = values["stop"] + values["origin"]
    chosen = steps > low
    if stop < NEVER:
        chosen &= steps <= steps_up(np.array([stop]), dt)[0]
    often = values["spike_multiplicities"].astype(np.int64) if len(values["spike_multiplicities"]) else 1
    offsets = np.round(steps * dt - times, 12) if values["precise_times"] else np.zeros(len(times))
    return tuple(np.repeat(each, often)[np.repeat(chosen, often)] for each in (steps, offsets))
