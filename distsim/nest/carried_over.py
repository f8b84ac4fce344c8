"""A network described anew goes on where the one before it was: states, input on its way, plastic synapses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.record.checkpoint import Archive
from distsim.spiking.local_network import LocalGroup, LocalNetwork
from distsim.spiking.simulation import Simulation
from distsim.spiking.spiking_checkpoint import TableArchive, of_neurons, on_its_way, rings_of, segmented

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.parallel.rows import Rows

Value = TypeVar("Value")


class Memory(Archive):
    """An archive in the memory of each rank: what is not in it stays as it is."""

    def __init__(self, comm: MPI.Comm, kept: dict[str, Any] | None = None) -> None:
        super().__init__(comm)
        self.saving = kept is None
        self.kept: dict[str, Any] = {} if kept is None else kept

    def number(self, name: str, value: Value) -> Value:
        if self.saving:
            self.kept[name] = value
        found: Value = self.kept.get(name, value)
        return found

    def column(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.saving:
            self.kept[name] = np.array(values)
        found: npt.NDArray[Any] = self.kept.get(name, values)
        if name in self.kept and len(found) != rows.ends[-1]:
            raise InputError("no plastic synapses can be added between nodes that have some that were simulated")
        return found


def go_on(before: Simulation | None, after: Simulation, step: int) -> None:
    """Let ``after`` begin after ``step``, with what ``before`` remembers of the populations and projections of both."""
    comm = after.comm
    local, loop = after.local, after._loop
    loop.step = step
    if before is not None:
        archive = Memory(comm)
        _transfer(archive, before.local, step)
        _transfer(Memory(comm, archive.kept), local, step)
    for group in local.groups:
        waiting = [] if before is None else [_waiting(before.local, group, k, step) for k in range(len(group.rings))]
        slots = max(map(len, (*group.rings, *waiting)), default=0)
        if waiting:
            group.rings = rings_of(waiting, step, slots)
        for delivery in segmented(local, group):
            delivery.done[0] = step


def _transfer(archive: Memory, local: LocalNetwork, step: int) -> None:
    """Tell the archive the states of neurons and of synapses that change."""
    for share, group in local.populations:
        remembered = list(group.neurons.remembered())
        name = f"neurons/{share.population.name}"
        if archive.number(f"{name} states", len(remembered)) != len(remembered):
            raise InputError(f"'{share.population.name}' cannot have other inputs or states once it was simulated")
        for k, values in enumerate(remembered):
            of_neurons(archive, f"{name}/{k}", share, values[share.begin : share.end])
    for table in local.tables:
        if table.plastic or not table.synapse.constant:
            of_table = TableArchive(archive, table, step)
            if table.plastic:
                of_table.of_edges("weights", table.table.weights)
            table.delivery.transfer(of_table)


def _waiting(before: LocalNetwork, group: LocalGroup, k: int, step: int) -> npt.NDArray[Any]:
    """What is on its way to input ``k`` of a group, (steps, n), from the groups that its populations were in."""
    found = [np.zeros((0, share.n)) for share in group.shares]
    for place, share in enumerate(group.shares):
        for old_share, old in before.populations:
            if old_share.population.name == share.population.name and k < len(old.rings):
                rows = on_its_way(before, old, k, step)[:, old_share.begin : old_share.end]
                found[place] = rows * (old.grid.unit / group.grid.unit)
    steps = max(map(len, found), default=0)
    padded = [np.pad(rows, ((0, steps - len(rows)), (0, 0))) for rows in found]
    return np.rint(np.concatenate(padded, axis=1)).astype(group.rings[k].dtype)
