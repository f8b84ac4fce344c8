"""Leaky integrate-and-fire neuron with exponentially decaying synaptic currents, integrated exactly on the grid.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t) + sum over inputs of I(t)
    dI/dt = -I / tau_syn;  a spike of weight w (pA) that arrives adds w to I

Rotter & Diesmann 1999 (Biol Cybern 81, exact integration); order of events within a step as in NEST's iaf_psc_exp:
V is advanced (unless refractory) with the currents at the start of the step, the currents decay, input that arrives at
the end of the step is added, and a neuron at or above V_th fires with the step's end as its stamp. The threshold is
sharp: NEST's escape noise (rho, delta) is not there.
"""

from __future__ import annotations

from typing import Any

from distsim.core.jit import inline
from distsim.core.tuples import over_tuples
from distsim.spiking.neurons.iaf_psc_alpha import propagators
from distsim.spiking.neurons.membrane import POTENTIAL, REFRACTORY, CurrentBased, leak, settle


class IafPscExp(CurrentBased):
    """Parameters: C_m (pF), tau_m, t_ref, tau_syn_ex, tau_syn_in (ms), E_L, V_th, V_reset (mV), I_e (pA).

    Each is one number, an array (size,), or a distribution; t_ref is one whole multiple of dt. Synapses of positive
    weight drive the current with tau_syn_ex, of negative weight that with tau_syn_in.
    """

    @property
    def states(self) -> tuple[Any, ...]:
        """V, steps to wait, and the current of each input."""
        return POTENTIAL, REFRACTORY, self.currents()

    def constants(self, p: Any, dt: float) -> tuple[Any, ...]:
        synapses = [propagators(dt, p.C_m, p.tau_m, tau) for tau in self.time_constants(p)]
        pairs = tuple((decay, from_I) for decay, _, _, from_I, _ in synapses)
        return *leak(dt, p.C_m, p.tau_m), p.I_e, self.threshold(p, dt), pairs

    @staticmethod
    def step(state, arrived, injected, constants):  # type: ignore[no-untyped-def]
        V, wait, currents = state
        decay, from_current, I_e, (V_th, V_reset, refractory_steps), synapses = constants
        change = synapses[0][1] * currents[0]
        for k in range(1, len(currents)):
            change += synapses[k][1] * currents[k]
        integrated = decay * V + change + from_current * (injected + I_e)
        V, wait, fires = settle(V, wait, integrated, V_th, V_reset, refractory_steps)
        return (V, wait, advance_currents(currents, arrived, synapses)), fires


@over_tuples
@inline
def advance_currents(I, arrived, synapse):  # type: ignore[no-untyped-def]
    """I (pA) at the end of a step, with the input (pA) that arrives there."""
    return synapse[0] * I + arrived
