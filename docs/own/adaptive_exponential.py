"""Adaptive exponential integrate-and-fire neuron (Brette & Gerstner 2005, J Neurophysiol 94) with one current.

    C_m dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_T) / Delta_T) - w + I + I_e + I_injected
    tau_w dw/dt = a (V - E_L) - w        dI/dt = -I / tau_syn        (pF, nS, mV, pA, ms)
    where V reaches V_peak: V = V_reset, w = w + b, and V stays for t_ref;  a spike of weight q (pA) adds q to I

V and w take SUBSTEPS steps of the midpoint rule (Runge & Kutta, second order) within each step of the network, with I
held at its value in their middle, which is exact. V is kept at V_peak once it is reached, so that nothing overflows.
"""

from distsim import NeuronModel, State, Value, duration, inline, of_each, time_constant
from distsim.core.accurate import exp
from distsim.core.elementary import exp as fast_exp

SUBSTEPS = 10


@inline
def slopes(V, w, current, C_m, g_L, E_L, V_T, Delta_T, V_peak, tau_w, a):
    """dV/dt and dw/dt."""
    v = min(V, V_peak)
    spike = g_L * Delta_T * fast_exp((v - V_T) / Delta_T)
    return (-g_L * (v - E_L) + spike - w + current) / C_m, (a * (v - E_L) - w) / tau_w


class AdaptiveExponential(NeuronModel):
    """Parameters: see the equations; positive and negative weights drive one current."""

    C_m: Value = of_each(281.0, "pF", above=0.0)
    g_L: Value = of_each(30.0, "nS", above=0.0)
    E_L: Value = of_each(-70.6, "mV")
    V_T: Value = of_each(-50.4, "mV")
    Delta_T: Value = of_each(2.0, "mV", above=0.0)
    V_peak: Value = of_each(0.0, "mV")
    V_reset: Value = of_each(-60.0, "mV")
    tau_w: Value = time_constant(144.0)
    a: Value = of_each(4.0, "nS")
    b: Value = of_each(80.5, "pA")
    I_e: Value = of_each(0.0, "pA")
    tau_syn: float = time_constant(2.0)
    t_ref: float = duration(0.0)

    states = (
        State("V_m", "mV", "E_L"), State("w", "pA", 0.0), State("I_syn", "pA", 0.0),
        State("refractory_steps", "1", 0, hidden=True),
    )  # fmt: skip

    def constants(self, p, dt):
        """Of the membrane, for ``slopes``; of reset and input; whole numbers are the same for all neurons."""
        h = dt / SUBSTEPS
        membrane = p.C_m, p.g_L, p.E_L, p.V_T, p.Delta_T, p.V_peak, p.tau_w, p.a
        return membrane, p.V_reset, p.b, p.I_e, exp(-0.5 * h / self.tau_syn), h, round(self.t_ref / dt)

    @staticmethod
    def step(state, arrived, injected, constants):
        """(state, whether it fires) at the end of a step."""
        V, w, I, wait = state
        membrane, V_reset, b, I_e, half_decay, h, refractory_steps = constants
        for _ in range(SUBSTEPS):
            I *= half_decay
            current = I + I_e + injected
            slope_V, slope_w = slopes(V, w, current, *membrane)
            slope_V, slope_w = slopes(V + 0.5 * h * slope_V, w + 0.5 * h * slope_w, current, *membrane)
            V = V if wait > 0 else min(V + h * slope_V, membrane[5])
            w += h * slope_w
            I *= half_decay
        fires = wait == 0 and membrane[5] <= V
        waiting = wait - 1 if wait > 0 else 0
        return (
            V_reset if fires else V, w + b if fires else w, I + arrived[0], refractory_steps if fires else waiting,
        ), fires  # fmt: skip
