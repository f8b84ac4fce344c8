"""Changes of a simulation between runs: parameters and states of neurons, stimuli, weights of synapses.

A change holds from the present step on: for what is sent after it, also where that arrives later. What is on its way
stays as it was sent. So no result depends on ranks, on the interval of exchange, or on how runs are divided.

Sums of input stay exact. Their unit is chosen anew where the changed weights and rates need a coarser one; what is on
its way is then rounded to it, as a sum of each neuron, which is the same on any number of ranks. Where nothing is on
its way, as before the first run, the unit is that of a network that was described so. Sums of 32 bits keep their unit.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_names
from distsim.core.parts import Neurons
from distsim.core.units import check_count, shown
from distsim.core.values import Value, check_shape, check_value
from distsim.record.checkpoint import Archive
from distsim.spiking.changed_neurons import ChangedNeurons
from distsim.spiking.drives.driven import poisson_input
from distsim.spiking.input_bound import NARROW_BITS, InputBound
from distsim.spiking.local_network import LocalGroup, LocalNetwork, LocalTable, bind_drives, bound_of
from distsim.spiking.network import Between, Network, Stimulation
from distsim.spiking.pieces_of_time import with_values
from distsim.spiking.precision import needs_double, too_coarse
from distsim.spiking.repeated_spikes import check_arriving
from distsim.spiking.spiking_checkpoint import on_its_way, rings_of, segmented
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.table import Int64Array, Table

if TYPE_CHECKING:
    from mpi4py import MPI


class Changes:
    """Changes of a simulation between runs: ``models`` of populations by name, and ``stimulations``, as they are now.

    again: while those of a checkpoint are made again, which brings back by itself what neurons and synapses remember.
    """

    def __init__(self, network: Network, local: LocalNetwork, comm: MPI.Comm, seed: int) -> None:
        self.network, self.local, self.comm, self.dt = network, local, comm, network.dt
        self.again = False
        self._made = 0
        self._neurons = ChangedNeurons(network, local, seed)
        self.stimulations: list[Stimulation] = list(network.stimulations)

    @property
    def models(self) -> dict[str, Any]:
        return self._neurons.models

    def make(
        self, what: str, neurons: list[Neurons], values: dict[str, Any], number: int | None, step: int
    ) -> dict[str, Any]:
        """Make a change after ``step``; what is told of it."""
        if what == "neurons":
            told = self.neurons(step, neurons[0], values)
        elif what == "seed":
            told = self.draw_anew(step, int(number or 0))
        elif what == "stimulus":
            told = self.stimulus(step, neurons[0], number, values)
        else:
            told = self.weights(step, Between(*neurons), values["weight"])
        self._made += 1
        return told

    def transfer(self, archive: Archive) -> None:
        """Keep the grids of the sums in a checkpoint, or bring them back where there were changes."""
        grids = [(g.grid.unit, g.grid.largest_weight if g.plastic_inputs else None) for g in self.local.groups]
        grids = archive.number("grids", grids)
        if archive.saving or not self._made:
            return
        for group, (unit, largest) in zip(self.local.groups, grids, strict=True):
            group.grid = Grid(unit, math.inf if largest is None else largest)
            group.poisson = poisson_input(group.driven, unit, group.stretches)

    # ------------------------------------------------------------ neurons

    def neurons(self, step: int, neurons: Neurons, values: dict[str, Any]) -> dict[str, Any]:
        """Set parameters and states of neurons or sources; the sums of input have to hold what sources may send."""
        where = f"set '{neurons.name}'"
        plans = self._neurons.plan(neurons, values, where)
        sources = {p.piece.population.name: p.model for p in plans if p.model is not None and not p.model.receives}
        targets = [t.target for t in self.local.tables if self._sends(t, sources)]
        groups = list({id(group): group for group in targets}.values())
        for group in filter(_is_narrow, groups):
            self._check_narrow(group, self._bound(group, models={**self.models, **sources}), where)
        self._neurons.carry_out(plans, self._made)
        for group in groups:
            self._choose_grid(group, step, where)
        return {"of": neurons.name}

    def _sends(self, local: LocalTable, names: Container[str]) -> bool:
        """Whether a table has synapses of one of the populations ``names``."""
        return any(piece.population.name in names for p in local.projections for piece in p.source.pieces)

    # ------------------------------------------------------------ stimuli

    def stimulus(self, step: int, neurons: Neurons, number: int | None, values: dict[str, Any]) -> dict[str, Any]:
        """Give a stimulus of ``neurons`` other parameters; number: which of theirs, where several have these."""
        where = f"set_stimulus '{neurons.name}'"
        own = [s for s in self.stimulations if s.target.name == neurons.name]
        indices = sorted({s.index for s in own})
        if number is not None:
            number = check_count(number, f"{where}: number")
        if number is None:
            fitting = {s.index for s in own if set(values) <= {f.name for f in fields(s.stimulus)}}
            if len(fitting) != 1:
                told = "none of its stimuli has" if not fitting else "several of its stimuli have"
                raise InputError(f"{where}: {told} {', '.join(values)}; it has {len(indices)}, say which by number=")
            index = fitting.pop()
        elif number >= len(indices):
            raise InputError(f"{where}: there is no stimulus number {number}; it has {len(indices)}")
        else:
            index = indices[number]
        before, self.stimulations = self.stimulations, self._replaced(index, step, values, where)
        names = {piece.population.name for piece in neurons.pieces}
        groups = [g for g in self.local.groups if any(share.population.name in names for share in g.shares)]
        try:
            self._drive(groups, step, where)
        except InputError:
            self.stimulations = before
            self._drive(groups, step, where)
            raise
        return {"of": neurons.name, "number": indices.index(index)}

    def draw_anew(self, step: int, seed: int) -> dict[str, Any]:
        """Let stimuli and sources draw with another seed what they send from now on."""
        where, before = f"draw_anew({seed})", self.stimulations
        drawing = {index for g in self.local.groups for driven in g.driven for index in driven.drawing}
        latest = {s.index: s.stimulus for s in self.stimulations if s.index in drawing}
        try:
            for index, drive in latest.items():
                stop = getattr(drive, "stop", None)
                if stop is None or stop > step * self.dt:
                    self.stimulations = self._replaced(index, step, {}, where, seed)
        except InputError:
            self.stimulations = before
            raise
        driven = {p.name for s in self.stimulations for p in (piece.population for piece in s.target.pieces)}
        self._drive([g for g in self.local.groups if any(x.population.name in driven for x in g.shares)], step, where)
        for group in self.local.groups:
            getattr(group.neurons, "draw_anew", lambda seed: None)(seed)  # of sources that draw
        return {"of": "stimuli and sources", "seed": seed}

    def _replaced(
        self, index: int, step: int, values: dict[str, Any], where: str, seed: int | None = None
    ) -> list[Stimulation]:
        """The stimulations, of which number ``index`` ends now, and goes on with other parameters, or another seed.

        Those that it was before stay as long as something of theirs is on its way.
        """
        now = round(step * self.dt, 9)
        latest = [s for s in self.stimulations if s.index == index][-1]
        drive: Any = latest.stimulus
        check_names(values, [f.name for f in fields(drive)], "parameter", f"{where}, {type(drive).__name__}")
        if not hasattr(drive, "start") or not hasattr(drive, "stop"):
            raise InputError(f"{where}: {type(drive).__name__} has no start and stop, so that it cannot be changed")
        new = with_values(drive, {"start": max(drive.start, now)} | values)
        if new.start < now:
            raise InputError(f"{where}: start = {new.start:g} ms is before the present, {now:g} ms")
        new.check(latest.target.size, self.dt, where)
        changed: list[Stimulation] = []
        for s in self.stimulations:
            ended: Any = s.stimulus
            if s is latest:
                ended = replace(drive, stop=max(drive.start, now if drive.stop is None else min(drive.stop, now)))
            if s.index != index or (ended.start < ended.stop and step <= self._gone(ended)):
                changed.append(replace(s, stimulus=ended) if s is latest else s)
            if s is latest:
                changed.append(replace(s, stimulus=new, seed=s.seed if seed is None else seed))
        return changed

    def _gone(self, drive: Any) -> int:
        """The step after which nothing arrives of a drive that has ended."""
        delay = getattr(drive, "delay", None)
        return math.ceil((drive.stop + (delay or 0.0)) / self.dt) + 3

    def _drive(self, groups: list[LocalGroup], step: int, where: str) -> None:
        """Let the stimuli of now drive ``groups``."""
        for group in groups:
            bind_drives(group, self.stimulations)
            self._choose_grid(group, step, where)

    def _choose_grid(self, group: LocalGroup, step: int, where: str) -> None:
        """The unit of the sums of input for what drives the group now; what is on its way is put into that unit."""
        check_arriving(self.local, self.dt, self.comm)
        bound = self._bound(group)
        if _is_narrow(group):
            self._check_narrow(group, bound, where)
        else:
            rows = self._on_its_way(group, step)
            before = group.grid.unit
            waiting = self.comm.allreduce(int(any(each.any() for each in rows)))
            group.grid = bound.grid(self.comm, least=before if waiting else 0.0)
            coarser = math.frexp(group.grid.unit)[1] - math.frexp(before)[1]
            if waiting and coarser > 0:
                rounded = [(each + (1 << (coarser - 1))) >> coarser for each in rows]
                self._put_back(group, step, rounded)
        group.poisson = poisson_input(group.driven, group.grid.unit, group.stretches)

    def _bound(
        self, group: LocalGroup, tables: list[LocalTable] | None = None, models: dict[str, Any] | None = None
    ) -> InputBound:
        """The bound of the input of a group, by other tables or models than those of now where they are given."""
        known = self.local.tables if tables is None else tables
        return bound_of(group, [t for t in known if t.target is group], self.dt, models or self.models)

    def _on_its_way(self, group: LocalGroup, step: int) -> list[npt.NDArray[Any]]:
        """What arrives at each input of ``group`` after ``step``: (steps, n) in units of its grid."""
        if self.again:
            return [ring[:0] for ring in group.rings]
        return [on_its_way(self.local, group, k, step) for k in range(len(group.rings))]

    def _put_back(self, group: LocalGroup, step: int, rows: list[npt.NDArray[Any]]) -> None:
        """Let what arrives at each input of ``group`` after ``step`` be ``rows``, nothing else, all in the rings."""
        group.rings = rings_of(rows, step, max(map(len, (*group.rings, *rows)), default=0))
        for delivery in segmented(self.local, group):
            delivery.forget(step)

    def _check_narrow(self, group: LocalGroup, bound: InputBound, where: str) -> None:
        """InputError where sums of 32 bits do not hold what drives the group now, or weights would be off."""
        weights: list[Value] = [events.weight for driven in group.driven for events in driven.poisson]
        if group.has_inputs or bound.grid(self.comm, narrow=True).unit > group.grid.unit:
            raise InputError(f"{where}: sums of 32 bits do not hold the new input; simulate with precision='double'")
        if too_coarse(group.grid.unit, weights):
            raise InputError(f"{where}: 32 bits do not hold the new weight; simulate with precision='double'")

    # ------------------------------------------------------------ weights

    def weights(self, step: int, ends: Between, value: Any) -> dict[str, Any]:
        """Set the weights of all synapses between ``ends``: a number, or an array (targets, sources)."""
        where = f"set_weights '{ends.name}'"
        weight = check_value(value, where)
        if not isinstance(weight, (float, np.ndarray)):
            raise InputError(f"{where}: give a number or an array (targets, sources), got {shown(value)}")
        check_shape(weight, (ends.target.size, ends.source.size), where)
        projections = self.network.find_projections(ends.source, ends.target)
        wanted = {projection.index for projection in projections}
        tables = [t for t in self.local.tables if any(projection.index in wanted for projection in t.projections)]
        self._check_plastic(tables, projections, weight, where)
        everyone = np.arange(ends.source.size), np.arange(ends.target.size)
        found = [local.between(ends, *everyone) for local in tables]
        new = [weight if isinstance(weight, float) else weight[target, source] for _, _, source, target in found]
        wrong = sum(_of_other_input(local, values) for local, values in zip(tables, new, strict=True))
        if self.comm.allreduce(wrong):
            raise InputError(f"{where}: a weight keeps its sign where the neurons have an input for each sign")
        changed = [
            local.table if local.plastic else self._with_weights(local, edges, values)
            for local, (edges, *_), values in zip(tables, found, new, strict=True)
        ]
        groups = list({id(local.target): local.target for local in tables}.values())
        for group in (g for g in groups if _is_narrow(g)):
            if too_coarse(group.grid.unit, [weight]):
                raise InputError(f"{where}: 32 bits do not hold the new weights; simulate with precision='double'")
            others = [t for t in self.local.tables if t.target is group and not any(t is local for local in tables)]
            incoming = [*others, *(replace(t, table=new) for t, new in zip(tables, changed, strict=True))]
            self._check_narrow(group, self._bound(group, incoming), where)
        rows = [self._on_its_way(group, step) for group in groups]
        for local, table, (edges, *_), values in zip(tables, changed, found, new, strict=True):
            if local.plastic and not self.again:
                local.delivery.set_weights(edges, values, step)  # type: ignore[attr-defined] # which was checked
            local.table = local.delivery.table = table
            if local.synapse.constant:
                local.delivery = local.synapse.delivery(table, len(local.target.gids), self.dt)
        for group, arriving in zip(groups, rows, strict=True):
            self._put_back(group, step, arriving)
            self._choose_grid(group, step, where)
        return {"of": ends.name}

    def _check_plastic(self, tables: list[LocalTable], projections: list[Any], weight: Any, where: str) -> None:
        """InputError where plastic synapses cannot have such weights."""
        for local in (t for t in tables if t.plastic and not hasattr(t.delivery, "set_weights")):
            kind = type(local.synapse).__name__
            raise InputError(f"{where}: weights of {kind} synapses cannot be set; their delivery has no set_weights")
        for projection in (p for p in projections if p.synapse.plastic):
            for extreme in {float(np.min(weight)), float(np.max(weight))}:
                given = replace(projection.synapse, weight=extreme)  # which checks it
                single = any(t.table.weights.dtype == np.float32 for t in tables if projection in t.projections)
                if single and needs_double(given):
                    raise InputError(f"{where}: float32 does not hold what {extreme:g} learns; simulate with 'double'")

    def _with_weights(self, local: LocalTable, edges: Int64Array, values: Any) -> Table:
        """The table with other weights of some edges."""
        table = local.table
        unit = local.target.grid.unit if _is_narrow(local.target) else None
        most = 2.0**NARROW_BITS  # beyond it, sums are refused in any case
        if table.kinds is not None and table.weights.dtype == np.float64:  # those of other projections stay as they are
            own = table.weights_of(np.arange(table.n_edges))
            own[edges] = values if unit is None else unit * np.rint(np.clip(values / unit, -most, most))
            return replace(table, weights=own, kinds=table.kinds._replace(each=True))
        own = np.array(np.broadcast_to(table.weights, table.n_edges))
        if table.one_weight and unit is not None:
            own, table = np.rint(own / unit).astype(np.int32), replace(table, weight_unit=unit)
        own[edges] = np.rint(np.clip(values / table.weight_unit, -most, most)) if own.dtype == np.int32 else values
        return table.with_own(own)


def _is_narrow(group: LocalGroup) -> bool:
    """Whether the sums of a group have 32 bits."""
    return any(ring.dtype == np.int32 for ring in group.rings)


def _of_other_input(local: LocalTable, values: Any) -> int:
    """1 where new weights of a table would drive another input of the target than the table does."""
    if local.synapse.receptor is not None:
        return 0
    model: Any = local.target.model
    inputs = {model.input_of(bool(negative)) for negative in np.unique(np.less(values, 0.0))}
    return int(bool(inputs - {local.input}))
