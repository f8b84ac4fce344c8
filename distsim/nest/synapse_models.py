"""Synapses of NEST, and what they are in distsim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from distsim.nest.nest_models import ConnectionModel, Values
from distsim.spiking.synapses.static import Static
from distsim.spiking.synapses.stdp_power_law import StdpPowerLaw

ANY = {"weight": 1.0, "delay": 1.0, "receptor_type": 0}


def _static(values: Values, target: Values, receptor: int | None) -> Any:
    return Static(values["weight"], values["delay"], receptor=receptor)


def _power_law(values: Values, target: Values, receptor: int | None) -> Any:
    return StdpPowerLaw(
        values["weight"], values["delay"], values["alpha"], values["lambda"], values["mu"],
        tau_plus=values["tau_plus"], tau_minus=target["tau_minus"], receptor=receptor,
    )  # fmt: skip


POWER_LAW = {"alpha": 1.0, "lambda": 0.1, "mu": 0.4, "tau_plus": 20.0}


def _variants(model: ConnectionModel, *suffixes: str) -> Iterator[tuple[str, ConnectionModel]]:
    """A model under its name and those of its variants, which differ in what they take of memory."""
    for suffix in ("", *suffixes):
        name = model.name + suffix
        yield name, replace(model, name=name)


SYNAPSES: dict[str, ConnectionModel] = dict(
    pair
    for model in (
        ConnectionModel("static_synapse", ANY, _static),
        ConnectionModel("static_synapse_hom_w", ANY, _static, common=("weight",)),
        ConnectionModel(
            "stdp_pl_synapse_hom", ANY | POWER_LAW, _power_law, tuple(POWER_LAW), {"Kplus": 0.0}, plastic=True
        ),
    )
    for pair in _variants(model, "_hpc", "_lbl")
)
