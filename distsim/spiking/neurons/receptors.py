"""Inputs that synapses name: receptors with time constants of their own."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from distsim.core.errors import InputError
from distsim.core.values import Value, check_array, check_time_constant, of_each
from distsim.spiking.neurons.membrane import POTENTIAL, REFRACTORY, Membrane, leak, settle
from distsim.spiking.neurons.neuron_model import State
from distsim.spiking.neurons.receptor_group import ReceptorGroup, update_of_receptors


def receptor_times(value: Any, name: str, example: str) -> tuple[float, ...]:
    """``value`` as the time constants (ms) of receptors, all positive, at least one; else InputError with ``name``."""
    taus = np.atleast_1d(check_array(value, f"{name}: tau_syn", above=0.0))
    if taus.ndim != 1 or not taus.size:
        raise InputError(f"{name}: tau_syn needs one time constant (ms) for each receptor, as in {example}")
    return tuple(taus.tolist())


class MultisynapseMembrane(Membrane, abstract=True):
    """Parameters: C_m (pF), tau_m, t_ref (ms), E_L, V_th, V_reset (mV), I_e (pA), tau_syn (ms, one of each receptor).

    All but t_ref and tau_syn are one number, an array (size,), or a distribution each; t_ref is a whole multiple of dt.
    Synapses and Poisson input name their receptor, 1, 2, ...; weights of both signs act on it. Where none is named, it
    is receptor 1.

        C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I_ext(t) + sum over receptors of I_k(t)

    Rotter & Diesmann 1999 (Biol Cybern 81, exact integration). A class of such neurons says by ``propagators`` and
    ``receive`` how the current of a receptor goes on, and by ``further`` what of it beside I_k is a state.
    """

    tau_syn: tuple[float, ...] = (2.0,)
    I_e: Value = of_each(0.0, "pA")
    further: ClassVar[tuple[State, ...]] = ()

    def __init_subclass__(cls, *, abstract: bool = False, **more: Any) -> None:
        super().__init_subclass__(abstract=abstract, **more)
        if not abstract:
            cls.kernel = staticmethod(update_of_receptors(cls.step, cls.receive))

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

    @property
    def states(self) -> tuple[Any, ...]:
        """V, steps to wait; the current of each receptor, and what is further known of each."""
        currents = tuple(State(f"I_syn_{k}", "pA", 0.0) for k in self.receptors)
        return (POTENTIAL, REFRACTORY), (currents, *((state,) * len(currents) for state in self.further))

    def constants(self, p: Any, dt: float) -> tuple[Any, ...]:
        """Those of the membrane, and each propagator of all receptors."""
        of_receptors = [self.propagators(p, dt, tau) for tau in self.tau_syn]
        return (*leak(dt, p.C_m, p.tau_m), p.I_e, self.threshold(p, dt)), tuple(zip(*of_receptors, strict=True))

    @staticmethod
    @abstractmethod
    def propagators(p: Any, dt: float, tau: float) -> tuple[Any, ...]:
        """What ``receive`` takes as constants of a receptor with time constant ``tau`` (ms): numbers or (n,)."""

    @staticmethod
    @abstractmethod
    def receive(current: Any, arrived: Any, constants: Any) -> Any:
        """(current, what it changes V by in the step) of one receptor at the end of a step, by numbers.

        current: I_k and what is further known; arrived: input (pA) that arrives there.
        """

    @staticmethod
    def step(state, change, injected, constants):  # type: ignore[no-untyped-def]
        """As of any neuron; change: what the currents of all receptors change V by."""
        V, wait = state
        decay, from_current, I_e, (V_th, V_reset, refractory_steps) = constants
        integrated = decay * V + change + from_current * (injected + I_e)
        V, wait, fires = settle(V, wait, integrated, V_th, V_reset, refractory_steps)
        return (V, wait), fires

    @staticmethod
    def group(shares: list[Any]) -> ReceptorGroup:
        return ReceptorGroup(shares)
