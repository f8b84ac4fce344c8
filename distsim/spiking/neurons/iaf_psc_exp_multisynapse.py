"""``iaf_psc_exp`` with any number of receptors, each with a current that decays with a time constant of its own.

    dI_k/dt = -I_k / tau_syn[k];  a spike of weight w (pA, of any sign) that arrives at receptor k adds w to I_k

Order of events within a step as in ``iaf_psc_exp``.
"""

from __future__ import annotations

from typing import Any

from distsim.spiking.neurons.iaf_psc_alpha import propagators
from distsim.spiking.neurons.receptors import MultisynapseMembrane


class IafPscExpMultisynapse(MultisynapseMembrane):
    """Parameters are those of ``MultisynapseMembrane``: C_m, tau_m, t_ref, E_L, V_th, V_reset, I_e, tau_syn."""

    @staticmethod
    def propagators(p: Any, dt: float, tau: float) -> tuple[Any, ...]:
        decay, _, _, from_I, _ = propagators(dt, p.C_m, p.tau_m, tau)
        return decay, from_I

    @staticmethod
    def receive(current, arrived, constants):  # type: ignore[no-untyped-def]
        """I decays; what arrives is added."""
        (I,), (decay, from_I) = current, constants
        return (decay * I + arrived,), from_I * I
