"""Stationary rate of a leaky integrate-and-fire neuron driven by Gaussian white noise (Siegert 1951, Phys Rev 81:617).

    tau_m dV/dt = -V + mu + sigma sqrt(tau_m) xi(t),  spike and V = V_reset for t_ref where V reaches V_th
    1 / rate = t_ref + tau_m sqrt(pi) I,  I = integral of erfcx(-u) from y_r to y_th,  erfcx(-u) = exp(u^2) (1 + erf u)
    y_th = (V_th - mu) / sigma + s,       y_r = (V_reset - mu) / sigma + s

with s = 0 for delta synapses (Amit & Brunel 1997, Network 8:373; Brunel 2000, J Comput Neurosci 8:183, eq. 21).
Exponential synapses colour the noise, which to first order in k = sqrt(tau_syn / tau_m) shifts threshold and reset by
s = k alpha / 2 in units of sigma, alpha = sqrt(2) |zeta(1/2)| (Fourcaud & Brunel 2002, Neural Comput 14:2057).

How the integral is taken, without a case in which digits cancel or exp overflows: let d = max(y_th, 0) and
c = max(y_r, 0). Since erfcx(-u) = 2 exp(u^2) - erfcx(u), what lies above 0 is 2 exp(d^2) K less an integral of erfcx,
which together with what lies below 0 leaves one integral A of erfcx with its sign:

    I = 2 exp(d^2) K +- A,  K = integral of exp(u^2 - d^2) from c to d,  A = integral of erfcx from b to a

where 0 <= b < a are -y_th, -y_r (mu above V_th), y_r, y_th (mu below V_reset; sign -), else y_th, -y_r in their order.
K is a Gauss-Legendre sum over the part of the interval where the integrand exceeds exp(-40). The antiderivative of
erfcx is ln(1 + sqrt(pi) x) / sqrt(pi) + R, R a polynomial in t = (x - 2) / (x + 2) on all of [0, infinity); the
difference of R between b and a is that of t times a divided difference. All is multiplied by exp(-d^2), so that
rates far below threshold underflow to 0. Relative errors are below 1e-14, or d^2 1e-15 where the mean input is far
below threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.elementary import exp, log
from distsim.core.errors import InputError, check_names
from distsim.core.jit import inline, jit
from distsim.core.units import MS_PER_S

FloatArray = npt.NDArray[np.float64]

ALPHA = 2.0652531522312172
"""sqrt(2) |zeta(1/2)|, zeta: Riemann's function."""

FORMS = ("shift", "taylor")
BLOCK = 64  # points that go through the loops together: these then vectorise over points, and no sum is reordered

_SQRT_PI = 1.7724538509055159
_HUGE = 1e300
_NO_NOISE = -1e8  # y_th below which the noise changes no digit of the rate
_NEVER = 40.0  # y_th above which exp(-y_th^2) is 0 in double precision
_RANGE = 40.0  # exp(-40) of the largest integrand is no longer added

# R of the antiderivative of erfcx: coefficients of t^0, t^1, ... (Chebyshev interpolation in 50-digit arithmetic).
_R = np.array([
    0.12117487182411331, 0.14147682357448108, -0.02643558032234419, -0.01644936342746356, 0.017181630416986164,
    -0.007861078461428778, 0.002603518903330695, -0.0012023156064113613, 0.0007420877496857895, -0.0003591203882985527,
    0.00015650358327398798, -8.703446313440638e-05, 4.750746032131049e-05, -2.2138077581183902e-05,
    1.1733849485193357e-05, -6.597666549319976e-06, 3.2242954163376355e-06, -1.6983929526980938e-06,
    9.361040416622087e-07, -4.5784720037818173e-07, 3.0237227288880333e-07, -1.826049814421144e-07,
    -5.134106380103298e-09, 1.7854479166461796e-08, 1.1058905204090394e-07, -7.288008180023128e-08,
    -6.657740145184593e-08, 4.520868930743455e-08, 4.2688641248073524e-08, -2.7339859449456216e-08,
    -1.3931770141745863e-08, 8.702344750727534e-09, 2.7042083735930998e-09, -1.608844529913891e-09,
])  # fmt: skip
_R_TURN = 2.0  # x where t is 0

# Gauss-Legendre quadrature on [0, 1].
_NODES = np.array([
    0.0013680690752592183, 0.007194244227365833, 0.017618872206246784, 0.03254696203113015, 0.05183942211697394,
    0.07531619313371501, 0.1027581020160288, 0.13390894062985517, 0.1684778665348924, 0.20614212137961885,
    0.2465500455338853, 0.2893243619346823, 0.33406569885893617, 0.38035631887393145, 0.42776401920860174,
    0.4758461671561308, 0.5241538328438692, 0.5722359807913983, 0.6196436811260685, 0.6659343011410638,
    0.7106756380653176, 0.7534499544661147, 0.7938578786203812, 0.8315221334651076, 0.8660910593701449,
    0.8972418979839712, 0.9246838068662849, 0.9481605778830261, 0.9674530379688698, 0.9823811277937532,
    0.9928057557726342, 0.9986319309247408,
])  # fmt: skip
_WEIGHTS = np.array([
    0.003509305004735048, 0.008137197365452835, 0.01269603265463103, 0.017136931456510716, 0.02141794901111334,
    0.025499029631188087, 0.029342046739267772, 0.032911111388180925, 0.03617289705442425, 0.039096947893535156,
    0.041655962113473374, 0.043826046502201906, 0.045586939347881945, 0.04692219954040228, 0.04781936003963743,
    0.0482700442573639, 0.0482700442573639, 0.04781936003963743, 0.04692219954040228, 0.045586939347881945,
    0.043826046502201906, 0.041655962113473374, 0.039096947893535156, 0.03617289705442425, 0.032911111388180925,
    0.029342046739267772, 0.025499029631188087, 0.02141794901111334, 0.017136931456510716, 0.01269603265463103,
    0.008137197365452835, 0.003509305004735048,
])  # fmt: skip


def siegert(
    mu: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    tau_m: npt.ArrayLike,
    t_ref: npt.ArrayLike,
    V_th: npt.ArrayLike,
    V_reset: npt.ArrayLike,
    tau_syn: npt.ArrayLike = 0.0,
    form: str = "shift",
) -> Any:
    """Rate (1/s) of a LIF neuron with input of mean ``mu`` and noise ``sigma`` (mV); all arguments broadcast.

    mu, V_th and V_reset (mV) are relative to the resting potential; sigma**2 = tau_m * sum of J**2 times rate is twice
    the variance of the free membrane potential; tau_m, t_ref and tau_syn in ms. tau_syn = 0: delta synapses; else
    exponential currents, form="shift" with shifted threshold and reset, form="taylor" expanded in
    sqrt(tau_syn / tau_m), which becomes negative for weak noise below threshold. See the top of this file.

    Returns a float for numbers, else an array float64; 0 where the rate is below 1e-305 of the saturated one.
    Without noise (sigma = 0) the neuron is regular above threshold and silent at and below it.
    Raises InputError for numbers that are not finite, sigma, t_ref or tau_syn below 0, tau_m not above 0, V_reset not
    below V_th, and an unknown form.
    """
    check_names([form], FORMS, "form", "siegert")
    given = {"mu": mu, "sigma": sigma, "tau_m": tau_m, "t_ref": t_ref, "V_th": V_th, "V_reset": V_reset}
    checked = {name: _checked(name, value) for name, value in {**given, "tau_syn": tau_syn}.items()}
    if np.any(checked["V_reset"] >= checked["V_th"]):
        raise InputError("siegert: V_reset must be below V_th")
    try:
        m, s, tau, ref, th, reset, syn = np.broadcast_arrays(*checked.values())
    except ValueError:
        shapes = ", ".join(f"{name} {value.shape}" for name, value in checked.items() if value.ndim)
        raise InputError(f"siegert: arrays of these shapes do not go together: {shapes}") from None
    shift = 0.5 * ALPHA * np.sqrt(syn / tau)
    taken = shift if form == "shift" else np.zeros(m.shape)
    flat = [np.ascontiguousarray(x, np.float64).ravel() for x in (m, s, th, th - reset, tau, ref, taken)]
    filled = np.empty(m.size)
    fill_rates(*flat, filled)
    rates: FloatArray = filled.reshape(m.shape)
    if form == "taylor":
        rates = rates * (1.0 - shift * rates / MS_PER_S * _slope(m, s, tau, th, reset))
    return float(rates) if rates.ndim == 0 else rates


def _checked(name: str, value: npt.ArrayLike) -> FloatArray:
    """``value`` as float64; InputError unless it is finite and in its range."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"siegert: {name} must hold numbers, got {value!r:.80}") from None
    if not np.isfinite(array).all():
        raise InputError(f"siegert: {name} must be finite, got {array[~np.isfinite(array)].flat[0]}")
    if name in ("sigma", "t_ref", "tau_syn") and (array < 0.0).any():
        raise InputError(f"siegert: {name} must be at least 0, got {array.min():g}")
    if name == "tau_m" and (array <= 0.0).any():
        raise InputError(f"siegert: tau_m must be larger than 0, got {array.min():g}")
    return array


def _slope(mu: FloatArray, sigma: FloatArray, tau_m: FloatArray, V_th: FloatArray, V_reset: FloatArray) -> FloatArray:
    """Derivative (ms) of 1 / rate by the shift s at 0, tau_m sqrt(pi) (erfcx(-y_th) - erfcx(-y_r)); 0 without noise.

    y is bounded to where erfcx(-y) does not overflow: rates beyond are 0.
    """
    from scipy.special import erfcx

    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        y_th, y_r = (np.minimum(np.where(sigma > 0.0, (V - mu) / sigma, -np.inf), 26.0) for V in (V_th, V_reset))
    slope: FloatArray = tau_m * _SQRT_PI * (erfcx(-y_th) - erfcx(-y_r))
    return slope


@inline
def log1p(x: float) -> float:
    """ln(1 + x) for x >= 0, to full relative precision: what rounding of 1 + x loses is made good, Kahan's way."""
    w = 1.0 + x
    corrected = log(w) * (x / (w - 1.0)) if w > 1.0 else x
    return corrected if x < np.inf else np.inf


@inline
def limits(mu, sigma, V_th, width, shift):  # type: ignore[no-untyped-def]
    """(d, length, b, gap, argument, sign) of the two integrals; see the top of this file.

    K has its upper limit d and goes over ``length`` below it; A goes from b over ``gap`` and has ``sign``; ``argument``
    is that of its logarithm, sqrt(pi) gap / (1 + sqrt(pi) b). ``width`` = V_th - V_reset. A neuron that never fires has
    an infinite gap.
    """
    top = V_th - mu + sigma * shift
    if sigma == 0.0 or top < _NO_NOISE * sigma:
        return 0.0, 0.0, 0.0, 0.0, min(width / -top, _HUGE) if top < 0.0 else np.inf, 1.0
    y_th = min(top / sigma, _NEVER)
    delta = min(width / sigma, _HUGE)
    d = max(y_th, 0.0)
    if y_th <= 0.0:
        length, b, gap, sign = 0.0, -y_th, delta, 1.0
    elif y_th >= delta:
        length, b, gap, sign = delta, y_th - delta, delta, -1.0
    else:
        rest = delta - 2.0 * y_th  # -y_r - y_th
        length, b, gap, sign = y_th, min(y_th, delta - y_th), abs(rest), 1.0 if rest > 0.0 else -1.0
    if d * d > _RANGE:
        length = min(length, _RANGE / (d + np.sqrt(d * d - _RANGE)))
    return d, length, b, gap, _SQRT_PI * gap / (1.0 + _SQRT_PI * b), sign


@jit
def fill_rates(mu, sigma, V_th, width, tau_m, t_ref, shift, rates):  # type: ignore[no-untyped-def]
    """rates[i] (1/s) = Siegert's function of the arguments i, all (n,) float64; width = V_th - V_reset (mV).

    Only our own elementary functions are used, in a fixed order for every point: the bits of a rate do not depend on
    its place in the arrays.
    """
    d, length, gap = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    from_b, to_a, argument, sign = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    near, slope, inner = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for begin in range(0, mu.size, BLOCK):
        size = min(BLOCK, mu.size - begin)
        for i in range(size):
            k = begin + i
            d[i], length[i], b, gap[i], argument[i], sign[i] = limits(mu[k], sigma[k], V_th[k], width[k], shift[k])
            a = b + gap[i]
            from_b[i], to_a[i] = 1.0 - 2.0 * _R_TURN / (b + _R_TURN), 1.0 - 2.0 * _R_TURN / (a + _R_TURN)
            gap[i] = gap[i] / (a + _R_TURN) * (2.0 * _R_TURN / (b + _R_TURN))  # to_a - from_b
            near[i], slope[i], inner[i] = _R[-1], 0.0, 0.0
        for n in range(_R.size - 2, -1, -1):  # R(from_b), and its divided difference between from_b and to_a
            for i in range(size):
                slope[i] = slope[i] * to_a[i] + near[i]
                near[i] = near[i] * from_b[i] + _R[n]
        for n in range(_NODES.size):
            for i in range(size):
                v = length[i] * _NODES[n]
                inner[i] += _WEIGHTS[n] * exp(-v * (2.0 * d[i] - v))
        for i in range(size):
            k = begin + i
            outer = log1p(argument[i]) / _SQRT_PI + gap[i] * slope[i]
            scale = exp(-d[i] * d[i])
            integral = 2.0 * length[i] * inner[i] + scale * (sign[i] * outer)
            rates[k] = MS_PER_S * scale / (scale * t_ref[k] + tau_m[k] * _SQRT_PI * integral)
