"""The exact grid of input sums: a power-of-two unit in which the input of a group of neurons is counted in integers.

Integer sums do not depend on the order of their terms, so neither on ranks nor on the arrival of spikes. The unit is
chosen so that all synapses of any one neuron together, each as often as it can act in one step, stay within 62 bits of
64, or 30 of 32 (rounding of their weights to the grid adds at most half a unit each, far from one bit more); where
plastic synapses may grow, 16 of the 62 bits are left to them, and weights are watched against ``largest_weight``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from distsim.connect.edge_kernels import add_by_target
from distsim.parallel.dry_run import Facts
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.table import Table

if TYPE_CHECKING:
    from mpi4py import MPI

BITS = 62
NARROW_BITS = 30
GROWTH_BITS = 16


def fact_of(name: str) -> str:
    """Under what name of ``Facts`` the sums of a group of neurons of that ``name`` are."""
    return f"input of '{name}'"


class InputBound:
    """Sums of |weight| (n,) that can act on each neuron in one step, and its number (n,) of plastic synapses.

    name: that of the group of neurons.
    """

    def __init__(self, n: int, name: str = "") -> None:
        self.name = name
        self.fixed, self.plastic, self.plastic_count = np.zeros((3, n))

    def add_table(self, table: Table, plastic: bool, multiplicity: int) -> None:
        """Add the synapses of ``table``, each acting up to ``multiplicity`` times in a step."""
        factor = multiplicity * table.weight_unit
        if table.kinds is not None:  # one after the other, as if each had a table of its own
            for edges in table.by_kind():
                of_edges = table.weights[table.kinds_of(edges) if table.of_kinds else edges]
                add_by_target(table.targets[edges], of_edges, factor, self.fixed)
            return
        weights = np.asarray(table.weights, np.float64) if table.one_weight else table.weights
        add_by_target(table.targets, weights, factor, self.plastic if plastic else self.fixed)
        if plastic:
            add_by_target(table.targets, np.ones(1), float(multiplicity), self.plastic_count)

    def grid(self, comm: MPI.Comm, narrow: bool = False, least: float = 0.0, facts: Facts | None = None) -> Grid:
        """The grid for the most strongly driven neuron of all ranks; ``narrow``: for sums of 32 bits, none plastic.

        least: the smallest unit that will do. facts: where it is noted what the ranks found.
        """
        local = np.array([self.fixed + self.plastic, self.fixed, self.plastic_count]).max(axis=1, initial=0.0)
        facts = Facts() if facts is None else facts
        total, fixed, most_plastic = facts.most(comm, fact_of(self.name), local.tolist())
        if total == 0.0:
            unit = max(2.0**-30, least)
            return Grid(unit, math.inf if most_plastic == 0.0 else unit * 2.0**BITS / most_plastic)
        bits = NARROW_BITS if narrow else BITS - (GROWTH_BITS if most_plastic else 0)
        unit = max(2.0 ** (math.frexp(total)[1] - bits), least)
        largest = (unit * 2.0**BITS - fixed) / most_plastic if most_plastic else math.inf
        return Grid(unit, largest)
