"""Leaky integrate-and-fire neuron with alpha-shaped synaptic currents, integrated exactly on the grid.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t) + sum over inputs of I(t)
    a spike of weight w (pA) arriving at t_a adds  w e (t - t_a) / tau_syn exp(-(t - t_a) / tau_syn)  to I

Rotter & Diesmann 1999 (Biol Cybern 81, exact integration); order of events within a step as in NEST's iaf_psc_alpha:
V is advanced (unless refractory) with the currents at the start of the step, the currents are advanced, input that
arrives at the end of the step is added, and a neuron at or above V_th fires with the step's end as its stamp.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from distsim.core.accurate import exp, expm1
from distsim.core.jit import inline, jit
from distsim.core.tuples import over_tuples
from distsim.spiking.neurons.membrane import POTENTIAL, REFRACTORY, CurrentBased, decays, settle
from distsim.spiking.neurons.neuron_model import State


class IafPscAlpha(CurrentBased):
    """Parameters: C_m (pF), tau_m, t_ref, tau_syn_ex, tau_syn_in (ms), E_L, V_th, V_reset (mV), I_e (pA).

    Each is one number, an array (size,), or a distribution; t_ref is one whole multiple of dt. Synapses of positive
    weight drive the current with tau_syn_ex, of negative weight that with tau_syn_in.
    """

    @property
    def states(self) -> tuple[Any, ...]:
        """V, steps to wait, and of each input the current I and its derivative term dI (pA / ms)."""
        rise = State("dI_syn", "pA/ms", 0.0, hidden=True)
        return POTENTIAL, REFRACTORY, tuple((current, rise) for current in self.currents())

    def constants(self, p: Any, dt: float) -> tuple[Any, ...]:
        _, lost = decays(dt, p.tau_m)
        synapses = tuple(propagators(dt, p.C_m, p.tau_m, tau) for tau in self.time_constants(p))
        return -lost, lost * p.tau_m / p.C_m, p.I_e, self.threshold(p, dt), synapses

    @staticmethod
    def step(state, arrived, injected, constants):  # type: ignore[no-untyped-def]
        V, wait, currents = state
        leak, from_current, I_e, (V_th, V_reset, refractory_steps), synapses = constants
        change = from_current * (injected + I_e)
        for k in range(len(currents)):
            change += from_current_of(currents[k], synapses[k])
        V, wait, fires = settle(V, wait, change + leak * V + V, V_th, V_reset, refractory_steps)
        return (V, wait, advance_currents(currents, arrived, synapses)), fires


@inline
def from_current_of(current, synapse):  # type: ignore[no-untyped-def]
    """Change of V (mV) over a step by one synaptic current, from its state at the start of the step."""
    I, dI = current
    _, _, from_dI, from_I, _ = synapse
    return from_dI * dI + from_I * I


@over_tuples
@inline
def advance_currents(current, arrived, synapse):  # type: ignore[no-untyped-def]
    """(I, dI) at the end of a step, with the input (pA) that arrives there."""
    I, dI = current
    decay, rise, _, _, peak = synapse
    return rise * dI + decay * I, decay * dI + peak * arrived


def propagators(dt: float, C_m: Any, tau_m: Any, tau_syn: Any) -> tuple[Any, ...]:
    """(P11 = P22, P21, P31, P32, current peak per weight) of one alpha current over a step of ``dt`` (ms).

    P31 and P32 (mV / (pA / ms), mV / pA) say what dI/dt-like and I contribute to V. Near tau_m = tau_syn, where
    the closed form divides by the difference of the rates, the series in that difference is used.
    """
    given = [np.array(x, np.float64) for x in np.broadcast_arrays(C_m, tau_m, tau_syn)]
    columns = np.empty((5, given[0].size))
    fill_propagators(dt, *(x.ravel() for x in given), columns)
    return tuple(columns) if given[0].ndim else tuple(float(column[0]) for column in columns)


@jit
def fill_propagators(h, C_m, tau_m, tau_syn, columns):  # type: ignore[no-untyped-def]
    """columns[:, i] (5, n) = the propagators for C_m[i], tau_m[i] and tau_syn[i]."""
    for i in range(C_m.size):
        values = alpha_propagators(h, C_m[i], tau_m[i], tau_syn[i])
        for k in range(5):
            columns[k, i] = values[k]


@inline
def alpha_propagators(h, C_m, tau_m, tau_syn):  # type: ignore[no-untyped-def]
    """The propagators for one neuron."""
    decay = exp(-h / tau_syn)
    difference = 1.0 / tau_syn - 1.0 / tau_m  # 1/ms
    x = -h * difference
    # P32 = exp(-h/tau_m) / C_m * integral over u in 0..h of exp(-u d);  P31 the same with u exp(-u d)
    if abs(x) < 1e-3:
        first = h * (1.0 + x * (1.0 / 2.0 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0))))
        second = h * h * (1.0 / 2.0 + x * (1.0 / 3.0 + x * (1.0 / 8.0 + x * (1.0 / 30.0 + x / 144.0))))
    else:
        first = -expm1(x) / difference
        second = (first - h * exp(x)) / difference
    leak = exp(-h / tau_m) / C_m
    return decay, h * decay, leak * second, leak * first, math.e / tau_syn
