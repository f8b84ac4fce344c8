"""Neurons of NEST, and what they are in distsim.

Classes of ours are named, and imported when the first neuron of theirs is made: most scripts have one or two.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from distsim.nest.nest_models import NEVER, NodeModel, Values, named_alike

ARCHIVED = {"tau_minus": 20.0, "tau_minus_triplet": 110.0, "tau_Ca": 10000.0, "beta_Ca": 0.001}
"""What every neuron of NEST has for the plastic synapses onto it."""
OF_ALL = {
    "frozen": False, "ignore_and_spike": False, "ignore_and_spike_interval": 100.0, "ignore_and_spike_offset": 1.0,
}  # fmt: skip
MEMBRANE = {
    "C_m": 250.0, "tau_m": 10.0, "t_ref": 2.0, "E_L": -70.0, "V_th": -55.0, "V_reset": -70.0, "I_e": 0.0, "V_m": -70.0,
}  # fmt: skip
CURRENTS = {"tau_syn_ex": 2.0, "tau_syn_in": 2.0}
BOTH = {"I_syn_ex": "I_syn_ex", "I_syn_in": "I_syn_in"}


def _leaky(name: str, model: str, further: Values, fixed: Values, recordables: dict[str, str]) -> NodeModel:
    """An integrate-and-fire neuron."""
    return NodeModel(
        name,
        "neuron",
        MEMBRANE | ARCHIVED | further,
        states={"V_m": "V_m"},
        fixed=OF_ALL | fixed,
        recordables={"V_m": "V_m"} | recordables,
        population=partial(named_alike, model),
    )


SIEGERT = {
    "tau": 1.0, "tau_m": 5.0, "tau_syn": 0.0, "t_ref": 2.0, "theta": 15.0, "V_reset": 0.0, "mean": 0.0, "rate": 0.0,
}  # fmt: skip


def _ignore_and_fire(values: Values) -> Any:
    from distsim import IgnoreAndFire

    return IgnoreAndFire(rate=values["rate"], phase=values["phase"])


def _with_receptors(name: str, model: str, fixed: Values) -> NodeModel:
    """An integrate-and-fire neuron with a current for each entry of tau_syn."""
    leaky = _leaky(name, model, {"tau_syn": np.array([2.0])}, fixed, {})
    return replace(leaky, receptors=lambda values: tuple(range(1, len(values["tau_syn"]) + 1)), of_receptors=True)


def _two_refractory_times() -> NodeModel:
    """An iaf_psc_exp_htum."""
    leaky = _leaky("iaf_psc_exp_htum", "IafPscExpHtum", CURRENTS | {"t_ref_abs": 2.0, "t_ref_tot": 2.0}, {}, BOTH)
    defaults = {name: value for name, value in leaky.defaults.items() if name != "t_ref"}
    return replace(leaky, defaults=defaults, from_rest=("V_m",))


def _parrot(values: Values) -> Any:
    from distsim import Parrot

    return Parrot(most=values.get("most", 1))


IZHIKEVICH = {
    "a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0, "V_th": 30.0, "V_min": -NEVER, "I_e": 0.0, "V_m": -65.0, "U_m": -13.0,
    "consistent_integration": True,
}  # fmt: skip
ADAPTIVE = {
    "C_m": 281.0, "g_L": 30.0, "E_L": -70.6, "V_th": -50.4, "Delta_T": 2.0, "V_peak": 0.0, "V_reset": -60.0,
    "tau_w": 144.0, "a": 4.0, "b": 80.5, "t_ref": 0.0, "tau_syn_ex": 0.2, "tau_syn_in": 2.0, "I_e": 0.0, "V_m": -70.6,
    "w": 0.0,
}  # fmt: skip
NEURONS = {
    model.name: model
    for model in (
        _leaky("iaf_psc_alpha", "IafPscAlpha", CURRENTS, {"V_min": -np.inf}, BOTH),
        _leaky("iaf_psc_exp", "IafPscExp", CURRENTS, {"rho": 0.01, "delta": 0.0}, BOTH),
        _two_refractory_times(),
        _leaky("iaf_psc_delta", "IafPscDelta", {"refractory_input": False}, {"V_min": -NEVER}, {}),
        _with_receptors("iaf_psc_exp_multisynapse", "IafPscExpMultisynapse", {}),
        _with_receptors("iaf_psc_alpha_multisynapse", "IafPscAlphaMultisynapse", {"V_min": -np.inf}),
        NodeModel(
            "izhikevich",
            "neuron",
            IZHIKEVICH | ARCHIVED,
            states={"V_m": "V_m", "U_m": "U_m"},
            fixed=OF_ALL,
            recordables={"V_m": "V_m", "U_m": "U_m"},
            population=partial(named_alike, "Izhikevich"),
        ),
        NodeModel(
            "aeif_psc_exp",
            "neuron",
            ADAPTIVE | ARCHIVED,
            states={"V_m": "V_m", "w": "w"},
            fixed=OF_ALL | {"gsl_error_tol": 1e-6, "I_syn_ex": 0.0, "I_syn_in": 0.0},
            recordables={"V_m": "V_m", "w": "w"} | BOTH,
            opposite=("I_syn_in",),
            population=partial(named_alike, "AdaptiveExponential"),
        ),
        NodeModel(
            "parrot_neuron",
            "parrot",
            ARCHIVED,
            fixed=OF_ALL | {"flush_event_send_interval": np.inf},
            receptors=lambda values: (0, 1),
            population=_parrot,
        ),
        NodeModel(
            "ignore_and_fire",
            "neuron",
            {"rate": 10.0, "phase": 1.0} | ARCHIVED,
            fixed=OF_ALL,
            population=_ignore_and_fire,
        ),
        NodeModel(
            "siegert_neuron",
            "rate",
            SIEGERT,
            states={"rate": "rate"},
            fixed=OF_ALL | ARCHIVED,
            recordables={"rate": "rate"},
        ),
    )
}
