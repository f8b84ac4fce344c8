"""Delivery of spikes to synapses with spike-timing-dependent plasticity: see ``stdp_power_law`` for the rule."""

from __future__ import annotations

import numpy as np

from distsim.connect.source_index import row_of
from distsim.core.elementary import exp2, log2
from distsim.core.jit import REGISTER, gather, inline, jit, prefetch, prefetch_between
from distsim.spiking.synapses.catch_up import make_catch_up
from distsim.spiking.synapses.history import NEVER, RECENT, count_after, newer, row_of_newest, up_to_date

CHUNK = 1536  # synapses treated together: their temporaries stay in the L1 cache
PIECE = 128  # of them, after which the next are asked for while weights are depressed
FEW = 64  # of them, among which hardly any target has just fired
ROW_AHEAD, EDGES_AHEAD = 16, 8  # spikes that are looked ahead, for what is kept of a source, and for its first edges
HALF_BIT = 56.0  # powers of two by which an increment below half the last bit of a weight is less than it, and 2 more
SMALLEST = 1024.0  # powers of two that a weight can be from 1
LARGEST_TRACE = 64.0  # of a target, for which decays are looked up
MOST_DECAYS = 1 << 14  # that are kept: as many as the caches hold beside all else


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
def look_up(targets, delays, stamp, since, history, k_minus, newest, found):  # type: ignore[no-untyped-def]
    """What each target did, as its synapse sees it: its spikes, each a delay later.

    newest, k_minus (edges,): when the newest spike up to ``stamp`` arrived, and the trace just after it. ``found`` is
    filled row by row of the history: edges whose spike of that row arrived after ``since``, and when it did, be that
    after ``stamp``. Returns how many synapses have spikes that are older than these rows.

    The newest spike of a target tells most of it, so all synapses are looked at as if it had arrived, and those where
    more may have happened once more, row by row: few instructions each, and hardly a branch. Each loop reads one array
    at places in no order and writes one: two at once would take each other's lines of the L1 cache. Unsigned indices
    save the instructions by which a negative one would be counted from the end.
    """
    steps, trace, older, all_steps, all_traces = history
    edge, arrival, counts, old_edge, old_spike, old_left = found
    capacity, n = steps.shape
    one_delay, first_delay = delays.size == 1, np.int64(delays[0])
    size, n_found = np.uint64(targets.size), np.uint64(0)
    for i in range(size):
        k_minus[i] = all_traces[targets[i]]
    if one_delay:
        for i in range(size):
            newest[i] = np.int64(all_steps[targets[i]]) + first_delay
    else:
        for i in range(size):
            newest[i] = np.int64(all_steps[targets[i]]) + np.int64(delays[i])
    together = size if since < stamp - 1 else np.uint64(FEW)
    for first in range(np.uint64(0), size, together):
        end, latest = min(first + together, size), np.int64(NEVER)
        for i in range(first, end):
            latest = max(latest, newest[i])
        if latest > since:
            for i in range(first, end):
                edge[0, n_found] = i
                arrival[0, n_found] = newest[i]
                n_found += np.uint64(newest[i] > since)
    counts[0] = n_found
    for k in range(1, RECENT):
        before, row, n_found = n_found, np.uint64(k * n), np.uint64(0)
        for job in range(before):
            own = np.uint64(edge[k - 1, job])
            place = row + np.uint64(targets[own])
            arrived = np.int64(all_steps[place]) + (first_delay if one_delay else np.int64(delays[own]))
            if arrival[k - 1, job] > stamp:
                newest[own] = arrived
                k_minus[own] = all_traces[place]
            elif arrived == arrival[k - 1, job] and arrived == stamp:  # one of several at once
                k_minus[own] -= 1.0
            edge[k, n_found] = own
            arrival[k, n_found] = arrived
            n_found += np.uint64(arrived > since)
        counts[k] = n_found
    n_old = np.uint64(0)
    for job in range(n_found):
        own = np.uint64(edge[RECENT - 1, job])
        neuron, delay = targets[own], first_delay if one_delay else np.int64(delays[own])
        unseen = known = RECENT
        if arrival[RECENT - 1, job] > stamp:
            unseen = count_after(steps, older, neuron, stamp - delay)
            known = unseen + 1
            newest[own], k_minus[own] = NEVER, 0.0
            if unseen < capacity:  # else there never was another: the newest seen is never dropped
                seen = row_of_newest(unseen, neuron, older, capacity)
                newest[own], k_minus[own] = np.int64(steps[seen, neuron]) + delay, trace[seen, neuron]
        if newest[own] == stamp:
            k_minus[own] -= max(count_after(steps, older, neuron, stamp - delay - 1) - known, 0)
        asked = count_after(steps, older, neuron, since - delay)
        old_edge[n_old] = own
        old_spike[n_old] = row_of_newest(asked - 1, neuron, older, capacity) * n + np.int64(neuron)
        old_left[n_old] = asked - unseen
        n_old += np.uint64(asked > unseen)
    return n_old


@inline
def potentiate(w, delays, times, gain, history, found, n_old, grown):  # type: ignore[no-untyped-def]
    """Add to w the postsynaptic spikes of all that was found: of every synapse the oldest first."""
    steps, _, older, all_steps, _ = history
    edge, arrival, counts, old_edge, old_spike, old_left = found
    own_delays = np.uint64(0) if delays.size == 1 else ~np.uint64(0)
    while n_old > 0:
        for job in range(n_old):
            i = old_edge[job]
            edge[RECENT, job] = i
            arrival[RECENT, job] = all_steps[old_spike[job]] + np.int64(delays[np.uint64(i) & own_delays])
        grow(w, edge, arrival, RECENT, n_old, times, gain, grown)
        again = np.uint64(0)
        for job in range(n_old):
            old_edge[again] = old_edge[job]
            old_spike[again] = newer(old_spike[job], older, steps.shape)
            old_left[again] = old_left[job] - 1
            again += np.uint64(old_left[again] > 0)
        n_old = again
    for k in range(RECENT - 1, -1, -1):
        grow(w, edge, arrival, k, counts[k], times, gain, grown)


@inline
def grow(w, edge, arrival, k, n, times, gain, grown):  # type: ignore[no-untyped-def]
    """Potentiate w[edge[k, job]], job < n, by a spike that arrives at ``arrival[k, job]``, unless after the present.

    times: (t_last, the present); gain: (log2 of lambda K_plus, mu, rate of K_plus). Whole vector registers are
    computed, beyond n with what happens to lie there.
    """
    (last, stamp), (log2_gain, mu, rate_plus), row = times, gain, np.uint64(k)
    for job in range(n):
        grown[job] = w[edge[row, job]]
    for job in range((n + np.uint64(REGISTER - 1)) // np.uint64(REGISTER) * np.uint64(REGISTER)):
        more = potentiated(grown[job], mu, log2_gain + float(last - arrival[row, job]) * rate_plus)
        grown[job] = more if arrival[row, job] <= stamp else grown[job]
    for job in range(n):
        w[edge[row, job]] = grown[job]


@jit
def decays_per_step(rate, decays):  # type: ignore[no-untyped-def]
    """decays (steps,) = 2**(-steps rate), to the bit what ``depressing`` computes; 0 in the last entry."""
    for steps in range(decays.size - 1):
        decays[steps] = exp2(float(-steps) * rate)
    decays[decays.size - 1] = 0.0


@inline
def depressing(size, k_minus, newest, ago, decay, stamp, constants):  # type: ignore[no-untyped-def]
    """Let k_minus, the trace after the newest spike, be the K_minus that a presynaptic spike at ``stamp`` meets.

    Decays are looked up, where they are kept: after the last of them no trace up to the largest changes a weight.
    ago, decay (edges,): how many steps ago the newest spike was, and the decay since, are written.
    """
    _, _, _, rate_minus, decays = constants
    last, larger = decays.size - 1, 0
    for i in range(size):
        larger += k_minus[i] > LARGEST_TRACE
    if last >= 0 and larger == 0:
        for i in range(size):
            ago[i] = min(stamp - newest[i], last)
        gather(decay[:size], decays, ago[:size])
        for i in range(size):
            before = k_minus[i] - (1.0 if newest[i] == stamp else 0.0)
            k_minus[i] = before * decay[i]
    else:
        for i in range(size):
            before = k_minus[i] - (1.0 if newest[i] == stamp else 0.0)
            k_minus[i] = before * exp2(float(newest[i] - stamp) * rate_minus)


@inline
def depress(w, weights, k_minus, lambda_alpha, limit, other):  # type: ignore[no-untyped-def]
    """Depress w, or the weights themselves where these are no ``other``, and store it as the new weights.

    Returns how many exceed their limit.
    """
    beyond = 0
    for i in range(weights.size):
        before = w[i] if other else float(weights[i])
        lowered = before - lambda_alpha * before * k_minus[i]
        weights[i] = lowered if lowered > 0.0 else 0.0
        beyond += weights[i] > limit
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
    largest weight. history, sources, constants: as in ``PlasticDelivery``, with p = (log2 lambda, lambda alpha, mu);
    after these, as another constant, the decays of ``PowerLawDelivery``. Spikes come sorted by step. Returns how many
    of the weights transmitted exceed the largest.
    """
    place, offsets, targets, weights, delays = table
    k_plus, t_last, settled, settled_until = sources
    (log2_lambda, lambda_alpha, mu), _, rate_plus, _, _ = constants
    (per_unit, limit), n_slots = grid, ring.shape[0]
    w, k_minus, newest, grown = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK, np.int64), np.ones(CHUNK)
    edge, arrival = np.empty((RECENT + 1, CHUNK), np.uint32), np.empty((RECENT + 1, CHUNK), np.int64)
    old = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    found = edge, arrival, np.empty(RECENT, np.uint64), *old
    past = (*history, history[0].ravel(), history[1].ravel())
    rows = np.empty(gids.size, np.int64)
    for spike in range(gids.size):
        rows[spike] = row_of(gids[spike], place)
    beyond = 0
    for spike in range(gids.size):
        fetch_ahead(spike, rows, table, sources)
        row, next_row = rows[spike], rows[min(spike + 1, rows.size - 1)]
        if row < 0:
            continue
        stamp, last, up_to = stamps[spike], np.int64(t_last[row]), up_to_date(row, t_last, settled_until)
        since = up_to if k_plus[row] > 0.0 else stamp  # without a trace nothing has been potentiated
        grows = since < stamp
        held = grows or up_to > last  # whether w holds the weights
        gain = log2_lambda + log2(k_plus[row]), mu, rate_plus
        shift = np.int64(offsets[next_row] - offsets[row]) if next_row >= 0 else np.int64(0)
        for begin in range(offsets[row], offsets[row + 1], CHUNK):
            end = min(begin + CHUNK, offsets[row + 1])
            to, weight = targets[begin:end], weights[begin:end]
            delay = delays if delays.size == 1 else delays[begin:end]
            n_old = look_up(to, delay, stamp, min(since, stamp - 1), past, k_minus, newest, found)
            if up_to > last:
                for i in range(to.size):
                    w[i] = settled[begin + i]
            elif grows:
                for i in range(to.size):
                    w[i] = weight[i]
            if grows:
                potentiate(w, delay, (last, stamp), gain, past, found, n_old, grown)
            depressing(np.uint64(to.size), k_minus, newest, old[1], grown, stamp, constants)
            for first in range(0, to.size, PIECE):
                piece, ahead = slice(first, min(first + PIECE, to.size)), begin + first + shift
                prefetch_between(targets, ahead, ahead + PIECE)
                prefetch_between(weights, ahead, ahead + PIECE)
                beyond += depress(w[piece], weight[piece], k_minus[piece], lambda_alpha, limit, held)
            if delays.size == 1:
                slot = ring[(stamp + np.int64(delays[0])) % n_slots]
                for i in range(np.uint64(0), np.uint64(to.size)):
                    slot[to[i]] += np.int64(weight[i] * per_unit + 0.5)
            else:
                for i in range(np.uint64(0), np.uint64(to.size)):
                    slot = ring[(stamp + np.int64(delay[i])) % n_slots]
                    slot[to[i]] += np.int64(weight[i] * per_unit + 0.5)
        k_plus[row] = k_plus[row] * exp2((last - stamp) * rate_plus) + 1.0
        t_last[row] = stamp
    return beyond
