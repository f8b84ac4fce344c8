"""Many trials of one small network, a batch at a time: the same bits as each trial alone, in a fraction of the time.

Trials differ in the spike trains that drive the network and in the initial states that are drawn anew. The network is
built once on every rank; which rank simulates a trial, and in which batch, changes nothing.

This is a second driver beside ``spiking.loop``, made for the neurons and synapses of the liquid state machine. It
stands with that model because the one loop costs more than a fifth of its speed: trials of the liquid (135 neurons,
500 ms) as disjoint copies in one network of a ``Simulation`` take 8 times as long, for stimuli that arrive after one
step make it exchange at every step, whereas here they are delivered ahead. With stimuli that come as late as all other
spikes it is 1.5 times as long with 16 copies and 1.25 with 64 or 256; with the building of the copies for every batch
1.7 and 1.35 (benchmarks/trials_side_by_side.py, one core).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from distsim.connect.expected import WORD, Memory
from distsim.connect.source_index import EVERY_SOURCE
from distsim.core.cache_lines import zeros_on_line
from distsim.core.errors import InputError, RangeError, check_arguments, check_names
from distsim.core.units import check_count, to_steps
from distsim.models.liquid_state.batch import DynamicTable, Neurons, StaticTable, TrialSpikes, advance
from distsim.parallel.communicator import alone, in_ranks
from distsim.parallel.job import faults
from distsim.parallel.timers import Timers
from distsim.record.simulation_base import Prepared
from distsim.spiking.local_network import LocalGroup, LocalNetwork, LocalTable, build, call_kernels
from distsim.spiking.network import Network
from distsim.spiking.neurons.lif_multisynapse import LifMultisynapse
from distsim.spiking.sources.spike_trains import SpikeTrains
from distsim.spiking.spiking_memory import memory_of_spiking
from distsim.spiking.synapses.short_term import NEVER, ShortTermDelivery
from distsim.spiking.synapses.static import Static
from distsim.spiking.synapses.tsodyks_markram import TsodyksMarkram

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
BATCH = 16  # trials side by side: the state of a hundred neurons then stays in the L2 cache
CAPACITY = 1 << 16  # spikes kept until they are copied
_NOTHING = np.zeros(0, np.int64)
_NO_EDGES = ((0, 0, *EVERY_SOURCE), np.zeros(1, np.int64), _NOTHING, np.zeros(0), _NOTHING)
_NO_STATE = (*(np.zeros((1, 0)),) * 3, np.zeros((1, 0), np.int64))
NO_STATIC = StaticTable(0, 0, _NO_EDGES)
NO_DYNAMIC = DynamicTable(0, 0, _NO_EDGES, (*(np.zeros(0),) * 3, 0.0, 0.0, -1.0, np.zeros(0)), np.inf, *_NO_STATE)
"""Instead of none: a kernel needs to know the type of what it loops over."""


@check_arguments
class Trials(Prepared[Network]):
    """Simulate trials of ``network``, whose neurons are LifMultisynapse and synapses Static or TsodyksMarkram.

    Making one is collective over ``comm``, by default the ranks of the job (kernels are compiled on one rank of a node
    first); running trials is not: every rank runs those it wants. ``seed`` as for a Simulation. Raises InputError for a
    network with anything else in it.
    """

    simulates = Network

    def __init__(self, network: Network, comm: MPI.Comm | None = None, seed: int = 1) -> None:
        super().__init__(network, comm, seed)
        _check(network)
        self.dt = network.dt
        with faults(self.comm):
            self._check_memory(lambda: memory_of_trials(network, BATCH).total)
            self._compile(lambda: call_kernels(network, alone(), self.seed, "double"))
            with self._building():
                phase = Timers().phase
                self._local: LocalNetwork = build(network, alone(), self.seed, "double", phase, segmented=False)
            self._neurons = [group for group in self._local.groups if isinstance(group.model, LifMultisynapse)]
            self._compile(lambda: self._run_batch(1, [0], {}))
        network.freeze()

    def __repr__(self) -> str:
        synapses = sum(self.synapse_counts().values())
        return f"Trials of {self.network.size:,} neurons, {synapses:,} synapses, on each of {in_ranks(self.comm.size)}"

    def run(
        self, duration: float, numbers: Sequence[int], trains: Mapping[str, Sequence[SpikeTrains]], batch: int = BATCH
    ) -> TrialSpikes:
        """The spikes of the trials with these ``numbers`` in their first ``duration`` (ms).

        Trial number k starts from the initial states that the streams of the neurons have at k; number 0 is the trial
        that a Simulation makes. ``trains`` has, by population of spike sources, the trains of each trial; populations
        it does not name keep theirs. ``batch`` trials are simulated side by side, which changes no result.
        """
        n_steps = to_steps(duration, self.dt, "Trials: duration", low=1)
        check_count(batch, "Trials: batch", low=1)
        self._check_trains(trains, len(numbers))
        parts = [TrialSpikes(_NOTHING, _NOTHING, _NOTHING)]
        for begin in range(0, len(numbers), batch):
            chosen = slice(begin, min(begin + batch, len(numbers)))
            some = self._run_batch(n_steps, numbers[chosen], {name: t[chosen] for name, t in trains.items()})
            parts.append(TrialSpikes(some.trial + begin, some.step, some.gid))
        return TrialSpikes(*map(np.concatenate, zip(*parts, strict=True)))

    def synapse_counts(self) -> dict[str, int]:
        """Number of synapses by projection, ``source->target``; static ones may be stored, and counted, together."""
        counts: dict[str, int] = {}
        for table in self._local.tables:
            counts[table.name] = counts.get(table.name, 0) + table.table.n_edges
        return counts

    def _check_trains(self, trains: Mapping[str, Sequence[SpikeTrains]], n_trials: int) -> None:
        sources = [p.name for p in self.network.populations if not p.model.receives]
        check_names(trains, sources, "population of spike sources", "Trials: trains")
        for name, of_trials in trains.items():
            if len(of_trials) != n_trials:
                raise InputError(f"Trials: '{name}' has trains for {len(of_trials)} trials, but there are {n_trials}")
            size = self.network.find(name).size
            for number, one in enumerate(of_trials):
                one.check(size, self.dt, f"Trials: '{name}', trial {number}")

    def _run_batch(
        self, n_steps: int, numbers: Sequence[int], trains: Mapping[str, Sequence[SpikeTrains]]
    ) -> TrialSpikes:
        """The spikes of one batch of trials."""
        trials = len(numbers)
        interval, lead, slots = self._delays()
        outside = self._outside(trials, trains)
        neurons = tuple(_neurons_of(group, numbers, slots) for group in self._neurons)
        tables = self._local.tables
        static = tuple(StaticTable(*self._drives(t)) for t in tables if t.synapse.constant) or (NO_STATIC,)
        dynamic = tuple(self._dynamic_table(t, trials) for t in tables if not t.synapse.constant) or (NO_DYNAMIC,)
        size = max(CAPACITY, 2 * interval * sum(int(n.bounds[-1]) for n in neurons))
        fired = TrialSpikes(*(np.empty(size, np.int64) for _ in range(3)))
        parts: list[list[Int64Array]] = [[], [], []]
        step = sent = 0
        while step < n_steps:
            step, sent, count, beyond = advance(
                step, n_steps, interval, lead, trials, neurons, static, dynamic, outside, sent, fired
            )
            if beyond:
                raise RangeError("a synapse transmitted more than the exact sums of input can hold: its U is too large")
            for kept, column in zip(parts, fired, strict=True):
                kept.append(column[:count].copy())
        trial, stamp, gid = (np.concatenate(part) for part in parts)
        order = np.lexsort((gid, stamp, trial))
        return TrialSpikes(trial[order], stamp[order], gid[order])

    def _delays(self) -> tuple[int, int, int]:
        """Shortest delay between neurons and of spikes from outside, and slots for all that is on its way, in steps."""
        bounds: dict[bool, list[int]] = {False: [], True: []}
        for table in self._local.tables:
            for outside in {
                not piece.population.model.receives for p in table.projections for piece in p.source.pieces
            }:
                bounds[outside] += table.table.delay_bounds() or ()
        inner, outer = bounds[False], bounds[True]
        shortest = min(inner, default=max(outer, default=1))
        lead = min(outer, default=1)
        return shortest, lead, max([*inner, shortest + max(outer, default=1) - lead])

    def _outside(self, trials: int, trains: Mapping[str, Sequence[SpikeTrains]]) -> TrialSpikes:
        """All spikes from outside, sorted by step."""
        parts: list[list[Int64Array]] = [[np.zeros(0, np.int64)] for _ in range(3)]
        for population in self.network.populations:
            model = population.model
            if not isinstance(model, SpikeTrains):
                continue
            for trial in range(trials):
                own = trains[population.name][trial] if population.name in trains else model
                for source in range(population.size):
                    times = own.train(source)
                    parts[0].append(np.full(len(times), trial))
                    parts[1].append(np.round(times / self.dt).astype(np.int64))
                    parts[2].append(np.full(len(times), population.first_gid + source))
        trial_of, step, gid = (np.concatenate(part) for part in parts)
        order = np.argsort(step, kind="stable")
        return TrialSpikes(trial_of[order], step[order], gid[order])

    def _drives(self, local: LocalTable) -> tuple[int, int, tuple[Any, ...]]:
        """The group and the input that a table drives, and its arrays, in one type each: one kernel serves all."""
        t = local.table
        edges, rows = np.arange(t.n_edges), np.repeat(np.arange(len(t.offsets) - 1), np.diff(t.offsets))
        arrays = (t.place, t.offsets, t.targets.astype(np.int64), t.weights_of(edges), t.delays_of(edges, rows))
        return next(i for i, group in enumerate(self._neurons) if group is local.target), local.input, arrays

    def _dynamic_table(self, local: LocalTable, trials: int) -> DynamicTable:
        t, delivery = local.table, cast("ShortTermDelivery", local.delivery)
        synapse = cast("TsodyksMarkram", local.synapse)
        limit = local.target.grid.largest_weight if delivery.unbounded else np.inf
        U, D, F, *common = delivery.constants
        each = (np.array(np.broadcast_to(value, t.n_edges), np.float64) for value in (U, D, F))
        x, y, u = (np.full((trials, t.n_edges), value) for value in synapse.initial.values())
        t_last = np.full((trials, len(t.offsets) - 1), NEVER)
        return DynamicTable(*self._drives(local), (*each, *common), float(limit), x, y, u, t_last)


def _neurons_of(local: LocalGroup, numbers: Sequence[int], slots: int) -> Neurons:
    """The neurons of a group in the trials ``numbers``, at their start."""
    group: Any = local.neurons
    trials = len(numbers)
    state = _side_by_side([group.initial_values(number) for number in numbers])
    rings = zeros_on_line((local.model.inputs(), slots, len(local.gids) * trials), np.int64)
    constants = _repeated(group.constants, trials)
    return Neurons(state, constants, trials * group.bounds, tuple(rings), local.grid.unit, local.poisson, local.gids)


def _repeated(constants: Any, trials: int) -> Any:
    """Constants of neurons (n,) as (n trials,); those of populations as they are."""
    if isinstance(constants, tuple):
        return tuple(_repeated(constant, trials) for constant in constants)
    return np.repeat(constants, trials) if np.ndim(constants) == 1 else constants


def _side_by_side(states: list[Any]) -> Any:
    """The state of each trial (n,), in tuples, as that of all (n trials,)."""
    if isinstance(states[0], tuple):
        return tuple(_side_by_side(list(column)) for column in zip(*states, strict=True))
    return np.stack(states, axis=1).ravel()


def _check(network: Network) -> None:
    """InputError where a trial of ``network`` cannot be simulated side by side with others."""
    for population in network.populations:
        if not isinstance(population.model, (LifMultisynapse, SpikeTrains)):
            kind = type(population.model).__name__
            raise InputError(f"Trials: '{population.name}' has {kind} neurons; only LifMultisynapse can be batched")
    if not any(isinstance(p.model, LifMultisynapse) for p in network.populations):
        raise InputError("Trials: the network has no neurons; add a population of LifMultisynapse")
    for projection in network.projections:
        if not isinstance(projection.synapse, (Static, TsodyksMarkram)):
            kind = type(projection.synapse).__name__
            raise InputError(f"Trials: {projection.name} has {kind} synapses; Static or TsodyksMarkram can be batched")
    if network.stimulations:
        kind = type(network.stimulations[0].stimulus).__name__
        raise InputError(f"Trials: {kind} stimuli cannot be batched; drive the neurons by SpikeTrains")


def memory_of_trials(network: Network, batch: int) -> Memory:
    """The memory of ``Trials`` on one rank: the network, and the state of ``batch`` trials side by side."""
    whole = memory_of_spiking(network)
    edges = sum(p.rule.expected_edges(p.ends) for p in network.projections)
    states = sum(len(p.synapse.states) * p.rule.expected_edges(p.ends) for p in network.projections)
    side_by_side = batch * (WORD * states + whole.neurons + whole.rings)
    return Memory(whole.tables, whole.plasticity + 6.0 * WORD * edges, whole.rings, whole.neurons + side_by_side)
