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

from distsim import accurate
from distsim.elementary import LOG2_E, exp2, log2
from distsim.errors import InputError, check_arguments
from distsim.jit import inline, jit
from distsim.network.distributions import Distribution
from distsim.network.values import Value
from distsim.synapses.grid import Grid
from distsim.synapses.history import NEVER, History, count_after
from distsim.synapses.parameters import Shape, check_delay, check_weight, freeze_value
from distsim.synapses.table import Int64Array, Table, row_of
from distsim.units import MAX_STEPS, check_number

CHUNK = 1024  # synapses treated together: their temporaries stay in the L1 cache


@check_arguments
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
            raise InputError(
                f"{where}: weights of StdpPowerLaw are not negative; wrap {self.weight} in Clipped(..., low=0)"
            )
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
        return accurate.log2(self.lambda_) if self.lambda_ > 0.0 else -2000.0


class StdpDelivery:
    """Delivers the spikes of one table of plastic synapses.

    It holds the traces of the sources and the histories of the targets; the weights stand in the table.
    """

    def __init__(self, synapse: StdpPowerLaw, table: Table, n_target: int, dt: float) -> None:
        self.table = table
        rate_plus, rate_minus = synapse.rates(dt)
        self.constants = (synapse.log2_lambda(), synapse.lambda_ * synapse.alpha, synapse.mu, rate_plus, rate_minus)
        rows = len(table.offsets) - 1
        self.k_plus = np.zeros(rows)
        self.t_last = np.zeros(rows, np.int64)
        self.history = History(n_target, rate_minus, int(table.delays.max(initial=1)))

    def archive(self, neurons: npt.NDArray[np.int32], stamps: Int64Array, start: int) -> None:
        """Append the spikes (local index, step) of the interval that began after step ``start`` to the histories."""
        self.history.append(neurons, stamps, start, self._oldest_asked)

    def _oldest_asked(self) -> int:
        """The oldest last spike of a source that has fired; potentiation since then is still to be done."""
        return int(self.t_last[self.k_plus > 0.0].min(initial=MAX_STEPS))

    def deliver(self, gids: Int64Array, stamps: Int64Array, ring: Int64Array, grid: Grid) -> int:
        """Update the synapses of the spikes, sorted by step, and add their weights to ring (slots, n).

        Returns the number of weights that grew beyond the range of exact sums.
        """
        t = self.table
        return int(
            deliver(
                gids, stamps, t.place, t.offsets, t.targets, t.weights, t.delays, 1.0 / grid.unit, grid.largest_weight,
                ring, self.history.steps, self.history.trace, self.k_plus, self.t_last, self.constants,
            )
        )  # fmt: skip

    def weights_at(self, now: int, edges: Int64Array, rows: Int64Array) -> npt.NDArray[np.float64]:
        """Weights (n,) of ``edges``, which lie in ``rows``, brought up to step ``now``."""
        t = self.table
        result = np.empty(len(edges))
        weights_at(
            now, edges, rows, t.targets, t.weights, t.delays, self.history.steps, self.k_plus, self.t_last,
            self.constants, result,
        )  # fmt: skip
        return result


@inline
def potentiated(w: float, mu: float, log2_factor: float) -> float:
    """w + w**mu 2**log2_factor; 0 stays 0, unless mu is 0 (0**0 = 1)."""
    grown = w + exp2(mu * log2(w) + log2_factor)
    return grown if w > 0.0 or mu == 0.0 else w


@inline
def look_up(  # type: ignore[no-untyped-def]
    targets, delays, stamp, last, steps, trace, k_minus, gap, job_edge, job_spike, job_left
):
    """What each target did, as its synapse sees it at stamp - delay.

    k_minus, gap (edges,): trace just after the newest spike strictly before, and steps since then. Synapses with
    postsynaptic spikes in (last - delay, stamp - delay] become jobs: edge, place of the oldest such spike in the
    flat history, and how many there are. Returns the number of jobs.

    The newest spike of a target tells most of it, so all synapses are first looked at as if it had been seen, and
    those that need more once more. The number of jobs is unsigned: an index that may be negative costs instructions.
    """
    jobs = np.uint64(0)
    one_delay = delays.size == 1
    capacity, n = steps.shape
    for i in range(targets.size):
        neuron = targets[i]
        delay = np.int64(delays[0]) if one_delay else np.int64(delays[i])
        horizon = stamp - delay
        newest = np.int64(steps[0, neuron])
        k_minus[i] = trace[0, neuron] - (1.0 if newest == horizon else 0.0)
        gap[i] = float(horizon - newest)
        job_edge[jobs] = i
        jobs += np.uint64(newest > last - delay)
    found = jobs
    jobs = np.uint64(0)
    for job in range(found):
        i = job_edge[job]
        neuron = targets[i]
        delay = np.int64(delays[0]) if one_delay else np.int64(delays[i])
        horizon = stamp - delay
        unseen = 0
        if gap[i] < 0.0:  # the newest has not been seen yet
            unseen = count_after(steps, neuron, horizon)
            newest, k_newest = np.int64(NEVER), 0.0
            if unseen < capacity:  # else there never was another: the newest seen is never dropped
                newest, k_newest = np.int64(steps[unseen, neuron]), trace[unseen, neuron]
            k_minus[i] = k_newest - (1.0 if newest == horizon else 0.0)
            gap[i] = float(horizon - newest)
        asked = count_after(steps, neuron, last - delay)
        job_edge[jobs] = i
        job_spike[jobs] = (asked - 1) * n + np.int64(neuron)
        job_left[jobs] = asked - unseen
        jobs += np.uint64(asked > unseen)
    return jobs


@inline
def potentiate(  # type: ignore[no-untyped-def]
    w, targets, delays, last, log2_gain, constants, steps, jobs, job_edge, job_spike, job_left, job_w, job_lag
):
    """Add to w the postsynaptic spikes of all jobs, in rounds: the oldest spike of every synapse first."""
    _, _, mu, rate_plus, _ = constants
    one_delay = delays.size == 1
    all_steps = steps.ravel()
    n = steps.shape[1]
    while jobs > 0:
        for job in range(jobs):
            i = job_edge[job]
            delay = np.int64(delays[0]) if one_delay else np.int64(delays[i])
            job_lag[job] = float(last - delay - all_steps[job_spike[job]])
            job_w[job] = w[i]
        for job in range(jobs):
            job_w[job] = potentiated(job_w[job], mu, log2_gain + job_lag[job] * rate_plus)
        again = np.uint64(0)
        for job in range(jobs):
            i, spike, left = job_edge[job], job_spike[job] - n, job_left[job] - 1
            w[i] = job_w[job]
            job_edge[again] = i
            job_spike[again] = spike
            job_left[again] = left
            again += np.uint64(left > 0)
        jobs = again


@inline
def depress(w, weights, k_minus, gap, constants, per_unit, limit, units):  # type: ignore[no-untyped-def]
    """Depress w, store it as the new weights, and give it in units of the grid; returns how many exceed ``limit``."""
    _, lambda_alpha, _, _, rate_minus = constants
    beyond = 0
    for i in range(weights.size):
        lowered = w[i] - lambda_alpha * w[i] * (k_minus[i] * exp2(-gap[i] * rate_minus))
        weights[i] = lowered if lowered > 0.0 else 0.0
    for i in range(weights.size):
        beyond += weights[i] > limit
        units[i] = np.int64(weights[i] * per_unit + 0.5)
    return beyond


@jit
def deliver(  # type: ignore[no-untyped-def]
    gids, stamps, place, offsets, targets, weights, delays, per_unit, limit,
    ring, steps, trace, k_plus, t_last, constants,
):  # fmt: skip
    """Bring the weights of every synapse of every spike up to date and add them to the input of their targets.

    As ``static.deliver``, with weights (edges,) float32 or float64 (pA), modified; steps, trace: the histories of the
    targets; k_plus (rows,) float64 and t_last (rows,) int64: the traces of the sources, modified. constants:
    (log2 lambda, lambda alpha, mu, rate_plus, rate_minus). Spikes come sorted by step. Returns how many of the
    weights transmitted exceed ``limit`` (pA).
    """
    n_slots = ring.shape[0]
    w, k_minus, gap, units = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK, np.int64)
    job_edge, job_spike, job_left = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    job_w, job_lag = np.empty(CHUNK), np.empty(CHUNK)
    beyond = 0
    for spike in range(gids.size):
        row = row_of(gids[spike], place)
        if row < 0:
            continue
        stamp, last = stamps[spike], t_last[row]
        log2_gain = constants[0] + log2(k_plus[row])
        for begin in range(offsets[row], offsets[row + 1], CHUNK):
            end = min(begin + CHUNK, offsets[row + 1])
            to, weight = targets[begin:end], weights[begin:end]
            delay = delays if delays.size == 1 else delays[begin:end]
            jobs = look_up(to, delay, stamp, last, steps, trace, k_minus, gap, job_edge, job_spike, job_left)
            for i in range(to.size):
                w[i] = weight[i]
            if k_plus[row] > 0.0:
                potentiate(
                    w, to, delay, last, log2_gain, constants, steps, jobs, job_edge, job_spike, job_left, job_w, job_lag
                )
            beyond += depress(w, weight, k_minus, gap, constants, per_unit, limit, units)
            if delays.size == 1:
                slot = ring[(stamp + np.int64(delays[0])) % n_slots]
                for i in range(to.size):
                    slot[to[i]] += units[i]
            else:
                for i in range(to.size):
                    ring[(stamp + np.int64(delay[i])) % n_slots, to[i]] += units[i]
        k_plus[row] = k_plus[row] * exp2((last - stamp) * constants[3]) + 1.0
        t_last[row] = stamp
    return beyond


@jit
def weights_at(  # type: ignore[no-untyped-def]
    now, edges, rows, targets, weights, delays, steps, k_plus, t_last, constants, result
):
    """result (n,) = the weights of ``edges`` in ``rows``, potentiated by all s with s + delay <= now."""
    log2_lambda, _, mu, rate_plus, _ = constants
    for i in range(edges.size):
        edge, row = edges[i], rows[i]
        w = float(weights[edge])
        if k_plus[row] > 0.0:
            log2_gain = log2_lambda + log2(k_plus[row])
            delay = np.int64(delays[0 if delays.size == 1 else edge])
            neuron = targets[edge]
            oldest = count_after(steps, neuron, t_last[row] - delay) - 1
            for k in range(oldest, count_after(steps, neuron, now - delay) - 1, -1):
                w = potentiated(w, mu, log2_gain + (t_last[row] - delay - steps[k, neuron]) * rate_plus)
        result[i] = w
