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

from distsim.core.accurate import exp, expm1
from distsim.core.errors import check_arguments
from distsim.core.jit import inline, jit
from distsim.core.poisson_counts import BLOCK, add_events
from distsim.core.units import to_steps
from distsim.core.values import Value
from distsim.spiking.neurons.group import FloatArray, Local, at, part, same_kind
from distsim.spiking.neurons.membrane import SynapticCurrents, decays, emit, settle
from distsim.spiking.neurons.neuron_checks import check_below, check_sizes, check_time_constants, freeze_values


@check_arguments
@dataclass(frozen=True, eq=False)
class IafPscAlpha(SynapticCurrents):
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

    def check(self, size: int, dt: float, where: str) -> None:
        check_sizes(self, size, where)
        check_time_constants(self, dt, where, "tau_m", "tau_syn_ex", "tau_syn_in")
        to_steps(self.t_ref, dt, f"{where}: IafPscAlpha t_ref")

    def group(self, local: Local) -> IafPscAlphaGroup:
        return IafPscAlphaGroup(self, local)


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


class IafPscAlphaGroup:
    """State of the local neurons: V relative to E_L (mV), and per input the current I (pA) and its derivative term."""

    def __init__(self, model: IafPscAlpha, local: Local) -> None:
        dt, n = local.dt, local.n
        names = ("C_m", "tau_m", "E_L", "V_th", "V_reset", "I_e")
        p = {name: local.parameter(getattr(model, name), name) for name in names}
        taus = [local.parameter(getattr(model, name), name) for name in ("tau_syn_ex", "tau_syn_in")][: model.inputs()]
        _, lost = decays(dt, p["tau_m"])
        membrane = (-lost, lost * p["tau_m"] / p["C_m"], p["I_e"], p["V_th"] - p["E_L"], p["V_reset"] - p["E_L"])
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

    def update(self, first_step, n_steps, ring, unit, current, drives, index, stamp):  # type: ignore[no-untyped-def]
        return update(
            self.V, self.I, self.dI, self.refractory, self.membrane, self.synaptic, self.refractory_steps,
            first_step, n_steps, ring, unit, current, drives, index, stamp,
        )  # fmt: skip

    def state(self, name: str) -> FloatArray:
        if name == "V_m":
            return self.V + self.E_L
        return self.I[1 if name == "I_syn_in" else 0].copy()


@inline
def from_currents(I, dI, from_I, from_dI):  # type: ignore[no-untyped-def]
    """Change of V (mV) over a step by one synaptic current, from its state at the start of the step."""
    return from_dI * dI + from_I * I


@inline
def advance_current(I, dI, arriving, decay, rise, peak):  # type: ignore[no-untyped-def]
    """(I, dI) at the end of a step, with the input (pA) that arrives there."""
    return rise * dI + decay * I, decay * dI + peak * arriving


@inline
def advance_membrane(V, wait, change, leak, V_th, V_reset, refractory_steps):  # type: ignore[no-untyped-def]
    """(V, refractory steps left, whether it fires) at the end of a step in which currents change V by ``change``."""
    return settle(V, wait, change + leak * V + V, V_th, V_reset, refractory_steps)


@inline
def parts(values, begin, size):  # type: ignore[no-untyped-def]
    """The five constants of a block of neurons."""
    a, b, c, d, e = values
    return (
        part(a, begin, size), part(b, begin, size), part(c, begin, size), part(d, begin, size), part(e, begin, size)
    )  # fmt: skip


@jit
def update(  # type: ignore[no-untyped-def]
    V, I, dI, refractory, membrane, synaptic, refractory_steps,
    first_step, n_steps, ring, unit, current, drives, index, stamp,
):  # fmt: skip
    """Advance all neurons through n_steps steps; see ``Group.update``. V, I, dI, refractory are modified.

    Neurons go through all steps in blocks, whose state then stays in the L1 cache.
    """
    n_slots = ring.shape[1]
    last = len(synaptic) - 1
    change = np.empty(BLOCK)  # of V by injected current and all synaptic currents but the last
    fired = np.empty(BLOCK, np.uint8)
    random = np.empty(BLOCK, np.uint64)
    spikes = 0
    for begin in range(0, V.size, BLOCK):
        size = min(BLOCK, V.size - begin)
        v, wait = V[begin : begin + size], refractory[begin : begin + size]
        leak, from_current, I_e, V_th, V_reset = parts(membrane, begin, size)
        for step in range(n_steps):
            slot = (first_step + step) % n_slots
            injected = current[step]
            for k in range(last):
                decay, rise, from_dI, from_I, peak = parts(synaptic[k], begin, size)
                a, b = I[k, begin : begin + size], dI[k, begin : begin + size]
                arriving = ring[k, slot, begin : begin + size]
                add_events(drives[k], begin, first_step + step, arriving, random)
                for i in range(size):
                    before = at(from_current, i) * (injected + at(I_e, i)) if k == 0 else change[i]
                    change[i] = before + from_currents(a[i], b[i], at(from_I, i), at(from_dI, i))
                    a[i], b[i] = advance_current(a[i], b[i], arriving[i] * unit, at(decay, i), at(rise, i), at(peak, i))
                    arriving[i] = 0
            decay, rise, from_dI, from_I, peak = parts(synaptic[last], begin, size)
            a, b = I[last, begin : begin + size], dI[last, begin : begin + size]
            arriving = ring[last, slot, begin : begin + size]
            add_events(drives[last], begin, first_step + step, arriving, random)
            n_fired = 0
            for i in range(size):
                before = change[i] if last > 0 else at(from_current, i) * (injected + at(I_e, i))
                total = before + from_currents(a[i], b[i], at(from_I, i), at(from_dI, i))
                a[i], b[i] = advance_current(a[i], b[i], arriving[i] * unit, at(decay, i), at(rise, i), at(peak, i))
                arriving[i] = 0
                v[i], wait[i], fires = advance_membrane(
                    v[i], wait[i], total, at(leak, i), at(V_th, i), at(V_reset, i), refractory_steps
                )
                fired[i] = 1 if fires else 0
                n_fired += 1 if fires else 0
            if n_fired > 0:
                spikes = emit(fired[:size], begin, first_step + step, index, stamp, spikes)
    return spikes
