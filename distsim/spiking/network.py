"""A network: what is simulated. Populations, projections, stimuli and recordings, checked as they are added.

Nothing here knows of ranks, and no edge is drawn: a network and a seed together define every bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Connected, Rule, check_rule
from distsim.connect.rules.edge_list import EdgeList
from distsim.core.errors import InputError, check_arguments, check_names
from distsim.core.parts import Neurons, Part
from distsim.core.populations import StateRecording, ascending, check_indices
from distsim.core.positions import check_positions
from distsim.core.units import check_count, check_number, shown, to_steps
from distsim.core.values import Value, check_shape, check_value, describe
from distsim.record.kept_network import KeptNetwork
from distsim.spiking.explicit_edges import ExplicitEdges, kind_between, kind_of
from distsim.spiking.protocols import Drive, PopulationModel, Stimulus
from distsim.spiking.recordings import RECORDINGS, SpikeRecording, TransmissionRecording, WeightRecording
from distsim.spiking.synapses.synapse_model import SynapseModel


@dataclass(frozen=True, eq=False)
class Population(Neurons):
    """``size`` neurons of one model, with global ids ``first_gid`` .. ``first_gid + size - 1``.

    ``initial`` holds the initial values of state variables by name (a number, an array (size,) or a distribution).
    ``positions`` (size, dimensions) are those of the neurons in space, for rules of distance.
    """

    name: str
    size: int
    model: PopulationModel
    first_gid: int
    initial: dict[str, Value]
    positions: npt.NDArray[np.float64] | None = None


class Pair(Protocol):
    """Two ends between which there are synapses: a projection, or what is asked for."""

    @property
    def source(self) -> Neurons: ...
    @property
    def target(self) -> Neurons: ...


@dataclass(frozen=True, eq=False)
class Between:
    """The ends of synapses that are asked for."""

    source: Neurons
    target: Neurons

    @property
    def name(self) -> str:
        return f"{self.source.name}->{self.target.name}"


@dataclass(frozen=True, eq=False)
class Projection(Connected[Neurons]):
    """Synapses like ``synapse``."""

    synapse: SynapseModel

    def most_at_once(self, dt: float, models: Mapping[str, Any] | None = None) -> int:
        """The largest number of spikes of a source in a step of ``dt`` (ms); ``models``: what populations are now."""
        present = models or {}
        found = (present.get(population.name, population.model) for population, _ in self.source.pieces)
        return max(int(model.multiplicity(dt)) for model in found)


class CollectedProjection(Projection):
    """Edges between two populations that several calls give; ``rule`` and ``synapse`` are those of all so far."""

    def __init__(self, index: int, source: Neurons, target: Neurons, edges: ExplicitEdges) -> None:
        for name, value in (("index", index), ("source", source), ("target", target), ("edges", edges)):
            object.__setattr__(self, name, value)

    edges: ExplicitEdges

    @property
    def rule(self) -> EdgeList:
        return self.edges.rule

    @property
    def synapse(self) -> SynapseModel:
        return self.edges.synapse


@dataclass(frozen=True, eq=False)
class Stimulation:
    """A drive and the neurons it acts on; ``index`` counts stimulations from 0.

    seed: of its random numbers, where it is no longer that of the simulation.
    """

    index: int
    target: Neurons
    stimulus: Drive
    seed: int | None = None


@check_arguments
class Network(KeptNetwork[Population]):
    """A network on a time grid of step ``dt`` (ms).

    Every method checks what it is given and raises InputError with one sentence that says what would be right.
    """

    def __init__(self, dt: float = 0.1) -> None:
        super().__init__()
        self.dt = check_number(dt, "Network: dt", above=0.0)
        self.projections: list[Projection] = []
        self._collected: dict[Hashable, CollectedProjection] = {}
        self.stimulations: list[Stimulation] = []
        self.spike_recordings: list[SpikeRecording] = []
        self.state_recordings: list[StateRecording] = []
        self.weight_recordings: list[WeightRecording] = []
        self.transmission_recordings: list[TransmissionRecording] = []

    @classmethod
    def _known_classes(cls) -> tuple[type, ...]:
        from distsim.record.sonata_columns import StoredColumn
        from distsim.spiking.sonata_rule import SonataEdges

        return *RECORDINGS, SonataEdges, StoredColumn

    def _builders(self) -> dict[str, Callable[..., object]]:
        add: list[Callable[..., object]] = [self._population_again, self._connect_again, self.stimulate]
        return dict(zip(("populations", "projections", "stimulations"), add, strict=True))

    def _given(self, name: str) -> list[dict[str, Any]]:
        given = super()._given(name)
        for projection, of in zip(self.projections, given, strict=True) if name == "projections" else ():
            of["collected"] = isinstance(projection, CollectedProjection)
        return given

    def _population_again(self, initial: dict[str, Any], **given: Any) -> None:
        self.population(**given, **initial)

    def _connect_again(self, collected: bool, **given: Any) -> None:
        if collected:
            self.collect(kind_between(given["source"], given["target"], given["synapse"]), **given)
        else:
            self.connect(**given)

    def population(
        self, name: str, size: int, model: PopulationModel, *, positions: Any = None, **initial: Any
    ) -> Population:
        """Add ``size`` neurons of ``model``; keywords set initial states, e.g. ``V_m=Uniform(0.0, 20.0)`` (mV).

        ``positions`` (size, dimensions), in any unit of length, serve rules of distance.
        """
        where = self._require_new(name)
        if not isinstance(model, PopulationModel):
            raise InputError(f"{where}: {shown(model)} is not a neuron model; give e.g. IafPscAlpha()")
        size = self._check_size(size, where)
        check_names(initial, model.initial_states, "state", f"{where}, {type(model).__name__}")
        values = {key: check_value(value, f"{where}: initial {key}") for key, value in initial.items()}
        for key, value in values.items():
            check_shape(value, (size,), f"{where}: initial {key}")
        model.check(size, self.dt, where)
        if positions is not None:
            positions = check_positions(positions, size, f"{where}: positions")
        population = Population(name, size, model, self.size, values, positions)
        self.populations.append(population)
        return population

    def connect(self, source: Neurons | str, target: Neurons | str, rule: Rule, synapse: SynapseModel) -> Projection:
        """Connect ``source`` to ``target`` by ``rule`` with synapses like ``synapse``.

        Each is a population, its name, or a part of one or several populations, among whose neurons the rule then
        draws; arrays count the neurons of the part. Edges that are given one by one, as ``connect(E[3], I[5],
        OneToOne(), Static(31.9, 1.5))``, are collected: all those between two populations with one kind of synapse are
        one projection.
        """
        self._require_open()
        source, target = self.neurons(source), self.neurons(target)
        where = check_rule(source, target, rule)
        if not isinstance(synapse, SynapseModel):
            raise InputError(f"{where}: {shown(synapse)} is not a synapse; give e.g. Static(weight=1.0, delay=1.0)")
        self._check_receives(target, where)
        for population, _ in target.pieces:
            check_receptor(synapse.receptor, population, where)
        kind = kind_of(source, target, rule, synapse)
        collected = self._collected.get(kind)
        index = len(self.projections) if collected is None else collected.index
        projection = Projection(index, source, target, rule, synapse)
        synapse.check(self.dt, rule.array_shape(projection.ends), where)
        if kind is None:
            self.projections.append(projection)
        else:
            self.collect(kind, source, target, rule, synapse)
        return projection

    def collect(self, kind: Hashable, source: Neurons, target: Neurons, rule: Rule, synapse: SynapseModel) -> None:
        """Add edges, once checked, to those of one kind that are collected, see ``explicit_edges.kind_of``."""
        collected = self._collected.get(kind)
        if collected is None:
            populations = source.pieces[0].population, target.pieces[0].population
            collected = CollectedProjection(len(self.projections), *populations, ExplicitEdges(synapse))
            self._collected[kind] = collected
            self.projections.append(collected)
        collected.edges.add(source, target, rule, synapse)

    def _check_receives(self, target: Neurons, where: str) -> None:
        """InputError where some of ``target`` take no input, or take it in different units."""
        for population, _ in target.pieces:
            if not population.model.receives:
                raise InputError(f"{where}: '{population.name}' is a source of spikes and receives no input")
        units = {population.name: population.model.weight_unit for population, _ in target.pieces}
        if len(set(units.values())) > 1:
            told = ", ".join(f"'{name}' in {unit}" for name, unit in units.items())
            raise InputError(f"{where}: these populations take weights in different units: {told}")

    def stimulate(self, target: Neurons | str, stimulus: Stimulus) -> None:
        """Let ``stimulus`` act on every neuron of ``target``: a population, its name, or a part of populations."""
        self._require_open()
        target = self.neurons(target)
        where = f"stimulus of '{target.name}'"
        if not isinstance(stimulus, Stimulus):
            raise InputError(
                f"{where}: {shown(stimulus)} is not a stimulus; give e.g. Poisson(rate=1000.0, weight=1.0)"
            )
        self._check_receives(target, where)
        stimulus.attach(self, target)

    def add_drive(self, target: Neurons, drive: Drive) -> None:
        """Add what ``Drive.attach`` has checked."""
        for population, _ in target.pieces:
            check_receptor(getattr(drive, "receptor", None), population, f"stimulus of '{target.name}'")
        self.stimulations.append(Stimulation(len(self.stimulations), target, drive))

    def record_spikes(
        self, population: Neurons | str, first: int | None = None, neurons: Iterable[int] | None = None
    ) -> None:
        """Record the spikes of ``population``, of its first ``first`` neurons, or of ``neurons`` (indices).

        Of a part, those of its neurons, each with those of its own population.
        """
        self._require_open()
        if isinstance(population, Part):
            for own, chosen_ones in self._recorded(population, first, neurons):
                self.record_spikes(own, neurons=chosen_ones)
            return
        population = self.find(population)  # type: ignore[arg-type] # which refuses anything else
        where = f"record_spikes '{population.name}'"
        if first is not None and neurons is not None:
            raise InputError(f"{where}: takes either the number of neurons, first, or which neurons")
        count = population.size if first is None else check_count(first, f"{where}: first")
        if count > population.size:
            raise InputError(f"record_spikes: '{population.name}' has {population.size} neurons, but first = {count}")
        if any(recording.population == population.name for recording in self.spike_recordings):
            raise InputError(f"record_spikes: the spikes of '{population.name}' are recorded already")
        chosen = range(count) if neurons is None else ascending(check_indices(neurons, population, where))
        self.spike_recordings.append(SpikeRecording(population.name, chosen))

    def record_states(
        self,
        population: Neurons | str,
        variables: str | Sequence[str] = "V_m",
        neurons: Iterable[int] | None = None,
        interval: float | None = None,
        offset: float = 0.0,
    ) -> None:
        """Record state variables of ``neurons`` (default: all) at the end of every ``interval`` ms (default: dt).

        The first time is at ``offset`` (ms), or after one interval where that is 0.
        """
        self._require_open()
        if isinstance(population, Part):
            for own, chosen_ones in self._recorded(population, neurons):
                self.record_states(own, variables, chosen_ones, interval, offset)
            return
        population = self.find(population)  # type: ignore[arg-type] # which refuses anything else
        where = f"record_states '{population.name}'"
        chosen = check_indices(neurons, population, where)
        steps = 1 if interval is None else to_steps(interval, self.dt, f"{where}: interval", low=1)
        begin = to_steps(offset, self.dt, f"{where}: offset")
        names = [variables] if isinstance(variables, str) else variables
        if not isinstance(names, (list, tuple)):
            raise InputError(f"{where}: needs the name of a state variable or a list of names, got {shown(variables)}")
        for variable in names:
            check_names([variable], population.model.state_variables, "state variable", where)
            if any((r.population, r.variable) == (population.name, variable) for r in self.state_recordings):
                raise InputError(f"{where}: {variable} is recorded already")
            self.state_recordings.append(StateRecording(population.name, variable, chosen, steps, begin))

    def record_weights(
        self,
        source: Neurons | str,
        target: Neurons | str,
        sources: Iterable[int] | None = None,
        targets: Iterable[int] | None = None,
    ) -> None:
        """Record source, target, weight and delay of the synapses between the chosen neurons.

        Before the first run and after every run they go to the file of the simulation, if it has one;
        ``Simulation.weights`` gives them at any time.
        """
        self._require_open()
        source, target = self.neurons(source), self.neurons(target)
        if isinstance(source, Part) or isinstance(target, Part):
            for ends in self._recorded_between(source, target, sources, targets):
                self.record_weights(*ends)
            return
        where = f"record_weights '{source.name}->{target.name}'"
        self.find_projections(source, target)
        if any((r.source, r.target) == (source.name, target.name) for r in self.weight_recordings):
            raise InputError(f"{where}: these weights are recorded already")
        chosen = check_indices(sources, source, where), check_indices(targets, target, where)
        self.weight_recordings.append(WeightRecording(source.name, target.name, *chosen))

    def record_transmissions(
        self,
        source: Neurons | str,
        target: Neurons | str,
        sources: Iterable[int] | None = None,
        targets: Iterable[int] | None = None,
        only: Projection | None = None,
    ) -> TransmissionRecording:
        """Record the weight that each synapse between the chosen neurons transmits at every spike, static or plastic.

        Those of the projection ``only``, as ``connect`` returned it, or of all between the two. They are kept in
        memory; ``Simulation.transmissions`` gives those of all projections.
        """
        self._require_open()
        source, target = self.neurons(source), self.neurons(target)
        where = f"record_transmissions '{source.name}->{target.name}'"
        for projection in [only] if only else self.find_projections(source, target):
            if not projection.synapse.constant and not projection.synapse.plastic:
                kind = type(projection.synapse).__name__
                raise InputError(f"{where}: what {kind} synapses transmit is not their weight, and cannot be recorded")
        chosen = check_indices(sources, source, where), check_indices(targets, target, where)
        recording = TransmissionRecording(source, target, *chosen, None if only is None else only.index)
        if any(r.name == recording.name for r in self.transmission_recordings):
            raise InputError(f"{where}: these are recorded already")
        self.transmission_recordings.append(recording)
        return recording

    def description(self) -> dict[str, Any]:
        return {
            "dt": self.dt,
            **super().description(),
            "stimuli": [{"target": s.target.name, "stimulus": describe(s.stimulus)} for s in self.stimulations],
        }


def check_receptor(receptor: int | str | None, target: Population, where: str) -> None:
    """InputError where ``receptor`` is named, and the neurons of ``target`` do not have it."""
    known = target.model.receptors
    if receptor is not None and receptor not in known:
        has = f"has the receptors {', '.join(map(repr, known))}" if known else "has no receptors to choose from"
        raise InputError(f"{where}: there is no receptor {receptor!r}; {type(target.model).__name__} {has}")
