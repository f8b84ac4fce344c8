"""Rate neurons of a script: a network of ours beside that of spiking neurons, with its own simulation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.connect.rules.edge_list import EdgeList
from distsim.nest.connection_calls import Call
from distsim.nest.event_log import EventLog
from distsim.nest.node_blocks import Block, blocks_of
from distsim.nest.time_grid import Clock

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim import RateNetwork, RateSimulation

FloatArray = npt.NDArray[np.float64]
ALL = "rate neurons"
OURS = {
    "tau": "tau", "tau_m": "tau_m", "t_ref": "t_ref", "theta": "V_th", "V_reset": "V_reset", "tau_syn": "tau_syn",
    "mean": "mean",
}  # fmt: skip
"""What NEST calls the parameters of a siegert_neuron, and what we do."""


class RateBridge:
    """All rate neurons as one population, in the order of their ids; recorded, if at all, all of them."""

    def __init__(self, nodes: list[Block], calls: list[Call], clock: Clock, seed: int, comm: MPI.Comm) -> None:
        self.nodes, self.calls, self.clock, self.seed, self.comm = nodes, calls, clock, seed, comm
        self.blocks = [block for block in nodes if block.kind == "rate"]
        self.ids = np.concatenate([np.zeros(0, np.int64), *(block.ids for block in self.blocks)])
        self.simulation: RateSimulation | None = None
        self.recorded = False
        self._taken = 0

    def build(self, before: RateBridge | None) -> None:
        """Make the simulation; ``before``: what it goes on from."""
        if not self.blocks:
            return
        from distsim import RateNetwork, RateSimulation, SiegertNeuron

        network = RateNetwork(self.clock.resolution)
        rate = self._each("rate")
        if before is not None and before.simulation is not None:
            known = np.isin(self.ids, before.ids)
            rate[known] = before.simulation.current_rates(ALL)[np.isin(before.ids, self.ids)]
        model = SiegertNeuron(**{ours: self._each(name) for name, ours in OURS.items()})
        everyone = network.population(ALL, len(self.ids), model, rate=rate)
        steps = 0
        for call in self.calls:
            if call.way == "rates":
                self._connect(network, call)
            elif call.way == "sample" and np.isin(call.target, self.ids).any():
                for meter, _ in blocks_of(self.nodes, call.source):
                    times = (self.clock.steps(meter.values[name]) for name in ("interval", "offset"))
                    steps = math.gcd(steps, self.clock.step, *times)
        if steps:
            network.record_rates(everyone, interval=self.clock.ms(steps))
        self.recorded = steps > 0
        self.simulation, self._first = RateSimulation(network, self.comm, self.seed), self.clock.step

    def _each(self, name: str) -> FloatArray:
        """A value of every neuron (n,)."""
        return np.concatenate([np.full(b.n, 0.0) + b.values[name] for b in self.blocks])

    def _connect(self, network: RateNetwork, call: Call) -> None:
        from distsim import DiffusionConnection

        every = np.arange(len(call.target))
        for batch in call.batches(call.stand_in(), self.seed, self.clock, every, None):
            source, target = (np.searchsorted(self.ids, ends) for ends in (batch.source, batch.target))
            factors = batch.values["drift_factor"], batch.values["diffusion_factor"]
            network.connect(ALL, ALL, EdgeList(source, target), DiffusionConnection(*factors))

    def run(self, steps: int, log: EventLog) -> None:
        """Simulate so many steps more, and put what was recorded into the log."""
        if self.simulation is None:
            return
        self.simulation.run(self.clock.ms(steps))
        if self.recorded:
            states = self.simulation.rates(ALL)
            times, values = states.step[self._taken :], states.value[self._taken :]
            self._taken = len(states.step)
            at = [self._first + step for step in times.tolist()]
            begin = 0
            for block in self.blocks:
                here = (begin + np.arange(block.n)) % self.comm.size == self.comm.rank
                mine = values[:, begin : begin + block.n][:, here]
                log.add_samples(block.first, "rate", block.ids[here], at, list(mine))
                begin += block.n

    def rates(self, block: Block) -> FloatArray | None:
        """The present rates (n,) of a block, in 1/s; None where nothing was simulated."""
        if self.simulation is None:
            return None
        begin = int(np.searchsorted(self.ids, block.first))
        return self.simulation.current_rates(ALL)[begin : begin + block.n]
