"""Stationary rates of populations of leaky integrate-and-fire neurons in the diffusion approximation.

A neuron of population i has K_ij inputs of weight J_ij (mV) from population j, which fires at r_j (1/s), and input from
outside. If inputs are many, small and uncorrelated, their sum is Gaussian white noise: the working point

    mu_i      = tau_m,i sum_j K_ij J_ij   r_j + mu_ext,i
    sigma_i^2 = tau_m,i sum_j K_ij J_ij^2 r_j + var_ext,i

and r_i = Phi_i(mu_i, sigma_i), Siegert's function, closes the circle (Amit & Brunel 1997, Network 8:373; Brunel 2000, J
Comput Neurosci 8:183). Its solutions are the fixed points of tau dr/dt = -r + Phi(r); one is stable if all eigenvalues
of the Jacobian dPhi/dr - 1 have negative real parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import DistsimError, InputError, check_arguments
from distsim.core.units import MS_PER_S, check_number
from distsim.theory.siegert import ALPHA, siegert

FloatArray = npt.NDArray[np.float64]

_SQRT_PI = 1.7724538509055159
_WEAK = 1e4  # |y_th| above which the derivatives are those of the series in 1 / y
_STARTS = 400  # of Newton's method, in the search for all fixed points
_ITERATIONS = 100
_HALVINGS = 8
_SAME = 1e-6  # relative distance below which two solutions are one
_SOLVED = 1e-9  # relative residual of a solution
_TINY = 1e-6  # rate (1/s) below which a residual counts in absolute terms


def nu_theta(V_th: float, J: float, C: float, tau_m: float) -> float:
    """Rate (1/s) at which each of ``C`` inputs of weight ``J`` (mV) alone brings the mean potential to ``V_th`` (mV).

    V_th / (J C tau_m), with tau_m in ms and V_th relative to the resting potential (Brunel 2000, eq. 2). Raises
    InputError unless all are positive.
    """
    values = {"V_th": V_th, "J": J, "C": C, "tau_m": tau_m}
    checked = {name: check_number(value, f"nu_theta: {name}", above=0.0) for name, value in values.items()}
    return MS_PER_S * checked["V_th"] / (checked["J"] * checked["C"] * checked["tau_m"])


def drift_and_diffusion(K: npt.ArrayLike, J: npt.ArrayLike, tau_m: npt.ArrayLike) -> tuple[Any, Any]:
    """What 1 spike/s in each of ``K`` inputs of weight ``J`` (mV) adds to mu (mV) and to sigma^2 (mV^2).

    tau_m K J and tau_m K J^2, tau_m in ms; the drift and diffusion factor of a connection. Arguments broadcast.
    """
    drift = np.asarray(tau_m, np.float64) / MS_PER_S * np.asarray(K, np.float64) * np.asarray(J, np.float64)
    return drift, drift * np.asarray(J, np.float64)


@dataclass(frozen=True)
class FixedPoint:
    """A solution: rates (n,) (1/s), working point mu, sigma (n,) (mV), eigenvalues (n,) of the Jacobian, in 1 / tau."""

    rates: FloatArray
    mu: FloatArray
    sigma: FloatArray
    eigenvalues: npt.NDArray[np.complex128]

    @property
    def stable(self) -> bool:
        return bool((self.eigenvalues.real < 0.0).all())


@check_arguments
@dataclass(frozen=True, eq=False)
class MeanField:
    """``n`` populations: K (n, n) numbers of inputs and J (n, n) their weights (mV), targets by row, sources by column.

    tau_m, t_ref, V_th, V_reset, tau_syn as for ``siegert`` and the input from outside, its mean mu_ext (mV) and its
    part var_ext (mV^2) of sigma^2: numbers or arrays (n,). Raises InputError for values that do not fit.
    ``factors`` are the drift (mV s) and diffusion (mV^2 s) factors (n, n) of the connections.
    """

    K: Any
    J: Any
    tau_m: Any
    t_ref: Any
    V_th: Any
    V_reset: Any
    tau_syn: Any = 0.0
    mu_ext: Any = 0.0
    var_ext: Any = 0.0
    factors: tuple[FloatArray, FloatArray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = np.atleast_2d(np.asarray(self.K)).shape[0]
        shapes = {"K": (n, n), "J": (n, n)}
        for name in (each.name for each in fields(self) if each.init):
            try:
                value = np.array(np.broadcast_to(np.asarray(getattr(self, name), np.float64), shapes.get(name, (n,))))
            except (TypeError, ValueError):
                shape = shapes.get(name, (n,))
                raise InputError(f"MeanField: {name} must hold numbers and have shape {shape} or be one") from None
            if not np.isfinite(value).all():
                raise InputError(f"MeanField: {name} must be finite")
            object.__setattr__(self, name, value)
        for name in ("K", "var_ext"):
            if (getattr(self, name) < 0.0).any():
                raise InputError(f"MeanField: {name} must be at least 0, got {getattr(self, name).min():g}")
        object.__setattr__(self, "factors", drift_and_diffusion(self.K, self.J, self.tau_m[:, None]))
        self.phi(np.zeros(n))  # the parameters of the neurons are checked there

    @property
    def n(self) -> int:
        """Number of populations."""
        return len(self.tau_m)

    def working_point(self, rates: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Mean mu and noise sigma (..., n) (mV) of the input at ``rates`` (..., n) (1/s)."""
        r = np.asarray(rates, np.float64)
        drift, diffusion = self.factors
        mu, variance = r @ drift.T + self.mu_ext, r @ diffusion.T + self.var_ext
        return mu, np.sqrt(np.maximum(variance, 0.0))

    def phi(self, rates: npt.ArrayLike) -> FloatArray:
        """Rates (..., n) (1/s) that the neurons answer with when all fire at ``rates`` (..., n)."""
        mu, sigma = self.working_point(rates)
        names = ("tau_m", "t_ref", "V_th", "V_reset", "tau_syn")
        answer: FloatArray = siegert(mu, sigma, **{name: getattr(self, name) for name in names})
        return answer

    def jacobian(self, rates: npt.ArrayLike) -> FloatArray:
        """dPhi_i / dr_j - delta_ij (..., n, n) at ``rates`` (..., n)."""
        mu, sigma = self.working_point(rates)
        by_mu, by_variance = self._derivatives(mu, sigma, self.phi(rates))
        drift, diffusion = self.factors
        answer: FloatArray = by_mu[..., None] * drift + by_variance[..., None] * diffusion - np.eye(self.n)
        return answer

    def _derivatives(self, mu: FloatArray, sigma: FloatArray, rate: FloatArray) -> tuple[FloatArray, FloatArray]:
        """dPhi / dmu (1/(s mV)) and dPhi / dsigma^2 (1/(s mV^2)), each (..., n).

        With e(y) = erfcx(-y): dPhi / dmu = Phi^2 tau_m sqrt(pi) (e(y_th) - e(y_r)) / sigma, and dPhi / dsigma^2 =
        Phi^2 tau_m sqrt(pi) ((y_th - s) e(y_th) - (y_r - s) e(y_r)) / (2 sigma^2). For noise that is weak beside the
        mean drive above threshold, e(y) = -1 / (sqrt(pi) y) (1 - 1 / (2 y^2)) is put in; below it both are 0.
        """
        from scipy.special import erfcx

        s = 0.5 * ALPHA * np.sqrt(self.tau_syn / self.tau_m)
        to_th, to_r = self.V_th - mu, self.V_reset - mu
        gain = rate * (rate / MS_PER_S) * self.tau_m
        with np.errstate(all="ignore"):
            y_th, y_r = (np.clip(to / sigma + s, -1e9, 26.0) for to in (to_th, to_r))
            e_th, e_r = erfcx(-y_th), erfcx(-y_r)
            by_mu = gain * _SQRT_PI * (e_th - e_r) / sigma
            by_variance = gain * _SQRT_PI * ((y_th - s) * e_th - (y_r - s) * e_r) / (2.0 * sigma**2)
            regular = gain * (1.0 / to_r - 1.0 / to_th), gain * (1.0 / to_th**2 - 1.0 / to_r**2) / 4.0
        weak = (sigma <= 0.0) | (np.abs(to_th) > _WEAK * sigma)
        silent = (rate <= 1e-290) | (weak & (to_th >= 0.0))
        values = (np.where(weak, limit, value) for value, limit in zip((by_mu, by_variance), regular, strict=True))
        first, second = (np.where(silent, 0.0, value) for value in values)
        return first, second

    def fixed_point(self, initial: npt.ArrayLike = 0.0) -> FixedPoint:
        """The fixed point that tau dr/dt = -r + Phi(r) approaches from ``initial`` (1/s), a number or (n,).

        Where it approaches none (a limit cycle), the one that Newton's method finds from where it went. Raises
        DistsimError where that finds none either.
        """
        rates = np.array(np.broadcast_to(np.asarray(initial, np.float64), self.n))
        for _ in range(2000):
            change = self.phi(rates) - rates
            rates = np.minimum(rates + 0.1 * change, self._top())
            if (np.abs(change) <= 1e-7 * rates).all():
                break
        solutions = self._solve(np.stack([rates, self.phi(rates)]))
        for point in solutions or self._solve(self._starts()):
            return point
        raise DistsimError("MeanField: no fixed point was found; rates grow without bound where t_ref = 0")

    def fixed_points(self) -> list[FixedPoint]:
        """All fixed points found, by growing mean rate: Newton's method from 400 points of the space of rates.

        The points are silence, saturation, points spread evenly over rates and over their logarithms. For one or two
        populations they lie so densely that a fixed point is only missed if it is about to vanish.
        """
        return self._solve(self._starts())

    def _starts(self) -> FloatArray:
        """Rates (starts, n) to start from: the additive recurrence of the generalised golden ratio fills the cube."""
        ratio = 2.0
        for _ in range(60):
            ratio = (1.0 + ratio) ** (1.0 / (self.n + 1))
        spread = (0.5 + np.arange(1, _STARTS // 2 + 1)[:, None] * ratio ** -np.arange(1.0, self.n + 1.0)) % 1.0
        top = self._top()
        near = np.array([self.phi(rates) for rates in (np.zeros(self.n), top)])
        return np.concatenate([np.zeros((1, self.n)), near, top[None], spread * top, top * 10.0 ** (-10.0 * spread)])

    def _top(self) -> FloatArray:
        """Rates (n,) that are not exceeded: saturation, or 10,000 /s where there is no refractory time."""
        return np.minimum(1e4, MS_PER_S / np.maximum(self.t_ref, 1e-10))

    def _solve(self, starts: FloatArray) -> list[FixedPoint]:
        """The different solutions that damped Newton iterations from ``starts`` (m, n) lead to."""
        r = starts
        residual = self.phi(r) - r
        for _ in range(_ITERATIONS):
            step = np.linalg.solve(self.jacobian(r) - 1e-14 * np.eye(self.n), -residual[..., None])[..., 0]
            length = np.ones((len(r), 1))
            for _ in range(_HALVINGS):
                trial = np.clip(r + length * step, 0.0, self._top())
                new = self.phi(trial) - trial
                worse = np.linalg.norm(new, axis=1) > np.linalg.norm(residual, axis=1)
                if not worse.any():
                    break
                length[worse] *= 0.5
            moved = np.abs(trial - r)
            r, residual = trial, new
            if (moved <= 1e-15 * r).all():
                break
        solved = (np.abs(residual) <= _SOLVED * np.maximum(r, _TINY)).all(axis=1)
        r = np.where(r < _TINY, self.phi(r), r)  # to full relative precision: what is so small has no effect on itself
        found: list[FloatArray] = []
        for rates in r[solved]:
            if not any(np.allclose(rates, known, rtol=_SAME, atol=1e-12) for known in found):
                found.append(rates)
        return [self._describe(rates) for rates in sorted(found, key=lambda rates: float(rates.mean()))]

    def _describe(self, rates: FloatArray) -> FixedPoint:
        eigenvalues = np.linalg.eigvals(self.jacobian(rates)).astype(np.complex128)
        return FixedPoint(rates, *self.working_point(rates), eigenvalues)
