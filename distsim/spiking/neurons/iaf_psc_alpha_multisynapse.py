"""``iaf_psc_alpha`` with any number of receptors, each with alpha-shaped currents of a time constant of its own.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t) + sum over receptors of I_k(t)
    a spike of weight w (pA, of any sign) that arrives at receptor k at t_a
    adds  w e (t - t_a) / tau_syn[k] exp(-(t - t_a) / tau_syn[k])  to I_k

Rotter & Diesmann 1999 (Biol Cybern 81, exact integration); order of events within a step as in ``iaf_psc_alpha``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from distsim.spiking.neurons.iaf_psc_alpha import IafPscAlpha
from distsim.spiking.neurons.receptors import MultisynapseMembrane


class IafPscAlphaMultisynapse(MultisynapseMembrane):
    """Parameters: C_m (pF), tau_m, t_ref (ms), E_L, V_th, V_reset (mV), I_e (pA), tau_syn (ms, one of each receptor).

    All but t_ref and tau_syn are one number, an array (size,), or a distribution each; t_ref is a whole multiple of dt.
    """

    states: ClassVar[Any] = IafPscAlpha.states
    constants = IafPscAlpha.constants
    step = staticmethod(IafPscAlpha.step)
