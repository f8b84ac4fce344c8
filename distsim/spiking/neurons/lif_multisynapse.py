"""Leaky integrate-and-fire neuron with synaptic currents that are held during a step, one for each receptor.

    tau_m dV/dt = -(V - E_L) + R_m (I_e + sum over receptors of I_k + I_stimulus)
    dI_k/dt = -I_k / tau_syn[k]        dI_stimulus/dt = -I_stimulus / tau_stimulus   (a current of its own)
    a spike of weight w (pA) adds w to the current of the receptor it arrives at

The neuron of the liquid of Maass, Natschläger & Markram 2002 (Neural Comput 14) as simulated with Brian2. Order within
a step: the synaptic currents decay; V is advanced, unless refractory, with the decayed synaptic currents held constant
over the step and the stimulus current integrated exactly from its value at the start; the stimulus current decays; a
neuron above (not at) V_th fires with the step's end as its stamp; input that arrives at the end of the step is added.
After a spike in step n the first step in which V moves again is n + t_ref / dt.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.accurate import exp, expm1
from distsim.core.declared import duration, number
from distsim.core.jit import inline, jit
from distsim.core.tuples import over_tuples
from distsim.core.units import to_steps
from distsim.core.values import Value, check_time_constant, of_each, time_constant
from distsim.spiking.neurons.membrane import REFRACTORY, check_below, leak, settle
from distsim.spiking.neurons.neuron_model import NeuronModel, State
from distsim.spiking.neurons.receptors import receptor_times

STIMULUS = "stimulus"


class LifMultisynapse(NeuronModel):
    """Parameters: tau_m, t_ref, tau_syn, tau_stimulus (ms), R_m (GOhm), E_L, V_th, V_reset (mV), I_e (pA).

    tau_m, R_m, E_L, V_th, V_reset, I_e are one number, an array (size,), or a distribution each; t_ref is a whole
    multiple of dt; tau_syn has one number per receptor. A synapse names its receptor: 0, 1, ... (the entry of tau_syn)
    or "stimulus"; where it does not, positive weights drive receptor 0 and negative ones receptor 1, or 0 where there
    is no other.
    """

    tau_m: Value = time_constant(30.0)
    t_ref: float = duration(3.0)
    R_m: Value = of_each(0.001, "GOhm", above=0.0)
    E_L: Value = of_each(0.0, "mV")
    V_th: Value = of_each(15.0, "mV")
    V_reset: Value = of_each(13.5, "mV")
    I_e: Value = of_each(0.0, "pA")
    tau_syn: tuple[float, ...] = (3.0, 6.0)
    tau_stimulus: float = number(3.0, "ms", above=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_below(self, "V_reset", "V_th", "mV")
        object.__setattr__(self, "tau_syn", receptor_times(self.tau_syn, "LifMultisynapse", "(3.0, 6.0)"))

    @property
    def receptors(self) -> tuple[int | str, ...]:
        """Names of the receptors, in the order of the inputs."""
        return (*range(len(self.tau_syn)), STIMULUS)

    @property
    def states(self) -> tuple[Any, ...]:
        """V, steps to wait, the current of each receptor, the current of the stimulus."""
        currents = tuple(State(f"I_syn_{k}", "pA", 0.0) for k in range(len(self.tau_syn)))
        potential = State("V_m", "mV", "V_reset", above="E_L")
        return potential, REFRACTORY, currents, State("I_stimulus", "pA", 0.0)

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        for name in ("tau_syn", "tau_stimulus"):
            check_time_constant(np.array(getattr(self, name)), dt, f"{where}: LifMultisynapse {name}")

    def inputs(self) -> int:
        return len(self.receptors)

    def input_of(self, negative: bool) -> int:
        return int(negative and len(self.tau_syn) > 1)

    def constants(self, p: Any, dt: float) -> tuple[Any, ...]:
        from_stimulus = stimulus_propagator(dt, p.tau_m, p.R_m, self.tau_stimulus)
        membrane = (*leak(dt, p.tau_m / p.R_m, p.tau_m), from_stimulus, p.I_e)
        above = np.nextafter(p.V_th - p.E_L, np.inf)  # it fires above the threshold, not at it
        waits = max(to_steps(p.t_ref, dt, "t_ref") - 1, 0)
        decays = tuple(exp(-dt / tau) for tau in self.tau_syn)
        return membrane, (above, p.V_reset - p.E_L, waits), decays, exp(-dt / self.tau_stimulus)

    @staticmethod
    def step(state, arrived, injected, constants):  # type: ignore[no-untyped-def]
        V, wait, currents, stimulus = state
        (decay, from_current, from_stimulus, I_e), (V_th, V_reset, refractory_steps), decays, decay_stimulus = constants
        held = injected + I_e
        for k in range(len(currents)):
            held += decays[k] * currents[k]
        integrated = decay * V + from_current * held + from_stimulus * stimulus
        V, wait, fires = settle(V, wait, integrated, V_th, V_reset, refractory_steps)
        stimulus = decay_stimulus * stimulus + arrived[len(currents)]
        return (V, wait, advance_currents(currents, arrived[:-1], decays), stimulus), fires


@over_tuples
@inline
def advance_currents(I, arrived, decay):  # type: ignore[no-untyped-def]
    """I (pA) at the end of a step, with the input (pA) that arrives there."""
    return decay * I + arrived


def stimulus_propagator(dt: float, tau_m: Any, R_m: Any, tau: float) -> Any:
    """What a unit (pA) of a current that decays with ``tau`` adds to V (mV) over a step of ``dt`` (ms).

    R_m tau / (tau - tau_m) (exp(-dt / tau) - exp(-dt / tau_m)); the series in the difference of the rates where they
    are near each other. Of numbers or arrays (n,).
    """
    propagators = np.empty(np.size(tau_m))
    fill_stimulus_propagators(dt, np.atleast_1d(np.asarray(tau_m, np.float64)), tau, propagators)
    return R_m * propagators if isinstance(tau_m, np.ndarray) else R_m * float(propagators[0])


@jit
def fill_stimulus_propagators(dt, tau_m, tau, propagators):  # type: ignore[no-untyped-def]
    """propagators[i] = stimulus_propagator of tau_m[i], for R_m = 1; both (n,)."""
    for i in range(tau_m.size):
        x = dt / tau_m[i] - dt / tau
        if abs(x) < 1e-3:
            difference = 1.0 + x * (1.0 / 2.0 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0)))
        else:
            difference = expm1(x) / x
        propagators[i] = dt / tau_m[i] * exp(-dt / tau_m[i]) * difference
