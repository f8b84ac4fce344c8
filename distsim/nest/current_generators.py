"""Generators of currents: what they are in distsim, and which of their values go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import Values
from distsim.nest.time_grid import Clock
from distsim.spiking.drives.constant_current import ConstantCurrent
from distsim.spiking.drives.noise_current import NoiseCurrent
from distsim.spiking.drives.sinusoidal_current import SinusoidalCurrent
from distsim.spiking.protocols import Stimulus

STEPS: Values = {"amplitude_times": np.zeros(0), "amplitude_values": np.zeros(0), "allow_offgrid_times": False}
SINE: Values = {"amplitude": 0.0, "frequency": 0.0, "phase": 0.0, "offset": 0.0}
NOISE: Values = {"mean": 0.0, "std": 0.0, "std_mod": 0.0, "frequency": 0.0, "phase": 0.0, "dt": 1.0}


def constant(values: Values, weight: float, delay: float, dt: float) -> Stimulus:
    """A dc_generator."""
    return ConstantCurrent(values["amplitude"] * weight, values["start"], values["stop"], delay)


def in_steps(values: Values, weight: float, delay: float, dt: float) -> Stimulus:
    """A step_current_generator; without amplitudes there is no current."""
    times, amplitudes = values["amplitude_times"], values["amplitude_values"] * weight
    window = {"start": values["start"], "stop": values["stop"], "delay": delay}
    return ConstantCurrent(amplitudes, times=times, **window) if len(times) else ConstantCurrent(0.0, **window)


def oscillating(values: Values, weight: float, delay: float, dt: float) -> Stimulus:
    """An ac_generator."""
    return SinusoidalCurrent(
        values["amplitude"] * weight, values["frequency"], values["phase"], values["offset"] * weight, values["start"],
        values["stop"], delay,
    )  # fmt: skip


def noisy(values: Values, weight: float, delay: float, dt: float) -> Stimulus:
    """A noise_generator, which sends each of its targets noise of its own."""
    size = abs(weight)
    return NoiseCurrent(
        values["std"] * size, values["mean"] * weight, values["dt"], values["std_mod"] * size, values["frequency"],
        values["phase"], values["start"], values["stop"], delay,
    )  # fmt: skip


def check_steps(values: Values, given: Values, clock: Clock) -> Values:
    """Amplitudes and their times, which are on the grid, ascend, and are as many."""
    if ("amplitude_times" in given) != ("amplitude_values" in given):
        raise NESTErrors.BadProperty("Amplitude times and values must be reset together.")
    now = values | given
    times = now["amplitude_times"]
    if len(times) != len(now["amplitude_values"]):
        raise NESTErrors.BadProperty("Amplitude times and values have to be the same size.")
    if (times <= 0.0).any():
        raise NESTErrors.BadProperty("Amplitude can only be changed at strictly positive times (t > 0).")
    placed = np.array([_placed(float(time), now, clock) for time in times])
    if (np.diff(placed) <= 0.0).any():
        raise NESTErrors.BadProperty("step_current_generator: amplitude times must be at strictly increasing steps.")
    return given | ({"amplitude_times": placed} if "amplitude_times" in given else {})


def _placed(time: float, now: Values, clock: Clock) -> float:
    """One time (ms) on the grid."""
    if not clock.on_grid(time) and not now["allow_offgrid_times"]:
        raise NESTErrors.BadProperty(
            f"step_current_generator: Time point {time:g} is not representable in current resolution."
        )
    return clock.ms(clock.steps_up(time))


def check_noise(values: Values, given: Values, clock: Clock) -> Values:
    """The interval of the noise, a multiple of the resolution, and its standard deviations."""
    now = values | given
    if not clock.on_grid(now["dt"]) or clock.steps(now["dt"]) < 1:
        raise NESTErrors.StepMultipleRequired(
            f"The time property dt = {now['dt']:g} ms of model noise_generator must be a multiple of the resolution "
            f"{clock.resolution:g} ms"
        )
    noisy(now | {"start": 0.0, "stop": None}, 1.0, clock.resolution, clock.resolution)
    if now["std_mod"] > now["std"]:
        raise NESTErrors.BadProperty("The modulation amplitude std_mod must not be larger than std.")
    return given


def check_sine(values: Values, given: Values, clock: Clock) -> Values:
    """An oscillation that a current can have."""
    oscillating(values | given | {"start": 0.0, "stop": None}, 1.0, clock.resolution, clock.resolution)
    return given


CURRENTS: tuple[tuple[str, Values, Callable[..., Stimulus], Any], ...] = (
    ("dc_generator", {"amplitude": 0.0}, constant, None),
    ("step_current_generator", STEPS, in_steps, check_steps),
    ("ac_generator", SINE, oscillating, check_sine),
    ("noise_generator", NOISE, noisy, check_noise),
)
"""Names, parameters, what acts on a target, and the check of values that are given."""
