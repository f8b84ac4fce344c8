"""Mean-field theory of networks of binary neurons (Ginzburg & Sompolinsky 1994; van Vreeswijk & Sompolinsky 1998).

Population i has mean activity m_i, the fraction of active neurons. With K_ij inputs of strength J_ij from population j,
taken as independent, the input of a neuron of population i has

    mu_i      = sum_j K_ij J_ij m_j               + the same sum over external populations
    sigma_i^2 = sum_j K_ij J_ij^2 m_j (1 - m_j)   + the same sum over external populations

and, taken as Gaussian, it lies above the threshold theta_i with probability Phi_i = erfc((theta_i - mu_i) / (sqrt(2)
sigma_i)) / 2. Neurons update at rate 1 / tau_i, so that tau_i dm_i/dt = -m_i + Phi_i(m); fixed points have m = Phi(m).
Where sigma_i = 0, as in a silent or saturated network, Phi_i is 1 for mu_i above theta_i by more than TIE, else 0.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import DistsimError, InputError

FloatArray = npt.NDArray[np.float64]
TIE = 1e-9
"""A mean input above the threshold by no more than this counts as equal to it, where there is no variance."""

EXACT = 1e-13  # |Phi(m) - m| of a fixed point, at most
NEWTON_STEPS = 60
SINGULAR = 1e-12  # determinant below which Newton's method has no step
FAR = 37.0  # standard deviations beyond which the Gaussian density is 0
SAME = 1e-7  # fixed points that differ by less are one
NEAR = 1e-4  # distance within which a fixed point belongs to the trajectory that approaches it
FOLLOW, TRACE = 1e-6, 1e-10  # relative tolerance of the dynamics on the way to a fixed point, and of a trajectory
PATIENCE = 1e4  # longest tau within which a trajectory must come to rest
GRID = {1: 201, 2: 21, 3: 9}  # starts in each direction when all fixed points are sought, by number of populations
RANDOM_STARTS = 512  # instead, with more populations
CORNERS = 10  # populations up to which all silent and saturated states are tried


@dataclass(frozen=True)
class FixedPoint:
    """m (n,): mean activities; eigenvalues (n,) complex (1/ms), largest real part first; stable if all are negative."""

    m: FloatArray
    eigenvalues: npt.NDArray[np.complex128]

    @property
    def stable(self) -> bool:
        return bool((self.eigenvalues.real < 0.0).all())


class BinaryMeanField:
    """The mean field of n populations: K, J (n, n), a row for each target; theta (n,); tau (n,) or one number (ms).

    K_ext, J_ext (n, x) and m_ext (x,): inputs from x external populations of fixed mean activity, which fluctuate as
    independent binary neurons. Raises InputError for wrong shapes, NaN, negative in-degrees, tau that is not positive,
    and m_ext outside 0..1.
    """

    def __init__(
        self,
        K: npt.ArrayLike,
        J: npt.ArrayLike,
        theta: npt.ArrayLike,
        tau: npt.ArrayLike = 1.0,
        K_ext: npt.ArrayLike | None = None,
        J_ext: npt.ArrayLike | None = None,
        m_ext: npt.ArrayLike | None = None,
    ) -> None:
        self.K, self.J = _couplings(K, J, "")
        self.n = len(self.K)
        if self.K.shape != (self.n, self.n):
            raise InputError(f"K must have as many columns as rows, got shape {self.K.shape}")
        self.theta = _per_population(theta, "theta", self.n)
        self.tau = _per_population(tau, "tau", self.n)
        if (self.tau <= 0.0).any():
            raise InputError(f"tau must be larger than 0, got {self.tau.min():g}")
        self.mu_ext, self.variance_ext = _external(K_ext, J_ext, m_ext, self.n)
        self._mean = self.K * self.J
        self._square = self.K * self.J**2

    def mean_input(self, m: npt.ArrayLike) -> FloatArray:
        """mu (..., n) at mean activities ``m`` (..., n), one number for all populations, or several points."""
        return self._activities(m) @ self._mean.T + self.mu_ext

    def variance_input(self, m: npt.ArrayLike) -> FloatArray:
        """sigma^2 (..., n) at mean activities ``m`` (..., n)."""
        m = self._activities(m)
        return (m * (1.0 - m)) @ self._square.T + self.variance_ext

    def response(self, m: npt.ArrayLike) -> FloatArray:
        """Phi(m) (..., n): the probability that an update leads to the active state."""
        return activity(self.mean_input(m), np.sqrt(self.variance_input(m)), self.theta)

    def jacobian(self, m: npt.ArrayLike) -> FloatArray:
        """d Phi_i / d m_j (..., n, n); 0 in the rows of populations whose input has no variance.

        There Phi_i is locally constant, unless mu_i equals theta_i: with sigma_i^2 proportional to a small departure
        d, Phi_i changes as exp(-(theta_i - mu_i)^2 / (2 sigma_i^2)), which vanishes with all its derivatives.
        """
        m = self._activities(m)
        variance = self.variance_input(m)
        moving = variance > 0.0
        sigma = np.sqrt(np.where(moving, variance, 1.0))
        x = np.where(moving, (self.theta - self.mean_input(m)) / sigma, 0.0)
        x = np.clip(x, -FAR, FAR)
        density = np.where(moving, np.exp(-0.5 * x * x) / (math.sqrt(2.0 * math.pi) * sigma), 0.0)
        d_sigma = self._square * (1.0 - 2.0 * m)[..., None, :] / (2.0 * sigma[..., :, None])
        slopes: FloatArray = density[..., :, None] * (self._mean + x[..., :, None] * d_sigma)
        return slopes

    def eigenvalues(self, m: npt.ArrayLike) -> npt.NDArray[np.complex128]:
        """Eigenvalues (n,) (1/ms) of the linearised dynamics at ``m``, largest real part first."""
        values = np.linalg.eigvals((self.jacobian(m) - np.eye(self.n)) / self.tau[:, None]).astype(np.complex128)
        return values[np.lexsort((-values.imag, -values.real))]

    def trajectory(self, times: npt.ArrayLike, m_0: npt.ArrayLike = 0.0) -> FloatArray:
        """m (times, n) at ``times`` (ms, ascending, from 0 on) of the mean field that starts at ``m_0`` at time 0."""
        when = np.asarray(times, np.float64)
        if when.ndim != 1 or not np.isfinite(when).all() or (np.diff(when) < 0.0).any() or (when < 0.0).any():
            raise InputError("trajectory: times must be finite, ascending and not negative")
        if not when.size:
            return np.zeros((0, self.n))
        solution = self._integrate(_fractions(m_0, "m_0", self.n), float(when[-1]), when)
        return np.clip(solution.y.T, 0.0, 1.0)

    def fixed_point(self, m_0: npt.ArrayLike = 0.0) -> FloatArray:
        """The mean activities (n,) at which the mean field that starts at ``m_0`` comes to rest.

        The dynamics are followed until a fixed point is near, which Newton's method then finds to machine precision.
        Raises DistsimError where they do not come to rest, because they oscillate.
        """
        m, span, past = _fractions(m_0, "m_0", self.n), 20.0 * float(self.tau.max()), 0.0
        while past < PATIENCE * self.tau.max():
            ends, converged = self._newton(m[None, :])
            found = ends[0]
            if converged[0] and np.abs(found - m).max(initial=0.0) < NEAR and self._attracts(found, m):
                return found
            m = np.clip(self._integrate(m, span).y[:, -1], 0.0, 1.0)
            past += span
        raise DistsimError(
            f"the mean activity that starts at {np.broadcast_to(m_0, self.n).tolist()} does not come to rest within "
            f"{PATIENCE * self.tau.max():g} ms; trajectory() shows how it oscillates"
        )

    def fixed_points(self) -> list[FixedPoint]:
        """All fixed points that Newton's method finds from many starts, ascending by activity, with their stability.

        The starts are a grid over all activities for up to three populations, and 512 points spread over them for
        more, besides every silent or saturated state (up to ten populations) and what their dynamics lead to.
        """
        found: list[FloatArray] = []
        ends, converged = self._newton(np.array(list(self._starts())))
        for m in ends[converged]:
            if not any(np.abs(m - other).max(initial=0.0) < SAME for other in found):
                found.append(m)
        return [FixedPoint(m, self.eigenvalues(m)) for m in sorted(found, key=lambda m: tuple(m.round(7)))]

    def _activities(self, m: npt.ArrayLike) -> FloatArray:
        """``m`` (..., n) within 0..1; one number stands for all populations."""
        array = _numbers(m, "m")
        return np.clip(array if array.shape[-1:] == (self.n,) else _per_population(array, "m", self.n), 0.0, 1.0)

    def _newton(self, m: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Newton's method from every start ``m`` (starts, n) at once: where it ends, and whether at a fixed point."""
        unit = np.eye(self.n)
        for _ in range(NEWTON_STEPS):
            difference = self.response(m) - m
            found = np.abs(difference).max(axis=-1, initial=0.0) < EXACT
            if found.all():
                break
            matrix = self.jacobian(m) - unit
            matrix[np.abs(np.linalg.det(matrix)) < SINGULAR] = -unit  # a plain iteration leads on
            step = np.linalg.solve(matrix, difference[..., None])[..., 0]
            m = np.where(found[:, None], m, np.clip(m - step, 0.0, 1.0))
        return m, np.abs(self.response(m) - m).max(axis=-1, initial=0.0) < EXACT

    def _integrate(self, m: FloatArray, span: float, when: FloatArray | None = None) -> Any:
        """The dynamics over ``span`` ms."""
        from scipy.integrate import solve_ivp

        def slope(_: float, m: FloatArray) -> FloatArray:
            return (self.response(m) - m) / self.tau

        tolerance = FOLLOW if when is None else TRACE
        return solve_ivp(slope, (0.0, span), m, t_eval=when, rtol=tolerance, atol=1e-3 * tolerance, method="DOP853")

    def _attracts(self, found: FloatArray, m: FloatArray) -> bool:
        """Whether the dynamics at ``m``, near ``found``, stay there: it is stable, or they are at rest."""
        at_rest = np.abs(self.response(m) - m).max(initial=0.0) < EXACT
        return bool(at_rest or (self.eigenvalues(found).real < 0.0).all())

    def _starts(self) -> Any:
        if self.n in GRID:
            yield from (
                np.array(point) for point in itertools.product(np.linspace(0.0, 1.0, GRID[self.n]), repeat=self.n)
            )
        else:
            from scipy.stats import qmc

            yield from qmc.Sobol(self.n, seed=0).random(RANDOM_STARTS)
            if self.n <= CORNERS:
                yield from (np.array(corner) for corner in itertools.product((0.0, 1.0), repeat=self.n))
        for value in (0.0, 0.5, 1.0):
            yield np.full(self.n, value)


def activity(mean: npt.ArrayLike, sd: npt.ArrayLike, theta: npt.ArrayLike) -> FloatArray:
    """Mean activity erfc((theta - mean) / (sqrt(2) sd)) / 2 of neurons with Gaussian input, elementwise.

    Exactly 0 or 1 where sd is 0: 1 where ``mean`` is larger than ``theta`` by more than TIE.
    """
    from scipy.special import erfc

    mean, sd, theta = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (mean, sd, theta)))
    if (sd < 0.0).any() or not all(np.isfinite(x).all() for x in (mean, sd, theta)):
        raise InputError("activity: mean, sd and theta must be finite, and sd not negative")
    varied = sd > 0.0
    x = np.divide(theta - mean, np.sqrt(2.0) * np.where(varied, sd, 1.0))
    return np.where(varied, 0.5 * erfc(x), (mean > theta + TIE).astype(np.float64))


def balanced_threshold(
    K: npt.ArrayLike,
    J: npt.ArrayLike,
    m: npt.ArrayLike,
    K_ext: npt.ArrayLike | None = None,
    J_ext: npt.ArrayLike | None = None,
    m_ext: npt.ArrayLike | None = None,
) -> FloatArray:
    """Thresholds (n,) equal to the mean input at mean activities ``m`` (n,): those expected of a balanced network."""
    K, J = _couplings(K, J, "")
    return (K * J) @ _fractions(m, "m", K.shape[1]) + _external(K_ext, J_ext, m_ext, len(K))[0]


def _couplings(K: npt.ArrayLike, J: npt.ArrayLike, suffix: str) -> tuple[FloatArray, FloatArray]:
    """K and J as matrices of one shape, checked."""
    matrices = []
    for name, values in ((f"K{suffix}", K), (f"J{suffix}", J)):
        matrix = _numbers(values, name)
        if matrix.ndim != 2:
            raise InputError(f"{name} must be a matrix, a row for each target population, got shape {matrix.shape}")
        matrices.append(matrix)
    indegree, strength = matrices
    if indegree.shape != strength.shape:
        raise InputError(f"K{suffix} has shape {indegree.shape}, but J{suffix} has shape {strength.shape}")
    if (indegree < 0.0).any():
        raise InputError(f"K{suffix} must be at least 0, got {indegree.min():g}")
    return indegree, strength


def _external(K: Any, J: Any, m: Any, n: int) -> tuple[FloatArray, FloatArray]:
    """Mean and variance (n,) of the input from external populations."""
    given = [x is not None for x in (K, J, m)]
    if not any(given):
        return np.zeros(n), np.zeros(n)
    if not all(given):
        raise InputError("K_ext, J_ext and m_ext go together: give all three or none")
    indegree, strength = _couplings(K, J, "_ext")
    if len(indegree) != n:
        raise InputError(f"K_ext has {len(indegree)} rows, but there are {n} populations")
    m = _fractions(m, "m_ext", indegree.shape[1])
    return (indegree * strength) @ m, (indegree * strength**2) @ (m * (1.0 - m))


def _fractions(values: npt.ArrayLike, name: str, n: int) -> FloatArray:
    """``values`` as ``_per_population``, each from 0 to 1."""
    array = _per_population(values, name, n)
    if ((array < 0.0) | (array > 1.0)).any():
        raise InputError(f"{name} must lie between 0 and 1, got {array.tolist()}")
    return array


def _per_population(values: npt.ArrayLike, name: str, n: int) -> FloatArray:
    """``values`` (n,), or one number for all."""
    array = _numbers(values, name)
    if array.shape not in ((), (n,)):
        raise InputError(f"{name} has shape {array.shape}, but must be one number or have shape ({n},)")
    return np.broadcast_to(array, (n,)).astype(np.float64)


def _numbers(values: npt.ArrayLike, name: str) -> FloatArray:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must hold numbers in rows of equal length, got {values!r:.80}") from None
    if not np.isfinite(array).all():
        raise InputError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array
