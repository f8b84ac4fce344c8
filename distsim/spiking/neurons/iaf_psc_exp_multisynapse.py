"""``iaf_psc_exp`` with any number of receptors, each with a current that decays with a time constant of its own.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t) + sum over receptors of I_k(t)
    dI_k/dt = -I_k / tau_syn[k];  a spike of weight w (pA, of any sign) that arrives at receptor k adds w to I_k

Rotter & Diesmann 1999 (Biol Cybern 81, exact integration); order of events within a step as in ``iaf_psc_exp``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from distsim.spiking.neurons.iaf_psc_exp import IafPscExp
from distsim.spiking.neurons.receptors import MultisynapseMembrane


class IafPscExpMultisynapse(MultisynapseMembrane):
    """Parameters: C_m (pF), tau_m, t_ref (ms), E_L, V_th, V_reset (mV), I_e (pA), tau_syn (ms, one of each receptor).

    All but t_ref and tau_syn are one number, an array (size,), or a distribution each; t_ref is a whole multiple of dt.
    """

    states: ClassVar[Any] = IafPscExp.states
    constants = IafPscExp.constants
    step = staticmethod(IafPscExp.step)
