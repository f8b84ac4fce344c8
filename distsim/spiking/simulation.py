"""A simulation of a network: build it, run it, ask for what it recorded. The same code on any number of ranks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.core.errors import InputError, check_arguments, nearest
from distsim.core.units import MAX_STEPS, check_path, check_seed, shown, to_steps
from distsim.parallel import gather
from distsim.parallel.agreement import require_same
from distsim.parallel.communicator import crowded, one_per_node_first
from distsim.parallel.job import faults
from distsim.parallel.machine import check_memory
from distsim.parallel.resident import peak_bytes, resident_bytes
from distsim.parallel.timers import Timers, over_ranks
from distsim.record.provenance import about
from distsim.spiking import load
from distsim.spiking import plastic_weights as weights
from distsim.spiking.exchange import PLANS, make_exchange
from distsim.spiking.local_network import FREE_INTERVAL, MOST_AT_ONCE, build, call_kernels
from distsim.spiking.loop import SpikingLoop
from distsim.spiking.network import Network, Population, chosen_indices
from distsim.spiking.precision import check_precision
from distsim.spiking.recorders import Recorders
from distsim.spiking.spike_file import SpikingOutput
from distsim.spiking.spiking_memory import memory_of_spiking
from distsim.spiking.synapse_states import SynapseStates, synapse_states

if TYPE_CHECKING:
    from mpi4py import MPI

BUILD_PHASES = ("create", "connect", "index")
RUN_PHASES = ("update", "wait", "communicate", "deliver", "record")
TICK = 0.2  # s of wall time between reports of progress


@check_arguments
class Simulation:
    """Simulate ``network`` on the ranks of ``comm``; every method is collective unless it says otherwise.

    seed: any integer; with the network it fixes every bit of the result. precision: "double", weights of float64
    and sums of input of 64 bits; "single", weights of float32, and, where all synapses onto a population are static,
    weights and sums of 32 bits; weights, and changes of plastic ones, that would be rounded by more than 1e-4 of
    themselves keep the wider type. Sums are exact in both. interval (ms): exchange spikes so often instead of every
    minimum delay, or 1024 steps where that is longer. exchange: plan of exchange, see ``spiking.exchange``; neither
    changes any result. file: write what is recorded to this HDF5 file, which must not exist, instead of keeping it in
    memory.

    Raises InputError for wrong input, and StorageError where the file can no longer be written, on all ranks alike; any
    other error on one rank ends the whole job.
    """

    def __init__(
        self,
        network: Network,
        comm: MPI.Comm,
        seed: int = 1,
        *,
        precision: str = "double",
        interval: float | None = None,
        exchange: str = "auto",
        file: str | Path | None = None,
    ) -> None:
        options = {"precision": precision, "interval": interval, "exchange": exchange, "file": file}
        require_same(comm, "Simulation", network=network, seed=seed, **options)
        if not isinstance(network, Network):
            raise InputError(f"Simulation: needs a Network, got {shown(network)}")
        self.network = network
        self.comm = comm
        self.dt = network.dt
        self.seed = check_seed(seed)
        self.precision = precision
        check_precision(precision)
        if not isinstance(exchange, str) or exchange not in PLANS:
            raise InputError(f"unknown exchange plan '{exchange!s:.80}'{nearest(exchange, PLANS)}")
        forced = None if interval is None else to_steps(interval, self.dt, "interval", low=1)
        self._output: SpikingOutput | None = None
        self._closed = False
        if file is not None:
            check_path(file, "Simulation: file")
            self._output = SpikingOutput(Path(file), network, comm, about(network, comm, self.seed, precision))
        self._timers = Timers()
        self.compile_time = self.sim_time = 0.0
        try:
            self._build(exchange, forced)
        except BaseException:
            if self._output:
                self._output.discard()
            raise
        network.freeze()

    def _build(self, exchange: str, forced: int | None) -> None:
        """Build this rank's part of the network and all that runs it."""
        network, comm = self.network, self.comm
        with faults(comm):
            estimate = one_per_node_first(comm, lambda: memory_of_spiking(network, comm.size, self.precision))
            check_memory(comm, estimate.total, "Simulation: the network")
            self._compile(lambda: call_kernels(network, comm, self.seed, self.precision))
            begin = time.perf_counter()
            self._local = build(network, comm, self.seed, self.precision, self._timers.phase)
            with self._timers.phase("index"):
                plan = make_exchange(exchange, comm, self._local.needed_sources())
            self.build_time = time.perf_counter() - begin
            self.recorders = Recorders(network, self._local)
            wait = _do_nothing if crowded(comm) else comm.Barrier
            self._loop = SpikingLoop(self._local, plan, self._interval(forced), self.dt, self.recorders, wait)
            self._compile(self._loop.call_kernels)
            self._built_bytes = resident_bytes()

    def _compile(self, call: Callable[[], None]) -> None:
        """Let ``call`` call kernels with nothing to do, so that they are compiled or loaded, and take the time."""
        begin = time.perf_counter()
        one_per_node_first(self.comm, call)
        self.compile_time += time.perf_counter() - begin

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, KeyboardInterrupt):  # rank 0 closes it alone
            self.close()

    def close(self) -> None:
        """Close the file of the run, if there is one; what went there can be read with ``distsim.analysis.read``."""
        if self._output and not self._closed:
            self._output.close()
            self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise InputError("the simulation is closed: its file is complete; read it with distsim.analysis.read")

    @property
    def step(self) -> int:
        """The last step done."""
        return self._loop.step

    @property
    def time(self) -> float:
        """Simulated time so far (ms)."""
        return round(self.step * self.dt, gather.DECIMALS)

    @property
    def interval(self) -> float:
        """Time (ms) between exchanges of spikes."""
        return self._loop.interval * self.dt

    def run(self, duration: float, progress: Callable[[float], None] | None = None) -> None:
        """Simulate ``duration`` (ms) more; several runs equal one of the same length.

        ``progress`` is told the time (ms) simulated in this run now and then, on rank 0 only.
        """
        self._require_open()
        require_same(self.comm, "run", duration=duration)
        n_steps = to_steps(duration, self.dt, "duration")
        if self.step + n_steps > MAX_STEPS:
            raise InputError(f"a simulation ends after {MAX_STEPS} steps, {MAX_STEPS * self.dt:g} ms")
        tick = _ticker(progress if self.comm.rank == 0 else None, self.step, self.dt)
        longest = self._output.flush_steps(self._loop.interval) if self._output else n_steps
        with faults(self.comm):
            begin = time.perf_counter()
            while n_steps > 0:
                self._loop.run(min(n_steps, longest), tick)
                n_steps -= longest
                if n_steps > 0:
                    self._write_records()
            self._write_records(at_end=True)
            self.sim_time += time.perf_counter() - begin

    def spikes(self, population: Population | str) -> gather.Spikes:
        """All recorded spikes of ``population`` so far, sorted by step, then neuron."""
        name = self.network.find(population).name
        if name not in self.recorders.of_spikes:
            raise InputError(f"the spikes of '{name}' are not recorded; call network.record_spikes('{name}')")
        if self._output:
            self._require_open()
            return self._output.spikes(name)
        return gather.gather_spikes(*self.recorders.of_spikes[name].all(), self.comm)

    def states(self, population: Population | str, variable: str = "V_m") -> gather.States:
        """Recorded values of a state variable so far."""
        name = self.network.find(population).name
        for recorder in self.recorders.of_states[name]:
            if recorder.recording.variable == variable:
                self._require_open()
                return self._output.states(name, variable) if self._output else recorder.all(self.comm)
        raise InputError(f"{variable} of '{name}' is not recorded; call network.record_states('{name}', '{variable}')")

    def weights(
        self,
        source: Population | str,
        target: Population | str,
        sources: Iterable[int] | None = None,
        targets: Iterable[int] | None = None,
        at: str = "last_spike",
    ) -> gather.Connections:
        """The synapses from ``source`` to ``target``, or between chosen neurons of theirs.

        Weights are those last transmitted (at="last_spike"), or brought up to the present (at="now"): potentiated by
        the postsynaptic spikes that reached the synapse since.
        """
        if at not in ("last_spike", "now"):
            raise InputError(f"weights: unknown time '{at}'{nearest(at, ('last_spike', 'now'))}")
        projections = self.network.find_projections(source, target)
        chosen_sources = np.array(chosen_indices(sources, projections[0].source, "weights: sources"), np.int64)
        chosen_targets = np.array(chosen_indices(targets, projections[0].target, "weights: targets"), np.int64)
        now = self.step if at == "now" else None
        parts = [
            weights.select(table, projections[0], chosen_sources, chosen_targets, self.dt, now)
            for table in self._local.tables
            if any(projection in projections for projection in table.projections)
        ]
        return gather.gather_connections(parts, self.comm)

    def synapse_states(
        self,
        source: Population | str,
        target: Population | str,
        times: Iterable[float],
        sources: Iterable[int] | None = None,
        targets: Iterable[int] | None = None,
    ) -> SynapseStates:
        """States of the synapses from ``source`` to ``target`` at ``times`` (ms) so far, of a kind that has any.

        Those of TsodyksMarkram are x, y, u. They are replayed from the spikes of ``source``, which must be recorded.
        """
        found = self.network.find_projections(source, target)
        where = f"synapse_states '{found[0].name}'"
        projections = [p for p in found if p.synapse.states]
        if not projections:
            kind = type(found[0].synapse).__name__
            raise InputError(f"{where}: {kind} synapses have no state that can be told")
        if len({type(p.synapse) for p in projections}) > 1:
            raise InputError(f"{where}: these synapses are of several kinds that have states")
        steps = np.array(sorted(to_steps(time, self.dt, f"{where}: time") for time in times), np.int64)
        if len(steps) and steps[-1] > self.step:
            raise InputError(f"{where}: {steps[-1] * self.dt:g} ms is later than the present, {self.time:g} ms")
        chosen = [
            np.array(chosen_indices(given, population, where), np.int64)
            for given, population in ((sources, projections[0].source), (targets, projections[0].target))
        ]
        tables = [table for table in self._local.tables if table.projections[0] in projections]
        return synapse_states(tables, (chosen[0], chosen[1]), steps, self.spikes, self.dt, self.comm)

    def spike_hash(self) -> str:
        """Hash of all spikes of all neurons so far, recorded or not, see ``spiking.spike_hash``."""
        return self._loop.spike_hash.over_ranks(self.comm)

    def weight_hash(self) -> str:
        """SHA-256 over all plastic weights, see ``spiking.plastic_weights.weight_hash``."""
        return weights.weight_hash(self._local, self.comm)

    def plastic_weight_statistics(self) -> dict[str, float] | None:
        """count, mean, sd, min, max, median (pA) of all plastic weights, None where there are none."""
        return weights.plastic_statistics(self._local, self.comm)

    def synapse_count(self) -> int:
        """Number of synapses on all ranks, without those of stimuli."""
        return int(self.comm.allreduce(sum(t.table.n_edges for t in self._local.tables)))

    def spike_count(self) -> int:
        """Number of spikes of all neurons so far, recorded or not."""
        return int(self.comm.allreduce(self._loop.n_spikes))

    def forget_times(self) -> None:
        """Start the times of the run anew, as after a pre-simulation that is not to be measured."""
        self._loop.timers.seconds.clear()
        self.sim_time = 0.0

    def phase_times(self) -> dict[str, dict[str, float]]:
        """Seconds spent in every phase: min, mean and max over ranks.

        "other" is what of build and run is in none of the phases.
        """
        seconds = {name: self._timers.seconds[name] for name in BUILD_PHASES}
        seconds |= {name: self._loop.timers.seconds[name] for name in RUN_PHASES}
        other = self.build_time + self.sim_time - sum(seconds.values())
        return over_ranks(seconds | {"other": max(0.0, other)}, self.comm)

    def loads(self, after: float = 0.0) -> list[dict[str, float]]:
        """What every rank had to do: neurons, synapses, bytes (of their tables), events and busy.

        events: spikes after ``after`` (ms) of populations that are recorded, at the synapses of the rank (stimuli do
        not count); busy: seconds of the run in which the rank computed, neither waiting nor communicating.
        """
        fired = np.zeros(self.network.size, np.int64)
        for name in self.recorders.of_spikes:
            spikes = self.spikes(name)
            gids = self.network.find(name).first_gid + spikes.neuron[spikes.step > to_steps(after, self.dt, "after")]
            fired += np.bincount(gids, minlength=len(fired))
        busy = sum(self._loop.timers.seconds[name] for name in ("update", "deliver", "record"))
        mine = load.of_rank(self._local, fired)
        return self.comm.allgather({**mine, "busy": busy})

    def slowest(self) -> dict[str, float]:
        """build_time, sim_time and compile_time (s) of the slowest rank."""
        return {n: max(self.comm.allgather(getattr(self, n))) for n in ("build_time", "sim_time", "compile_time")}

    def memory(self) -> list[dict[str, int]]:
        """Resident bytes of every rank: built (after building) and peak (so far)."""
        return self.comm.allgather({"built": self._built_bytes, "peak": peak_bytes()})

    def _interval(self, forced: int | None) -> int:
        """Steps between exchanges: the minimum delay, but not many, or the forced number, which may not be larger."""
        longest = self._local.min_delay
        if longest is None:
            return min(forced or FREE_INTERVAL, FREE_INTERVAL)
        if forced is not None and forced > longest:
            raise InputError(
                f"interval = {forced * self.dt:g} ms is longer than the minimum delay of {longest * self.dt:g} ms"
            )
        return forced or min(longest, MOST_AT_ONCE)

    def _write_records(self, at_end: bool = False) -> None:
        """Move what was recorded since the last time to the file, if there is one; weights at the end of a run."""
        if not self._output:
            return
        with self._loop.timers.phase("record"):
            self._output.write(self.recorders)
            for r in self.network.weight_recordings if at_end else []:
                self._output.write_weights(r, self.time, self.weights(r.source, r.target, r.sources, r.targets))
            self._output.flush(self.time, sure=at_end)


def _do_nothing() -> None:
    """Instead of a barrier: where ranks take turns on the cores, waiting cannot be told from the transfer."""


def _ticker(progress: Callable[[float], None] | None, start: int, dt: float) -> Callable[[int], None]:
    """Report progress at most every TICK seconds, and at no cost where nobody wants it."""
    if progress is None:
        return lambda step: None
    last = time.perf_counter()

    def tick(step: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last > TICK:
            last = now
            progress((step - start) * dt)

    return tick
