"""Inputs that synapses name: receptors with time constants of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.errors import InputError
from distsim.core.values import Value, check_array, check_time_constant, of_each
from distsim.spiking.neurons.membrane import Membrane
from distsim.spiking.neurons.neuron_model import State


def receptor_times(value: Any, name: str, example: str) -> tuple[float, ...]:
    """``value`` as the time constants (ms) of receptors, all positive, at least one; else InputError with ``name``."""
    taus = np.atleast_1d(check_array(value, f"{name}: tau_syn", above=0.0))
    if taus.ndim != 1 or not taus.size:
        raise InputError(f"{name}: tau_syn needs one time constant (ms) for each receptor, as in {example}")
    return tuple(taus.tolist())


class MultisynapseMembrane(Membrane, abstract=True):
    """A membrane with a current for each receptor, which decays with its entry of tau_syn (ms); I_e (pA).

    Synapses and Poisson input name their receptor, 1, 2, ...; weights of both signs act on it. Where none is named, it
    is receptor 1.
    """

    tau_syn: tuple[float, ...] = (2.0,)
    I_e: Value = of_each(0.0, "pA")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "tau_syn", receptor_times(self.tau_syn, type(self).__name__, "(2.0, 10.0)"))

    @property
    def receptors(self) -> tuple[int | str, ...]:
        return tuple(range(1, len(self.tau_syn) + 1))

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_time_constant(np.array(self.tau_syn), dt, f"{where}: {type(self).__name__} tau_syn")

    def inputs(self) -> int:
        return len(self.tau_syn)

    def currents(self) -> tuple[State, ...]:
        """The current of each receptor."""
        return tuple(State(f"I_syn_{k}", "pA", 0.0) for k in self.receptors)

    def time_constants(self, p: Any) -> tuple[Any, ...]:
        """The time constant of each receptor."""
        return self.tau_syn
