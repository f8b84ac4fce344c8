"""Leaky integrate-and-fire neuron whose potential jumps at each spike that arrives, integrated exactly on the grid.

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t);  a spike of weight w (mV) that arrives adds w to V

Order of events within a step as in NEST's iaf_psc_delta: V is advanced and input that arrives at the end of the step is
added, unless the neuron is refractory, then a neuron at or above V_th fires with the step's end as its stamp.

Input that arrives while a neuron is refractory is lost, or, with ``refractory_input``, kept: it decays with tau_m until
the refractory time ends, and is added to V in the first step after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from distsim.core.errors import check_arguments
from distsim.core.jit import inline, jit
from distsim.core.poisson_counts import BLOCK, add_events
from distsim.core.units import check_flag, to_steps
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
from distsim.spiking.neurons.membrane import emit, leak, settle
from distsim.spiking.neurons.neuron_checks import check_below, check_sizes, check_time_constants, freeze_values


@check_arguments
@dataclass(frozen=True, eq=False)
class IafPscDelta:
    """Parameters: C_m (pF), tau_m, t_ref (ms), E_L, V_th, V_reset (mV), I_e (pA), ``refractory_input`` (kept?).

    Each is one number, an array (size,), or a distribution; t_ref is one whole multiple of dt. Weights of synapses and
    of Poisson input are jumps of the potential, in mV.
    """

    C_m: Value = 250.0
    tau_m: Value = 10.0
    t_ref: float = 2.0
    E_L: Value = -70.0
    V_th: Value = -55.0
    V_reset: Value = -70.0
    I_e: Value = 0.0
    refractory_input: bool = False

    initial_states: ClassVar[tuple[str, ...]] = ("V_m",)
    state_variables: ClassVar[tuple[str, ...]] = ("V_m",)
    receives: ClassVar[bool] = True
    joins: ClassVar[bool] = True
    weight_unit: ClassVar[str] = "mV"

    def __post_init__(self) -> None:
        limits = {"C_m": {"above": 0.0}, "tau_m": {"above": 0.0}, "t_ref": {"low": 0.0}}
        freeze_values(self, limits, ("C_m", "tau_m", "t_ref", "E_L", "V_th", "V_reset", "I_e"))
        check_below(self, "V_reset", "V_th", "mV")
        check_flag(self.refractory_input, "IafPscDelta: refractory_input")

    def check(self, size: int, dt: float, where: str) -> None:
        check_sizes(self, size, where)
        check_time_constants(self, dt, where, "tau_m")
        to_steps(self.t_ref, dt, f"{where}: IafPscDelta t_ref")

    def inputs(self) -> int:
        return 1

    def input_of(self, negative: bool) -> int:
        return 0

    def group(self, local: Local) -> IafPscDeltaGroup:
        return IafPscDeltaGroup([(self, local)])

    @staticmethod
    def join(members: list[tuple[IafPscDelta, Local]]) -> IafPscDeltaGroup:
        return IafPscDeltaGroup(members)

    def membrane(self, local: Local) -> tuple[Any, ...]:
        """exp(-dt / tau_m), mV per pA over a step, I_e, V_th and V_reset above E_L, decay of what is kept, E_L."""
        p = {name: local.parameter(getattr(self, name), name) for name in ("C_m", "tau_m", "E_L", "V_th", "V_reset")}
        I_e = local.parameter(self.I_e, "I_e")
        decay, from_current = leak(local.dt, p["C_m"], p["tau_m"])
        kept = decay if self.refractory_input else 0.0
        return decay, from_current, I_e, p["V_th"] - p["E_L"], p["V_reset"] - p["E_L"], kept, p["E_L"]


class IafPscDeltaGroup:
    """State of the local neurons: V relative to E_L (mV), and the input (mV) that came while they were refractory."""

    def __init__(self, members: list[tuple[IafPscDelta, Local]]) -> None:
        sizes = [local.n for _, local in members]
        constants = [model.membrane(local) for model, local in members]
        self.membrane = side_by_side([row[:6] for row in constants], sizes)
        self.bounds = bounds_of(sizes)
        self.refractory_steps = np.array([to_steps(model.t_ref, local.dt, "t_ref") for model, local in members])
        self.E_L = over_neurons(tuple(row[6] for row in constants), sizes)
        initial = [local.initial("V_m", row[6]) for (_, local), row in zip(members, constants, strict=True)]
        self.V = np.concatenate(initial) - self.E_L
        self.held = np.zeros(len(self.V))
        self.refractory = np.zeros(len(self.V), np.int32)

    def update(self, first_step, n_steps, ring, unit, current, drives, index, stamp):  # type: ignore[no-untyped-def]
        return update(
            self.V, self.held, self.refractory, self.bounds, self.membrane, self.refractory_steps,
            first_step, n_steps, ring, unit, current, drives, index, stamp,
        )  # fmt: skip

    def state(self, name: str) -> FloatArray:
        return self.V + self.E_L


@inline
def advance_membrane(V, jump, injected, decay, from_current):  # type: ignore[no-untyped-def]
    """V (mV) after a step without threshold; ``jump`` (mV) arrives at its end, ``injected`` is in pA."""
    return from_current * injected + decay * V + jump


@jit
def update(  # type: ignore[no-untyped-def]
    V, held, refractory, bounds, membrane, refractory_steps,
    first_step, n_steps, ring, unit, current, drives, index, stamp,
):  # fmt: skip
    """Advance all neurons through n_steps steps; see ``Group.update``. V, held, refractory are modified.

    Neurons go through all steps in blocks, whose state then stays in the L1 cache.
    """
    n_slots = ring.shape[1]
    fired = np.empty(BLOCK, np.uint8)
    random = np.empty(BLOCK, np.uint64)
    spikes = 0
    for p in range(bounds.size - 1):
        for begin in range(bounds[p], bounds[p + 1], BLOCK):
            size = min(BLOCK, bounds[p + 1] - begin)
            v, wait, late = V[begin : begin + size], refractory[begin : begin + size], held[begin : begin + size]
            decay, from_current = of_block(membrane[0], p, begin, size), of_block(membrane[1], p, begin, size)
            I_e, V_th = of_block(membrane[2], p, begin, size), of_block(membrane[3], p, begin, size)
            V_reset, kept = of_block(membrane[4], p, begin, size), of_block(membrane[5], p, begin, size)
            for step in range(n_steps):
                injected = current[p, step]
                arriving = ring[0, (first_step + step) % n_slots, begin : begin + size]
                add_events(drive_of(drives[0], p), begin, first_step + step, arriving, random)
                n_fired = 0
                for i in range(size):
                    jump = late[i] + arriving[i] * unit
                    arriving[i] = 0
                    late[i] = at(kept, i) * jump if wait[i] > 0 else 0.0
                    integrated = advance_membrane(v[i], jump, injected + at(I_e, i), at(decay, i), at(from_current, i))
                    v[i], wait[i], fires = settle(
                        v[i], wait[i], integrated, at(V_th, i), at(V_reset, i), refractory_steps[p]
                    )
                    fired[i] = 1 if fires else 0
                    n_fired += 1 if fires else 0
                if n_fired > 0:
                    spikes = emit(fired[:size], begin, first_step + step, index, stamp, spikes)
    return spikes
