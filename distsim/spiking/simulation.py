"""A simulation of a network: build it, run it, ask for what it recorded. The same code on any number of ranks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_arguments, check_names
from distsim.core.parts import Neurons, Part
from distsim.core.units import check_seed, to_steps
from distsim.parallel import gather
from distsim.record.changeable import Changeable
from distsim.record.checkpoint import Archive
from distsim.record.output import Output
from distsim.record.recorded_parts import events_of_part, states_of_part
from distsim.record.simulation_base import GridSimulation, Tick
from distsim.spiking import plastic_weights as weights
from distsim.spiking import replayed_network, spike_file
from distsim.spiking.changes import Changes
from distsim.spiking.choices import EXCHANGES, LOOPS
from distsim.spiking.compiled_loop import CompiledLoop
from distsim.spiking.incoming import GroupPlan, plan_of
from distsim.spiking.local_network import LocalNetwork, build, call_kernels
from distsim.spiking.loop import SpikingLoop, steps_together
from distsim.spiking.network import Between, Network
from distsim.spiking.precision import check_precision
from distsim.spiking.recorded_of import told_spikes, told_states
from distsim.spiking.recorders import Recorders
from distsim.spiking.repeated_spikes import check_arriving
from distsim.spiking.spike_counts import Rate
from distsim.spiking.spiking_checkpoint import RECORDINGS, fitted, transfer
from distsim.spiking.spiking_memory import memory_of_spiking
from distsim.spiking.synapse_states import SynapseStates, synapse_states, with_states
from distsim.spiking.transmissions import Transmissions

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.parallel.dry_run import DryRun

Int64Array = npt.NDArray[np.int64]


@check_arguments
class Simulation(GridSimulation[Network], Changeable[Network]):
    """Simulate ``network`` on the ranks of ``comm``, by default those of the job; or one of many alone: ``DryRun``.

    Every method is collective unless it says otherwise.

    seed: any integer; with the network it fixes every bit of the result. precision: "double", weights of float64
    and sums of input of 64 bits; "single", weights of float32, and, where all synapses onto a population are static,
    weights and sums of 32 bits; weights, and changes of plastic ones, that would be rounded by more than 1e-4 of
    themselves keep the wider type. Sums are exact in both. interval (ms): exchange spikes so often instead of every
    minimum delay, or 1024 steps where that is longer. exchange: plan of exchange, see ``spiking.exchange``. loop:
    "compiled", intervals run in compiled code, many at a time, where all that takes part in them can; or "python". None
    of these three changes any result. file: write what is recorded to this HDF5 file, which must not exist, instead of
    keeping it in memory.

    Raises InputError for wrong input, and StorageError where the file can no longer be written, on all ranks alike; any
    other error on one rank ends the whole job.
    """

    _loop: SpikingLoop
    simulates, runs_dry = Network, True
    connections = "synapses"
    build_phases = ("create", "connect", "index")
    kept_recordings = RECORDINGS
    run_phases = ("update", "wait", "communicate", "deliver", "record")
    fixed = ("seed", "precision")

    def __init__(
        self,
        network: Network,
        comm: MPI.Comm | DryRun | None = None,
        seed: int = 1,
        *,
        precision: str = "double",
        interval: float | None = None,
        exchange: str = "auto",
        loop: str = "compiled",
        file: str | Path | None = None,
    ) -> None:
        options = {"precision": precision, "interval": interval, "exchange": exchange, "loop": loop, "file": file}
        super().__init__(network, cast("MPI.Comm | None", comm), seed, **options)
        self.dt = network.dt
        self.precision = precision
        check_precision(precision)
        self._first_step, self._weights_written = 0, -1  # steps
        self._slots: list[int] | None = None  # that rings are to have again
        check_names([exchange], EXCHANGES, "exchange plan", "Simulation")
        check_names([loop], LOOPS, "loop", "Simulation")
        self._plan, self._compiled = exchange, loop == "compiled"
        self._forced = None if interval is None else to_steps(interval, self.dt, "interval", low=1)
        self._start(file, spike_file.lay_out, dt=self.dt, precision=precision)

    def _build(self) -> int:
        network, comm = self.network, self.comm
        plans: list[GroupPlan] = []

        def needed() -> float:
            plans[:] = plan_of(network)  # which may take kernels, too
            return memory_of_spiking(network, comm.size, self.precision, plans).total

        replayed_network.prepare(network, comm, self.seed, self.precision)
        self._check_memory(needed)
        self._compile(lambda: call_kernels(network, comm, self.seed, self.precision, plans))
        self._compile(replayed_network.kernels_of(self._plan, comm))
        with self._building():
            phase = self._built.phase
            self._local = build(network, comm, self.seed, self.precision, phase, plans=plans, known=self.found)
            self.found = self._local.facts
            check_arriving(self._local, self.dt, comm)
            with self._built.phase("index"):
                together = steps_together(self._local.min_delay, self._forced, self.dt)
                plan = replayed_network.exchange_of(self._plan, network, self.seed, comm, self._local, together)
        self.recorders = Recorders(network, self._local)
        self._changes = Changes(network, self._local, comm, self.seed)
        parts = self._local, plan, together, self.dt, self.recorders, comm, replayed_network.waits(comm)
        self._loop = CompiledLoop(*parts) if self._compiled else SpikingLoop(*parts)
        self._timers = self._loop.timers
        self._loop.compile(self._compile)
        if self._output:
            replayed_network.tell_facts(self._output, network, self._local.facts)
        return sum(t.table.n_edges for t in self._local.tables)

    def _advance(self, duration: Any, tick: Tick) -> None:
        if self._output and self._weights_written < 0:
            with self._timers.phase("record"):
                self._write_weights(self._output)
        with replayed_network.replayed(self._loop.exchange, self.step, duration, self.dt):
            super()._advance(duration, tick if self._slots is None else self._fitting(tick, self._slots))

    def _fitting(self, tick: Tick, slots: list[int]) -> Tick:
        """As ``tick``, and sees to it that rings become as long as before a checkpoint was restored."""

        def fit(step: float) -> None:
            if self._slots is not None and fitted(self._local, int(step), slots):
                self._slots = None
            tick(step)

        return fit

    def _table_bytes(self) -> int:
        return sum(local.table.nbytes() for local in self._local.tables)

    def _write_records(self, output: Output, at_end: bool) -> None:
        spike_file.move_records(output, self.recorders, self.dt)
        if at_end:
            self._write_weights(output)

    def _write_weights(self, output: Output) -> None:
        """Write the recorded weights as they are, once at a time."""
        written, self._weights_written = self._weights_written, self.step
        for r in self.network.weight_recordings if written != self.step else ():
            found = self._local_weights(r.source, r.target, r.sources, r.targets)
            for edges in gather.connection_pieces(found, self.comm):
                spike_file.append_weights(output, r, self.time, edges)

    def _transfer(self, archive: Archive) -> None:
        self._changes.again = not archive.saving
        self._transfer_changes(archive)
        self._changes.again = False
        self._changes.transfer(archive)
        self._first_step = archive.number("first step of the interval", self._first_step)
        if archive.records:
            self._weights_written = archive.number("step of the last weights", self._weights_written)
        self._slots = self._slots if archive.saving else self._lengths()
        transfer(archive, self._local, self._loop, self.recorders)

    def _lengths(self) -> list[int]:
        """Slots of the rings of each group."""
        return [max(map(len, group.rings), default=0) for group in self._local.groups]

    @property
    def exchange_plan(self) -> dict[str, Any]:
        """The plan of exchange, why it was taken, and µs that an exchange by each plan took that was tried."""
        return asdict(self._loop.exchange.choice)

    @property
    def local(self) -> LocalNetwork:
        """What this rank simulates."""
        return self._local

    @property
    def interval(self) -> float:
        """Time (ms) between exchanges of spikes."""
        return self._loop.interval * self.dt

    @property
    def loop(self) -> str:
        """What runs the intervals: "compiled", or "python", and why, where that was not asked for."""
        return self._loop.how

    @told_spikes
    def spikes(self, population: Neurons | str, everywhere: bool = True) -> gather.Spikes:
        """All recorded spikes of ``population`` so far, sorted by step, then neuron.

        Of a part: those of its neurons, which are counted within it. On every rank, or, unless ``everywhere``, on rank
        0 alone, and none on the others.
        """
        neurons = self.network.neurons(population)
        if isinstance(neurons, Part):
            return gather.Spikes(*events_of_part(neurons, lambda whole: self.spikes(whole, everywhere).columns))
        name = neurons.name
        if name not in self.recorders.of_spikes:
            raise InputError(f"the spikes of '{name}' are not recorded; call network.record_spikes('{name}')")
        if self._output:
            self._require_open()
            return spike_file.read_spikes(self._output, name, self.dt, everywhere)
        return gather.gather_spikes(*self.recorders.of_spikes[name].all(), self.comm, everywhere)

    @told_states
    def states(self, population: Neurons | str, variable: str = "V_m") -> gather.States:
        """Recorded values of a state variable so far; of a part of a population those of its neurons, in its order."""
        neurons = self.network.neurons(population)
        if isinstance(neurons, Part):
            return states_of_part(neurons, variable, self.states)
        name = neurons.name
        for recorder in self.recorders.of_states[name]:
            if recorder.recording.variable == variable:
                if self._output:
                    self._require_open()
                    return self._output.read_states(spike_file.states_group(name, variable), self.dt)
                return recorder.all(self.comm)
        raise InputError(f"{variable} of '{name}' is not recorded; call network.record_states('{name}', '{variable}')")

    def weights(
        self,
        source: Neurons | str,
        target: Neurons | str,
        sources: Iterable[int] | None = None,
        targets: Iterable[int] | None = None,
        at: str = "last_spike",
        everywhere: bool = True,
    ) -> gather.Connections:
        """The synapses from ``source`` to ``target``, or between chosen neurons of theirs.

        Each is a population, its name or a part; neurons are counted within it.

        Weights are those last transmitted (at="last_spike"), or brought up to the present (at="now"): potentiated by
        the postsynaptic spikes that reached the synapse since. On every rank, or, unless ``everywhere``, on rank 0
        alone, and none on the others.
        """
        found = self._local_weights(source, target, sources, targets, at=at)
        return gather.gather_connections(found, self.comm, everywhere)

    def _local_weights(self, *chosen: Any, at: str = "last_spike") -> list[gather.Connections]:
        """Those of ``weights`` that are on this rank, table by table; chosen: source, target, sources and targets."""
        check_names([at], ("last_spike", "now"), "time", "weights")
        now = self.step if at == "now" else None
        return weights.local_weights(self.network, self._local, *chosen, dt=self.dt, now=now)

    def transmissions(self, source: Neurons | str, target: Neurons | str, everywhere: bool = True) -> Transmissions:
        """What ``Network.record_transmissions`` asked for so far, of the same neurons.

        On every rank, or, unless ``everywhere``, on rank 0 alone, and none on the others.
        """
        ends = Between(self.network.neurons(source), self.network.neurons(target))
        return self.recorders.transmissions.all(ends, self.comm, everywhere)

    def set(self, neurons: Neurons | str, **values: Any) -> None:
        """Change parameters and states of neurons or sources from now on: ``set("E", V_th=18.0, V_m=0.0)``.

        neurons: a population, its name, or a part. A value is a number, an array (size,) or a distribution; what a
        population has once, such as the rate of a ``PoissonSource`` or the times of ``SpikeTrains``, is as it is there.
        """
        self._change("neurons", [self.network.neurons(neurons)], values)

    def set_stimulus(self, neurons: Neurons | str, number: int | None = None, **values: Any) -> None:
        """Change parameters of a stimulus from now on: ``set_stimulus("E", rate=5000.0)``.

        neurons: as they were given to ``Network.stimulate``. number: which of their stimuli, counted from 0; None: the
        only one that has these parameters. What was sent before arrives as it was sent.
        """
        self._change("stimulus", [self.network.neurons(neurons)], values, number)

    def set_weights(self, source: Neurons | str, target: Neurons | str, weight: Any) -> None:
        """Change the weights of all synapses from ``source`` to ``target`` for spikes from now on.

        weight: a number, or an array (targets, sources) with that of each pair. Each end is a population, its name, or
        a part. Plastic ones go on from there.
        """
        self._change("weights", [self.network.neurons(source), self.network.neurons(target)], {"weight": weight})

    def draw_anew(self, seed: int) -> None:
        """Draw with another seed what stimuli and sources send from now on: Poisson input, Poisson sources, own drives.

        All else stays that of the seed of the simulation: connectivity, parameters and states that were drawn, and
        those that ``set`` draws. What was sent before arrives as it was sent.
        """
        self._change("seed", [], {}, check_seed(seed))

    def _make_change(
        self, what: str, neurons: list[Neurons], values: dict[str, Any], number: int | None, now: Any
    ) -> dict[str, Any]:
        self._slots = self._slots or self._lengths()
        told = self._changes.make(what, neurons, values, number, now)
        self._loop.make_room(self._changes.models)
        self._loop.compile(self._compile)
        return told

    def synapse_states(
        self,
        source: Neurons | str,
        target: Neurons | str,
        times: Iterable[float],
        sources: Iterable[int] | None = None,
        targets: Iterable[int] | None = None,
    ) -> SynapseStates:
        """States of the synapses from ``source`` to ``target`` at ``times`` (ms) so far, of a kind that has any.

        Those of TsodyksMarkram are x, y, u. They are replayed from the spikes of ``source``, which must be recorded.
        """
        found = self.network.find_projections(source, target)
        ends = Between(self.network.neurons(source), self.network.neurons(target))
        where = f"synapse_states '{ends.name}'"
        projections = with_states(found, where)
        steps = np.array(sorted(to_steps(time, self.dt, f"{where}: time") for time in times), np.int64)
        if len(steps) and steps[-1] > self.step:
            raise InputError(f"{where}: {steps[-1] * self.dt:g} ms is later than the present, {self.time:g} ms")
        chosen = weights.chosen_of(ends, sources, targets, where)
        tables = [table for table in self._local.tables if table.projections[0] in projections]
        return synapse_states(tables, ends, chosen, steps, self.spikes, self.dt, self.comm)

    def spike_hash(self) -> str:
        """Hash of all spikes of all neurons so far, recorded or not, see ``parallel.event_hash``."""
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
        """Number of spikes of all neurons so far, recorded or not; those of sources do not count."""
        counts = self.spike_counts()
        return sum(counts[population.name] for population in self.network.populations if population.model.receives)

    def spike_counts(self) -> dict[str, int]:
        """Number of spikes so far by population, recorded or not."""
        return self._loop.counts.by_population(self.comm)

    def spike_rates(self) -> dict[str, Rate]:
        """Number of spikes, mean rate (1/s) and its SD over all neurons by population, recorded or not.

        Since ``measured_from``; NaN where no time has passed since, or for no neurons.
        """
        return self._loop.counts.rates((self.step - self._first_step) * self.dt, self.comm)

    @property
    def measured_from(self) -> float:
        """The time (ms) after which times, rates and loads are told: when they were last forgotten, else 0."""
        return gather.in_ms(np.array(self._first_step), self.dt).item()

    def forget_times(self) -> None:
        """Start the times of the run anew, and what ``loads`` and ``spike_rates`` tell, as after a pre-simulation."""
        super().forget_times()
        self._first_step = self.step
        self._loop.counts.mark()

    def loads(self, everywhere: bool = True) -> list[dict[str, float]]:
        """What every rank had to do since ``forget_times()``: neurons, synapses, bytes (of their tables), events, busy.

        events: spikes at the synapses of the rank (stimuli do not count); busy: seconds in which the rank computed,
        neither waiting nor communicating. No spikes need to be recorded, and none are gathered. On every rank, or,
        unless ``everywhere``, on rank 0 alone.
        """
        tables = [local.table for local in self._local.tables]
        mine = {
            "neurons": sum(share.n for share, group in self._local.populations if group.model.receives),
            "synapses": sum(table.n_edges for table in tables),
            "bytes": self._table_bytes(),
            "events": replayed_network.events_of(self._loop, self._local.needed, self.network.size, self._first_step),
            "busy": sum(self._loop.timers.seconds[name] for name in ("update", "deliver", "record")),
        }
        return gather.gather_numbers(mine, self.comm, everywhere)
