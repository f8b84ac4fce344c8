"""Explicit spike trains: a population of sources that fire at given times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.one_to_one import OneToOne
from distsim.core.errors import InputError, check_arguments
from distsim.core.units import GRID_TOLERANCE, MAX_STEPS, RELATIVE_TOLERANCE, shown
from distsim.core.values import Value, check_array
from distsim.spiking.network import Network, Population
from distsim.spiking.protocols import weight_unit
from distsim.spiking.synapses.static import Static

if TYPE_CHECKING:
    from distsim.spiking.neurons.group import Local


@check_arguments
@dataclass(frozen=True, eq=False)
class SpikeTrains:
    """One spike train per source: ``times`` is a sequence of arrays of spike times (ms), whole multiples of dt, > 0.

    As the model of a population its sources can be connected by any rule; where there is only one train, all sources
    have it. As a stimulus, with ``weight`` (pA or mV) and ``delay`` (ms), train i drives neuron i of the population, or
    the only train drives them all.
    """

    times: Sequence[Any]
    weight: Value | None = None
    delay: Value | None = None

    is_stimulus: ClassVar[bool] = True
    receives: ClassVar[bool] = False
    initial_states: ClassVar[tuple[str, ...]] = ()
    state_variables: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        trains = self.times
        if not _in_order(trains) or not all(map(_in_order, trains)):
            raise InputError(
                f"SpikeTrains: times must be a sequence of trains, one array of times each, got {shown(trains)}"
            )
        frozen = tuple(check_array(train, f"SpikeTrains: times[{i}]", above=0.0) for i, train in enumerate(trains))
        wrong = next((i for i, train in enumerate(frozen) if train.ndim != 1), None)
        if wrong is not None:
            raise InputError(f"SpikeTrains: times[{wrong}] must be a one-dimensional array of times (ms)")
        object.__setattr__(self, "times", frozen)

    def check(self, size: int, dt: float, where: str) -> None:
        if len(self.times) not in (size, 1):
            raise InputError(f"{where}: SpikeTrains has {len(self.times)} trains for {size} neurons; give one each")
        for i, train in enumerate(self.times):
            with np.errstate(over="ignore"):
                steps = np.round(train / dt)
            late = np.flatnonzero(steps > MAX_STEPS)
            if len(late):
                raise InputError(
                    f"{where}: SpikeTrains times[{i}][{late[0]}] = {train[late[0]]:g} ms is more than {MAX_STEPS} "
                    f"steps of dt = {dt:g} ms"
                )
            tolerance = np.minimum(RELATIVE_TOLERANCE * np.maximum(train, dt), GRID_TOLERANCE * dt)
            wrong = np.flatnonzero(np.abs(steps * dt - train) > tolerance)
            if len(wrong):
                raise InputError(
                    f"{where}: SpikeTrains times[{i}][{wrong[0]}] = {train[wrong[0]]:g} ms is not a whole multiple "
                    f"of dt = {dt:g} ms"
                )

    def attach(self, network: Network, target: Population) -> None:
        """Add the trains to ``network`` as a population of sources, and connect them to ``target``."""
        if self.weight is None or self.delay is None:
            unit = weight_unit(target.model)
            raise InputError(f"stimulus of '{target.name}': SpikeTrains needs a weight ({unit}) and a delay (ms)")
        self.check(target.size, network.dt, f"stimulus of '{target.name}'")
        source = network.population(f"{target.name} input {len(network.populations)}", len(self.times), self)
        rule = AllToAll() if len(self.times) == 1 else OneToOne()
        network.connect(source, target, rule, Static(self.weight, self.delay))

    def multiplicity(self, dt: float) -> int:
        """The largest number of spikes that one train has in one step."""
        most = 1
        for train in self.times:
            if len(train):
                most = max(most, int(np.unique(np.round(train / dt), return_counts=True)[1].max()))
        return most

    def inputs(self) -> int:
        return 1

    def input_of(self, negative: bool) -> int:
        return 0

    def group(self, local: Local) -> SpikeTrainsGroup:
        return SpikeTrainsGroup(self, local)


def _in_order(values: Any) -> bool:
    """Whether ``values`` is a sequence or an array of them."""
    if isinstance(values, np.ndarray):
        return values.ndim > 0
    return isinstance(values, Sequence) and not isinstance(values, (str, bytes))


class SpikeTrainsGroup:
    """The spikes of the local trains: step (spikes,) int64 ascending, and index (spikes,) int32 of the train."""

    def __init__(self, trains: SpikeTrains, local: Local) -> None:
        only = len(trains.times) == 1
        mine = [trains.times[0 if only else gid - local.population.first_gid] for gid in local.gids]
        steps = np.round(np.concatenate([*mine, np.empty(0)]) / local.dt).astype(np.int64)
        index = np.repeat(np.arange(len(mine), dtype=np.int32), [len(train) for train in mine])
        order = np.argsort(steps, kind="stable")
        self.step, self.index = steps[order], index[order]

    def update(  # type: ignore[no-untyped-def]
        self, first_step, n_steps, ring, unit, current, drives, index, stamp
    ) -> int:
        """Emit the spikes of the steps; see ``Group.update``."""
        begin, end = np.searchsorted(self.step, (first_step, first_step + n_steps))
        index[: end - begin] = self.index[begin:end]
        stamp[: end - begin] = self.step[begin:end]
        return int(end - begin)

    def state(self, name: str) -> npt.NDArray[np.float64]:
        raise InputError(f"a source of spikes has no state '{name}'")
