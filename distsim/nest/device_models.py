"""Generators and recorders of NEST, and what they are in distsim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from distsim.nest.nest_models import NEVER, NodeModel, Values
from distsim.spiking.drives.constant_current import ConstantCurrent
from distsim.spiking.drives.poisson import Poisson
from distsim.spiking.protocols import Stimulus
from distsim.spiking.sources.poisson_source import PoissonSource
from distsim.spiking.sources.spike_trains import SpikeTrains

WINDOW = {"start": 0.0, "stop": NEVER, "origin": 0.0, "label": ""}
FIXED = {"frozen": False, "stimulus_source": ""}
RECORDER = WINDOW | {"record_to": "memory", "time_in_steps": False, "n_events": 0, "file_extension": "dat"}
SAMPLER = RECORDER | {"interval": 1.0, "offset": 0.0, "record_from": []}


def _poisson(values: Values, weight: float, delay: float, dt: float) -> Stimulus:
    return Poisson(values["rate"], weight, delay, start=values["start"], stop=values["stop"])


def _poisson_source(values: Values, dt: float) -> Any:
    return PoissonSource(values["rate"], start=values["start"], stop=values["stop"])


def _constant(values: Values, weight: float, delay: float, dt: float) -> Stimulus:
    return ConstantCurrent(values["amplitude"] * weight, values["start"], values["stop"], delay)


def _trains(values: Values, dt: float) -> Any:
    """The spikes of a spike_generator within its window, as often as ``spike_multiplicities`` says."""
    times = np.asarray(values["spike_times"], np.float64)
    often = np.asarray(values["spike_multiplicities"], np.int64) if len(values["spike_multiplicities"]) else 1
    stop = np.inf if values["stop"] is None else values["stop"]
    within = (times > values["start"]) & (times <= stop)
    return SpikeTrains([np.repeat(times, often)[np.repeat(within, often)]])


def _generator(name: str, values: Values, drive: Callable[..., Any] | None, source: Any = None) -> NodeModel:
    return NodeModel(name, "generator", WINDOW | values, fixed=FIXED, drive=drive, source=source)


SPIKE_LIST = {
    "spike_times": np.zeros(0), "spike_weights": np.zeros(0), "spike_multiplicities": np.zeros(0),
    "precise_times": False, "allow_offgrid_times": False, "shift_now_spikes": False,
}  # fmt: skip
DEVICES = {
    model.name: model
    for model in (
        _generator("poisson_generator", {"rate": 0.0}, _poisson, _poisson_source),
        _generator("dc_generator", {"amplitude": 0.0}, _constant),
        _generator("spike_generator", SPIKE_LIST, None, _trains),
        NodeModel("spike_recorder", "recorder", RECORDER, fixed={"frozen": False}),
        NodeModel("multimeter", "recorder", SAMPLER, fixed={"frozen": False}),
        NodeModel("voltmeter", "recorder", SAMPLER | {"record_from": ["V_m"]}, fixed={"frozen": False}),
    )
}
