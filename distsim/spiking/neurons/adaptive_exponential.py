"""Adaptive exponential integrate-and-fire neuron (Brette & Gerstner 2005, J Neurophysiol 94) with decaying currents.

    C_m dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_th) / Delta_T) - w + I_e + I_ext(t) + sum over inputs of I(t)
    tau_w dw/dt = a (V - E_L) - w        dI/dt = -I / tau_syn        (pF, nS, mV, pA, ms)
    where V reaches V_peak: V = V_reset, w = w + b, and V stays for t_ref;  a spike of weight q (pA) adds q to I

V and w take SUBSTEPS steps of the midpoint rule (Runge & Kutta, second order) within each step of the network, with I
at its value in their middle, which is exact. A reset is made at the end of the substep in which V_peak is reached, and
V is kept at V_peak in slopes, so that nothing overflows; the spike has the step's end as its stamp. At most one spike
in a step. NEST's aeif_psc_exp, which has these parameters, takes steps of adaptive length: spikes agree to about dt.
"""

from __future__ import annotations

from typing import Any

from distsim.core.declared import duration
from distsim.core.elementary import exp as fast_exp
from distsim.core.jit import inline
from distsim.core.tuples import over_tuples
from distsim.core.units import to_steps
from distsim.core.values import Value, of_each, time_constant
from distsim.spiking.neurons.membrane import REFRACTORY, SynapticCurrents, check_below, decays
from distsim.spiking.neurons.neuron_model import State

SUBSTEPS = 10


@inline
def slopes(V, w, current, membrane):  # type: ignore[no-untyped-def]
    """dV/dt (mV/ms) and dw/dt (pA/ms)."""
    C_m, g_L, E_L, V_th, Delta_T, V_peak, tau_w, a = membrane
    v = min(V, V_peak)
    spike = g_L * Delta_T * fast_exp((v - V_th) / Delta_T)
    return (-g_L * (v - E_L) + spike - w + current) / C_m, (a * (v - E_L) - w) / tau_w


@over_tuples
@inline
def decayed(I, factor):  # type: ignore[no-untyped-def]
    """A current (pA) some time later."""
    return I * factor


@over_tuples
@inline
def added(I, arrived):  # type: ignore[no-untyped-def]
    """A current (pA) with the input that arrives."""
    return I + arrived


class AdaptiveExponential(SynapticCurrents):
    """Parameters: C_m (pF), g_L, a (nS), E_L, V_th, Delta_T, V_peak, V_reset (mV), tau_w, t_ref (ms), b, I_e (pA).

    And tau_syn_ex, tau_syn_in (ms). Each is one number, an array (size,), or a distribution; t_ref is one whole
    multiple of dt. Synapses of positive weight drive the current with tau_syn_ex, of negative weight that with
    tau_syn_in.
    """

    C_m: Value = of_each(281.0, "pF", above=0.0)
    g_L: Value = of_each(30.0, "nS", above=0.0)
    E_L: Value = of_each(-70.6, "mV")
    V_th: Value = of_each(-50.4, "mV")
    Delta_T: Value = of_each(2.0, "mV", above=0.0)
    V_peak: Value = of_each(0.0, "mV")
    V_reset: Value = of_each(-60.0, "mV")
    tau_w: Value = time_constant(144.0)
    a: Value = of_each(4.0, "nS")
    b: Value = of_each(80.5, "pA")
    t_ref: float = duration(0.0)
    tau_syn_ex: Value = time_constant(0.2)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_below(self, "V_reset", "V_peak", "mV")

    @property
    def states(self) -> tuple[Any, ...]:
        """V, w, steps to wait, and the current of each input."""
        return State("V_m", "mV", "E_L"), State("w", "pA", 0.0), REFRACTORY, self.currents()

    def constants(self, p: Any, dt: float) -> tuple[Any, ...]:
        h = dt / SUBSTEPS
        membrane = p.C_m, p.g_L, p.E_L, p.V_th, p.Delta_T, p.V_peak, p.tau_w, p.a
        reset = p.V_reset, p.b, to_steps(p.t_ref, dt, "t_ref")
        return membrane, reset, p.I_e, tuple(decays(0.5 * h, tau)[0] for tau in self.time_constants(p)), h

    @staticmethod
    def step(state, arrived, injected, constants):  # type: ignore[no-untyped-def]
        V, w, wait, currents = state
        membrane, (V_reset, b, refractory_steps), I_e, half_decays, h = constants
        V_peak = membrane[5]
        fires, moves = False, wait == 0
        for _ in range(SUBSTEPS):
            currents = decayed(currents, half_decays)
            current = injected + I_e
            for k in range(len(currents)):
                current += currents[k]
            slope_V, slope_w = slopes(V, w, current, membrane)
            slope_V, slope_w = slopes(V + 0.5 * h * slope_V, w + 0.5 * h * slope_w, current, membrane)
            V = min(V + h * slope_V, V_peak) if moves else V
            w += h * slope_w
            if moves and not fires and V_peak <= V:
                V, w, fires = V_reset, w + b, True
                moves = refractory_steps == 0
            currents = decayed(currents, half_decays)
        waiting = wait - 1 if wait > 0 else 0
        return (V, w, refractory_steps if fires else waiting, added(currents, arrived)), fires
