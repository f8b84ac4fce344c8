"""Leaky integrate-and-fire neuron with alpha-shaped synaptic currents, integrated exactly on the grid.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t) + sum over inputs of I(t)
    a spike of weight w (pA) arriving at t_a adds  w e (t - t_a) / tau_syn exp(-(t - t_a) / tau_syn)  to I

Rotter & Diesmann 1999 (Biol Cybern 81, exact integration); order of events within a step as in NEST's iaf_psc_alpha:
V is advanced (unless refractory) with the currents at the start of the step, the currents are advanced, input that
arrives at the end of the step is added, and a neuron at or above V_th fires with the step's end as its stamp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from distsim.counts import BLOCK
from distsim.errors import check_arguments
from distsim.jit import jit
from distsim.network.values import Value
from distsim.neurons.group import FloatArray, Local, at, same_kind
from distsim.neurons.parameters import check_below, check_sizes, freeze_values
from distsim.units import to_steps


@check_arguments
@dataclass(frozen=True, eq=False)
class IafPscAlpha:
    """Parameters: C_m (pF), tau_m, t_ref, tau_syn_ex, tau_syn_in (ms), E_L, V_th, V_reset (mV), I_e (pA).

    Each is one number, an array (size,), or a distribution; t_ref is one whole multiple of dt. Synapses of positive
    weight drive the current with tau_syn_ex, of negative weight that with tau_syn_in.
    """

    C_m: Value = 250.0
    tau_m: Value = 10.0
    t_ref: float = 2.0
    E_L: Value = -70.0
    V_th: Value = -55.0
    V_reset: Value = -70.0
    tau_syn_ex: Value = 2.0
    tau_syn_in: Value = 2.0
    I_e: Value = 0.0

    initial_states: ClassVar[tuple[str, ...]] = ("V_m",)
    receives: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive = {name: {"above": 0.0} for name in ("C_m", "tau_m", "tau_syn_ex", "tau_syn_in")}
        names = ("C_m", "tau_m", "t_ref", "E_L", "V_th", "V_reset", "tau_syn_ex", "tau_syn_in", "I_e")
        freeze_values(self, positive | {"t_ref": {"low": 0.0}}, names)
        check_below(self, "V_reset", "V_th", "mV")

    @property
    def state_variables(self) -> tuple[str, ...]:
        return ("V_m", "I_syn") if self.inputs() == 1 else ("V_m", "I_syn_ex", "I_syn_in")

    def check(self, size: int, dt: float, where: str) -> None:
        check_sizes(self, size, where)
        to_steps(self.t_ref, dt, f"{where}: IafPscAlpha t_ref")

    def inputs(self) -> int:
        """1 where both time constants are the same number: one current then serves both; else 2."""
        both = self.tau_syn_ex, self.tau_syn_in
        return 1 if all(isinstance(tau, float) for tau in both) and both[0] == both[1] else 2

    def input_of(self, negative: bool) -> int:
        return int(negative) if self.inputs() == 2 else 0

    def group(self, local: Local) -> IafPscAlphaGroup:
        return IafPscAlphaGroup(self, local)


def propagators(dt: float, C_m: Any, tau_m: Any, tau_syn: Any) -> tuple[Any, ...]:
    """(P11 = P22, P21, P31, P32, current peak per weight) of one alpha current over a step of ``dt`` (ms).

    P31 and P32 (mV / (pA / ms), mV / pA) say what dI/dt-like and I contribute to V. Near tau_m = tau_syn, where
    the closed form divides by the difference of the rates, the series in that difference is used.
    """
    values = (
        [_alpha_propagator(dt, *one) for one in zip(*np.broadcast_arrays(C_m, tau_m, tau_syn), strict=True)]
        if (any(isinstance(x, np.ndarray) for x in (C_m, tau_m, tau_syn)))
        else None
    )
    if values is None:
        return _alpha_propagator(dt, C_m, tau_m, tau_syn)
    return tuple(np.array(column) for column in zip(*values, strict=True))


def _alpha_propagator(h: float, C_m: float, tau_m: float, tau_syn: float) -> tuple[float, ...]:
    decay = math.exp(-h / tau_syn)
    difference = 1.0 / tau_syn - 1.0 / tau_m  # 1/ms
    x = -h * difference
    # P32 = exp(-h/tau_m) / C_m * integral over u in 0..h of exp(-u d);  P31 the same with u exp(-u d)
    if abs(x) < 1e-3:
        first = h * (1.0 + x / 2.0 + x**2 / 6.0 + x**3 / 24.0 + x**4 / 120.0)
        second = h**2 * (1.0 / 2.0 + x / 3.0 + x**2 / 8.0 + x**3 / 30.0 + x**4 / 144.0)
    else:
        first = -math.expm1(x) / difference
        second = (first - h * math.exp(x)) / difference
    leak = math.exp(-h / tau_m) / C_m
    return decay, h * decay, leak * second, leak * first, math.e / tau_syn


class IafPscAlphaGroup:
    """State of the local neurons: V relative to E_L (mV), and per input the current I (pA) and its derivative term."""

    def __init__(self, model: IafPscAlpha, local: Local) -> None:
        dt, n = local.dt, local.n
        names = ("C_m", "tau_m", "E_L", "V_th", "V_reset", "I_e")
        p = {name: local.parameter(getattr(model, name), name) for name in names}
        taus = [local.parameter(getattr(model, name), name) for name in ("tau_syn_ex", "tau_syn_in")][: model.inputs()]
        expm1 = np.expm1 if isinstance(p["tau_m"], np.ndarray) else math.expm1
        leak = expm1(-dt / p["tau_m"])
        membrane = (leak, -leak * p["tau_m"] / p["C_m"], p["I_e"], p["V_th"] - p["E_L"], p["V_reset"] - p["E_L"])
        synaptic = [propagators(dt, p["C_m"], p["tau_m"], tau) for tau in taus]
        alike = same_kind(membrane + tuple(value for values in synaptic for value in values), n)
        self.membrane, flat = alike[:5], alike[5:]
        self.synaptic = tuple(flat[5 * k : 5 * k + 5] for k in range(len(taus)))
        self.refractory_steps = to_steps(model.t_ref, dt, "t_ref")
        self.E_L = p["E_L"]
        self.V = local.initial("V_m", p["E_L"]) - p["E_L"]
        self.I = np.zeros((len(taus), n))
        self.dI = np.zeros((len(taus), n))
        self.refractory = np.zeros(n, np.int64)

    def update(self, first_step, n_steps, ring, unit, current, index, stamp):  # type: ignore[no-untyped-def]
        return update(
            self.V, self.I, self.dI, self.refractory, self.membrane, self.synaptic, self.refractory_steps,
            first_step, n_steps, ring, unit, current, index, stamp,
        )  # fmt: skip

    def state(self, name: str) -> FloatArray:
        if name == "V_m":
            return self.V + self.E_L
        return self.I[1 if name == "I_syn_in" else 0].copy()


@jit
def update(  # type: ignore[no-untyped-def]
    V, I, dI, refractory, membrane, synaptic, refractory_steps,
    first_step, n_steps, ring, unit, current, index, stamp,
):  # fmt: skip
    """Advance all neurons through n_steps steps; see ``Group.update``. V, I, dI, refractory are modified.

    Neurons go through all steps in blocks, whose state then stays in the L1 cache.
    """
    leak, from_current, I_e, V_th, V_reset = membrane
    n = V.size
    n_slots = ring.shape[1]
    change = np.empty(BLOCK)  # of V by currents
    fired = np.empty(BLOCK, np.uint8)
    spikes = 0
    for begin in range(0, n, BLOCK):
        size = min(BLOCK, n - begin)
        v = V[begin : begin + size]
        wait = refractory[begin : begin + size]
        for step in range(n_steps):
            slot = (first_step + step) % n_slots
            injected = current[step]
            for i in range(size):
                change[i] = at(from_current, begin + i) * (injected + at(I_e, begin + i))
            for k in range(len(synaptic)):
                decay, rise, from_dI, from_I, peak = synaptic[k]
                a = I[k, begin : begin + size]
                b = dI[k, begin : begin + size]
                arriving = ring[k, slot, begin : begin + size]
                for i in range(size):
                    change[i] += at(from_dI, begin + i) * b[i] + at(from_I, begin + i) * a[i]
                    a[i] = at(rise, begin + i) * b[i] + at(decay, begin + i) * a[i]
                    b[i] = at(decay, begin + i) * b[i] + at(peak, begin + i) * (arriving[i] * unit)
                    arriving[i] = 0
            n_fired = 0
            for i in range(size):
                free = change[i] + at(leak, begin + i) * v[i] + v[i]
                value = free if wait[i] == 0 else v[i]
                waiting = wait[i] - 1 if wait[i] > 0 else 0
                fires = value >= at(V_th, begin + i)
                v[i] = at(V_reset, begin + i) if fires else value
                wait[i] = refractory_steps if fires else waiting
                fired[i] = 1 if fires else 0
                n_fired += 1 if fires else 0
            if n_fired > 0:
                for i in range(size):
                    if fired[i]:
                        index[spikes] = begin + i
                        stamp[spikes] = first_step + step
                        spikes += 1
    return spikes
