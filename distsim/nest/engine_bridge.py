"""From nodes and calls of Connect to a network of ours and its simulation."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rules.fixed_total_number import FixedTotalNumber
from distsim.core.errors import InputError
from distsim.core.parts import Neurons, Part, Piece
from distsim.nest.carried_over import go_on
from distsim.nest.connection_calls import Call
from distsim.nest.event_log import EventLog
from distsim.nest.generator_drives import Drives, window_of
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import Values
from distsim.nest.node_blocks import Block, blocks_of, finite, of_model
from distsim.nest.parrot_room import room_of
from distsim.nest.rate_bridge import RateBridge
from distsim.nest.time_grid import Clock
from distsim.nest.watched_apart import check_told_apart
from distsim.nest.weighted_spikes import by_spike_weight
from distsim.spiking.explicit_edges import kind_of
from distsim.spiking.network import Network, Population, Projection
from distsim.spiking.simulation import Simulation
from distsim.spiking.sources.spike_trains import SpikeTrains
from distsim.spiking.synapses.static import Static

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
IGNORED_BY_PARROTS = 1
"""The receptor at which they do not repeat what arrives."""
BESIDE = -1
"""Number of calls that are none of the script."""


class Engine:
    """The network that nodes and calls make, and, once it is ``built``, its simulation on this rank."""

    def __init__(self, blocks: list[Block], calls: list[Call], clock: Clock, seed: int, comm: MPI.Comm) -> None:
        blocks, calls = by_spike_weight(blocks, calls, clock)
        self.blocks, self.clock, self.seed, self.comm = blocks, clock, seed, comm
        self.network = Network(clock.resolution)
        self.populations: dict[int, tuple[Population, int]] = {}  # of each block: population, and index of its first
        self.owners: dict[str, tuple[int, Block]] = {}  # of each population: id of its first node, its first block
        self.projections: dict[int, Projection] = {}  # of each call: that by which random edges are drawn
        self.simulated: dict[int, Projection] = {}  # of each call: that of the network
        self.transmitted: list[tuple[str, Call]] = []
        self._watched: list[tuple[Projection, Call]] = []
        self.simulation: Simulation | None = None
        self._recorded_sources: dict[int, Population] = {}
        self.rates = RateBridge(blocks, calls, clock, seed, comm)
        self.drives = Drives(self)
        self._add_populations(calls)
        later: list[tuple[Call, Any]] = []
        for call in calls:
            if call.way == "neurons":
                later += self._connect(call)
            elif call.way == "drive":
                self.drives.add(call)
        for call, synapse in later:
            self.simulated[call.number] = self._project(call, synapse)
        self._watch(calls)
        self._record(calls)
        self._sample(calls)

    # ------------------------------------------------------------ description

    def _add_populations(self, calls: list[Call]) -> None:
        """Neurons, and generators that send spikes like neurons, those of explicit trains side by side as one."""
        senders = [call.source for call in calls if call.way == "neurons"]
        sending = set(np.unique(np.concatenate([np.zeros(0, np.int64), *senders])).tolist())
        trains: list[tuple[Block, SpikeTrains]] = []
        apart = self._of_two_currents(calls)
        room = room_of(self.blocks, calls, self.clock, window_of)
        for block in self.blocks:
            if block.spec.population is not None:
                values = finite(block.values) | ({"most": room[block.first]} if block.kind == "parrot" else {})
                if block.first in apart:  # time constants of each neuron are never one for both currents
                    values["tau_syn_ex"] = np.broadcast_to(values["tau_syn_ex"], block.n)
                states = {ours: values[name] for name, ours in block.spec.states.items()}
                self._add([block], block.spec.population(of_model(block.spec, values)), states)
            elif block.first in sending and block.spec.source is not None:
                source = block.spec.source(window_of(block.values), self.clock.resolution)
                if not isinstance(source, SpikeTrains):
                    self._add([block], source, {})
                    continue
                if trains and trains[-1][0].first + 1 != block.first:
                    self._add_trains(trains)
                trains.append((block, source))
        self._add_trains(trains)

    def _of_two_currents(self, calls: list[Call]) -> set[int]:
        """The blocks (by their first ids) whose currents of positive and of negative weights are recorded, each."""
        found = set()
        for call in calls:
            for meter, _ in blocks_of(self.blocks, call.source) if call.way == "sample" else ():
                if {"I_syn_ex", "I_syn_in"} & set(meter.values["record_from"]):
                    found |= {block.first for block, _ in blocks_of(self.blocks, call.target)}
        return found

    def _add_trains(self, trains: list[tuple[Block, SpikeTrains]]) -> None:
        if trains:
            self._add([block for block, _ in trains], SpikeTrains([s.times[0] for _, s in trains]), {})
            trains.clear()

    def _add(self, blocks: list[Block], model: Any, states: Values) -> None:
        first = blocks[0]
        size = sum(block.n for block in blocks)
        population = self.network.population(f"{first.model.name} {first.first}", size, model, **states)
        self.owners[population.name] = first.first, first
        begin = 0
        for block in blocks:
            self.populations[block.first] = population, begin
            begin += block.n

    def neurons(self, ids: Int64Array) -> Neurons:
        """The nodes ``ids`` (n,) as a part of the populations."""
        pieces = []
        for block, index in blocks_of(self.blocks, ids):
            if block.first not in self.populations:
                raise NESTErrors.NotImplemented(f"{block.model.name} cannot be connected in this way")
            population, begin = self.populations[block.first]
            pieces.append(Piece(population, index + begin))
        return self.network.neurons(Part(pieces))

    def _connect(self, call: Call) -> list[tuple[Call, Any]]:
        """Add what a call says of neurons, a projection; returns what is to be added after all others.

        Edges that were given values of their own come one by one, at the end. An empty projection holds the place of
        their own, so that all others draw what they drew.
        """
        first, *others = [block for block, _ in blocks_of(self.blocks, call.target)]
        plastic = ("tau_minus",) if call.kind.spec.plastic else ()
        target = {name: first.values[name] for name in plastic if name in first.values}
        receptors = first.spec.receptors(first.values)
        for block in others:
            if block.spec is not first.spec and (block.kind, first.kind) != ("neuron", "neuron"):
                raise NESTErrors.NotImplemented("give parrots and neurons connections by calls of their own")
            if any(np.any(block.values.get(name) != value) for name, value in target.items()):
                raise NESTErrors.NotImplemented("targets that differ in tau_minus need calls of Connect of their own")
        repeated = first.kind == "parrot" and call.receptor == 0
        beside = repeated and (call.kind.spec.states != () or call.kind.recorder is not None)
        own = {"weight": 1.0} if repeated and not beside else {}
        values = call.values | own
        receptor = None if len(receptors) == 1 else IGNORED_BY_PARROTS if beside else call.receptor
        if any(isinstance(value, np.ndarray) for value in target.values()):
            target = {name: _same(name, value) for name, value in target.items()}
        synapse = call.kind.spec.synapse(values, target, receptor)
        if not call.overrides and not len(call.removed):
            drawn = self.projections[call.number] = self.simulated[call.number] = self._project(call, synapse)
            return [self._repeated(call, drawn)] if beside else []
        ends = self.neurons(call.source), self.neurons(call.target)
        drawn = Projection(len(self.network.projections), *ends, call.rule, synapse)
        listed = call.explicit(drawn if call.random else call.stand_in(), self.seed, self.clock)
        values = listed.values | own
        explicit = listed, call.kind.spec.synapse(values, target, receptor)
        self.projections[call.number] = drawn
        if not len(listed.source):  # all were taken away
            given = _plain(call.values | own)
            self.network.connect(*ends, FixedTotalNumber(0), call.kind.spec.synapse(given, target, receptor))
            return []
        if kind_of(*ends, call.rule, synapse) is not None:
            self.simulated[call.number] = self._project(*explicit)
            return [self._repeated(call, drawn)] if beside else []
        self.network.connect(*ends, FixedTotalNumber(0), call.kind.spec.synapse(_plain(values), target, receptor))
        return [explicit, *([self._repeated(call, drawn)] if beside else [])]

    def _repeated(self, call: Call, drawn: Projection) -> tuple[Call, Any]:
        """The edges of a call onto parrots with the weight 1: they repeat a spike whatever a synapse makes of it.

        The synapses themselves end where parrots ignore what arrives.
        """
        listed = call.explicit(drawn if call.random else call.stand_in(), self.seed, self.clock)
        static = Static(1.0, listed.values["delay"], receptor=call.receptor)
        return replace(listed, number=BESIDE, kind=replace(call.kind, recorder=None)), static

    def _project(self, call: Call, synapse: Any) -> Projection:
        """Add a call to the network as it is."""
        ends = self.neurons(call.source), self.neurons(call.target)
        projection = self.network.connect(*ends, call.rule, synapse)
        if call.kind.recorder is not None:
            self._watched.append((projection, call))
        return projection

    def _watch(self, calls: list[Call]) -> None:
        """Record what the synapses of some calls transmit."""
        of_projection: dict[int, list[Call]] = {}
        for call in calls if self._watched else ():
            if call.number in self.simulated:
                of_projection.setdefault(self.simulated[call.number].index, []).append(call)
        check_told_apart(of_projection, {call.number for _, call in self._watched}, self._pairs)
        for projection, call in self._watched:
            recording = self.network.record_transmissions(projection.source, projection.target, only=projection)
            self.transmitted.append((recording.name, call))

    def _pairs(self, call: Call) -> tuple[Int64Array, Int64Array]:
        """The sources and the targets (n,) of a call, ids."""
        return call.pairs(self.projections[call.number] if call.random else call.stand_in(), self.seed, self.clock)

    def _record(self, calls: list[Call]) -> None:
        """Record the spikes of all that some spike recorder is connected to."""
        wanted = [call.source for call in calls if call.way == "record"]
        found: list[Piece] = []
        for block, index in blocks_of(self.blocks, np.unique(np.concatenate([np.zeros(0, np.int64), *wanted]))):
            if block.model.spec.name == "spike_generator":
                continue
            if block.first in self.populations:
                found.append(Piece(self.populations[block.first][0], index))
            elif block.spec.source is not None:
                model = block.spec.source(window_of(block.values), self.clock.resolution)
                source = self.network.population(f"{block.model.name} {block.first}", 1, model)
                self.owners[source.name] = block.first, block
                found.append(Piece(source, range(1)))
            else:
                raise NESTErrors.NotImplemented(f"the spikes of a {block.model.name} cannot be recorded")
        if found:
            self.network.record_spikes(self.network.neurons(Part(found)))

    def _sample(self, calls: list[Call]) -> None:
        """Record state variables at all times at which some multimeter does."""
        steps: dict[tuple[str, str], int] = {}
        nodes: dict[tuple[str, str], list[Int64Array]] = {}
        for call in calls:
            for meter, _ in blocks_of(self.blocks, call.source) if call.way == "sample" else ():
                interval, offset = (self.clock.steps(meter.values[name]) for name in ("interval", "offset"))
                for block, index in blocks_of(self.blocks, call.target):
                    for name in () if block.kind == "rate" else meter.values["record_from"]:
                        for state in block.spec.recorded(block.values)[name]:
                            key = self.populations[block.first][0].name, state
                            steps[key] = math.gcd(steps.get(key, 0), interval, offset)
                            nodes.setdefault(key, []).append(index)
        for (population, variable), interval in steps.items():
            chosen = np.unique(np.concatenate(nodes[population, variable]))
            every = self.clock.ms(interval)
            self.network.record_states(population, variable, neurons=chosen.tolist(), interval=every)

    # ------------------------------------------------------------ simulation

    def build(self, before: Engine | None) -> None:
        """Make the simulation; ``before``: what it goes on from."""
        self.rates.clock = self.clock
        self.rates.build(None if before is None else before.rates)
        if not self.network.populations:
            return
        self.simulation = Simulation(self.network, self.comm, self.seed)
        if self.clock.step:
            go_on(None if before is None else before.simulation, self.simulation, self.clock.step)

    def run(self, steps: int, log: EventLog) -> None:
        """Simulate so many steps more, and put what was recorded into the log."""
        self.rates.run(steps, log)
        if self.simulation is None:
            return
        self.drives.run(self.simulation, steps)
        recorders = self.simulation.recorders
        for name, spikes in recorders.of_spikes.items():
            first, _ = self.owners[name]
            at, neuron = spikes.take()
            log.add_spikes(first, first + neuron, at)
        for name, states in recorders.of_states.items():
            for state in states:
                first, _ = self.owners[name]
                ids = first + np.array(state.recording.neurons, np.int64)[state.columns]
                log.add_samples(first, state.recording.variable, ids, state.steps, state.values)
                state.steps.clear()
                state.values.clear()
        for name, call in self.transmitted:
            for step, source, target, weight in recorders.transmissions.take(name):
                ends = call.source[source], call.target[target]
                log.add_weights(call.kind.recorder, *ends, step, weight, call.receptor, call.number)

    def local(self, block: Block) -> npt.NDArray[np.bool_]:
        """Which nodes (n,) of a block are on this rank."""
        if block.first not in self.populations:
            return np.full(block.n, True)
        population, begin = self.populations[block.first]
        gids = population.first_gid + begin + np.arange(block.n)
        return np.asarray(gids % self.comm.size == self.comm.rank)

    def state(self, block: Block, name: str) -> npt.NDArray[np.float64] | None:
        """The present values (n,) of a state, NaN for nodes of other ranks; None where nothing was simulated."""
        if block.kind == "rate":
            return self.rates.rates(block)
        if self.simulation is None or block.first not in self.populations:
            return None
        values = np.full(block.n, np.nan)
        population, _ = self.populations[block.first]
        for share, group in self.simulation.local.populations:
            if share.population is population:
                index = share.gids - population.first_gid
                values[index] = group.neurons.state(block.spec.states[name])[share.begin : share.end]
        return values

    # ------------------------------------------------------------ changes

    def draw_anew(self, seed: int) -> None:
        """Let generators draw with another seed from now on."""
        if self.simulation is not None:
            self.simulation.draw_anew(seed)

    def change_neurons(self, block: Block, index: Int64Array, values: Values) -> bool:
        """Give neurons other parameters or states from now on; whether the engine can do so as it is."""
        if self.simulation is None:
            return False
        ours = {block.spec.states.get(name, name): value for name, value in finite(values).items()}
        known = {f.name for f in fields(self.populations[block.first][0].model)} | set(block.spec.states.values())
        try:
            changed = {name: value for name, value in ours.items() if name in known}
            if len(changed) < len(ours):
                return False
            self.simulation.set(self.neurons(block.first + index), **changed)
        except InputError:
            return False
        return True


def _same(name: str, value: Any) -> Any:
    """The number that all entries of an array are."""
    if np.size(value) and np.all(np.asarray(value) == np.ravel(value)[0]):
        return float(np.ravel(value)[0])
    raise NESTErrors.NotImplemented(f"targets that differ in {name} need calls of Connect of their own")


def _plain(values: Values) -> Values:
    """The values with the first entry of each array in its place."""
    return {n: float(v.flat[0]) if isinstance(v, np.ndarray) and v.size else v for n, v in values.items()}
