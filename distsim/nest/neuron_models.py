"""Neurons of NEST, and what they are in distsim."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from distsim.nest.nest_models import NodeModel, Values, named_alike
from distsim.spiking.neurons.iaf_psc_alpha import IafPscAlpha
from distsim.spiking.neurons.iaf_psc_delta import IafPscDelta
from distsim.spiking.neurons.iaf_psc_exp import IafPscExp
from distsim.spiking.neurons.ignore_and_fire import IgnoreAndFire

ARCHIVED = {"tau_minus": 20.0}
"""What every neuron of NEST has for the plastic synapses onto it."""
NOT_THERE = {"V_min": -np.inf, "tau_minus_triplet": 110.0, "tau_Ca": 10000.0, "beta_Ca": 0.001, "frozen": False}
MEMBRANE = {
    "C_m": 250.0, "tau_m": 10.0, "t_ref": 2.0, "E_L": -70.0, "V_th": -55.0, "V_reset": -70.0, "I_e": 0.0, "V_m": -70.0,
}  # fmt: skip
CURRENTS = {"tau_syn_ex": 2.0, "tau_syn_in": 2.0}


def _leaky(name: str, model: type, further: Values, fixed: Values, recordables: dict[str, str]) -> NodeModel:
    """An integrate-and-fire neuron."""
    return NodeModel(
        name,
        "neuron",
        MEMBRANE | ARCHIVED | further,
        states={"V_m": "V_m"},
        fixed=NOT_THERE | fixed,
        recordables={"V_m": "V_m"} | recordables,
        population=partial(named_alike, model),
    )


def _ignore_and_fire(values: Values) -> Any:
    return IgnoreAndFire(rate=values["rate"], phase=values["phase"])


BOTH = {"I_syn_ex": "I_syn_ex", "I_syn_in": "I_syn_in"}
NEURONS = {
    model.name: model
    for model in (
        _leaky("iaf_psc_alpha", IafPscAlpha, CURRENTS, {}, BOTH),
        _leaky("iaf_psc_exp", IafPscExp, CURRENTS, {"rho": 0.01, "delta": 0.0}, BOTH),
        _leaky("iaf_psc_delta", IafPscDelta, {"refractory_input": False}, {}, {}),
        NodeModel(
            "ignore_and_fire",
            "neuron",
            {"rate": 10.0, "phase": 1.0} | ARCHIVED,
            fixed={name: value for name, value in NOT_THERE.items() if name != "V_min"},
            population=_ignore_and_fire,
        ),
    )
}
