"""Synapses of NEST, and what they are in distsim: classes that are imported when the first one is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from distsim.core.distributions import Clipped, Normal
from distsim.core.errors import InputError
from distsim.core.values import is_distribution
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import ConnectionModel, Values
from distsim.spiking.synapses.static import Static

ANY = {"weight": 1.0, "delay": 1.0, "receptor_type": 0}


def _static(values: Values, target: Values, receptor: int | None) -> Any:
    return Static(values["weight"], values["delay"], receptor=receptor)


def _power_law(values: Values, target: Values, receptor: int | None) -> Any:
    from distsim import StdpPowerLaw

    return StdpPowerLaw(
        _within(values["weight"], np.inf), values["delay"], values["alpha"], values["lambda"], values["mu"],
        tau_plus=values["tau_plus"], tau_minus=target["tau_minus"], receptor=receptor,
    )  # fmt: skip


def _number(values: Values, name: str) -> float:
    """The value that all synapses of a call have."""
    value = np.unique(np.asarray(values[name], np.float64)) if not is_distribution(values[name]) else np.zeros(0)
    if len(value) != 1:
        raise NESTErrors.NotImplemented(f"{name} must be one number; give synapses that differ in it in several calls")
    return float(value[0])


def _within(weight: Any, most: float) -> Any:
    """A normal weight that is next to never below 0 or above ``most`` as one that never is."""
    surely = isinstance(weight, Normal) and 6.0 * weight.std < min(weight.mean, most - weight.mean)
    return Clipped(weight, 0.0, most) if surely else weight


def _guetig(values: Values, target: Values, receptor: int | None) -> Any:
    from distsim import StdpGuetig

    return StdpGuetig(
        _within(values["weight"], np.min(values["Wmax"])), values["delay"], values["lambda"], values["alpha"],
        values["mu_plus"], values["mu_minus"], values["Wmax"], tau_plus=_number(values, "tau_plus"),
        tau_minus=target["tau_minus"], receptor=receptor,
    )  # fmt: skip


def _tsodyks(values: Values, target: Values, receptor: int | None) -> Any:
    from distsim import TsodyksMarkram

    tau_I = _number(values, "tau_psc")
    weight, delay, U, D, F = (values[name] for name in ("weight", "delay", "U", "tau_rec", "tau_fac"))
    return TsodyksMarkram(weight, delay, U, D, F, tau_I, u_initial=_number(values, "u"), receptor=receptor)


def _tsodyks2(values: Values, target: Values, receptor: int | None) -> Any:
    from distsim import TsodyksMarkram

    weight, delay, U, D, F = (values[name] for name in ("weight", "delay", "U", "tau_rec", "tau_fac"))
    return TsodyksMarkram(weight, delay, U, D, F, None, u_first=_number(values, "u"), receptor=receptor)


def _check_guetig(values: Values) -> None:
    """Weights have the sign of Wmax."""
    if not is_distribution(values["weight"]) and np.any(
        (np.asarray(values["weight"]) >= 0.0) != (values["Wmax"] >= 0.0)
    ):
        raise InputError("Weight and Wmax must have same sign.")


def _check_short_term(values: Values) -> None:
    """Times are positive, and U is a fraction."""
    if not np.all((np.asarray(values["U"]) >= 0.0) & (np.asarray(values["U"]) <= 1.0)):
        raise InputError("'U' must be in [0,1].")
    for name in ("tau_rec", "tau_psc"):
        if not np.all(np.asarray(values.get(name, 1.0)) > 0.0):
            raise InputError(f"'{name}' must be > 0.")
    if not np.all(np.asarray(values["tau_fac"]) >= 0.0):
        raise InputError("'tau_fac' must be >= 0.")


GUETIG = {"lambda": 0.01, "alpha": 1.0, "mu_plus": 1.0, "mu_minus": 1.0, "Wmax": 100.0, "tau_plus": 20.0}
SHORT_TERM = {"U": 0.5, "tau_rec": 800.0, "tau_fac": 0.0}
TSODYKS, TSODYKS2 = SHORT_TERM | {"tau_psc": 3.0, "u": 0.0}, SHORT_TERM | {"u": 0.5}
AT_REST = {"x": 1.0, "y": 0.0}
UNUSED = {"Kplus": 0.0}


def _diffusion(values: Values, target: Values, receptor: int | None) -> Any:
    from distsim import DiffusionConnection

    return DiffusionConnection(values["drift_factor"], values["diffusion_factor"])


DIFFUSION = {"drift_factor": 1.0, "diffusion_factor": 1.0, "receptor_type": 0}
POWER_LAW = {"alpha": 1.0, "lambda": 0.1, "mu": 0.4, "tau_plus": 20.0}


def _variants(model: ConnectionModel, *suffixes: str) -> Iterator[tuple[str, ConnectionModel]]:
    """A model under its name and those of its variants, which differ in what they take of memory."""
    for suffix in ("", *suffixes):
        name = model.name + suffix
        defaults = model.defaults | ({"synapse_label": -1} if suffix == "_lbl" else {})
        yield name, replace(model, name=name, defaults=defaults)


def _long_term(name: str, values: Values, synapse: Any, *common: str) -> ConnectionModel:
    """A model of plastic synapses."""
    return ConnectionModel(
        name, ANY | values, synapse, common, UNUSED, ("Kplus",), plastic=True, of_neurons=True,
        check=_check_guetig if "Wmax" in values else lambda values: None,
    )  # fmt: skip


def _short_term(name: str, values: Values, synapse: Any, fixed: Values, *common: str) -> ConnectionModel:
    """A model of synapses with short-term plasticity."""
    return ConnectionModel(
        name, ANY | values, synapse, common, fixed, (*fixed, "u"), of_neurons=True, check=_check_short_term
    )


def _described(name: str, values: Values, *common: str) -> ConnectionModel:
    """A model that is not simulated: its synapses are drawn as static ones."""
    return ConnectionModel(
        name, ANY | values, _static, common, plastic=name.startswith("stdp"), simulated=False,
        of_neurons=name != "cont_delay_synapse",
    )  # fmt: skip


HT = {"P": 1.0, "delta_P": 0.125, "tau_P": 500.0}
QUANTAL = SHORT_TERM | {"u": 0.5, "n": 1, "a": 1}
FACETS = {
    "tau_plus": 20.0, "tau_minus_stdp": 20.0, "Wmax": 100.0, "weight_per_lut_entry": 100.0 / 15.0, "no_synapses": 0,
    "synapses_per_driver": 50, "driver_readout_time": 15.0, "readout_cycle_duration": 0.0,
}  # fmt: skip
FACETS_OF_EACH = {
    "a_causal": 0.0, "a_acausal": 0.0, "a_thresh_th": 21.835, "a_thresh_tl": 21.835, "init_flag": False,
    "next_readout_time": 0.0,
}  # fmt: skip
DOPAMINE = {
    "volume_transmitter": None, "A_plus": 1.0, "A_minus": 1.5, "tau_plus": 20.0, "tau_c": 1000.0, "tau_n": 200.0,
    "b": 0.0, "Wmin": 0.0, "Wmax": 200.0,
}  # fmt: skip
DESCRIBED = (
    _described("cont_delay_synapse", {}),
    _described("ht_synapse", HT),
    _described("quantal_stp_synapse", QUANTAL),
    _described("stdp_facetshw_synapse_hom", FACETS | FACETS_OF_EACH, *FACETS),
    _described("stdp_dopamine_synapse", DOPAMINE | {"c": 0.0, "n": 0.0}, *DOPAMINE),
)
"""Synapses that scripts may connect and ask for; a simulation with them is refused."""


SYNAPSES: dict[str, ConnectionModel] = dict(
    pair
    for model in (
        ConnectionModel("diffusion_connection", DIFFUSION, _diffusion, way="rates"),
        ConnectionModel("static_synapse", ANY, _static),
        ConnectionModel("static_synapse_hom_w", ANY, _static, common=("weight",)),
        _long_term("stdp_pl_synapse_hom", POWER_LAW, _power_law, *POWER_LAW),
        _long_term("stdp_synapse", GUETIG, _guetig),
        _long_term("stdp_synapse_hom", GUETIG, _guetig, *GUETIG),
        _short_term("tsodyks_synapse", TSODYKS, _tsodyks, AT_REST),
        _short_term("tsodyks_synapse_hom", TSODYKS, _tsodyks, AT_REST, "weight", *TSODYKS),
        _short_term("tsodyks2_synapse", TSODYKS2, _tsodyks2, {"x": 1.0}),
        *DESCRIBED,
    )
    for pair in _variants(model, "_hpc", "_lbl")
)
