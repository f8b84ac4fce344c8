"""The simple model of Izhikevich (2003, IEEE Trans Neural Netw 14), as NEST's izhikevich integrates it.

    dV/dt = 0.04 V^2 + 5 V + 140 - U + I        dU/dt = a (b V - U)        (mV, ms)
    where V reaches V_th: V = c, U = U + d;  a spike of weight w (mV) that arrives adds w to V

Forward Euler steps from V and U at the start of the step; then input is added, then the threshold is looked at.
"""

from distsim import NeuronModel, State, Value, of_each


class Izhikevich(NeuronModel):
    """Parameters: a (1/ms), b, c (mV), d, V_th (mV), I_e (mV/ms, as injected currents)."""

    a: Value = of_each(0.02, "1/ms")
    b: Value = of_each(0.2, "1/ms")
    c: Value = of_each(-65.0, "mV")
    d: Value = of_each(8.0, "mV/ms")
    V_th: Value = of_each(30.0, "mV")
    I_e: Value = of_each(0.0, "mV/ms")

    states = State("V_m", "mV", "c"), State("U_m", "mV/ms", -13.0)
    weight_unit = "mV"

    @staticmethod
    def step(state, arrived, injected, constants):
        """(state, whether it fires) at the end of a step; constants are the parameters and dt."""
        V, U = state
        a, b, c, d, V_th, I_e, dt = constants
        V_next = V + (dt * (0.04 * V * V + 5.0 * V + 140.0 - U + injected + I_e) + arrived[0])
        U_next = U + dt * a * (b * V - U)
        fires = V_next >= V_th
        return (c if fires else V_next, U_next + d if fires else U_next), fires
