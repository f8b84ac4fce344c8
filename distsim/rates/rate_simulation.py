"""Simulation of a network of rate neurons: all in step, their rates exchanged after every step.

    r(t + dt) = P r(t) + (1 - P) (mean + Phi(mu(t), sigma(t))),   P = exp(-dt / tau)

exponential Euler steps, exact where the input is constant: fixed points do not depend on dt.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.distributions import exponentiate
from distsim.core.errors import InputError, check_arguments
from distsim.core.jit import jit
from distsim.core.placement import local_count, local_gids
from distsim.core.populations import StateRecording
from distsim.core.units import MAX_STEPS, check_seed, shown, to_steps
from distsim.core.values import values_of_neurons
from distsim.parallel.agreement import require_same
from distsim.parallel.communicator import one_per_node_first
from distsim.parallel.gather import States, gather_states
from distsim.parallel.job import faults
from distsim.parallel.machine import check_memory
from distsim.rates.afferents import build_afferents
from distsim.rates.rate_memory import memory_of_rates
from distsim.rates.rate_network import RateNetwork, RatePopulation
from distsim.theory.siegert import ALPHA, fill_rates

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
TICK = 0.2  # s of wall time between reports of progress


class RatePart:
    """The neurons of ``population`` with the given ``gids``: rates (n,) (1/s), parameters, incoming connections."""

    def __init__(
        self, network: RateNetwork, population: RatePopulation, seed: int, gids: Int64Array, place: Int64Array
    ) -> None:
        self.population = population
        self.gids = gids
        self.rate = self._values(population.rate, seed, "initial rate")
        names = [field.name for field in fields(population.model)]
        p = {name: self._values(getattr(population.model, name), seed, f"parameter {name}") for name in names}
        self.mean = p["mean"]
        self.decay = -network.dt / p["tau"]
        exponentiate(self.decay)
        self.drift, self.diffusion, self.answer = np.zeros(len(gids)), np.zeros(len(gids)), np.zeros(len(gids))
        self.neuron: tuple[FloatArray, ...] = ()
        if population.model.siegert:
            shift = 0.5 * ALPHA * np.sqrt(p["tau_syn"] / p["tau_m"])
            self.neuron = p["V_th"], p["V_th"] - p["V_reset"], p["tau_m"], p["t_ref"], shift
        incoming = [projection for projection in network.projections if projection.target is population]
        self.afferents = [build_afferents(projection, seed, gids, place) for projection in incoming]

    def _values(self, value: Any, seed: int, purpose: str) -> FloatArray:
        values = values_of_neurons(value, seed, purpose, self.gids, self.population.first_gid)
        return np.array(np.broadcast_to(values, len(self.gids)), np.float64)

    def advance(self, rates: FloatArray) -> None:
        """One step, with the ``rates`` (neurons,) of all neurons at its start."""
        self.drift[:] = 0.0
        self.diffusion[:] = 0.0
        for afferents in self.afferents:
            afferents.add(rates, self.drift, self.diffusion)
        if self.neuron:
            np.sqrt(self.diffusion, out=self.diffusion)
            fill_rates(self.drift, self.diffusion, *self.neuron, self.answer)
        relax(self.rate, self.decay, self.mean, self.answer)


@jit
def relax(rate, decay, mean, answer):  # type: ignore[no-untyped-def]
    """rate[i], modified, moves towards mean[i] + answer[i], by the fraction 1 - decay[i] of the way."""
    for i in range(rate.size):
        rate[i] = decay[i] * rate[i] + (1.0 - decay[i]) * (mean[i] + answer[i])


@dataclass
class RateRecorder:
    """Rates of the local ones among the recorded neurons of a population, a row for every recorded step."""

    recording: StateRecording
    part: RatePart
    columns: Int64Array
    local_index: Int64Array
    steps: list[int] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)

    @classmethod
    def of(cls, recording: StateRecording, part: RatePart) -> RateRecorder:
        gids = np.array(recording.neurons, np.int64) + part.population.first_gid
        columns = np.flatnonzero(np.isin(gids, part.gids))
        return cls(recording, part, columns, np.searchsorted(part.gids, gids[columns]))

    def add(self, step: int) -> None:
        if step % self.recording.interval == 0:
            self.steps.append(step)
            self.values.append(self.part.rate[self.local_index])


@check_arguments
class RateSimulation:
    """Simulate ``network`` on the ranks of ``comm``; every method is collective unless it says otherwise.

    seed: any integer; with the network it fixes every bit of the result, on any number of ranks. Raises InputError for
    wrong input, on all ranks alike; any other error on one rank ends the whole job.
    """

    def __init__(self, network: RateNetwork, comm: MPI.Comm, seed: int = 1) -> None:
        require_same(comm, "RateSimulation", network=network, seed=seed)
        if not isinstance(network, RateNetwork):
            raise InputError(f"RateSimulation: needs a RateNetwork, got {shown(network)}")
        self.network = network
        self.comm = comm
        self.dt = network.dt
        self.seed = check_seed(seed)
        self.step = 0
        self.sim_time = 0.0
        with faults(comm):
            check_memory(comm, memory_of_rates(network, comm.size).total, "RateSimulation: the network")
            one_per_node_first(comm, self._call_kernels)
            begin = time.perf_counter()
            counts = np.array([local_count(0, network.size, rank, comm.size) for rank in range(comm.size)])
            gids = np.arange(network.size)
            place = (np.cumsum(counts) - counts)[gids % comm.size] + gids // comm.size
            self._parts = [
                RatePart(network, p, self.seed, local_gids(p.first_gid, p.size, comm.rank, comm.size), place)
                for p in network.populations
            ]
            self._mine, self._everyone = np.empty(int(counts[comm.rank])), np.empty(network.size)
            self._counts, self._place = counts, place
            names = [p.name for p in network.populations]
            self._recorders = [RateRecorder.of(r, self._parts[names.index(r.population)]) for r in network.recordings]
            self.build_time = time.perf_counter() - begin
        network.freeze()

    def __enter__(self) -> RateSimulation:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Nothing is left open."""

    @property
    def time(self) -> float:
        """Simulated time so far (ms)."""
        return round(self.step * self.dt, 9)

    def run(self, duration: float, progress: Callable[[float], None] | None = None) -> None:
        """Simulate ``duration`` (ms) more; ``progress`` is told the time (ms) done in this run, on rank 0 only."""
        require_same(self.comm, "run", duration=duration)
        n_steps = to_steps(duration, self.dt, "duration")
        if self.step + n_steps > MAX_STEPS:
            raise InputError(f"a simulation ends after {MAX_STEPS} steps, {MAX_STEPS * self.dt:g} ms")
        with faults(self.comm):
            start, begin = self.step, time.perf_counter()
            told = begin
            while self.step < start + n_steps:
                self._advance()
                if progress is not None and self.comm.rank == 0 and time.perf_counter() - told > TICK:
                    told = time.perf_counter()
                    progress((self.step - start) * self.dt)
            self.sim_time += time.perf_counter() - begin

    def _advance(self) -> None:
        """Rates at step -> rates at step + 1, of which those recorded are kept."""
        self._exchange()
        for part in self._parts:
            part.advance(self._everyone)
        self.step += 1
        for recorder in self._recorders:
            recorder.add(self.step)

    def _exchange(self) -> None:
        """The rates of all neurons on every rank, those of rank 0 first."""
        begin = 0
        for part in self._parts:
            end = begin + len(part.rate)
            self._mine[begin:end] = part.rate
            begin = end
        self.comm.Allgatherv(self._mine, [self._everyone, self._counts])

    def rates(self, population: RatePopulation | str) -> States:
        """The recorded rates (1/s) of ``population`` so far, the same on every rank."""
        name = self.network.find(population).name
        for recorder in self._recorders:
            if recorder.recording.population == name:
                neurons = recorder.recording.neurons
                return gather_states(recorder.steps, recorder.columns, recorder.values, neurons, self.comm)
        raise InputError(f"the rates of '{name}' are not recorded; call network.record_rates('{name}')")

    def current_rates(self, population: RatePopulation | str) -> FloatArray:
        """The rates (size,) (1/s) of all neurons of ``population`` now, recorded or not, the same on every rank."""
        p = self.network.find(population)
        self._exchange()
        return self._everyone[self._place[p.first_gid : p.first_gid + p.size]]

    def rate_hash(self) -> str:
        """SHA-256 of the rates of all neurons now, in the order of gids, as little-endian float64."""
        self._exchange()
        return hashlib.sha256(self._everyone[self._place].astype("<f8").tobytes()).hexdigest()

    def connection_count(self) -> int:
        """Number of connections on all ranks."""
        return int(self.comm.allreduce(sum(a.n_connections for part in self._parts for a in part.afferents)))

    def _call_kernels(self) -> None:
        """Build the part of a rank without neurons and do one step of it, so that every kernel is compiled."""
        everyone, nobody = np.arange(self.network.size), np.zeros(0, np.int64)
        for p in self.network.populations:
            RatePart(self.network, p, self.seed, nobody, everyone).advance(np.zeros(self.network.size))
