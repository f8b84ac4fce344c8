"""The simple model of Izhikevich (2003, IEEE Trans Neural Netw 14), as NEST's izhikevich integrates it.

    dV/dt = 0.04 V^2 + 5 V + 140 - U + I        dU/dt = a (b V - U)        (mV, ms)
    where V reaches V_th: V = c, U = U + d;  a spike of weight w (mV) that arrives adds w to V

One forward Euler step from V and U at the start of the step, then input is added. Without ``consistent_integration``
as in the paper, whose dt is 1 ms: input counts as a current that lasts a step, V takes two steps of half the length,
then U takes one from the new V. V is kept at V_min or above; then the threshold is looked at.
"""

from __future__ import annotations

from typing import Any, ClassVar

from distsim.core.declared import flag
from distsim.core.jit import inline
from distsim.core.units import LARGEST
from distsim.core.values import Value, of_each
from distsim.spiking.neurons.neuron_model import NeuronModel, State


@inline
def slope(V, U, current):  # type: ignore[no-untyped-def]
    """dV/dt (mV/ms)."""
    return 0.04 * V * V + 5.0 * V + 140.0 - U + current


class Izhikevich(NeuronModel):
    """Parameters: a (1/ms), b (1/ms), c, V_th, V_min (mV), d (mV/ms), I_e (mV/ms, as injected currents).

    Each is one number, an array (size,), or a distribution; ``consistent_integration`` is True or False. Weights of
    synapses and of Poisson input are jumps of the potential, in mV.
    """

    a: Value = of_each(0.02, "1/ms")
    b: Value = of_each(0.2, "1/ms")
    c: Value = of_each(-65.0, "mV")
    d: Value = of_each(8.0, "mV/ms")
    V_th: Value = of_each(30.0, "mV")
    V_min: Value = of_each(-LARGEST, "mV")
    I_e: Value = of_each(0.0, "mV/ms")
    consistent_integration: bool = flag(True)

    states = State("V_m", "mV", -65.0), State("U_m", "mV/ms", -13.0)
    weight_unit: ClassVar[str] = "mV"

    def constants(self, p: Any, dt: float) -> tuple[Any, ...]:
        return p.a, p.b, p.c, p.d, p.V_th, p.V_min, p.I_e, dt, int(p.consistent_integration)

    @staticmethod
    def step(state, arrived, injected, constants):  # type: ignore[no-untyped-def]
        V, U = state
        a, b, c, d, V_th, V_min, I_e, dt, consistent = constants
        current = injected + I_e
        if consistent:
            V_next = V + dt * slope(V, U, current) + arrived[0]
            U_next = U + dt * a * (b * V - U)
        else:
            V_next = V + 0.5 * dt * slope(V, U, current + arrived[0])
            V_next = V_next + 0.5 * dt * slope(V_next, U, current + arrived[0])
            U_next = U + dt * a * (b * V_next - U)
        V_next = max(V_next, V_min)
        fires = V_next >= V_th
        return (c if fires else V_next, U_next + d if fires else U_next), fires
