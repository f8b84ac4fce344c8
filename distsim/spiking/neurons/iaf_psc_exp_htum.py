"""``iaf_psc_exp`` with two refractory times (Tsodyks, Uziel & Markram 2000, J Neurosci 20:RC50).

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t) + sum over inputs of I(t)
    dI/dt = -I / tau_syn;  a spike of weight w (pA) that arrives adds w to I

After a spike V stays at V_reset for t_ref_abs, and the threshold is not looked at for t_ref_tot: V may cross it before,
and the neuron then fires as soon as that time is over. Integration and order of events within a step are those of
``iaf_psc_exp``.
"""

from __future__ import annotations

from typing import Any

from distsim.core.declared import duration
from distsim.core.errors import InputError
from distsim.core.units import to_steps
from distsim.core.values import Value, of_each, time_constant
from distsim.spiking.neurons.iaf_psc_alpha import propagators
from distsim.spiking.neurons.iaf_psc_exp import advance_currents
from distsim.spiking.neurons.membrane import POTENTIAL, SynapticCurrents, leak
from distsim.spiking.neurons.neuron_model import State


class IafPscExpHtum(SynapticCurrents):
    """Parameters: C_m (pF), tau_m, t_ref_abs, t_ref_tot, tau_syn_ex, tau_syn_in (ms), E_L, V_th, V_reset (mV).

    And I_e (pA). Each is one number, an array (size,), or a distribution; t_ref_abs, and t_ref_tot, which is at least
    as long, are one whole multiple of dt each.
    Synapses of positive weight drive the current with tau_syn_ex, of negative weight that with tau_syn_in.
    """

    C_m: Value = of_each(250.0, "pF", above=0.0)
    tau_m: Value = time_constant(10.0)
    t_ref_abs: float = duration(2.0, low=1)
    t_ref_tot: float = duration(2.0, low=1)
    E_L: Value = of_each(-70.0, "mV")
    V_th: Value = of_each(-55.0, "mV")
    V_reset: Value = of_each(-70.0, "mV")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.t_ref_abs > self.t_ref_tot:
            raise InputError(
                f"IafPscExpHtum: t_ref_abs = {self.t_ref_abs:g} ms must be at most t_ref_tot = {self.t_ref_tot:g} ms"
            )

    @property
    def states(self) -> tuple[Any, ...]:
        """V, steps for which it stays, steps for which it does not fire, and the current of each input."""
        waits = (State(name, "1", 0, hidden=True) for name in ("absolute_steps", "refractory_steps"))
        return POTENTIAL, *waits, self.currents()

    def constants(self, p: Any, dt: float) -> tuple[Any, ...]:
        synapses = [propagators(dt, p.C_m, p.tau_m, tau) for tau in self.time_constants(p)]
        pairs = tuple((decay, from_I) for decay, _, _, from_I, _ in synapses)
        absolute, total = (to_steps(time, dt, "t_ref") for time in (p.t_ref_abs, p.t_ref_tot))
        return *leak(dt, p.C_m, p.tau_m), p.I_e, (p.V_th - p.E_L, p.V_reset - p.E_L, absolute, total), pairs

    @staticmethod
    def step(state, arrived, injected, constants):  # type: ignore[no-untyped-def]
        V, stays, waits, currents = state
        decay, from_current, I_e, (V_th, V_reset, absolute_steps, total_steps), synapses = constants
        change = synapses[0][1] * currents[0]
        for k in range(1, len(currents)):
            change += synapses[k][1] * currents[k]
        integrated = decay * V + change + from_current * (injected + I_e)
        value = integrated if stays == 0 else V
        fires = waits == 0 and value >= V_th
        staying = stays - 1 if stays > 0 else 0
        waiting = waits - 1 if waits > 0 else 0
        return (
            V_reset if fires else value,
            absolute_steps if fires else staying,
            total_steps if fires else waiting,
            advance_currents(currents, arrived, synapses),
        ), fires
