"""Short-term depression and facilitation (Tsodyks, Pawelzik & Markram 1998, Neural Comput 10; Markram et al. 1998).

Each synapse has a fraction x of resources that are ready, a fraction y that is active, and the use u of resources:

    dx/dt = (1 - x - y) / D        dy/dt = -y / tau_I        du/dt = -u / F   (u = 0 between spikes where F = 0)
    a spike that arrives:  u += U (1 - u);  y += u x;  x -= u x   with the new u and the old x
    current of the target:  sum of weight * y;  each arriving spike adds weight * u x to it

x = 1, y = 0, u = u_initial at 0 ms. Between spikes the solution is known, so that a synapse is only looked at when a
spike arrives; the current decays with tau_I, once per neuron, in the neuron itself (its tau_syn is tau_I). Without
tau_I resources that were used recover at once: dx/dt = (1 - x) / D. That is NEST's tsodyks2_synapse (tau_rec is D,
tau_fac is F), which transmits weight * R u with R = x; with it NEST's tsodyks_synapse (tau_psc is tau_I).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from distsim.connect.source_index import row_of
from distsim.core.declared import number
from distsim.core.elementary import LOG2_E, exp2
from distsim.core.jit import inline, jit
from distsim.core.tuples import at, part, same_kind
from distsim.core.values import Value, largest, of_each
from distsim.spiking.synapses.input_unit import to_units
from distsim.spiking.synapses.short_term import NEVER, ShortTermSynapse
from distsim.spiking.synapses.synapse_model import FloatArray
from distsim.spiking.synapses.table import Int64Array, Table

CHUNK = 1024  # synapses treated together: their temporaries stay in the L1 cache


@inline
def recovery(elapsed, D, tau_I, y_decay, x_decay):  # type: ignore[no-untyped-def]
    """How much of what was active ``elapsed`` ms ago is missing from x, beyond what x itself has not recovered.

    tau_I / (tau_I - D) (exp(-t / tau_I) - exp(-t / D)); near D = tau_I the series in t (1 / D - 1 / tau_I). 0 for
    tau_I = 0.
    """
    if tau_I == 0.0:
        return 0.0
    s = elapsed / D - elapsed / tau_I
    series = x_decay * (elapsed / D) * (1.0 + s * (0.5 + s * (1.0 / 6.0 + s * (1.0 / 24.0 + s * (1.0 / 120.0)))))
    difference = tau_I - D if tau_I != D else 1.0
    closed = tau_I / difference * (y_decay - x_decay)
    return series if abs(s) < 1e-3 else closed


@inline
def propagate(x, y, u, elapsed, D, F, tau_I):  # type: ignore[no-untyped-def]
    """(x, y, u) after ``elapsed`` ms without a spike."""
    x_decay = exp2(-elapsed / D * LOG2_E)
    y_decay = exp2(-elapsed / tau_I * LOG2_E) if tau_I > 0.0 else 0.0
    u_decay = exp2(-elapsed / F * LOG2_E) if F > 0.0 else 0.0
    return 1.0 + (x - 1.0) * x_decay - y * recovery(elapsed, D, tau_I, y_decay, x_decay), y * y_decay, u * u_decay


@inline
def use(x, y, u, U):  # type: ignore[no-untyped-def]
    """(x, y, u) after a spike has arrived, and what it transmits of the weight."""
    used = u + U * (1.0 - u)
    released = used * x
    return x - released, y + released, used, released


@inline
def release(x, y, u, U, D, F, tau_I, elapsed, released):  # type: ignore[no-untyped-def]
    """Let a spike arrive at synapses ``elapsed`` ms after the one before: x, y, u, released (n,) are written."""
    for i in range(x.size):
        ready, active, used = propagate(x[i], y[i], u[i], elapsed, at(D, i), at(F, i), tau_I)
        x[i], y[i], u[i], released[i] = use(ready, active, used, at(U, i))


@jit
def deliver(gids, stamps, table, grid, ring, constants, remembered):  # type: ignore[no-untyped-def]
    """Add weight * u x of every synapse of every spike to the input of its target.

    As ``static.deliver``; grid: its units per pA, and the largest that may be transmitted; constants: those of
    ``TsodyksMarkram``; remembered: (x, y, u) and t_last, modified. Returns how many transmitted more than the largest.
    """
    place, offsets, targets, weights, delays = table
    per_unit, limit = grid
    U, D, F, tau_I, dt, u_first, released = constants
    (x, y, u), t_last = remembered
    n_slots = ring.shape[0]
    beyond = 0
    for spike in range(gids.size):
        row = row_of(gids[spike], place)
        if row < 0:
            continue
        stamp = stamps[spike]
        first = t_last[row] == NEVER
        elapsed = float(stamp - (0 if first else t_last[row])) * dt
        t_last[row] = stamp
        for begin in range(offsets[row], offsets[row + 1], CHUNK):
            size = min(released.size, offsets[row + 1] - begin)
            end = begin + size
            release(
                x[begin:end], y[begin:end], u[begin:end], part(U, begin, size), part(D, begin, size),
                part(F, begin, size), tau_I, elapsed, released[:size],
            )  # fmt: skip
            if first and u_first >= 0.0:
                for i in range(size):
                    edge = begin + i
                    x[edge], y[edge], u[edge], released[i] = 1.0 - u_first, u_first, u_first, u_first
            for i in range(size):
                edge = begin + i
                sent = weights[0 if weights.size == 1 else edge] * released[i]
                beyond += abs(sent) > limit
                slot = (stamp + np.int64(delays[0 if delays.size == 1 else edge])) % n_slots
                ring[slot, targets[edge]] += to_units(sent, per_unit)
    return beyond


@jit
def replay(stamps, delay, constants, dt, steps, x, y, u):  # type: ignore[no-untyped-def]
    """x, y, u (steps,) are written: see ``SynapseModel.replay``; constants: U, D, F, tau_I, u_first, u_initial."""
    U, D, F, tau_I, u_first, u_initial = constants
    ready, active, used = 1.0, 0.0, u_initial
    spike = 0
    last = np.int64(delay)
    for i in range(steps.size):
        while spike < stamps.size and stamps[spike] + delay <= steps[i]:
            elapsed = float(stamps[spike] + delay - last) * dt
            ready, active, used = propagate(ready, active, used, elapsed, D, F, tau_I)
            ready, active, used, _ = use(ready, active, used, U)
            if spike == 0 and u_first >= 0.0:
                ready, active, used = 1.0 - u_first, u_first, u_first
            last = stamps[spike] + delay
            spike += 1
        x[i], y[i], u[i] = propagate(ready, active, used, float(max(steps[i] - last, 0)) * dt, D, F, tau_I)


class TsodyksMarkram(ShortTermSynapse):
    """A synapse with short-term plasticity: ``weight`` A (pA), ``U``, and ``delay``, ``D``, ``F``, ``tau_I`` (ms).

    weight, delay, U, D and F are one number, an array, or a distribution each; F may be 0 (no facilitation). tau_I is
    the time constant of the synaptic current, or None where used resources recover at once (NEST's tsodyks2_synapse).
    ``u_initial`` is u at 0 ms, ``u_first`` the use of resources at the first spike, where that does not follow from it
    (both from 0 to 1). ``receptor`` names the input of the target, where it has several to choose from.
    """

    U: Value = of_each(0.5, low=0.0)
    D: Value = of_each(800.0, "ms", above=0.0)
    F: Value = of_each(0.0, "ms", low=0.0)
    tau_I: float | None = number(None, "ms", above=0.0)
    u_first: float | None = number(None, low=0.0, high=1.0, told=False)
    u_initial: float = number(0.0, low=0.0, high=1.0, told=False)
    states: ClassVar[tuple[str, ...]] = ("x", "y", "u")
    kernel: ClassVar[Any] = staticmethod(deliver)

    @property
    def initial(self) -> dict[str, float]:  # type: ignore[override]
        """The states at 0 ms."""
        return {"x": 1.0, "y": 0.0, "u": self.u_initial}

    @property
    def unbounded(self) -> bool:
        """Whether more than the weight can be transmitted: where U can be above 1, as drawn ones of the liquid are."""
        return largest(self.U) > 1.0

    @property
    def _u_first(self) -> float:
        """For kernels: a negative number where it is U."""
        return -1.0 if self.u_first is None else self.u_first

    def constants(self, table: Table, dt: float) -> tuple[Any, ...]:
        """U, D, F, all numbers or all (edges,); tau_I, 0 for None, and dt (ms); u_first or -1; scratch (CHUNK,)."""
        given = (self.U, self.D, self.F)
        values = (v if isinstance(v, float) else own for v, own in zip(given, table.attributes.values(), strict=True))
        return (*same_kind(tuple(values), table.n_edges), self.tau_I or 0.0, dt, self._u_first, np.empty(CHUNK))

    def state_bytes(self, edges: float, rows: float, n_target: int) -> float:
        each = not all(isinstance(value, float) for value in (self.U, self.D, self.F))
        return super().state_bytes(edges, rows, n_target) + (3 * 8.0 * edges if each else 0.0)

    def replay(
        self, stamps: Int64Array, delay: int, attributes: tuple[float, ...], dt: float, steps: Int64Array
    ) -> FloatArray:
        x, y, u = states = np.empty((3, len(steps)))
        replay(stamps, delay, (*attributes, self.tau_I or 0.0, self._u_first, self.u_initial), dt, steps, x, y, u)
        return states
