"""What integrate-and-fire neurons share: leak, threshold and refractoriness, which current a weight drives."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.accurate import exp, expm1
from distsim.core.jit import inline, jit


def leak(dt: float, C_m: Any, tau_m: Any) -> tuple[Any, Any]:
    """exp(-dt / tau_m), and what a constant current adds to V over a step, (1 - exp(-dt / tau_m)) tau_m / C_m (mV/pA).

    Of numbers or arrays (n,), which give the same bits.
    """
    decay, lost = decays(dt, tau_m)
    return decay, lost * tau_m / C_m


def decays(dt: float, tau: Any) -> tuple[Any, Any]:
    """exp(-dt / tau), and 1 less that to full relative precision; of a number or an array (n,)."""
    if not isinstance(tau, np.ndarray):
        return exp(-dt / tau), -expm1(-dt / tau)
    decay, lost = np.empty(len(tau)), np.empty(len(tau))
    fill_decays(dt, tau, decay, lost)
    return decay, lost


@jit
def fill_decays(dt, tau, decay, lost):  # type: ignore[no-untyped-def]
    """decay[i], lost[i] = decays(dt, tau[i]); all (n,)."""
    for i in range(tau.size):
        decay[i], lost[i] = exp(-dt / tau[i]), -expm1(-dt / tau[i])


@inline
def settle(V, wait, integrated, V_th, V_reset, refractory_steps):  # type: ignore[no-untyped-def]
    """(V, refractory steps left, whether it fires) after a step that takes V to ``integrated`` unless refractory.

    wait: refractory steps left before the step, in which V stays as it is. Fires at or above V_th.
    """
    value = integrated if wait == 0 else V
    waiting = wait - 1 if wait > 0 else 0
    fires = value >= V_th
    return V_reset if fires else value, refractory_steps if fires else waiting, fires


@inline
def emit(fired, begin, step, index, stamp, spikes):  # type: ignore[no-untyped-def]
    """Write the neurons begin + i whose ``fired`` (size,) uint8 is 1 to index and stamp; the new number of spikes."""
    for i in range(fired.size):
        if fired[i]:
            index[spikes] = begin + i
            stamp[spikes] = step
            spikes += 1
    return spikes


class SynapticCurrents:
    """A model whose positive weights drive a current with tau_syn_ex, negative ones that with tau_syn_in.

    Where both time constants are the same number, one current serves both.
    """

    tau_syn_ex: Any
    tau_syn_in: Any

    @property
    def state_variables(self) -> tuple[str, ...]:
        return ("V_m", "I_syn") if self.inputs() == 1 else ("V_m", "I_syn_ex", "I_syn_in")

    def inputs(self) -> int:
        both = self.tau_syn_ex, self.tau_syn_in
        return 1 if all(isinstance(tau, float) for tau in both) and both[0] == both[1] else 2

    def input_of(self, negative: bool) -> int:
        return int(negative) if self.inputs() == 2 else 0
