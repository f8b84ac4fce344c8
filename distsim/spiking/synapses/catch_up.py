"""Weights brought up to a step without a presynaptic spike: where the source is silent, or the weight is asked for.

A postsynaptic spike that reaches a synapse changes its weight by the same numbers whenever that is worked out, as long
as the order stays. So it may be done when the source fires next, or before, where the spikes are to be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from distsim.core.jit import inline, jit
from distsim.spiking.synapses.history import count_after, row_of_newest, up_to_date
from distsim.spiking.synapses.per_edge import entries


@inline
def never(k_plus, exponent, p):  # type: ignore[no-untyped-def]
    """Of potentiation of which nothing is known: it is never without effect."""
    return False


def make_catch_up(facilitate: Any, without_effect: Any = never) -> tuple[Callable[..., Any], ...]:
    """The kernels (grown, settle, weights_at) of synapses that ``facilitate(w, k_plus, exponent, p)`` potentiates.

    facilitate: the weight after a postsynaptic spike, K_plus being k_plus 2**exponent. without_effect(k_plus, exponent,
    p): whether that is w itself, to the last bit, for every w. Arguments of the kernels are as in ``PlasticDelivery``.
    """

    @inline
    def grown(w, neuron, last, window, k_plus, rate_plus, p, steps, older):  # type: ignore[no-untyped-def]
        """w, potentiated by the spikes of ``neuron`` in the steps window[0] + 1 .. window[1]; last: t_last - delay."""
        after, until = window
        for k in range(count_after(steps, older, neuron, after) - 1, -1, -1):
            step = np.int64(steps[row_of_newest(k, neuron, older, steps.shape[0]), neuron])
            if step > until:
                break
            w = facilitate(w, k_plus, (last - step) * rate_plus, p)
        return w

    @inline
    def brought_up(edge, row, now, table, history, sources, constants):  # type: ignore[no-untyped-def]
        """The weight of ``edge`` in ``row``, potentiated by all s with s + delay <= now."""
        _, _, targets, weights, delays = table
        steps, _, older = history
        k_plus, t_last, settled, settled_until = sources
        numbers, attributes, rate_plus, _ = constants
        last, since = np.int64(t_last[row]), up_to_date(row, t_last, settled_until)
        w = settled[edge] if since > last else float(weights[edge])
        if k_plus[row] == 0.0:
            return w
        p = numbers + entries(attributes, edge)
        d = np.int64(delays[0 if delays.size == 1 else edge])
        return grown(w, targets[edge], last - d, (since - d, now - d), k_plus[row], rate_plus, p, steps, older)

    @jit
    def settle(before, until, table, history, sources, constants):  # type: ignore[no-untyped-def]
        """Bring up to step ``until`` all synapses of sources that have fired and were last settled before ``before``.

        Histories hold all spikes since then. Of ``sources``, settled and settled_until are modified.
        """
        offsets = table[1]
        k_plus, t_last, settled, settled_until = sources
        numbers, attributes, rate_plus, _ = constants
        for row in range(k_plus.size):
            since = up_to_date(row, t_last, settled_until)
            if k_plus[row] == 0.0 or since >= before:
                continue
            newest = (t_last[row] - since) * rate_plus
            for edge in range(offsets[row], offsets[row + 1]):
                if since > t_last[row] and without_effect(k_plus[row], newest, numbers + entries(attributes, edge)):
                    continue
                settled[edge] = brought_up(edge, row, until, table, history, sources, constants)
            settled_until[row] = until

    @jit
    def weights_at(now, edges, rows, table, history, sources, constants, result):  # type: ignore[no-untyped-def]
        """result (n,) = the weights of ``edges`` in ``rows`` at step ``now``."""
        for i in range(edges.size):
            result[i] = brought_up(edges[i], rows[i], now, table, history, sources, constants)

    return grown, settle, weights_at
