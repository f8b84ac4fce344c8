"""What the engine asks of a kind of synapse, a user's own too: its parameters, and what delivers its spikes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import check_of_edges
from distsim.core.declared import Declared, check_fits, names_of_each
from distsim.core.errors import InputError
from distsim.core.values import Value, of_each
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.synapse_checks import check_delay
from distsim.spiking.synapses.table import Int64Array, Table

FloatArray = npt.NDArray[np.float64]


class Delivery(ABC):
    """Delivers the spikes of one table; what its synapses remember."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @abstractmethod
    def deliver(
        self, gids: Int64Array, stamps: Int64Array, ring: npt.NDArray[Any], grid: Grid, now: int, horizon: int
    ) -> int:
        """Add what the synapses of spikes transmit to ring (slots, n) int64 or int32, in units of ``grid.unit``.

        gids, stamps (spikes,): source and step of each, sorted by step; those of an interval up to step ``now``. The
        next interval ends with step ``horizon``. A spike arrives in slot (stamp + delay) modulo slots. Returns how many
        synapses transmitted more than ``grid.largest_weight``.
        """

    timed: ClassVar[bool] = False
    """Whether its kernel is told the time, and called without spikes, too: before those of an interval come, and where
    none do; then it returns 0."""

    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]] | None:
        """The kernel that does what ``deliver`` does, and what it works on; None where there is no such kernel.

        kernel(gids, stamps, *before, ring, *after), and (now, horizon) where it is ``timed``, returns what ``deliver``
        does; or -1, with nothing done, where there is no room.
        """
        return None

    def past(self) -> Any:
        """The ``History`` of the targets of plastic synapses, to which ``archive`` appends."""
        raise TypeError(f"{type(self).__name__} takes no note of the spikes of targets")

    def archive(self, neurons: npt.NDArray[np.int32], stamps: Int64Array, start: int) -> None:
        """Take note of the spikes of the targets (local index, step) in the interval that began after step ``start``.

        Plastic synapses are told before spikes of the same interval are delivered; others do not care.
        """
        return

    def weights_at(self, now: int, edges: Int64Array, rows: Int64Array) -> FloatArray:
        """Weights (n,) of ``edges``, which lie in ``rows`` of the table, brought up to step ``now``."""
        return self.table.weights_of(edges)

    def transfer(self, archive: Any) -> None:
        """Tell ``archive`` (``spiking_checkpoint.TableArchive``) what the synapses remember, beside their weights.

        Arrays are changed in place where it is brought back. Only a delivery that remembers nothing need not say so.
        """
        own = [name for name in vars(self) if name != "table"]
        if own:
            kind = type(self).__name__
            raise InputError(f"{kind}: 'transfer' is missing, which says what a checkpoint keeps of {', '.join(own)}")


class CompiledDelivery(Delivery):
    """All that it does is done by its kernel, which takes no note of the time."""

    def deliver(
        self, gids: Int64Array, stamps: Int64Array, ring: npt.NDArray[Any], grid: Grid, now: int, horizon: int
    ) -> int:
        kernel, before, after = self.compiled(grid)
        return int(kernel(gids, stamps, *before, ring, *after))

    @abstractmethod
    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        """See ``Delivery.compiled``; there always is one."""


class SynapseModel(Declared, abstract=True):
    """Base of all kinds of synapses: ``weight`` and ``delay`` (ms), a number, an array, or a distribution each.

    The unit of weights is that of the target's input: pA, but mV for iaf_psc_delta. ``receptor`` names the input of
    the target, where it has several to choose from. Further parameters are declared with ``number`` or, where each
    synapse has its own, ``of_each``; the table of the synapses then has them as attributes.
    """

    weight: Value = of_each(1.0)
    delay: Value = of_each(1.0, "ms", above=0.0)
    receptor: int | str | None = field(default=None, kw_only=True)

    noun: ClassVar[str] = "synapse"
    plastic: ClassVar[bool] = False
    """Whether weights change with time: then each has its place in the table, is recorded, hashed and summed up."""
    constant: ClassVar[bool] = False
    """Whether a spike adds the weight, always the same, and nothing else. Such synapses share tables, whose weights may
    be whole numbers of units and whose delays may be segments."""
    states: ClassVar[tuple[str, ...]] = ()
    """State variables of a synapse that ``replay`` can tell."""

    @property
    def unbounded(self) -> bool:
        """Whether more than the weight given can be transmitted."""
        return self.plastic

    @property
    def values(self) -> dict[str, Value]:
        """What each synapse has of its own: weight, delay, and further attributes."""
        cls: Any = type(self)
        return {name: getattr(self, name) for name in names_of_each(cls)}

    def least_change(self) -> float:
        """The least part of itself by which a spike changes a weight: below it float32 would lose what is learnt."""
        return 0.0 if self.plastic else math.inf

    def check(self, dt: float, shape: tuple[int, ...] | None, where: str) -> None:
        """Raise InputError for parameters that do not fit dt, or arrays not of ``shape`` (None: no arrays)."""
        for name, value in self.values.items():
            check_of_edges(value, shape, f"{where}: {name}")
        check_fits(self, shape or (), dt, where)
        check_delay(self.delay, dt, f"{where}: delay")

    @abstractmethod
    def delivery(self, table: Table, n_target: int, dt: float) -> Delivery:
        """What delivers the spikes of ``table`` to ``n_target`` local neurons."""

    def state_bytes(self, edges: float, rows: float, n_target: int) -> float:
        """About how many bytes its delivery takes beside a table of so many edges and rows, before anything runs."""
        return 0.0

    def replay(
        self, stamps: Int64Array, delay: int, attributes: tuple[float, ...], dt: float, steps: Int64Array
    ) -> FloatArray:
        """States (states, steps) of one synapse at the end of ``steps``, ascending, from all spikes of its source.

        stamps (spikes,) int64, ascending; a spike has arrived from step stamp + delay on. attributes: those of the
        synapse beyond weight and delay.
        """
        raise InputError(f"{type(self).__name__}: these synapses have no state that can be told")
