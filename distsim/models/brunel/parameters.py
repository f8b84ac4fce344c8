"""Parameters of Brunel's network, and what follows from them.

The values, their units, meanings and sources stand in defaults.toml beside this file.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, to_steps
from distsim.models.defaults import Default, check_derived, check_overrides, read_defaults

MODEL = "brunel"
DERIVED = ("N_E", "N_I", "C_E", "C_I", "J_E", "J_I", "nu_theta", "nu_X")
"""Quantities that follow from the parameters: properties of ``Parameters``."""

SHORTCUTS = {"order": "order", "g": "g", "eta": "eta"}
"""Parameters that have an option of their own on the command line."""


class Input(NamedTuple):
    """What each neuron receives from ``source``: ``number`` inputs of ``weight`` (mV)."""

    source: str
    number: int
    weight: float


@cache
def defaults() -> Mapping[str, Default]:
    """The parameters by name: default value, unit, meaning, source, permitted range."""
    return read_defaults(Path(__file__).with_name("defaults.toml"))


def load(overrides: Mapping[str, Any] | None = None) -> Parameters:
    """The published parameters, with ``overrides`` (name: value) in place of some of them.

    Raises InputError for an unknown name (with the nearest known one) or a derived quantity, a value of the wrong
    type or out of its range, and values that do not go together (V_reset not below theta, times that are not whole
    multiples of dt, an epsilon that leaves no excitatory input).
    """
    return Parameters(**check_overrides(defaults(), overrides or {}, DERIVED, MODEL))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Parameters:
    """All parameters; see defaults.toml for units and meanings. Checked whenever one is made.

    Derived quantities are properties; ``as_dict`` returns both.
    """

    order: int
    epsilon: float
    tau_m: float
    theta: float
    V_reset: float
    t_ref: float
    V_init: float
    J: float
    g: float
    eta: float
    delay: float
    tau: float
    T_mean_field: float
    presimulation: float
    T: float
    dt: float
    seed: int

    def __post_init__(self) -> None:
        for name, default in defaults().items():
            object.__setattr__(self, name, default.check(getattr(self, name), f"{MODEL}: {name}"))
        for name, low in (("delay", 1), ("t_ref", 0), ("T", 1), ("presimulation", 0), ("T_mean_field", 1)):
            to_steps(getattr(self, name), self.dt, f"{MODEL}: {name}", low=low)
        if self.V_reset >= self.theta:
            raise InputError(f"{MODEL}: V_reset = {self.V_reset:g} mV must be below theta = {self.theta:g} mV")
        if self.C_E == 0:
            raise InputError(
                f"{MODEL}: epsilon = {self.epsilon:g} of {self.N_E} excitatory neurons is less than one; "
                "increase epsilon or order"
            )
        check_derived(self, DERIVED, MODEL)

    @property
    def N_E(self) -> int:
        """Number of excitatory neurons."""
        return 4 * self.order

    @property
    def N_I(self) -> int:
        """Number of inhibitory neurons."""
        return self.order

    @property
    def C_E(self) -> int:
        """Number of excitatory inputs per neuron from within the network: epsilon N_E, rounded down."""
        return _share(self.epsilon, self.N_E)

    @property
    def C_I(self) -> int:
        """Number of inhibitory inputs per neuron: epsilon N_I, rounded down."""
        return _share(self.epsilon, self.N_I)

    @property
    def J_E(self) -> float:
        """Weight (mV) of excitatory synapses and of external input: J."""
        return self.J

    @property
    def J_I(self) -> float:
        """Weight (mV) of inhibitory synapses: -g J."""
        return -self.g * self.J

    @property
    def nu_theta(self) -> float:
        """Rate (1/s) of each of C_E inputs that alone brings the mean potential to threshold: theta / (J C_E tau_m)."""
        return MS_PER_S * self.theta / (self.J * self.C_E * self.tau_m)

    @property
    def nu_X(self) -> float:
        """Rate (1/s) of the external Poisson input to every neuron: eta nu_theta C_E."""
        return self.eta * self.nu_theta * self.C_E

    @property
    def inputs(self) -> tuple[Input, Input]:
        """What each neuron, excitatory or inhibitory, receives from within the network."""
        return Input("E", self.C_E, self.J_E), Input("I", self.C_I, self.J_I)

    def as_dict(self) -> dict[str, Any]:
        """All parameters and derived quantities by name, as plain numbers (ready for JSON)."""
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in DERIVED}}


def _share(fraction: float, number: int) -> int:
    """fraction * number rounded down, in exact arithmetic of the decimal number that fraction is written as.

    A product that misses a whole number by no more than the rounding of a quotient is that number: 1/3 of 30 is 10.
    """
    return math.floor(Fraction(repr(fraction)) * number + Fraction(1, 10**9))
