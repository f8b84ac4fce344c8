"""A simulation of a network: build it, run it, ask for what it recorded. The same code on any number of ranks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_arguments, check_names
from distsim.core.populations import check_indices
from distsim.core.units import to_steps
from distsim.parallel import gather
from distsim.parallel.communicator import crowded
from distsim.record.output import Output
from distsim.record.simulation_base import GridSimulation
from distsim.spiking import plastic_weights as weights
from distsim.spiking import spike_file
from distsim.spiking.choices import EXCHANGES
from distsim.spiking.compiled_loop import CompiledLoop, can_be_compiled
from distsim.spiking.exchange import make_exchange
from distsim.spiking.local_network import FREE_INTERVAL, MOST_AT_ONCE, build, call_kernels
from distsim.spiking.loop import SpikingLoop
from distsim.spiking.network import Network, Population, Projection
from distsim.spiking.precision import check_precision
from distsim.spiking.recorders import Recorders
from distsim.spiking.spiking_memory import memory_of_spiking
from distsim.spiking.synapse_states import SynapseStates, synapse_states

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]


@check_arguments
class Simulation(GridSimulation[Network]):
    """Simulate ``network`` on the ranks of ``comm``, by default those of the job.

    Every method is collective unless it says otherwise.

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

    _loop: SpikingLoop
    simulates = Network
    connections = "synapses"
    build_phases = ("create", "connect", "index")
    run_phases = ("update", "wait", "communicate", "deliver", "record")

    def __init__(
        self,
        network: Network,
        comm: MPI.Comm | None = None,
        seed: int = 1,
        *,
        precision: str = "double",
        interval: float | None = None,
        exchange: str = "auto",
        loop: str = "auto",
        file: str | Path | None = None,
    ) -> None:
        options = {"precision": precision, "interval": interval, "exchange": exchange, "file": file}
        super().__init__(network, comm, seed, **options)
        self.dt = network.dt
        self.precision = precision
        check_precision(precision)
        check_names([exchange], EXCHANGES, "exchange plan", "Simulation")
        self._plan, self._way = exchange, loop
        self._forced = None if interval is None else to_steps(interval, self.dt, "interval", low=1)
        self._start(file, spike_file.lay_out, dt=self.dt, precision=precision)

    def _build(self) -> int:
        network, comm = self.network, self.comm
        self._check_memory(lambda: memory_of_spiking(network, comm.size, self.precision).total)
        self._compile(lambda: call_kernels(network, comm, self.seed, self.precision))
        with self._building():
            self._local = build(network, comm, self.seed, self.precision, self._built.phase)
            with self._built.phase("index"):
                plan = make_exchange(self._plan, comm, self._local.needed_sources())
        self.recorders = Recorders(network, self._local)
        # Where ranks take turns on the cores, waiting cannot be told from the transfer.
        waits = not crowded(comm)
        parts = self._local, plan, self._steps_together(), self.dt, self.recorders, comm.Barrier if waits else _no_wait
        compiled = self._way != "python" and can_be_compiled(self._local, plan, comm)
        self._loop = CompiledLoop(*parts, comm=comm, waits=waits) if compiled else SpikingLoop(*parts)
        self._timers = self._loop.timers
        self._compile(self._loop.call_kernels)
        return sum(t.table.n_edges for t in self._local.tables)

    def _steps_together(self) -> int:
        """Steps between exchanges: the minimum delay, but not many, or the forced number, which may not be larger."""
        longest, forced = self._local.min_delay, self._forced
        if longest is None:
            return min(forced or FREE_INTERVAL, FREE_INTERVAL)
        if forced is not None and forced > longest:
            raise InputError(
                f"interval = {forced * self.dt:g} ms is longer than the minimum delay of {longest * self.dt:g} ms"
            )
        return forced or min(longest, MOST_AT_ONCE)

    def _write_records(self, output: Output, at_end: bool) -> None:
        spike_file.move_records(output, self.recorders, self.dt)
        for r in self.network.weight_recordings if at_end else []:
            edges = self.weights(r.source, r.target, r.sources, r.targets)
            spike_file.append_weights(output, r, self.time, edges)

    @property
    def interval(self) -> float:
        """Time (ms) between exchanges of spikes."""
        return self._loop.interval * self.dt

    def spikes(self, population: Population | str) -> gather.Spikes:
        """All recorded spikes of ``population`` so far, sorted by step, then neuron."""
        name = self.network.find(population).name
        if name not in self.recorders.of_spikes:
            raise InputError(f"the spikes of '{name}' are not recorded; call network.record_spikes('{name}')")
        if self._output:
            self._require_open()
            return spike_file.read_spikes(self._output, name, self.dt)
        return gather.gather_spikes(*self.recorders.of_spikes[name].all(), self.comm)

    def states(self, population: Population | str, variable: str = "V_m") -> gather.States:
        """Recorded values of a state variable so far."""
        name = self.network.find(population).name
        for recorder in self.recorders.of_states[name]:
            if recorder.recording.variable == variable:
                if self._output:
                    self._require_open()
                    return self._output.read_states(spike_file.states_group(name, variable), self.dt)
                return recorder.all(self.comm)
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
        check_names([at], ("last_spike", "now"), "time", "weights")
        projections = self.network.find_projections(source, target)
        chosen = _chosen(projections[0], sources, targets, "weights")
        now = self.step if at == "now" else None
        found = [
            weights.select(table, projections[0], chosen, self.dt, now)
            for table in self._local.tables
            if any(projection in projections for projection in table.projections)
        ]
        return gather.gather_connections(found, self.comm)

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
        chosen = _chosen(projections[0], sources, targets, where)
        tables = [table for table in self._local.tables if table.projections[0] in projections]
        return synapse_states(tables, chosen, steps, self.spikes, self.dt, self.comm)

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
        """Number of synapses on all ranks, without those of stimuli. Not collective."""
        return self._n_connections

    def spike_count(self) -> int:
        """Number of spikes of all neurons so far, recorded or not."""
        return int(self.comm.allreduce(self._loop.n_spikes))

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
        tables = [local.table for local in self._local.tables]
        mine = {
            "neurons": sum(share.n for share, group in self._local.populations if group.model.receives),
            "synapses": sum(table.n_edges for table in tables),
            "bytes": sum(table.nbytes() for table in tables),
            "events": sum(int(np.diff(t.offsets) @ fired[t.source_gids]) for t in tables),
            "busy": sum(self._loop.timers.seconds[name] for name in ("update", "deliver", "record")),
        }
        return self.comm.allgather(mine)


def _no_wait() -> None:
    """Where ranks take turns on the cores, waiting is not timed."""


def _chosen(
    projection: Projection, sources: Iterable[int] | None, targets: Iterable[int] | None, where: str
) -> tuple[Int64Array, Int64Array]:
    """Indices of the chosen neurons within the ends of ``projection``, checked; all of them for None."""
    ends = (sources, projection.source, f"{where}: sources"), (targets, projection.target, f"{where}: targets")
    source, target = (np.array(check_indices(*end), np.int64) for end in ends)
    return source, target
