"""Generators and recorders of NEST, and what they are in distsim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from distsim.nest.current_generators import CURRENTS
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import NEVER, NodeModel, Values
from distsim.nest.spike_lists import SPIKE_LIST, accept, within_window
from distsim.nest.time_grid import Clock
from distsim.spiking.drives.poisson import Poisson
from distsim.spiking.protocols import Stimulus
from distsim.spiking.sources.poisson_source import PoissonSource
from distsim.spiking.sources.pulse_packets import PulsePackets
from distsim.spiking.sources.spike_trains import SpikeTrains

WINDOW = {"start": 0.0, "stop": NEVER, "origin": 0.0, "label": ""}
FIXED = {"frozen": False, "stimulus_source": ""}
OSCILLATOR = {"y_0": 0.0, "y_1": 0.0}
RECORDER = WINDOW | {"record_to": "memory", "time_in_steps": False, "file_extension": "dat", "precision": 3}
SAMPLER = RECORDER | {"interval": 1.0, "offset": 0.0, "record_from": []}


def _poisson(values: Values, weight: float, delay: float, dt: float) -> Stimulus:
    return Poisson(values["rate"], weight, delay, start=values["start"], stop=values["stop"])


def _poisson_source(values: Values, dt: float) -> Any:
    return PoissonSource(values["rate"], start=values["start"], stop=values["stop"])


def _packets(values: Values, dt: float) -> Any:
    return PulsePackets(
        values["pulse_times"], values["activity"], values["sdev"], start=values["start"], stop=values["stop"]
    )


def _check_packets(values: Values, given: Values, clock: Clock) -> Values:
    """Pulse packets that a source can have."""
    _packets(values | given | {"start": 0.0, "stop": None}, clock.resolution)
    return given


def _trains(values: Values, dt: float) -> Any:
    """The spikes of a spike_generator within its window; their weights are told by weighted_spikes."""
    start, stop = values["start"], NEVER if values["stop"] is None else values["stop"]
    origin = values["origin"]
    steps, _ = within_window(values | {"start": start - origin, "stop": stop - origin}, dt)
    return SpikeTrains([steps * dt])


def _generator(
    name: str, values: Values, drive: Callable[..., Any] | None, source: Any = None, accept: Any = None, **others: Any
) -> NodeModel:
    fixed = FIXED | (OSCILLATOR if "frequency" in values else {})
    return NodeModel(
        name, "generator", WINDOW | values, fixed=fixed, drive=drive, source=source, accept=accept, **others
    )


def _check_rate(values: Values, given: Values, clock: Clock) -> Values:
    if given.get("rate", 0.0) < 0.0:
        raise NESTErrors.BadProperty("The rate cannot be negative.")
    return given


def _check_times(values: Values, given: Values, clock: Clock) -> Values:
    """The times at which a multimeter records must be steps."""
    if "interval" in given and not given["interval"] >= clock.resolution:
        raise NESTErrors.BadProperty(
            "The sampling interval must be at least as long as the simulation resolution, got "
            f"{given['interval']:g} ms of {clock.resolution:g} ms"
        )
    for name in ("interval", "offset"):
        if name in given and not clock.on_grid(given[name]):
            raise NESTErrors.BadProperty(
                f"The {name} of sampling must be a multiple of the simulation resolution, got {given[name]:g} ms"
            )
    return given


PACKETS = {"pulse_times": np.zeros(0), "activity": 0, "sdev": 0.0}
DEVICES = {
    model.name: model
    for model in (
        _generator("poisson_generator", {"rate": 0.0}, _poisson, _poisson_source, _check_rate),
        *(_generator(name, values, drive, accept=check, currents=True) for name, values, drive, check in CURRENTS),
        _generator("pulsepacket_generator", PACKETS, None, _packets, _check_packets, as_neuron=True),
        _generator("spike_generator", SPIKE_LIST, None, _trains, accept),
        NodeModel("spike_recorder", "recorder", RECORDER, fixed={"frozen": False}),
        NodeModel("weight_recorder", "recorder", RECORDER, fixed={"frozen": False}),
        NodeModel("volume_transmitter", "recorder", RECORDER | {"deliver_interval": 1}, fixed={"frozen": False}),
        NodeModel("multimeter", "recorder", SAMPLER, fixed={"frozen": False}, accept=_check_times),
        NodeModel(
            "voltmeter", "recorder", SAMPLER | {"record_from": ["V_m"]}, fixed={"frozen": False}, accept=_check_times
        ),
    )
}
