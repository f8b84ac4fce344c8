"""What generators do to neurons, and how it changes between runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.core.errors import InputError
from distsim.core.parts import Neurons
from distsim.nest.connection_calls import Call
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import NEVER, Values
from distsim.nest.node_blocks import Block, blocks_of, finite
from distsim.spiking.drives.constant_current import ConstantCurrent
from distsim.spiking.drives.noise_current import NoiseCurrent
from distsim.spiking.drives.sinusoidal_current import SinusoidalCurrent

if TYPE_CHECKING:
    from distsim.spiking.simulation import Simulation


@dataclass
class Driving:
    """A stimulation that a generator is: number ``number`` of those that ``target`` has."""

    call: int
    block: Block
    target: Neurons
    number: int
    weight: float
    delay: float
    receptor: int | None
    stimulus: Any


CURRENTS = (ConstantCurrent, SinusoidalCurrent, NoiseCurrent)
AT_ONCE = {"start", "stop", "delay", "times"}
"""Parameters that say themselves when they act."""


def window_of(values: Values) -> Values:
    """The values of a device with start and stop in simulated time, stop None where there is none."""
    origin = values["origin"]
    stop = None if values["stop"] >= NEVER else max(values["stop"] + origin, 0.0)
    return values | {"start": max(values["start"] + origin, 0.0), "stop": stop}


class Drives:
    """The stimulations of an engine's network, by the generators that they are.

    engine: the ``Engine`` of ``engine_bridge``, which has the network, its blocks, and the simulation.
    """

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.driving: list[Driving] = []
        self.coming: list[tuple[Driving, Values]] = []  # changes that act a step later

    def add(self, call: Call) -> None:
        """Let generators act on their targets, those of equal weights and delays together."""
        network = self.engine.network
        for driving in self._of_call(call):
            driving.number = sum(s.target.name == driving.target.name for s in network.stimulations)
            network.stimulate(driving.target, driving.stimulus)
            self.driving.append(driving)

    def _of_call(self, call: Call) -> Iterator[Driving]:
        """Each generator of a call, with its targets of one weight and delay."""
        engine = self.engine
        for batch in call.batches(call.stand_in(), engine.seed, engine.clock, np.arange(len(call.target)), None):
            for block, _ in blocks_of(engine.blocks, np.unique(batch.source)):
                own = batch.take(batch.source == block.first)
                pairs = np.column_stack([own.values["weight"], own.values["delay"]])
                kinds, which = np.unique(pairs, axis=0, return_inverse=True)
                for k, (weight, delay) in enumerate(kinds.tolist()):
                    targets = own.target[which.ravel() == k]
                    while len(targets):  # several connections of a generator to one neuron are several of ours
                        once, index = np.unique(targets, return_index=True)
                        named = {call.receptor} & set(_receptors(ours := engine.neurons(once)))
                        parrots = {each.kind for each, _ in blocks_of(engine.blocks, once)} == {"parrot"}
                        size = 1.0 if parrots else weight
                        driving = Driving(call.number, block, ours, 0, size, delay, next(iter(named), None), None)
                        driving.stimulus = self._stimulus(driving)
                        yield driving
                        targets = np.delete(targets, index)

    def _stimulus(self, driving: Driving) -> Any:
        spec, values = driving.block.spec, finite(window_of(driving.block.values))
        if spec.drive is None:
            raise NESTErrors.NotImplemented(f"{driving.block.model.name} cannot be connected to neurons")
        stimulus: Any = spec.drive(values, driving.weight, driving.delay, self.engine.clock.resolution)
        return replace(stimulus, receptor=driving.receptor) if hasattr(stimulus, "receptor") else stimulus

    # ------------------------------------------------------------ changes

    def change_generator(self, block: Block) -> bool:
        """Let a generator be as its values say from now on; whether the engine can do so as it is."""
        if block.first in self.engine.populations or f"{block.model.name} {block.first}" in self.engine.owners:
            return False
        return all(self._anew(each) for each in self.driving if each.block is block)

    def change_call(self, call: Call) -> bool:
        """Let the weights of a call of generators be as they are from now on; whether the engine can do so as it is."""
        before, now = [each for each in self.driving if each.call == call.number], list(self._of_call(call))
        ends = ([(d.block.first, d.target.name) for d in each] for each in (before, now))
        if next(ends) != next(ends):
            return False
        for old, new in zip(before, now, strict=True):
            old.weight, old.delay = new.weight, new.delay
        return all(map(self._anew, before))

    def _anew(self, driving: Driving) -> bool:
        """Let a generator act with its weight, delay and values from now on, if the engine can."""
        simulation = self.engine.simulation
        if simulation is None:
            return False
        new = self._stimulus(driving)
        changed = {f.name: getattr(new, f.name) for f in fields(new) if _differ(new, driving.stimulus, f.name)}
        later = isinstance(new, CURRENTS) and not AT_ONCE & set(changed) and self.engine.clock.step > 0
        try:
            if changed and later:
                self.coming.append((driving, changed))
            elif changed:
                simulation.set_stimulus(driving.target, number=driving.number, **changed)
        except InputError:
            return False
        driving.stimulus = new
        return True

    def run(self, simulation: Simulation, steps: int) -> None:
        """Simulate so many steps more; currents that were changed before are others from the second of them on."""
        if self.coming and steps:
            simulation.run(self.engine.clock.ms(1))
            for driving, changed in self.coming:
                simulation.set_stimulus(driving.target, number=driving.number, **changed)
            self.coming.clear()
            steps -= 1
        simulation.run(self.engine.clock.ms(steps))


def _receptors(neurons: Neurons) -> list[int | str]:
    """The receptors that neurons have by name."""
    return [name for population, _ in neurons.pieces for name in population.model.receptors]


def _differ(new: Any, old: Any, name: str) -> bool:
    a, b = getattr(new, name), getattr(old, name)
    return not (np.array_equal(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else a == b)
