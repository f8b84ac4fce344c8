"""``iaf_psc_alpha`` with any number of receptors, each with alpha-shaped currents of a time constant of its own.

    a spike of weight w (pA, of any sign) that arrives at receptor k at t_a
    adds  w e (t - t_a) / tau_syn[k] exp(-(t - t_a) / tau_syn[k])  to I_k

Order of events within a step as in ``iaf_psc_alpha``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from distsim.spiking.neurons.iaf_psc_alpha import propagators
from distsim.spiking.neurons.neuron_model import State
from distsim.spiking.neurons.receptors import MultisynapseMembrane


class IafPscAlphaMultisynapse(MultisynapseMembrane):
    """Parameters are those of ``MultisynapseMembrane``: C_m, tau_m, t_ref, E_L, V_th, V_reset, I_e, tau_syn."""

    further: ClassVar[tuple[State, ...]] = (State("dI_syn", "pA/ms", 0.0, hidden=True),)

    @staticmethod
    def propagators(p: Any, dt: float, tau: float) -> tuple[Any, ...]:
        return propagators(dt, p.C_m, p.tau_m, tau)

    @staticmethod
    def receive(current, arrived, constants):  # type: ignore[no-untyped-def]
        """I and dI (pA / ms), as in ``iaf_psc_alpha``."""
        I, dI = current
        decay, rise, from_dI, from_I, peak = constants
        return (rise * dI + decay * I, decay * dI + peak * arrived), from_dI * dI + from_I * I
