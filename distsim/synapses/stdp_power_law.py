"""Spike-timing-dependent plasticity with power-law potentiation (Morrison, Aertsen & Diesmann 2007, Neural Comput 19).

With a purely dendritic delay d, each presynaptic spike at t (the one before it at t_last) does to a weight w:

    for each postsynaptic spike s in (t_last - d, t - d]:  w += lambda w**mu K_plus exp((t_last - (s + d)) / tau_plus)
    K_minus = sum over postsynaptic s < t - d of exp((s - (t - d)) / tau_minus)
    w = max(0, w - lambda alpha w K_minus);  transmit w
    K_plus = K_plus exp((t_last - t) / tau_plus) + 1;  t_last = t

K_plus and t_last belong to the source and are kept once per source. Times are whole steps, so that all exponents are
multiples of dt / tau.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distsim.elementary import LOG2_E, exp2, log2
from distsim.errors import InputError
from distsim.jit import inline, jit
from distsim.network.distributions import Distribution
from distsim.network.values import Value
from distsim.synapses.parameters import Shape, check_delay, check_weight, freeze_value
from distsim.synapses.table import Int64Array, Table
from distsim.units import check_number

INITIAL_CAPACITY = 8  # postsynaptic spikes kept per neuron at first; a power of two
CHUNK = 1024  # synapses treated together: their temporaries stay in the L1 cache


@dataclass(frozen=True, eq=False)
class StdpPowerLaw:
    """A plastic synapse: initial ``weight`` (pA, >= 0), ``delay`` (ms, dendritic), time constants in ms.

    ``lambda_`` is the learning rate, ``alpha`` the asymmetry of depression, ``mu`` the exponent of potentiation.
    """

    weight: Value = 1.0
    delay: Value = 1.0
    alpha: float = 1.0
    lambda_: float = 0.1
    mu: float = 0.4
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    plastic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        freeze_value(self, "weight", low=0.0)
        freeze_value(self, "delay", above=0.0)
        for name in ("alpha", "lambda_", "mu"):
            object.__setattr__(self, name, check_number(getattr(self, name), f"StdpPowerLaw: {name}", low=0.0))
        for name in ("tau_plus", "tau_minus"):
            object.__setattr__(self, name, check_number(getattr(self, name), f"StdpPowerLaw: {name}", above=0.0))

    def check(self, dt: float, shape: Shape, where: str) -> None:
        if isinstance(self.weight, Distribution) and self.weight.bounds()[0] < 0.0:
            raise InputError(f"{where}: weights of StdpPowerLaw are not negative; wrap {self.weight} in Clipped(..., low=0)")
        check_weight(self.weight, shape, where)
        check_delay(self.delay, dt, shape, where)

    def delivery(self, table: Table, n_target: int, dt: float) -> StdpDelivery:
        """What delivers the spikes of ``table`` to ``n_target`` local neurons."""
        return StdpDelivery(self, table, n_target, dt)

    def rates(self, dt: float) -> tuple[float, float]:
        """Decay of the two traces per step, as powers of two: dt / (tau ln 2) for tau_plus and tau_minus."""
        return dt / self.tau_plus * LOG2_E, dt / self.tau_minus * LOG2_E

    def log2_lambda(self) -> float:
        """log2(lambda), and a number that makes every potentiation 0 where lambda is 0."""
        return float(np.log2(self.lambda_)) if self.lambda_ > 0.0 else -2000.0


class StdpDelivery:
    """Delivers the spikes of one table of plastic synapses: its weights, the traces of its sources, and the
    histories of its targets, kept as long as a presynaptic spike can ask for them."""

    def __init__(self, synapse: StdpPowerLaw, table: Table, n_target: int, dt: float) -> None:
        self.table = table
        rate_plus, rate_minus = synapse.rates(dt)
        self.constants = (synapse.log2_lambda(), synapse.lambda_ * synapse.alpha, synapse.mu, rate_plus, rate_minus)
        rows = len(table.offsets) - 1
        self.k_plus = np.zeros(rows)
        self.t_last = np.zeros(rows, np.int64)
        self.count = np.zeros(n_target, np.int64)
        self.steps = np.zeros((n_target, INITIAL_CAPACITY), np.int32)
        self.trace = np.zeros((n_target, INITIAL_CAPACITY))
        self.longest_delay = int(table.delays.max(initial=1))
        self.keep_from = -1

    def archive(self, neurons: npt.NDArray[np.int32], stamps: Int64Array, start: int) -> None:
        """Append the spikes (local index, step) of the interval that began after step ``start`` to the histories."""
        seen = start - self.longest_delay
        begin = 0
        while begin < len(neurons):
            begin = archive(
                neurons, stamps, begin, self.keep_from, seen, self.count, self.steps, self.trace, self.constants[4]
            )
            if begin < len(neurons):
                self._make_room(start)

    def _make_room(self, start: int) -> None:
        """Forget what no source can ask for any more; enlarge the rings where that frees nothing."""
        oldest = int(self.t_last[self.k_plus > 0.0].min(initial=start)) - self.longest_delay
        if oldest > self.keep_from:
            self.keep_from = oldest
            return
        old = self.steps.shape[1]
        number = self.count[:, None] - old + np.arange(old)  # numbers of the spikes in each ring, -k: not there yet
        steps = np.zeros((len(self.count), 2 * old), np.int32)
        trace = np.zeros((len(self.count), 2 * old))
        neuron, column = np.nonzero(number >= 0)
        which = number[neuron, column]
        steps[neuron, which % (2 * old)] = self.steps[neuron, which % old]
        trace[neuron, which % (2 * old)] = self.trace[neuron, which % old]
        self.steps, self.trace = steps, trace

    def deliver(self, rows: Int64Array, stamps: Int64Array, ring: Int64Array, per_unit: float) -> float:
        """Update and transmit the synapses of the spikes (row of the table, step); returns the largest weight (pA)."""
        t = self.table
        return float(
            deliver(
                rows, stamps, t.offsets, t.targets, t.weights, t.delays, per_unit, ring,
                self.count, self.steps, self.trace, self.k_plus, self.t_last, self.constants,
            )  # fmt: skip
        )

    def weights_at(self, now: int) -> npt.NDArray[np.float64]:
        """Weights (edges,) brought up to step ``now``."""
        t = self.table
        result = np.empty(t.n_edges)
        weights_at(
            now, t.offsets, t.targets, t.weights, t.delays, self.count, self.steps, self.k_plus, self.t_last,
            self.constants, result,
        )  # fmt: skip
        return result


@inline
def potentiated(w: float, mu: float, log2_factor: float) -> float:
    """w + w**mu 2**log2_factor; 0 stays 0."""
    return w + exp2(mu * log2(w) + log2_factor) if w > 0.0 else w


@jit
def archive(neurons, stamps, begin, keep_from, seen, count, steps, trace, rate_minus):  # type: ignore[no-untyped-def]
    """Append postsynaptic spikes begin.. to the histories of their neurons; returns how far it came.

    neurons, stamps (spikes,): in the order of time for each neuron. count (n,) int64, steps (n, capacity) int32,
    trace (n, capacity) float64: rings of the newest spikes and of K_minus just after them, modified. A spike may be
    overwritten once no presynaptic spike can ask for it: it is at or before ``keep_from`` (no source fired so long
    ago), and the one after it is at or before ``seen`` (so it is never the newest one that a synapse has seen).
    Stops, for the caller to enlarge the rings, where it may not.
    """
    capacity = steps.shape[1]
    mask = capacity - 1
    for spike in range(begin, neurons.size):
        neuron = neurons[spike]
        stamp = stamps[spike]
        n = count[neuron]
        place = n & mask
        if n >= capacity:
            after = steps[neuron, (n + 1) & mask] if capacity > 1 else stamp
            if steps[neuron, place] > keep_from or after > seen:
                return spike
        before = 0.0
        if n > 0:
            last = (n - 1) & mask
            before = trace[neuron, last] * exp2((steps[neuron, last] - stamp) * rate_minus)
        steps[neuron, place] = stamp
        trace[neuron, place] = before + 1.0
        count[neuron] = n + 1
    return neurons.size


@inline
def find_window(steps, count, first_step, horizon):  # type: ignore[no-untyped-def]
    """Numbers (first, end) of the postsynaptic spikes s with first_step < s <= horizon in the ring of one neuron."""
    mask = steps.size - 1
    oldest = max(count - steps.size, 0)
    end = count
    while end > oldest and steps[(end - 1) & mask] > horizon:
        end -= 1
    first = end
    while first > oldest and steps[(first - 1) & mask] > first_step:
        first -= 1
    return first, end


@jit
def deliver(  # type: ignore[no-untyped-def]
    rows, stamps, offsets, targets, weights, delays, per_unit, ring, count, steps, trace, k_plus, t_last, constants
):
    """Bring the weights of every synapse of every spike up to date and add them to the input of their targets.

    As ``static.deliver``, with weights (edges,) float32 or float64 (pA), modified, times ``per_unit`` the number of
    grid units; count, steps, trace: the histories of the targets; k_plus (rows,) float64 and t_last (rows,) int64:
    the traces of the sources, modified. constants: (log2 lambda, lambda alpha, mu, rate_plus, rate_minus).
    Spikes must come sorted by step. Returns the largest weight transmitted.
    """
    log2_lambda, lambda_alpha, mu, rate_plus, rate_minus = constants
    n_slots = ring.shape[0]
    one_delay = delays.size == 1
    mask = steps.shape[1] - 1
    w = np.empty(CHUNK)
    k_minus = np.empty(CHUNK)
    gap = np.empty(CHUNK)
    job_edge = np.empty(CHUNK, np.int32)
    job_first = np.empty(CHUNK, np.int64)
    job_left = np.empty(CHUNK, np.int64)
    job_w = np.empty(CHUNK)
    job_factor = np.empty(CHUNK)
    largest = 0.0
    for spike in range(rows.size):
        row = rows[spike]
        stamp = stamps[spike]
        last = t_last[row]
        potentiates = k_plus[row] > 0.0
        log2_gain = log2_lambda + log2(k_plus[row]) if potentiates else 0.0
        for begin in range(offsets[row], offsets[row + 1], CHUNK):
            end = min(begin + CHUNK, offsets[row + 1])
            chunk_targets = targets[begin:end]
            chunk_weights = weights[begin:end]
            chunk_delays = delays if one_delay else delays[begin:end]
            n = chunk_targets.size
            # look up what each target did since the last presynaptic spike, as seen at stamp - delay
            jobs = 0
            for i in range(n):
                neuron = chunk_targets[i]
                delay = chunk_delays[0 if one_delay else i]
                horizon = stamp - delay
                first, visible = find_window(steps[neuron], count[neuron], last - delay, horizon)
                w[i] = chunk_weights[i]
                if visible > 0:
                    newest = (visible - 1) & mask
                    k_minus[i] = trace[neuron, newest] - (1.0 if steps[neuron, newest] == horizon else 0.0)
                    gap[i] = horizon - steps[neuron, newest]
                else:
                    k_minus[i] = 0.0
                    gap[i] = 0.0
                job_edge[jobs] = i
                job_first[jobs] = first
                job_left[jobs] = visible - first
                jobs += 1 if potentiates and visible > first else 0
            # potentiate, the oldest postsynaptic spike of every synapse first
            while jobs > 0:
                for job in range(jobs):
                    i = job_edge[job]
                    delay = chunk_delays[0 if one_delay else i]
                    s = steps[chunk_targets[i], job_first[job] & mask]
                    job_w[job] = w[i]
                    job_factor[job] = log2_gain + (last - (s + delay)) * rate_plus
                for job in range(jobs):
                    job_w[job] = potentiated(job_w[job], mu, job_factor[job])
                left = 0
                for job in range(jobs):
                    w[job_edge[job]] = job_w[job]
                    remaining = job_left[job] - 1
                    job_edge[left] = job_edge[job]
                    job_first[left] = job_first[job] + 1
                    job_left[left] = remaining
                    left += 1 if remaining > 0 else 0
                jobs = left
            # depress
            for i in range(n):
                w[i] = max(0.0, w[i] - lambda_alpha * w[i] * (k_minus[i] * exp2(-gap[i] * rate_minus)))
            for i in range(n):
                chunk_weights[i] = w[i]
            # transmit
            for i in range(n):
                largest = max(largest, float(chunk_weights[i]))
            for i in range(n):
                slot = (stamp + chunk_delays[0 if one_delay else i]) % n_slots
                ring[slot, chunk_targets[i]] += np.int64(chunk_weights[i] * per_unit + 0.5)
        k_plus[row] = k_plus[row] * exp2((last - stamp) * rate_plus) + 1.0
        t_last[row] = stamp
    return largest


@jit
def weights_at(  # type: ignore[no-untyped-def]
    now, offsets, targets, weights, delays, count, steps, k_plus, t_last, constants, result
):
    """result (edges,) = the weights brought up to step ``now``: potentiated by all s with s + delay <= now."""
    log2_lambda, _, mu, rate_plus, _ = constants
    mask = steps.shape[1] - 1
    one_delay = delays.size == 1
    for row in range(offsets.size - 1):
        log2_gain = log2_lambda + log2(k_plus[row])
        for edge in range(offsets[row], offsets[row + 1]):
            w = float(weights[edge])
            if k_plus[row] > 0.0:
                delay = delays[0 if one_delay else edge]
                neuron = targets[edge]
                first, end = find_window(steps[neuron], count[neuron], t_last[row] - delay, now - delay)
                for number in range(first, end):
                    s = steps[neuron, number & mask]
                    w = potentiated(w, mu, log2_gain + (t_last[row] - (s + delay)) * rate_plus)
            result[edge] = w
