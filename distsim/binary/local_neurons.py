"""The binary neurons of one rank: states, inputs, thresholds, and when each has its next update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.couplings import Couplings
from distsim.binary.flip_tally import FlipTally
from distsim.binary.update_kernels import draw_states, first_updates
from distsim.core.placement import local_gids
from distsim.core.rng import streams_of
from distsim.core.values import values_of_neurons

if TYPE_CHECKING:
    from mpi4py import MPI


class LocalNeurons:
    """The neurons of this rank, over all populations, ascending by global id.

    gids (n,), first (populations + 1,): local index at which each population begins; state (n,) uint8; h and theta
    (n,) in half units of the couplings; the times (n,) of the next updates. m_ext (n,): the chance of external neurons
    to be active after an update, -1 for all others; (0,) where no population is external.
    """

    def __init__(self, network: BinaryNetwork, comm: MPI.Comm, seed: int, couplings: Couplings) -> None:
        shares = [local_gids(p.first_gid, p.size, comm.rank, comm.size) for p in network.populations]
        self.first = np.cumsum([0, *(len(share) for share in shares)])
        self.gids = np.concatenate([np.zeros(0, np.int64), *shares])
        self.n = len(self.gids)
        (theta, tau, m_0), m_ext = np.zeros((3, self.n)), np.full(self.n, -1.0)
        for k, (population, gids) in enumerate(zip(network.populations, shares, strict=True)):
            here = slice(self.first[k], self.first[k + 1])
            for array, name in ((m_ext, "m_ext"), (m_0, "m_0"), (theta, "theta"), (tau, "tau")):
                value = getattr(population, name)
                if value is not None:
                    array[here] = values_of_neurons(value, seed, name, gids, population.first_gid)
            if population.m_0 is None:
                m_0[here] = m_ext[here]
        self.state = np.empty(self.n, np.uint8)
        draw_states(streams_of(seed, "m_0", 1, self.gids), m_0, self.state)
        self.initial = self.state.copy()
        self.theta = couplings.threshold(theta)
        self.tau = tau[:1].copy() if self.n and (tau == tau[0]).all() else tau
        self.h = np.zeros(self.n, couplings.input_type)
        self.last = np.full(self.n, -1, np.int32)
        self.external = any(p.m_ext is not None for p in network.populations)
        some = slice(None) if self.external else slice(0)
        self.m_ext = m_ext[some]
        self.draw_from(seed)
        self.decided = np.zeros(len(self.m_ext), np.int64)
        self.upcoming = np.empty(self.n)
        self.counter = np.empty(self.n, np.int64)
        first_updates(self.streams, self.tau, self.upcoming, self.counter)

    def draw_from(self, seed: int) -> None:
        """Take the streams of ``seed`` for all that is drawn from now on: intervals, decisions of external neurons."""
        self.streams = streams_of(seed, "update", 0, self.gids)
        self.decisions = streams_of(seed, "external", 0, self.gids[: len(self.m_ext)])

    @property
    def rate(self) -> float:
        """Updates of all of them per ms."""
        return float((1.0 / np.broadcast_to(self.tau, self.n)).sum())

    def tally(self) -> FlipTally:
        """Of flips from the start on."""
        return FlipTally(self.gids, self.first, self.initial)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What kernels take."""
        return self.gids, self.theta, self.state, self.h, self.last
