"""Potentiation of plastic synapses whose source has been silent for long, or whose weight is asked for.

A postsynaptic spike that reaches a synapse changes its weight by the same numbers whenever that is worked out, as long
as the order stays. So it may be done when the source fires next, or before, where the spikes are to be forgotten.
"""

from __future__ import annotations

import numpy as np

from distsim.core.elementary import exp2, log2
from distsim.core.jit import inline, jit
from distsim.spiking.synapses.history import count_after, row_of_newest

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
def brought_up(edge, row, now, synapses, constants):  # type: ignore[no-untyped-def]
    """The weight of ``edge`` in ``row``, potentiated by all s with s + delay <= now."""
    targets, weights, delays, steps, older, k_plus, t_last, settled, settled_until = synapses
    log2_lambda, _, mu, rate_plus, _ = constants
    last, since = t_last[row], max(t_last[row], settled_until[row])
    w = settled[edge] if since > last else float(weights[edge])
    if k_plus[row] > 0.0:
        log2_gain = log2_lambda + log2(k_plus[row])
        delay = np.int64(delays[0 if delays.size == 1 else edge])
        neuron = targets[edge]
        oldest = count_after(steps, older, neuron, since - delay) - 1
        for k in range(oldest, count_after(steps, older, neuron, now - delay) - 1, -1):
            step = steps[row_of_newest(k, neuron, older, steps.shape[0]), neuron]
            w = potentiated(w, mu, log2_gain + (last - delay - step) * rate_plus)
    return w


@jit
def weights_at(now, edges, rows, synapses, constants, result):  # type: ignore[no-untyped-def]
    """result (n,) = the weights of ``edges`` in ``rows`` at step ``now``; synapses: see ``StdpDelivery``."""
    for i in range(edges.size):
        result[i] = brought_up(edges[i], rows[i], now, synapses, constants)


@jit
def settle(before, until, offsets, synapses, constants):  # type: ignore[no-untyped-def]
    """Bring up to step ``until`` all synapses of sources that have fired and were last settled before ``before``.

    Histories hold all spikes since then. Of ``synapses``, settled and settled_until are modified.
    """
    _, _, _, _, _, k_plus, t_last, settled, settled_until = synapses
    log2_lambda, _, mu, rate_plus, _ = constants
    for row in range(k_plus.size):
        since = max(t_last[row], settled_until[row])
        if k_plus[row] == 0.0 or since >= before:
            continue
        newest_gain = log2_lambda + log2(k_plus[row]) + (t_last[row] - since) * rate_plus
        if since == t_last[row] or not without_effect(mu, newest_gain):
            for edge in range(offsets[row], offsets[row + 1]):
                settled[edge] = brought_up(edge, row, until, synapses, constants)
        settled_until[row] = until
