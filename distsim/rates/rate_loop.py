"""The loop of rate neurons: all in step, their rates exchanged before every step.

    r(t + dt) = P r(t) + (1 - P) (mean + Phi(mu(t), sigma(t))),   P = exp(-dt / tau)

exponential Euler steps, exact where the input is constant: fixed points do not depend on dt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from distsim.core.distributions import exponentiate
from distsim.core.jit import jit
from distsim.core.parts import Neurons
from distsim.core.placement import local_gids
from distsim.core.values import values_of_neurons
from distsim.parallel.array_collectives import gather_arrays, sorted_pieces
from distsim.parallel.lone_rank import beyond
from distsim.parallel.timers import Timers
from distsim.rates.afferents import Afferents, build_afferents
from distsim.rates.rate_exchange import Numbers, RateExchange
from distsim.rates.rate_network import ConstantRate, RateNetwork, RatePopulation, RateProjection, SiegertNeuron
from distsim.record.state_recorder import StateRecorder
from distsim.theory.siegert import ALPHA, fill_rates

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class LocalRates:
    """The neurons of ``population`` with the given ``gids``: rates (n,) (1/s), parameters, incoming connections."""

    def __init__(
        self, network: RateNetwork, population: RatePopulation, seed: int, gids: Int64Array, exchange: RateExchange
    ) -> None:
        self.population = population
        self.gids = gids
        self.rate = self._values(population.rate, seed, "initial rate")
        self.drift, self.diffusion, self.answer = np.zeros(len(gids)), np.zeros(len(gids)), np.zeros(len(gids))
        self.set_model(population.model, seed, network.dt)
        self.afferents: dict[int, tuple[Afferents, Int64Array | None]] = {}
        for projection in network.projections:
            self.connect(projection, seed, exchange)

    def connect(self, projection: RateProjection, seed: int, exchange: RateExchange) -> None:
        """Draw the connections of a projection, in place of those that it had."""
        mine = self._targets(projection)
        if mine is not False:
            own = self.gids if mine is None else self.gids[mine]
            self.afferents[projection.index] = build_afferents(projection, seed, own, exchange.number), mine

    def _targets(self, projection: RateProjection) -> Int64Array | Literal[False] | None:
        """Which of the neurons are targets of a projection; None: all of the population; False: none of it."""
        if projection.target is self.population:
            return None
        if not any(piece.population is self.population for piece in projection.target.pieces):
            return False
        return np.flatnonzero(projection.target.index_of(self.gids) >= 0)

    def set_model(self, model: SiegertNeuron | ConstantRate, seed: int, dt: float) -> None:
        """Take the parameters of ``model``; rates stay."""
        names = [field.name for field in fields(model)]
        p = {name: self._values(getattr(model, name), seed, f"parameter {name}") for name in names}
        self.mean = p["mean"]
        self.decay = -dt / p["tau"]
        exponentiate(self.decay)
        self.neuron: tuple[FloatArray, ...] = ()
        if model.siegert:
            shift = 0.5 * ALPHA * np.sqrt(p["tau_syn"] / p["tau_m"])
            self.neuron = p["V_th"], p["V_th"] - p["V_reset"], p["tau_m"], p["t_ref"], shift

    def _values(self, value: Any, seed: int, purpose: str) -> FloatArray:
        values = values_of_neurons(value, seed, purpose, self.gids, self.population.first_gid)
        return np.array(np.broadcast_to(values, len(self.gids)), np.float64)

    def advance(self, rates: FloatArray) -> None:
        """One step, with the ``rates`` (n,) that were exchanged at its start."""
        self.drift[:] = 0.0
        self.diffusion[:] = 0.0
        for afferents, mine in self.afferents.values():
            if mine is None:
                afferents.add(rates, self.drift, self.diffusion)
                continue
            drift, diffusion = np.zeros((2, len(mine)))
            afferents.add(rates, drift, diffusion)
            self.drift[mine] += drift
            self.diffusion[mine] += diffusion
        if self.neuron:
            np.sqrt(self.diffusion, out=self.diffusion)
            fill_rates(self.drift, self.diffusion, *self.neuron, self.answer)
        relax(self.rate, self.decay, self.mean, self.answer)


@jit
def relax(rate, decay, mean, answer):  # type: ignore[no-untyped-def]
    """rate[i], modified, moves towards mean[i] + answer[i], by the fraction 1 - decay[i] of the way."""
    for i in range(rate.size):
        rate[i] = decay[i] * rate[i] + (1.0 - decay[i]) * (mean[i] + answer[i])


def call_kernels(network: RateNetwork, seed: int) -> None:
    """Build what a rank without neurons has and do one step of it, so that every kernel is compiled (local)."""
    nobody, exchange = np.zeros(0, np.int64), RateExchange(beyond(0), 0)
    for p in network.populations:
        LocalRates(network, p, seed, nobody, exchange).advance(np.zeros(0))


class RateLoop:
    """Advances the neurons of this rank; ``step`` is the last step done, ``recorders`` those by population."""

    interval = 1

    def __init__(self, network: RateNetwork, comm: MPI.Comm, seed: int) -> None:
        self.comm = comm
        self._exchange = RateExchange(comm, network.size)
        self.populations = [
            LocalRates(network, p, seed, local_gids(p.first_gid, p.size, comm.rank, comm.size), self._exchange)
            for p in network.populations
        ]
        self._exchange.begin(self._sources())
        self.recorders: dict[str, tuple[StateRecorder, LocalRates]] = {}
        local = {p.population.name: p for p in self.populations}
        for recording in network.recordings:
            of = local[recording.population]
            self.recorders[recording.population] = StateRecorder.of(recording, of.population.first_gid, of.gids), of
        self.timers = Timers()
        self.step = 0

    def connect(self, projection: RateProjection, seed: int) -> None:
        """Draw the connections of a projection, in place of those that it had (collective)."""
        self._exchange.end(self._sources())
        for local in self.populations:
            local.connect(projection, seed, self._exchange)
        self._exchange.begin(self._sources())

    def _sources(self) -> list[Numbers]:
        """The numbers of all sources."""
        return [own for local in self.populations for some, _ in local.afferents.values() for own in some.sources]

    @property
    def n_connections(self) -> int:
        """Number of connections onto the neurons of this rank."""
        return sum(afferents.n_connections for local in self.populations for afferents, _ in local.afferents.values())

    @property
    def table_bytes(self) -> int:
        """Bytes of what is stored of these connections."""
        return sum(afferents.nbytes for local in self.populations for afferents, _ in local.afferents.values())

    def run(self, n_steps: int, tick: Callable[[int], None]) -> None:
        """Advance by ``n_steps``; ``tick`` is told the last step done after every one."""
        lap = self.timers.lap
        self.timers.start()
        for step in range(self.step + 1, self.step + n_steps + 1):
            np.concatenate([local.rate for local in self.populations], out=self._exchange.mine)
            rates = self._exchange.exchange()
            lap("communicate")
            for local in self.populations:
                local.advance(rates)
            self.step = step
            for recorder, local in self.recorders.values():
                if recorder.due(step):
                    recorder.add(step, local.rate)
            tick(step)
            lap("update")

    def rates(self, neurons: Neurons) -> FloatArray:
        """The rates (n,) of neurons now, on every rank (collective)."""
        index = [neurons.index_of(local.gids) for local in self.populations]
        place, rate = np.concatenate(index), np.concatenate([local.rate for local in self.populations])
        some, found = place >= 0, np.empty(neurons.size)
        place, rate = gather_arrays([place[some], rate[some]], self.comm, everywhere=True)
        found[place] = rate
        return found

    def hash(self) -> str:
        """SHA-256 of the rates of all neurons now, in the order of gids, as little-endian float64 (collective)."""
        digest = hashlib.sha256()
        columns = [np.concatenate([getattr(p, name) for p in self.populations]) for name in ("gids", "rate")]
        for _, rates in sorted_pieces(columns, self.comm, everywhere=False):
            digest.update(rates.astype("<f8").tobytes())
        return str(self.comm.bcast(digest.hexdigest()))
