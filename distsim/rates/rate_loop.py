"""The loop of rate neurons: all in step, their rates exchanged before every step.

    r(t + dt) = P r(t) + (1 - P) (mean + Phi(mu(t), sigma(t))),   P = exp(-dt / tau)

exponential Euler steps, exact where the input is constant: fixed points do not depend on dt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from distsim.core.distributions import exponentiate
from distsim.core.jit import jit
from distsim.core.placement import local_gids, places_by_rank
from distsim.core.values import values_of_neurons
from distsim.parallel.timers import Timers
from distsim.rates.afferents import Afferents, build_afferents
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
        self, network: RateNetwork, population: RatePopulation, seed: int, gids: Int64Array, place: Int64Array
    ) -> None:
        self.population = population
        self.gids = gids
        self.rate = self._values(population.rate, seed, "initial rate")
        self.drift, self.diffusion, self.answer = np.zeros(len(gids)), np.zeros(len(gids)), np.zeros(len(gids))
        self.set_model(population.model, seed, network.dt)
        self.afferents: dict[int, tuple[Afferents, Int64Array | None]] = {}
        for projection in network.projections:
            self.connect(projection, seed, place)

    def connect(self, projection: RateProjection, seed: int, place: Int64Array) -> None:
        """Draw the connections of a projection, in place of those that it had."""
        mine = self._targets(projection)
        if mine is not False:
            own = self.gids if mine is None else self.gids[mine]
            self.afferents[projection.index] = build_afferents(projection, seed, own, place), mine

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
        """One step, with the ``rates`` (neurons,) of all neurons at its start."""
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
    everyone, nobody = np.arange(network.size), np.zeros(0, np.int64)
    for p in network.populations:
        LocalRates(network, p, seed, nobody, everyone).advance(np.zeros(network.size))


class RateLoop:
    """Advances the neurons of this rank; ``step`` is the last step done, ``recorders`` those by population."""

    interval = 1

    def __init__(self, network: RateNetwork, comm: MPI.Comm, seed: int) -> None:
        self.comm = comm
        self._counts, self._place = places_by_rank(network.size, comm.size)
        self.populations = [
            LocalRates(network, p, seed, local_gids(p.first_gid, p.size, comm.rank, comm.size), self._place)
            for p in network.populations
        ]
        self._mine, self._everyone = np.empty(int(self._counts[comm.rank])), np.empty(network.size)
        self.recorders: dict[str, tuple[StateRecorder, LocalRates]] = {}
        local = {p.population.name: p for p in self.populations}
        for recording in network.recordings:
            of = local[recording.population]
            self.recorders[recording.population] = StateRecorder.of(recording, of.population.first_gid, of.gids), of
        self.timers = Timers()
        self.step = 0

    def connect(self, projection: RateProjection, seed: int) -> None:
        """Draw the connections of a projection, in place of those that it had."""
        for local in self.populations:
            local.connect(projection, seed, self._place)

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
            rates = self._exchange()
            lap("communicate")
            for local in self.populations:
                local.advance(rates)
            self.step = step
            for recorder, local in self.recorders.values():
                if recorder.due(step):
                    recorder.add(step, local.rate)
            tick(step)
            lap("update")

    def _exchange(self) -> FloatArray:
        """The rates (neurons,) of all neurons, those of rank 0 first; valid until the next call (collective)."""
        begin = 0
        for local in self.populations:
            end = begin + len(local.rate)
            self._mine[begin:end] = local.rate
            begin = end
        self.comm.Allgatherv(self._mine, [self._everyone, self._counts])
        return self._everyone

    def rates(self) -> FloatArray:
        """The rates (neurons,) of all neurons in the order of gids (collective)."""
        return self._exchange()[self._place]
