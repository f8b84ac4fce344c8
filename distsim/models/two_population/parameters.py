"""Parameters of the two-population STDP network, and what follows from them.

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

from distsim.core.accurate import exp
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, to_steps
from distsim.models.defaults import Default, check_derived, check_overrides, read_defaults
from distsim.theory.psp import lambert_w, unit_psp, unit_psp_amplitude

MODEL = "two_population"
DERIVED = ("N_E", "N_I", "K_E", "K_I", "J_unit", "I_E", "I_I", "I_X", "PSP_E", "nu_theta", "nu_X", "tau_minus")
"""Quantities that follow from the parameters: properties of ``Parameters``."""
SHORTCUTS = {"neuron-model": "neuron_model"}
"""Parameters that have an option of their own on the command line."""


@cache
def defaults() -> Mapping[str, Default]:
    """The parameters by name: default value, unit, meaning, source, permitted range."""
    return read_defaults(Path(__file__).with_name("defaults.toml"))


def load(overrides: Mapping[str, Any] | None = None) -> Parameters:
    """The published parameters, with ``overrides`` (name: value) in place of some of them.

    Raises InputError for an unknown name (with the nearest known one) or a derived quantity, a value of the wrong
    type or out of its range, and values that do not go together (in-degrees that cannot be met, times that are not
    whole multiples of dt, V_reset not below theta, ...).
    """
    return Parameters(**check_overrides(defaults(), overrides or {}, DERIVED, MODEL))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Parameters:
    """All parameters; see defaults.toml for units and meanings. Checked whenever one is made.

    Derived quantities are properties; ``as_dict`` returns both.
    """

    N: int
    K: int
    beta: float
    allow_autapses: bool
    allow_multapses: bool
    neuron_model: str
    E_L: float
    C_m: float
    tau_m: float
    t_ref: float
    theta: float
    V_reset: float
    rate_min: float
    rate_max: float
    phase_min: float
    phase_max: float
    integrate_input: bool
    I_DC: float
    eta: float
    J_E: float
    unit_psp: str
    g: float
    delay: float
    tau_s: float
    stdp_alpha: float
    stdp_lambda: float
    stdp_mu_plus: float
    stdp_tau_plus: float
    stdp_tau_minus: float
    stdp_tau_minus_ignore_and_fire: float
    V_init_min: float
    V_init_max: float
    T: float
    dt: float
    seed: int

    def __post_init__(self) -> None:
        for name, default in defaults().items():
            object.__setattr__(self, name, default.check(getattr(self, name), f"{MODEL}: {name}"))
        _check_times(self)
        _check_potentials(self)
        _check_ranges(self)
        _check_connectivity(self)
        check_derived(self, DERIVED, MODEL)

    @property
    def N_E(self) -> int:
        """Number of excitatory neurons: beta N, rounded down."""
        return _share(self.beta, self.N)

    @property
    def N_I(self) -> int:
        """Number of inhibitory neurons: the others."""
        return self.N - self.N_E

    @property
    def K_E(self) -> int:
        """Number of excitatory inputs per neuron: beta K, rounded down."""
        return _share(self.beta, self.K)

    @property
    def K_I(self) -> int:
        """Number of inhibitory inputs per neuron: the others."""
        return self.K - self.K_E

    @property
    def J_unit(self) -> float:
        """PSP (mV) that a PSC of amplitude 1 pA counts for: as published or exactly, see ``unit_psp``."""
        if self.unit_psp == "exact":
            return unit_psp_amplitude(self.tau_m, self.tau_s, self.C_m)
        return published_unit_psp_amplitude(self.tau_m, self.tau_s, self.C_m)

    @property
    def I_E(self) -> float:
        """Excitatory weight (pA), at the start where it is plastic: J_E / J_unit."""
        return self.J_E / self.J_unit

    @property
    def I_I(self) -> float:
        """Inhibitory weight (pA): -g I_E."""
        return -self.g * self.I_E

    @property
    def I_X(self) -> float:
        """Weight of the external input (pA): I_E."""
        return self.I_E

    @property
    def PSP_E(self) -> float:
        """Largest membrane potential (mV) that an excitatory synapse of weight I_E evokes; J_E if unit_psp is exact."""
        return self.I_E * unit_psp_amplitude(self.tau_m, self.tau_s, self.C_m)

    @property
    def nu_theta(self) -> float:
        """Rate of external input (1/s) that alone brings the mean membrane potential to threshold.

        An input rate nu has the mean current nu I_X e tau_s (e tau_s is the area of an alpha PSC of amplitude 1), and
        tau_m / C_m times that is the mean potential: nu_theta = (theta - E_L) C_m / (tau_m I_X e tau_s).
        """
        area = self.I_X * math.e * self.tau_s
        return MS_PER_S * (self.theta - self.E_L) * self.C_m / (self.tau_m * area)

    @property
    def nu_X(self) -> float:
        """Rate of the external Poisson input to every neuron (1/s): eta nu_theta."""
        return self.eta * self.nu_theta

    @property
    def tau_minus(self) -> float:
        """Time constant of depression (ms) for the neuron model that is used."""
        return self.stdp_tau_minus if self.neuron_model == "iaf_psc_alpha" else self.stdp_tau_minus_ignore_and_fire

    def as_dict(self) -> dict[str, Any]:
        """All parameters and derived quantities by name, as plain numbers, booleans and texts (ready for JSON)."""
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in DERIVED}}


def published_unit_psp_amplitude(tau_m: float, tau_s: float, C_m: float) -> float:
    """PSP (mV) of a PSC of amplitude 1 pA at the time that the published model takes for its maximum.

    That time is (-W_-1(-a exp(a)) - a) / (1 / tau_s - 1 / tau_m) with a = tau_s / tau_m (``unit_psp_amplitude`` of
    NEST's example). The maximum itself has exp(-a) in it (``distsim.theory.psp``) and is 0.39 % higher for the
    published time constants; the published weights were computed with this function. tau_m, tau_s in ms, C_m in pF.
    Raises InputError where a exp(a) > 1 / e, for tau_s above 0.278 tau_m: W_-1 then is not real.
    """
    a = tau_s / tau_m
    z = -a * exp(min(a, 1.0))
    if z < -1.0 / math.e:
        raise InputError(
            f"{MODEL}: the published formula for the unit PSP has no solution for tau_s = {tau_s:g} ms, more than "
            f"0.278 tau_m = {0.278 * tau_m:g} ms; set unit_psp = 'exact'"
        )
    time = (-lambert_w(z, -1) - a) / (1.0 / tau_s - 1.0 / tau_m)
    return unit_psp(time, tau_m, tau_s, C_m)


def _share(beta: float, number: int) -> int:
    """beta * number rounded down, in exact arithmetic of the decimal number that beta is written as."""
    return math.floor(Fraction(repr(beta)) * number)


def _check_times(p: Parameters) -> None:
    to_steps(p.delay, p.dt, f"{MODEL}: delay", low=1)
    to_steps(p.T, p.dt, f"{MODEL}: T", low=1)
    to_steps(p.t_ref, p.dt, f"{MODEL}: t_ref")


def _check_potentials(p: Parameters) -> None:
    for name in ("V_reset", "E_L"):
        if getattr(p, name) >= p.theta:
            raise InputError(f"{MODEL}: {name} = {getattr(p, name):g} mV must be below theta = {p.theta:g} mV")
    if p.unit_psp == "published":
        published_unit_psp_amplitude(p.tau_m, p.tau_s, p.C_m)


def _check_ranges(p: Parameters) -> None:
    for low, high in (("rate_min", "rate_max"), ("phase_min", "phase_max"), ("V_init_min", "V_init_max")):
        if getattr(p, low) > getattr(p, high):
            raise InputError(f"{MODEL}: {low} = {getattr(p, low):g} must not be above {high} = {getattr(p, high):g}")
    if p.rate_max > MS_PER_S / p.dt:
        raise InputError(
            f"{MODEL}: rate_max = {p.rate_max:g} /s must be at most one spike per step of dt = {p.dt:g} ms, "
            f"{MS_PER_S / p.dt:g} /s"
        )


def _check_connectivity(p: Parameters) -> None:
    """InputError where a population is empty or its neurons cannot provide the in-degree."""
    for letter, kind in (("E", "excitatory"), ("I", "inhibitory")):
        size, indegree = getattr(p, f"N_{letter}"), getattr(p, f"K_{letter}")
        if size == 0:
            raise InputError(f"{MODEL}: N = {p.N} with beta = {p.beta:g} leaves no {kind} neuron; increase N")
        sources = size if p.allow_autapses else size - 1
        if sources < (indegree if not p.allow_multapses else min(indegree, 1)):
            without = [word for word in ("autapses", "multapses") if not getattr(p, f"allow_{word}")]
            raise InputError(
                f"{MODEL}: K = {p.K} asks for {indegree} {kind} inputs per neuron, but N = {p.N} gives a neuron "
                f"{sources} {kind} source(s) without {' and '.join(without)}; reduce K or increase N"
            )
