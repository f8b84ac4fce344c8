"""Delivery of spikes to synapses with spike-timing-dependent plasticity: see ``stdp_power_law`` for the rule."""

from __future__ import annotations

import numpy as np

from distsim.connect.source_index import row_of
from distsim.core.elementary import exp2, log2
from distsim.core.jit import inline, jit, prefetch
from distsim.spiking.synapses.catch_up import make_catch_up
from distsim.spiking.synapses.history import NEVER, RECENT, count_after, newer, row_of_newest, up_to_date

CHUNK = 1024  # synapses treated together: their temporaries stay in the L1 cache
ROW_AHEAD, EDGES_AHEAD = 16, 8  # spikes that are looked ahead, for what is kept of a source, and for its first edges
HALF_BIT = 56.0  # powers of two by which an increment below half the last bit of a weight is less than it, and 2 more
SMALLEST = 1024.0  # powers of two that a weight can be from 1


@inline
def potentiated(w: float, mu: float, log2_factor: float) -> float:
    """w + w**mu 2**log2_factor; 0 stays 0, unless mu is 0 (0**0 = 1)."""
    grown = w + exp2(mu * log2(w) + log2_factor)
    return grown if w > 0.0 or mu == 0.0 else w


@inline
def without_effect(mu: float, log2_factor: float) -> bool:
    """Whether ``potentiated`` gives w itself, to the last bit, for every weight that there is.

    w**mu 2**log2_factor is below 2**-56 w for all 2**-1024 < w < 2**1024. Where w is so small that log2 takes
    it for 2**-1022, the exponent of the increment is below -1021, for which exp2 gives 0.
    """
    return log2_factor < -SMALLEST * abs(1.0 - mu) - HALF_BIT


@inline
def facilitate(w, k_plus, exponent, p):  # type: ignore[no-untyped-def]
    """w + lambda w**mu K_plus with K_plus = k_plus 2**exponent."""
    log2_lambda, _, mu = p
    return potentiated(w, mu, log2_lambda + log2(k_plus) + exponent)


@inline
def unchanged(k_plus, exponent, p):  # type: ignore[no-untyped-def]
    """Whether ``facilitate`` gives w itself, to the last bit, for every weight that there is."""
    log2_lambda, _, mu = p
    return without_effect(mu, log2_lambda + log2(k_plus) + exponent)


_, settle, weights_at = make_catch_up(facilitate, unchanged)


@inline
def look_up(targets, delays, stamp, since, history, k_minus, gap, jobs_of):  # type: ignore[no-untyped-def]
    """What each target did, as its synapse sees it at stamp - delay.

    k_minus, gap (edges,): trace just after the newest spike strictly before, and steps since then. Synapses with
    postsynaptic spikes in (since - delay, stamp - delay] become jobs: edge, place of the oldest such spike in the
    flat history, and how many there are. Returns the number of jobs.

    The newest spike of a target tells most of it, so all synapses are first looked at as if it had been seen, and
    those that need more once more. The number of jobs is unsigned: an index that may be negative costs instructions.
    """
    steps, trace, older = history
    job_edge, job_spike, job_left, _, _ = jobs_of
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
        jobs += np.uint64(newest > since - delay)
    found = jobs
    jobs = np.uint64(0)
    for job in range(found):
        i = job_edge[job]
        neuron = targets[i]
        delay = np.int64(delays[0]) if one_delay else np.int64(delays[i])
        horizon = stamp - delay
        unseen = 0
        if gap[i] < 0.0:  # the newest has not been seen yet
            unseen = count_after(steps, older, neuron, horizon)
            newest, k_newest = np.int64(NEVER), 0.0
            if unseen < capacity:  # else there never was another: the newest seen is never dropped
                row = row_of_newest(unseen, neuron, older, capacity)
                newest, k_newest = np.int64(steps[row, neuron]), trace[row, neuron]
            k_minus[i] = k_newest - (1.0 if newest == horizon else 0.0)
            gap[i] = float(horizon - newest)
        asked = count_after(steps, older, neuron, since - delay)
        job_edge[jobs] = i
        job_spike[jobs] = row_of_newest(asked - 1, neuron, older, capacity) * n + np.int64(neuron)
        job_left[jobs] = asked - unseen
        jobs += np.uint64(asked > unseen)
    return jobs


@inline
def potentiate(w, delays, last, log2_gain, constants, history, jobs, jobs_of):  # type: ignore[no-untyped-def]
    """Add to w the postsynaptic spikes of all jobs, in rounds: the oldest spike of every synapse first."""
    (_, _, mu), _, rate_plus, _ = constants
    steps, _, older = history
    job_edge, job_spike, job_left, job_w, job_lag = jobs_of
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
            i, spike, left = job_edge[job], job_spike[job], job_left[job] - 1
            spike = spike - n if spike < RECENT * n else newer(spike, older, steps.shape)
            w[i] = job_w[job]
            job_edge[again] = i
            job_spike[again] = spike
            job_left[again] = left
            again += np.uint64(left > 0)
        jobs = again


@inline
def depress(w, weights, k_minus, gap, constants, grid, units):  # type: ignore[no-untyped-def]
    """Depress w, store it as the new weights, and give it in units of the grid; returns how many exceed its limit."""
    (_, lambda_alpha, _), _, _, rate_minus = constants
    per_unit, limit = grid
    beyond = 0
    for i in range(weights.size):
        lowered = w[i] - lambda_alpha * w[i] * (k_minus[i] * exp2(-gap[i] * rate_minus))
        weights[i] = lowered if lowered > 0.0 else 0.0
    for i in range(weights.size):
        beyond += weights[i] > limit
        units[i] = np.int64(weights[i] * per_unit + 0.5)
    return beyond


@inline
def fetch_ahead(spike, rows, table, sources):  # type: ignore[no-untyped-def]
    """Ask for what later spikes need: where synapses are few to a source, nothing of it has been touched for long."""
    _, offsets, targets, weights, _ = table
    k_plus, t_last, _, _ = sources
    row = rows[min(spike + ROW_AHEAD, rows.size - 1)]
    if row >= 0:
        prefetch(offsets, row)
        prefetch(k_plus, row)
        prefetch(t_last, row)
    row = rows[min(spike + EDGES_AHEAD, rows.size - 1)]
    if row >= 0:
        prefetch(targets, offsets[row])
        prefetch(weights, offsets[row])


@jit
def deliver(gids, stamps, table, grid, ring, history, sources, constants):  # type: ignore[no-untyped-def]
    """Bring the weights of every synapse of every spike up to date and add them to the input of their targets.

    As ``static.deliver``, with weights (edges,) float32 or float64 (pA), modified; grid: its units per pA, and the
    largest weight. history, sources, constants: as in ``PlasticDelivery``, with p = (log2 lambda, lambda alpha, mu).
    Spikes come sorted by step. Returns how many of the weights transmitted exceed the largest.
    """
    place, offsets, targets, weights, delays = table
    k_plus, t_last, settled, settled_until = sources
    (log2_lambda, _, _), _, rate_plus, _ = constants
    n_slots = ring.shape[0]
    w, k_minus, gap, units = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK, np.int64)
    job_edge, job_spike, job_left = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    jobs_of = job_edge, job_spike, job_left, np.empty(CHUNK), np.empty(CHUNK)
    rows = np.empty(gids.size, np.int64)
    for spike in range(gids.size):
        rows[spike] = row_of(gids[spike], place)
    beyond = 0
    for spike in range(gids.size):
        fetch_ahead(spike, rows, table, sources)
        row = rows[spike]
        if row < 0:
            continue
        stamp, last = stamps[spike], np.int64(t_last[row])
        since = up_to_date(row, t_last, settled_until)
        log2_gain = log2_lambda + log2(k_plus[row])
        for begin in range(offsets[row], offsets[row + 1], CHUNK):
            end = min(begin + CHUNK, offsets[row + 1])
            to, weight = targets[begin:end], weights[begin:end]
            delay = delays if delays.size == 1 else delays[begin:end]
            jobs = look_up(to, delay, stamp, since, history, k_minus, gap, jobs_of)
            if since > last:
                for i in range(to.size):
                    w[i] = settled[begin + i]
            else:
                for i in range(to.size):
                    w[i] = weight[i]
            if k_plus[row] > 0.0:
                potentiate(w, delay, last, log2_gain, constants, history, jobs, jobs_of)
            beyond += depress(w, weight, k_minus, gap, constants, grid, units)
            if delays.size == 1:
                slot = ring[(stamp + np.int64(delays[0])) % n_slots]
                for i in range(to.size):
                    slot[to[i]] += units[i]
            else:
                for i in range(to.size):
                    ring[(stamp + np.int64(delay[i])) % n_slots, to[i]] += units[i]
        k_plus[row] = k_plus[row] * exp2((last - stamp) * rate_plus) + 1.0
        t_last[row] = stamp
    return beyond
