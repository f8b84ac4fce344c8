"""Leaky integrate-and-fire neuron with exponentially decaying synaptic currents, integrated exactly on the grid.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t) + sum over inputs of I(t)
    dI/dt = -I / tau_syn;  a spike of weight w (pA) that arrives adds w to I

Rotter & Diesmann 1999 (Biol Cybern 81, exact integration); order of events within a step as in NEST's iaf_psc_exp:
V is advanced (unless refractory) with the currents at the start of the step, the currents decay, input that arrives at
the end of the step is added, and a neuron at or above V_th fires with the step's end as its stamp. The threshold is
sharp: NEST's escape noise (rho, delta) is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from distsim.counts import BLOCK, add_events
from distsim.errors import check_arguments
from distsim.jit import inline, jit
from distsim.network.values import Value
from distsim.neurons.group import FloatArray, Local, at, part, same_kind
from distsim.neurons.iaf_psc_alpha import propagators
from distsim.neurons.membrane import SynapticCurrents, emit, leak, settle
from distsim.neurons.parameters import check_below, check_sizes, freeze_values
from distsim.units import to_steps


@check_arguments
@dataclass(frozen=True, eq=False)
class IafPscExp(SynapticCurrents):
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
        to_steps(self.t_ref, dt, f"{where}: IafPscExp t_ref")

    def group(self, local: Local) -> IafPscExpGroup:
        return IafPscExpGroup(self, local)


class IafPscExpGroup:
    """State of the local neurons: V relative to E_L (mV), and per input the current I (pA)."""

    def __init__(self, model: IafPscExp, local: Local) -> None:
        dt, n = local.dt, local.n
        names = ("C_m", "tau_m", "E_L", "V_th", "V_reset", "I_e")
        p = {name: local.parameter(getattr(model, name), name) for name in names}
        taus = [local.parameter(getattr(model, name), name) for name in ("tau_syn_ex", "tau_syn_in")][: model.inputs()]
        decay, from_current = leak(dt, p["C_m"], p["tau_m"])
        membrane = (decay, from_current, p["I_e"], p["V_th"] - p["E_L"], p["V_reset"] - p["E_L"])
        synaptic = [propagators(dt, p["C_m"], p["tau_m"], tau) for tau in taus]
        alike = same_kind(membrane + tuple(values[j] for values in synaptic for j in (0, 3)), n)
        self.membrane, flat = alike[:5], alike[5:]
        self.synaptic = tuple(flat[2 * k : 2 * k + 2] for k in range(len(taus)))
        self.refractory_steps = to_steps(model.t_ref, dt, "t_ref")
        self.E_L = p["E_L"]
        self.V = local.initial("V_m", p["E_L"]) - p["E_L"]
        self.I = np.zeros((len(taus), n))
        self.refractory = np.zeros(n, np.int64)

    def update(self, first_step, n_steps, ring, unit, current, drives, index, stamp):  # type: ignore[no-untyped-def]
        return update(
            self.V, self.I, self.refractory, self.membrane, self.synaptic, self.refractory_steps,
            first_step, n_steps, ring, unit, current, drives, index, stamp,
        )  # fmt: skip

    def state(self, name: str) -> FloatArray:
        if name == "V_m":
            return self.V + self.E_L
        return self.I[1 if name == "I_syn_in" else 0].copy()


@inline
def advance_membrane(V, currents, injected, decay, from_current):  # type: ignore[no-untyped-def]
    """V (mV) after a step without threshold; ``currents`` is the change by synapses, ``injected`` in pA."""
    return decay * V + currents + from_current * injected


@jit
def update(  # type: ignore[no-untyped-def]
    V, I, refractory, membrane, synaptic, refractory_steps,
    first_step, n_steps, ring, unit, current, drives, index, stamp,
):  # fmt: skip
    """Advance all neurons through n_steps steps; see ``Group.update``. V, I, refractory are modified.

    Neurons go through all steps in blocks, whose state then stays in the L1 cache.
    """
    n_slots = ring.shape[1]
    last = len(synaptic) - 1
    change = np.zeros(BLOCK)  # of V by all synaptic currents but the last
    fired = np.empty(BLOCK, np.uint8)
    random = np.empty(BLOCK, np.uint64)
    spikes = 0
    for begin in range(0, V.size, BLOCK):
        size = min(BLOCK, V.size - begin)
        v, wait = V[begin : begin + size], refractory[begin : begin + size]
        m_decay, m_current, m_I_e, m_th, m_reset = membrane
        decay, from_current = part(m_decay, begin, size), part(m_current, begin, size)
        I_e, V_th, V_reset = part(m_I_e, begin, size), part(m_th, begin, size), part(m_reset, begin, size)
        for step in range(n_steps):
            slot = (first_step + step) % n_slots
            injected = current[step]
            for k in range(last):
                decay_k, from_I_k = synaptic[k]
                decay_I, from_I = part(decay_k, begin, size), part(from_I_k, begin, size)
                x, arriving = I[k, begin : begin + size], ring[k, slot, begin : begin + size]
                add_events(drives[k], begin, first_step + step, arriving, random)
                for i in range(size):
                    change[i] = at(from_I, i) * x[i]
                    x[i] = at(decay_I, i) * x[i] + arriving[i] * unit
                    arriving[i] = 0
            decay_k, from_I_k = synaptic[last]
            decay_I, from_I = part(decay_k, begin, size), part(from_I_k, begin, size)
            x, arriving = I[last, begin : begin + size], ring[last, slot, begin : begin + size]
            add_events(drives[last], begin, first_step + step, arriving, random)
            n_fired = 0
            for i in range(size):
                currents = change[i] + at(from_I, i) * x[i] if last > 0 else at(from_I, i) * x[i]
                x[i] = at(decay_I, i) * x[i] + arriving[i] * unit
                arriving[i] = 0
                integrated = advance_membrane(v[i], currents, injected + at(I_e, i), at(decay, i), at(from_current, i))
                v[i], wait[i], fires = settle(v[i], wait[i], integrated, at(V_th, i), at(V_reset, i), refractory_steps)
                fired[i] = 1 if fires else 0
                n_fired += 1 if fires else 0
            if n_fired > 0:
                spikes = emit(fired[:size], begin, first_step + step, index, stamp, spikes)
    return spikes
