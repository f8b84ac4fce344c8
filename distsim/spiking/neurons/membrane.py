"""What integrate-and-fire neurons share: leak, threshold and refractoriness, which current a weight drives."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.accurate import exp, expm1
from distsim.core.declared import duration
from distsim.core.errors import InputError
from distsim.core.jit import inline, jit
from distsim.core.units import to_steps
from distsim.core.values import Value, is_distribution, of_each, time_constant
from distsim.spiking.neurons.neuron_model import NeuronModel, State

POTENTIAL = State("V_m", "mV", "E_L", above="E_L")
REFRACTORY = State("refractory_steps", "1", 0, hidden=True)


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
    waiting = np.int32(wait - 1 if wait > 0 else 0)
    fires = value >= V_th
    return V_reset if fires else value, np.int32(refractory_steps) if fires else waiting, fires


def check_below(model: Any, lower: str, upper: str, unit: str) -> None:
    """InputError where field ``lower`` of ``model`` is not below field ``upper`` in every neuron."""
    low, high = getattr(model, lower), getattr(model, upper)
    if np.shape(low) and np.shape(high) and np.shape(low) != np.shape(high):
        return  # at most one of them has the length of the population: ``check`` says which does not
    below = np.less(_bound(low, 1), _bound(high, 0))
    if not np.all(below):
        shown, limit = (np.broadcast_to(_bound(v, k), np.shape(below))[~below] for v, k in ((low, 1), (high, 0)))
        drawn = any(is_distribution(value) for value in (low, high))
        raise InputError(
            f"{type(model).__name__}: {lower} = {shown[0]:g} {unit} must be below {upper} = {limit[0]:g} {unit}"
            + ("; wrap the distribution in Clipped(...)" if drawn else "")
        )


def _bound(value: Value, side: int) -> Any:
    """The value itself, or the smallest (side 0) or largest (side 1) value of a distribution."""
    return value.bounds()[side] if is_distribution(value) else value


class Membrane(NeuronModel, abstract=True):
    """A leaky membrane with a threshold: C_m (pF), tau_m, t_ref (ms), E_L, V_th, V_reset (mV), I_e (pA)."""

    C_m: Value = of_each(250.0, "pF", above=0.0)
    tau_m: Value = time_constant(10.0)
    t_ref: float = duration(2.0)
    E_L: Value = of_each(-70.0, "mV")
    V_th: Value = of_each(-55.0, "mV")
    V_reset: Value = of_each(-70.0, "mV")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_below(self, "V_reset", "V_th", "mV")

    def threshold(self, p: Any, dt: float) -> tuple[Any, Any, int]:
        """V_th and V_reset above E_L (mV), t_ref in steps: what ``settle`` takes."""
        return p.V_th - p.E_L, p.V_reset - p.E_L, to_steps(p.t_ref, dt, "t_ref")


class SynapticCurrents(NeuronModel, abstract=True):
    """Positive weights drive a current with tau_syn_ex, negative ones that with tau_syn_in (ms); I_e (pA) is constant.

    Where both time constants are the same number, one current serves both.
    """

    tau_syn_ex: Value = time_constant(2.0)
    tau_syn_in: Value = time_constant(2.0)
    I_e: Value = of_each(0.0, "pA")

    def inputs(self) -> int:
        both = self.tau_syn_ex, self.tau_syn_in
        return 1 if all(isinstance(tau, float) for tau in both) and both[0] == both[1] else 2

    def input_of(self, negative: bool) -> int:
        return int(negative) if self.inputs() == 2 else 0

    def currents(self) -> tuple[State, ...]:
        """The current of each input."""
        names = ("I_syn",) if self.inputs() == 1 else ("I_syn_ex", "I_syn_in")
        return tuple(State(name, "pA", 0.0) for name in names)

    def time_constants(self, p: Any) -> tuple[Any, ...]:
        """The time constant of each input."""
        return (p.tau_syn_ex, p.tau_syn_in)[: self.inputs()]


class CurrentBased(SynapticCurrents, Membrane, abstract=True):
    """A leaky membrane with a threshold and such currents."""
