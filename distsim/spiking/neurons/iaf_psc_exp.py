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
from typing import Any, ClassVar

import numpy as np

from distsim.core.errors import check_arguments
from distsim.core.jit import inline, jit
from distsim.core.poisson_counts import BLOCK, add_events
from distsim.core.units import to_steps
from distsim.core.values import Value
from distsim.spiking.neurons.group import (
    FloatArray,
    Local,
    at,
    bounds_of,
    drive_of,
    of_block,
    over_neurons,
    side_by_side,
)
from distsim.spiking.neurons.iaf_psc_alpha import propagators
from distsim.spiking.neurons.membrane import SynapticCurrents, emit, leak, settle
from distsim.spiking.neurons.neuron_checks import check_below, check_sizes, check_time_constants, freeze_values


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
    joins: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive = {name: {"above": 0.0} for name in ("C_m", "tau_m", "tau_syn_ex", "tau_syn_in")}
        names = ("C_m", "tau_m", "t_ref", "E_L", "V_th", "V_reset", "tau_syn_ex", "tau_syn_in", "I_e")
        freeze_values(self, positive | {"t_ref": {"low": 0.0}}, names)
        check_below(self, "V_reset", "V_th", "mV")

    def check(self, size: int, dt: float, where: str) -> None:
        check_sizes(self, size, where)
        check_time_constants(self, dt, where, "tau_m", "tau_syn_ex", "tau_syn_in")
        to_steps(self.t_ref, dt, f"{where}: IafPscExp t_ref")

    def group(self, local: Local) -> IafPscExpGroup:
        return IafPscExpGroup([(self, local)])

    @staticmethod
    def join(members: list[tuple[IafPscExp, Local]]) -> IafPscExpGroup:
        return IafPscExpGroup(members)

    def membrane(self, local: Local) -> tuple[Any, ...]:
        """exp(-dt / tau_m), mV per pA over a step, I_e, V_th and V_reset above E_L, E_L: of local neurons."""
        p = {name: local.parameter(getattr(self, name), name) for name in ("C_m", "tau_m", "E_L", "V_th", "V_reset")}
        I_e = local.parameter(self.I_e, "I_e")
        return (*leak(local.dt, p["C_m"], p["tau_m"]), I_e, p["V_th"] - p["E_L"], p["V_reset"] - p["E_L"], p["E_L"])

    def synaptic(self, local: Local, name: str) -> tuple[Any, ...]:
        """Decay of the current of time constant ``name`` over a step, and mV that it adds per pA at its beginning."""
        values = [local.parameter(getattr(self, parameter), parameter) for parameter in ("C_m", "tau_m", name)]
        decay, _, _, from_I, _ = propagators(local.dt, *values)
        return decay, from_I


class IafPscExpGroup:
    """State of the local neurons: V relative to E_L (mV), and per input the current I (pA)."""

    def __init__(self, members: list[tuple[IafPscExp, Local]]) -> None:
        sizes = [local.n for _, local in members]
        taus = ("tau_syn_ex", "tau_syn_in")[: members[0][0].inputs()]
        constants = [model.membrane(local) for model, local in members]
        synaptic = [[model.synaptic(local, tau) for tau in taus] for model, local in members]
        rows = [
            row[:5] + tuple(x for pair in pairs for x in pair) for row, pairs in zip(constants, synaptic, strict=True)
        ]
        alike = side_by_side(rows, sizes)
        self.membrane, flat = alike[:5], alike[5:]
        self.synaptic = tuple(flat[2 * k : 2 * k + 2] for k in range(len(taus)))
        self.bounds = bounds_of(sizes)
        self.refractory_steps = np.array([to_steps(model.t_ref, local.dt, "t_ref") for model, local in members])
        self.E_L = over_neurons(tuple(row[5] for row in constants), sizes)
        initial = [local.initial("V_m", row[5]) for (_, local), row in zip(members, constants, strict=True)]
        self.V = np.concatenate(initial) - self.E_L
        self.I = np.zeros((len(taus), len(self.V)))
        self.refractory = np.zeros(len(self.V), np.int32)

    def update(self, first_step, n_steps, ring, unit, current, drives, index, stamp):  # type: ignore[no-untyped-def]
        return update(
            self.V, self.I, self.refractory, self.bounds, self.membrane, self.synaptic, self.refractory_steps,
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


@inline
def synapse_of_block(constants, p, begin, size):  # type: ignore[no-untyped-def]
    """Both constants of an input for the neurons of a block; see ``of_block``."""
    decay, from_I = constants
    return of_block(decay, p, begin, size), of_block(from_I, p, begin, size)


@jit
def update(  # type: ignore[no-untyped-def]
    V, I, refractory, bounds, membrane, synaptic, refractory_steps,
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
    for p in range(bounds.size - 1):
        for begin in range(bounds[p], bounds[p + 1], BLOCK):
            size = min(BLOCK, bounds[p + 1] - begin)
            v, wait = V[begin : begin + size], refractory[begin : begin + size]
            decay, from_current = of_block(membrane[0], p, begin, size), of_block(membrane[1], p, begin, size)
            I_e, V_th = of_block(membrane[2], p, begin, size), of_block(membrane[3], p, begin, size)
            V_reset = of_block(membrane[4], p, begin, size)
            for step in range(n_steps):
                slot = (first_step + step) % n_slots
                injected = current[p, step]
                for k in range(last):
                    decay_I, from_I = synapse_of_block(synaptic[k], p, begin, size)
                    x, arriving = I[k, begin : begin + size], ring[k, slot, begin : begin + size]
                    add_events(drive_of(drives[k], p), begin, first_step + step, arriving, random)
                    for i in range(size):
                        change[i] = at(from_I, i) * x[i]
                        x[i] = at(decay_I, i) * x[i] + arriving[i] * unit
                        arriving[i] = 0
                decay_I, from_I = synapse_of_block(synaptic[last], p, begin, size)
                x, arriving = I[last, begin : begin + size], ring[last, slot, begin : begin + size]
                add_events(drive_of(drives[last], p), begin, first_step + step, arriving, random)
                n_fired = 0
                for i in range(size):
                    currents = change[i] + at(from_I, i) * x[i] if last > 0 else at(from_I, i) * x[i]
                    x[i] = at(decay_I, i) * x[i] + arriving[i] * unit
                    arriving[i] = 0
                    integrated = advance_membrane(
                        v[i], currents, injected + at(I_e, i), at(decay, i), at(from_current, i)
                    )
                    v[i], wait[i], fires = settle(
                        v[i], wait[i], integrated, at(V_th, i), at(V_reset, i), refractory_steps[p]
                    )
                    fired[i] = 1 if fires else 0
                    n_fired += 1 if fires else 0
                if n_fired > 0:
                    spikes = emit(fired[:size], begin, first_step + step, index, stamp, spikes)
    return spikes
