"""Leaky integrate-and-fire neuron whose potential jumps at each spike that arrives, integrated exactly on the grid.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t);  a spike of weight w (mV) that arrives adds w to V

Order of events within a step as in NEST's iaf_psc_delta: V is advanced and input that arrives at the end of the step is
added, unless the neuron is refractory, then a neuron at or above V_th fires with the step's end as its stamp.

Input that arrives while a neuron is refractory is lost, or, with ``refractory_input``, kept: it decays with tau_m until
the refractory time ends, and is added to V in the first step after it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from distsim.core.declared import flag
from distsim.core.values import Value, of_each
from distsim.spiking.neurons.membrane import POTENTIAL, REFRACTORY, Membrane, leak, settle
from distsim.spiking.neurons.neuron_model import State


class IafPscDelta(Membrane):
    """Parameters: C_m (pF), tau_m, t_ref (ms), E_L, V_th, V_reset (mV), I_e (pA), ``refractory_input`` (kept?).

    Each is one number, an array (size,), or a distribution; t_ref is one whole multiple of dt. Weights of synapses and
    of Poisson input are jumps of the potential, in mV.
    """

    I_e: Value = of_each(0.0, "pA")
    refractory_input: bool = flag(False)

    states = POTENTIAL, REFRACTORY, State("held", "mV", 0.0, hidden=True)
    weight_unit: ClassVar[str] = "mV"

    def constants(self, p: Any, dt: float) -> tuple[Any, ...]:
        decay, from_current = leak(dt, p.C_m, p.tau_m)
        kept = decay if self.refractory_input else 0.0
        return decay, from_current, kept, p.I_e, self.threshold(p, dt)

    @staticmethod
    def step(state, arrived, injected, constants):  # type: ignore[no-untyped-def]
        V, wait, held = state
        decay, from_current, kept, I_e, (V_th, V_reset, refractory_steps) = constants
        jump = held + arrived[0]
        held = kept * jump if wait > 0 else 0.0
        integrated = from_current * (injected + I_e) + decay * V + jump
        V, wait, fires = settle(V, wait, integrated, V_th, V_reset, refractory_steps)
        return (V, wait, held), fires
