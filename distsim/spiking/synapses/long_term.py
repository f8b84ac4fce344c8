"""Long-term plasticity by pairs of spikes, given by the equations of one synapse: a base for users' own.

The delay d is dendritic: a presynaptic spike at t reaches the synapse at t, a postsynaptic one at s + d. Each
presynaptic spike at t, the one before it at t_last, does to a weight w, in this order:

    for each postsynaptic spike s in (t_last - d, t - d]:
        w = facilitate(w, K_plus exp((t_last - (s + d)) / tau_plus), p)
    K_minus = sum over postsynaptic s < t - d of exp((s - (t - d)) / tau_minus)
    w = depress(w, K_minus, p);  transmit w
    K_plus = K_plus exp((t_last - t) / tau_plus) + 1;  t_last = t

K_plus and t_last belong to the source and are kept once per source. Times are whole steps, so that all exponents are
multiples of dt / tau.
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

from distsim.connect.source_index import row_of
from distsim.core.declared import number, numbers_of
from distsim.core.elementary import LOG2_E, exp2
from distsim.core.jit import inline, jit
from distsim.spiking.synapses.catch_up import make_catch_up
from distsim.spiking.synapses.history import INITIAL_CAPACITY, trace_before, up_to_date
from distsim.spiking.synapses.input_unit import to_units
from distsim.spiking.synapses.per_edge import entries, equation
from distsim.spiking.synapses.plastic_delivery import PlasticDelivery, PlasticKernels
from distsim.spiking.synapses.synapse_model import SynapseModel
from distsim.spiking.synapses.table import Table


class LongTermSynapse(SynapseModel, abstract=True):
    """Base of synapses with long-term plasticity: ``tau_plus`` and ``tau_minus`` are time constants (ms) of traces.

    A subclass declares its parameters and, as ``kernels``, what ``make_kernels(facilitate, depress)`` makes. In these
    p is the tuple of its own numbers, then of what each synapse has of its own, in the order of declaration.
    """

    _: KW_ONLY
    tau_plus: float = number(20.0, "ms", above=0.0)
    tau_minus: float = number(20.0, "ms", above=0.0)
    plastic: ClassVar[bool] = True
    kernels: ClassVar[PlasticKernels]
    delivered_by: ClassVar[type[PlasticDelivery]] = PlasticDelivery
    needs: ClassVar[dict[str, str]] = {"kernels": "what make_kernels(facilitate, depress) makes of its equations"}

    def numbers(self) -> tuple[float, ...]:
        """The numbers that the equations take."""
        return tuple(value for name, value in numbers_of(self).items() if name not in ("tau_plus", "tau_minus"))

    def delivery(self, table: Table, n_target: int, dt: float) -> PlasticDelivery:
        attributes = tuple(table.attributes.values())
        rates = (dt / self.tau_plus * LOG2_E, dt / self.tau_minus * LOG2_E)
        return self.delivered_by(table, n_target, self.kernels, (self.numbers(), attributes, *rates))

    def state_bytes(self, edges: float, rows: float, n_target: int) -> float:
        return (8.0 + 4.0) * rows + INITIAL_CAPACITY * (4.0 + 8) * n_target


def make_kernels(facilitate: Any, depress: Any) -> PlasticKernels:
    """The kernels of synapses with these two equations, plain functions of numbers that numba compiles.

    facilitate(w, K_plus, p): the weight after a postsynaptic spike has reached the synapse. depress(w, K_minus, p): the
    weight that a presynaptic spike leaves behind and transmits.
    """
    facilitate, depress = equation(facilitate, "w", "K_plus", "p"), equation(depress, "w", "K_minus", "p")

    @inline
    def facilitate_with(w, k_plus, exponent, p):  # type: ignore[no-untyped-def]
        return facilitate(w, k_plus * exp2(exponent), p)

    grown, settle, weights_at = make_catch_up(facilitate_with)

    @jit
    def deliver(gids, stamps, table, grid, ring, history, sources, constants):  # type: ignore[no-untyped-def]
        """As ``static.deliver``; returns how many of the weights transmitted exceed the largest, grid[1]."""
        place, offsets, targets, weights, delays = table
        steps, trace, older = history
        k_plus, t_last, settled, settled_until = sources
        numbers, attributes, rate_plus, rate_minus = constants
        per_unit, limit = grid
        beyond = 0
        for spike in range(gids.size):
            row = row_of(gids[spike], place)
            if row < 0:
                continue
            stamp, last, gain = stamps[spike], np.int64(t_last[row]), k_plus[row]
            since = up_to_date(row, t_last, settled_until)
            for edge in range(offsets[row], offsets[row + 1]):
                neuron, d = targets[edge], np.int64(delays[0 if delays.size == 1 else edge])
                p = numbers + entries(attributes, edge)
                w = settled[edge] if since > last else float(weights[edge])
                if gain > 0.0:
                    w = grown(w, neuron, last - d, (since - d, stamp - d), gain, rate_plus, p, steps, older)
                weights[edge] = depress(w, trace_before(stamp - d, neuron, steps, trace, older, rate_minus), p)
                beyond += abs(weights[edge]) > limit
                ring[(stamp + d) % ring.shape[0], neuron] += to_units(weights[edge], per_unit)
            k_plus[row] = gain * exp2((last - stamp) * rate_plus) + 1.0
            t_last[row] = stamp
        return beyond

    return PlasticKernels(deliver, settle, weights_at)
