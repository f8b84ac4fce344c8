"""Parameters of the liquid state machine, and what follows from them.

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
from typing import Any

from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, to_steps
from distsim.models.defaults import Default, check_derived, check_overrides, read_defaults

MODEL = "liquid_state"
DERIVED = ("N", "N_E", "N_I")
"""Quantities that follow from the parameters: properties of ``Parameters``."""

SHORTCUTS = {"pairs": "pairs"}
"""Options of the command line beside --time and --seed, and the parameters they set."""

MOST_STIMULUS_SPIKES = 200.0  # of one stimulus, on average: the work of comparing two grows with the square
PROJECTIONS = ("EE", "EI", "IE", "II")


@cache
def defaults() -> Mapping[str, Default]:
    """The parameters by name: default value, unit, meaning, source, permitted range."""
    return read_defaults(Path(__file__).with_name("defaults.toml"))


def load(overrides: Mapping[str, Any] | None = None) -> Parameters:
    """The published parameters, with ``overrides`` (name: value) in place of some of them.

    Raises InputError for an unknown name (with the nearest known one) or a derived quantity, a value of the wrong
    type or out of its range, and values that do not go together.
    """
    return Parameters(**check_overrides(defaults(), overrides or {}, DERIVED, MODEL))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Parameters:
    """All parameters; see defaults.toml for units and meanings. Checked whenever one is made.

    Derived quantities are properties; ``as_dict`` returns both.
    """

    N_x: int
    N_y: int
    N_z: int
    beta: float
    lambda_: float
    C_EE: float
    C_EI: float
    C_IE: float
    C_II: float
    A_EE: float
    A_EI: float
    A_IE: float
    A_II: float
    U_EE: float
    U_EI: float
    U_IE: float
    U_II: float
    D_EE: float
    D_EI: float
    D_IE: float
    D_II: float
    F_EE: float
    F_EI: float
    F_IE: float
    F_II: float
    tau_I_EE: float
    tau_I_EI: float
    tau_I_IE: float
    tau_I_II: float
    delay_EE: float
    delay_EI: float
    delay_IE: float
    delay_II: float
    sd: float
    tau_m: float
    R_m: float
    V_th: float
    V_reset: float
    I_e: float
    t_ref_E: float
    t_ref_I: float
    J_E: float
    J_I: float
    tau_stimulus_E: float
    tau_stimulus_I: float
    rate: float
    pairs: int
    d_1: float
    d_2: float
    d_3: float
    d_tolerance: float
    tau_d: float
    tau_state: float
    batch: int
    T: float
    dt: float
    seed: int

    def __post_init__(self) -> None:
        for name, default in defaults().items():
            object.__setattr__(self, name, default.check(getattr(self, name), f"{MODEL}: {name}"))
        _check_neurons(self)
        _check_times(self)
        check_derived(self, DERIVED, MODEL)

    @property
    def N(self) -> int:
        """Number of neurons: the points of the lattice."""
        return self.N_x * self.N_y * self.N_z

    @property
    def N_E(self) -> int:
        """Number of excitatory neurons: beta N, rounded down."""
        return math.floor(Fraction(repr(self.beta)) * self.N)

    @property
    def N_I(self) -> int:
        """Number of inhibitory neurons: the others."""
        return self.N - self.N_E

    @property
    def distances(self) -> tuple[float, ...]:
        """Distances between the stimuli of a pair, the largest first; 0 is the same stimulus twice."""
        return (*sorted((self.d_1, self.d_2, self.d_3), reverse=True), 0.0)

    def of(self, quantity: str, projection: str) -> float:
        """A parameter of a projection: ``of("U", "EI")`` is U_EI."""
        return float(getattr(self, f"{quantity}_{projection}"))

    def as_dict(self) -> dict[str, Any]:
        """All parameters and derived quantities by name, as plain numbers (ready for JSON)."""
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in DERIVED}}


def _check_neurons(p: Parameters) -> None:
    if p.N_E == 0:
        raise InputError(f"{MODEL}: N = {p.N} with beta = {p.beta:g} leaves no excitatory neuron; enlarge the lattice")
    if p.V_reset >= p.V_th:
        raise InputError(f"{MODEL}: V_reset = {p.V_reset:g} mV must be below V_th = {p.V_th:g} mV")
    for projection in PROJECTIONS:
        if p.of("A", projection) == 0.0:
            raise InputError(f"{MODEL}: A_{projection} must not be 0; set C_{projection} = 0 to leave the synapses out")


def _check_times(p: Parameters) -> None:
    to_steps(p.T, p.dt, f"{MODEL}: T", low=1)
    for name in ("t_ref_E", "t_ref_I"):
        to_steps(getattr(p, name), p.dt, f"{MODEL}: {name}")
    for projection in PROJECTIONS:
        to_steps(p.of("delay", projection), p.dt, f"{MODEL}: delay_{projection}", low=1)
    spikes = p.rate * p.T / MS_PER_S
    if spikes > MOST_STIMULUS_SPIKES:
        raise InputError(
            f"{MODEL}: rate = {p.rate:g} /s for T = {p.T:g} ms makes {spikes:g} spikes a stimulus; "
            f"at most {MOST_STIMULUS_SPIKES:g} on average can be compared"
        )
    if p.rate * p.dt > 0.1 * MS_PER_S:
        raise InputError(f"{MODEL}: rate = {p.rate:g} /s is too high for one spike per step of dt = {p.dt:g} ms")
