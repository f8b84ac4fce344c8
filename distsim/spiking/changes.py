"""Changes of a simulation between runs: parameters and states of neurons, stimuli, weights of synapses.

A change holds from the present step on: for what is sent after it, also where that arrives later. What is on its way
stays as it was sent. So no result depends on ranks, on the interval of exchange, or on how runs are divided.

Sums of input stay exact. Their unit is chosen anew where the changed weights and rates need a coarser one; what is on
its way is then rounded to it, as a sum of each neuron, which is the same on any number of ranks. Where nothing is on
its way, as before the first run, the unit is that of a network that was described so. Sums of 32 bits keep their unit.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_names
from distsim.core.parts import Neurons
from distsim.core.units import check_count, shown
from distsim.core.values import Value, check_shape, check_value, describe
from distsim.record.checkpoint import Archive
from distsim.spiking.changed_neurons import ChangedNeurons
from distsim.spiking.drives.driven import poisson_input
from distsim.spiking.input_bound import NARROW_BITS, InputBound
from distsim.spiking.kept_changes import neurons_from, value_from
from distsim.spiking.local_network import LocalGroup, LocalNetwork, LocalTable, bind_drives, bound_of
from distsim.spiking.network import Between, Network, Stimulation
from distsim.spiking.precision import too_coarse
from distsim.spiking.spiking_checkpoint import on_its_way, rings_of, segmented
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.table import Int64Array, Table

if TYPE_CHECKING:
    from mpi4py import MPI


class Changes:
    """The changes of a simulation so far: ``log``, plain descriptions with the step after which each holds.

    requests: all that it takes to make them again, as data that JSON can hold: a checkpoint keeps these.
    """

    def __init__(self, network: Network, local: LocalNetwork, comm: MPI.Comm, seed: int) -> None:
        self.network, self.local, self.comm, self.dt = network, local, comm, network.dt
        self.log: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self._again = False
        self._neurons = ChangedNeurons(network, local, seed)
        self.stimulations: list[Stimulation] = list(network.stimulations)

    def make(self, request: dict[str, Any]) -> None:
        """Make one change, given by what is kept of it: ``what``, ``step``, ``neurons`` (or both ends), ``values``."""
        step, what = request["step"], request["what"]
        neurons = [neurons_from(kept, self.network) for kept in request["neurons"]]
        values = {name: value_from(kept) for name, kept in request["values"].items()}
        if what == "neurons":
            self._neurons.set(neurons[0], values, len(self.log))
            self.note(step, what, neurons[0].name, values)
        elif what == "seed":
            self.draw_anew(step, request["number"])
        elif what == "stimulus":
            self.stimulus(step, neurons[0], request["number"], values)
        else:
            self.weights(step, Between(*neurons), values["weight"])
        self.requests.append(request)

    def transfer(self, archive: Archive) -> None:
        """Keep the changes in a checkpoint, or make those of one again, before anything else is brought back."""
        requests = archive.number("changes", self.requests)
        grids = [(g.grid.unit, g.grid.largest_weight if g.plastic_inputs else None) for g in self.local.groups]
        grids = archive.number("grids", grids)
        if archive.saving or not requests:
            return
        self._again = True
        for request in requests:
            self.make(request)
        self._again = False
        for group, (unit, largest) in zip(self.local.groups, grids, strict=True):
            group.grid = Grid(unit, math.inf if largest is None else largest)
            group.poisson = poisson_input(group.driven, unit, group.stretches)

    def note(self, step: int, what: str, target: str, values: dict[str, Any]) -> None:
        """Add a change to the log."""
        self.log.append({"step": step, "what": what, "of": target} | {n: _told(v) for n, v in values.items()})

    # ------------------------------------------------------------ stimuli

    def stimulus(self, step: int, neurons: Neurons, number: int | None, values: dict[str, Any]) -> None:
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
        self.note(step, "stimulus", neurons.name, {"number": indices.index(index), **values})

    def draw_anew(self, step: int, seed: int) -> None:
        """Let stimuli and sources draw with another seed what they send from now on."""
        where, before = f"draw_anew({seed})", self.stimulations
        latest = {s.index: s.stimulus for s in self.stimulations}
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
        self.note(step, "seed", "stimuli and sources", {"seed": seed})

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
        new = replace(drive, **({"start": max(drive.start, now)} | values))
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
        bound = bound_of(group, [local for local in self.local.tables if local.target is group], self.dt)
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

    def _on_its_way(self, group: LocalGroup, step: int) -> list[npt.NDArray[Any]]:
        """What arrives at each input of ``group`` after ``step``: (steps, n) in units of its grid."""
        if self._again:
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

    def weights(self, step: int, ends: Between, value: Any) -> None:
        """Set the weights of all synapses between ``ends``: a number, or an array (targets, sources)."""
        where = f"set_weights '{ends.name}'"
        weight = check_value(value, where)
        if not isinstance(weight, (float, np.ndarray)):
            raise InputError(f"{where}: give a number or an array (targets, sources), got {shown(value)}")
        check_shape(weight, (ends.target.size, ends.source.size), where)
        wanted = {projection.index for projection in self.network.find_projections(ends.source, ends.target)}
        tables = [t for t in self.local.tables if any(projection.index in wanted for projection in t.projections)]
        if any(local.plastic for local in tables):
            raise InputError(
                f"{where}: weights of plastic synapses change by themselves; only those of others can be set"
            )
        everyone = np.arange(ends.source.size), np.arange(ends.target.size)
        found = [local.between(ends, *everyone) for local in tables]
        new = [weight if isinstance(weight, float) else weight[target, source] for _, _, source, target in found]
        wrong = sum(_of_other_input(local, values) for local, values in zip(tables, new, strict=True))
        if self.comm.allreduce(wrong):
            raise InputError(f"{where}: a weight keeps its sign where the neurons have an input for each sign")
        changed = [
            self._with_weights(local, edges, values)
            for local, (edges, *_), values in zip(tables, found, new, strict=True)
        ]
        groups = list({id(local.target): local.target for local in tables}.values())
        for group in (g for g in groups if _is_narrow(g)):
            if too_coarse(group.grid.unit, [weight]):
                raise InputError(f"{where}: 32 bits do not hold the new weights; simulate with precision='double'")
            others = [t for t in self.local.tables if t.target is group and not any(t is local for local in tables)]
            incoming = [*others, *(replace(t, table=new) for t, new in zip(tables, changed, strict=True))]
            self._check_narrow(group, bound_of(group, [t for t in incoming if t.target is group], self.dt), where)
        rows = [self._on_its_way(group, step) for group in groups]
        for local, table in zip(tables, changed, strict=True):
            local.table = local.delivery.table = table
            if local.synapse.constant:
                local.delivery = local.synapse.delivery(table, len(local.target.gids), self.dt)
        for group, arriving in zip(groups, rows, strict=True):
            self._put_back(group, step, arriving)
            self._choose_grid(group, step, where)
        self.note(step, "weights", ends.name, {"weight": weight})

    def _with_weights(self, local: LocalTable, edges: Int64Array, values: Any) -> Table:
        """The table with other weights of some edges."""
        table = local.table
        own = table.weights_of(np.arange(table.n_edges)) if table.of_kinds else table.weights
        own = np.array(np.broadcast_to(own, table.n_edges))
        if (table.one_weight or table.of_kinds) and _is_narrow(local.target):
            unit = local.target.grid.unit
            own, table = np.rint(own / unit).astype(np.int32), replace(table, weight_unit=unit)
        most = 2.0**NARROW_BITS  # beyond it, sums are refused in any case
        own[edges] = np.rint(np.clip(values / table.weight_unit, -most, most)) if own.dtype == np.int32 else values
        kinds = None if table.kinds is None else table.kinds._replace(each=True)
        return replace(table, weights=own, one_weight=False, kinds=kinds)


def _told(value: Any) -> Any:
    """A value as plain data; an array by its description and a hash."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return describe(value)
    array = np.ascontiguousarray(value, "<f8")
    return {**describe(array), "hash": hashlib.blake2b(array.tobytes(), digest_size=8).hexdigest()}


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
