"""Parameters of the two-population STDP network, and what follows from them."""

from __future__ import annotations

import math

from distsim.core.accurate import exp
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S
from distsim.models.model_parameters import ModelParameters, derived, share
from distsim.theory.psp import lambert_w, unit_psp, unit_psp_amplitude

MODEL = "two_population"


class Parameters(ModelParameters, model=MODEL):
    """All parameters, whose values, units, meanings and sources stand in defaults.toml, and what follows."""

    def check(self) -> None:
        self.check_steps("delay", "T", low=1)
        self.check_steps("t_ref")
        self._check_potentials()
        self._check_ranges()
        self._check_connectivity()

    @derived
    def N_E(self) -> int:
        """Number of excitatory neurons: beta N, rounded down."""
        return share(self.beta, self.N)

    @derived
    def N_I(self) -> int:
        """Number of inhibitory neurons: the others."""
        return self.N - self.N_E

    @derived
    def K_E(self) -> int:
        """Number of excitatory inputs per neuron: beta K, rounded down."""
        return share(self.beta, self.K)

    @derived
    def K_I(self) -> int:
        """Number of inhibitory inputs per neuron: the others."""
        return self.K - self.K_E

    @derived
    def J_unit(self) -> float:
        """PSP (mV) that a PSC of amplitude 1 pA counts for: as published or exactly, see ``unit_psp``."""
        if self.unit_psp == "exact":
            return unit_psp_amplitude(self.tau_m, self.tau_s, self.C_m)
        return published_unit_psp_amplitude(self.tau_m, self.tau_s, self.C_m)

    @derived
    def I_E(self) -> float:
        """Excitatory weight (pA), at the start where it is plastic: J_E / J_unit."""
        return self.J_E / self.J_unit

    @derived
    def I_I(self) -> float:
        """Inhibitory weight (pA): -g I_E."""
        return -self.g * self.I_E

    @derived
    def I_X(self) -> float:
        """Weight of the external input (pA): I_E."""
        return self.I_E

    @derived
    def PSP_E(self) -> float:
        """Largest membrane potential (mV) that an excitatory synapse of weight I_E evokes; J_E if unit_psp is exact."""
        return self.I_E * unit_psp_amplitude(self.tau_m, self.tau_s, self.C_m)

    @derived
    def nu_theta(self) -> float:
        """Rate of external input (1/s) that alone brings the mean membrane potential to threshold.

        An input rate nu has the mean current nu I_X e tau_s (e tau_s is the area of an alpha PSC of amplitude 1), and
        tau_m / C_m times that is the mean potential: nu_theta = (theta - E_L) C_m / (tau_m I_X e tau_s).
        """
        area = self.I_X * math.e * self.tau_s
        return MS_PER_S * (self.theta - self.E_L) * self.C_m / (self.tau_m * area)

    @derived
    def nu_X(self) -> float:
        """Rate of the external Poisson input to every neuron (1/s): eta nu_theta."""
        return self.eta * self.nu_theta

    @derived
    def tau_minus(self) -> float:
        """Time constant of depression (ms) for the neuron model that is used."""
        return self.stdp_tau_minus if self.neuron_model == "iaf_psc_alpha" else self.stdp_tau_minus_ignore_and_fire

    def _check_potentials(self) -> None:
        for name in ("V_reset", "E_L"):
            self.check_below(name, "theta")
        if self.unit_psp == "published":
            published_unit_psp_amplitude(self.tau_m, self.tau_s, self.C_m)

    def _check_ranges(self) -> None:
        for low, high in (("rate_min", "rate_max"), ("phase_min", "phase_max"), ("V_init_min", "V_init_max")):
            if getattr(self, low) > getattr(self, high):
                raise InputError(
                    f"{MODEL}: {low} = {getattr(self, low):g} must not be above {high} = {getattr(self, high):g}"
                )
        if self.rate_max > MS_PER_S / self.dt:
            raise InputError(
                f"{MODEL}: rate_max = {self.rate_max:g} /s must be at most one spike per step of dt = {self.dt:g} ms, "
                f"{MS_PER_S / self.dt:g} /s"
            )

    def _check_connectivity(self) -> None:
        """InputError where a population is empty or its neurons cannot provide the in-degree."""
        for letter, kind in (("E", "excitatory"), ("I", "inhibitory")):
            size, indegree = getattr(self, f"N_{letter}"), getattr(self, f"K_{letter}")
            if size == 0:
                raise InputError(f"{MODEL}: N = {self.N} with beta = {self.beta:g} leaves no {kind} neuron; increase N")
            sources = size if self.allow_autapses else size - 1
            if sources < (indegree if not self.allow_multapses else min(indegree, 1)):
                without = [word for word in ("autapses", "multapses") if not getattr(self, f"allow_{word}")]
                raise InputError(
                    f"{MODEL}: K = {self.K} asks for {indegree} {kind} inputs per neuron, but N = {self.N} gives a "
                    f"neuron {sources} {kind} source(s) without {' and '.join(without)}; reduce K or increase N"
                )


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


load = Parameters.load
