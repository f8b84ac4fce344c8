"""Explicit spike trains: a population of sources that fire at given times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.one_to_one import OneToOne
from distsim.core.errors import InputError
from distsim.core.jit import jit
from distsim.core.parts import Neurons
from distsim.core.units import GRID_TOLERANCE, MAX_STEPS, RELATIVE_TOLERANCE, shown
from distsim.core.values import Value, check_array
from distsim.spiking.network import Network
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Group, Source, Stimulus
from distsim.spiking.synapses.static import Static


class SpikeTrains(Source, Stimulus):
    """One spike train per source: ``times`` is a sequence of arrays of spike times (ms), whole multiples of dt, > 0.

    As the model of a population its sources can be connected by any rule; where there is only one train, all sources
    have it. As a stimulus, with ``weight`` (pA or mV) and ``delay`` (ms), train i drives neuron i of the population, or
    the only train drives them all.
    """

    times: Sequence[Any]
    weight: Value | None = None
    delay: Value | None = None

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

    def attach(self, network: Network, target: Neurons) -> None:
        """Add the trains to ``network`` as a population of sources, and connect them to ``target``."""
        if self.weight is None or self.delay is None:
            unit = target.pieces[0].population.model.weight_unit
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

    def trains(self, share: PopulationShare) -> list[npt.NDArray[np.float64]]:
        """Times (ms) at which each of the local sources fires."""
        return [self.train(source) for source in share.gids - share.population.first_gid]

    def train(self, source: int) -> npt.NDArray[np.float64]:
        """Times (ms) at which source number ``source`` fires."""
        times: npt.NDArray[np.float64] = self.times[0 if len(self.times) == 1 else source]
        return times

    @staticmethod
    def group(shares: list[PopulationShare]) -> SpikeTrainsGroup:
        return SpikeTrainsGroup(shares)


def _in_order(values: Any) -> bool:
    """Whether ``values`` is a sequence or an array of them."""
    if isinstance(values, np.ndarray):
        return values.ndim > 0
    return isinstance(values, Sequence) and not isinstance(values, (str, bytes))


class SpikeTrainsGroup(Group):
    """The spikes of the local trains, own: step (spikes,) int64 ascending, and index (spikes,) int32 of the train."""

    def __init__(self, shares: list[PopulationShare]) -> None:
        self._shares = list(shares)
        self._prepare()

    def set_model(self, number: int, model: Any, changed: npt.NDArray[np.int64]) -> None:
        """Let the sources of population ``number`` have the trains of ``model``, as far as they are still to come."""
        share = self._shares[number]
        self._shares[number] = replace(share, population=replace(share.population, model=model))
        self._prepare()

    def _prepare(self) -> None:
        """Sort the spikes of all local trains by step."""
        shares, trains = self._shares, []
        for share in shares:
            model: Any = share.population.model
            trains += model.trains(share)
        steps = np.round(np.concatenate([*trains, np.empty(0)]) / shares[0].dt).astype(np.int64)
        index = np.repeat(np.arange(len(trains), dtype=np.int32), [len(train) for train in trains])
        order = np.argsort(steps, kind="stable")
        self.own = steps[order], index[order]

    def update(self, first_step, n_steps, rings, unit, current, poisson, index, stamp):  # type: ignore[no-untyped-def]
        """Emit the spikes of the steps; see ``Group.update``."""
        return emit_train(*self.own, first_step, n_steps, rings, unit, current, poisson, index, stamp)

    def compiled(self) -> tuple[Any, tuple[Any, ...]]:
        return emit_train, self.own

    def remembered(self) -> tuple[()]:
        """Nothing: the spikes of a step follow from the step."""
        return ()


@jit
def emit_train(  # type: ignore[no-untyped-def]
    steps, sources, first_step, n_steps, rings, unit, current, poisson, index, stamp
):
    """Write the spikes of the steps from first_step on; steps, sources (spikes,): of all. Returns their number."""
    begin, end = np.searchsorted(steps, first_step), np.searchsorted(steps, first_step + n_steps)
    for spike in range(begin, end):
        index[spike - begin] = sources[spike]
        stamp[spike - begin] = steps[spike]
    return end - begin
