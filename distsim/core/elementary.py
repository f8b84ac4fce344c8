"""Elementary functions that give the same bits everywhere: on any machine, in vector and in scalar code.

Only additions, multiplications, divisions and operations on the bits of a double are used, in a fixed order. libm and
vector-math libraries differ in the last bit between versions, processors, and between a loop's vector body and its
remainder, where a neuron lands by the number of ranks. Polynomials are evaluated in Estrin's form: short chains, so
that the processor overlaps them. Relative errors are below 1e-15 (tested against mpmath).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.jit import inline

LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453
_MANTISSA = np.int64((1 << 52) - 1)
_ONE_BITS = np.int64(1023 << 52)
_SQRT_2 = 1.4142135623730951
_SMALLEST = 2.2250738585072014e-308


@inline
def exp2(x: float) -> float:
    """2**x; 0 below -1021 (where libm would start to return subnormal numbers), 2**1023 from 1023 on.

    x = n + f with |f| <= 1/2; 2**f is its Taylor series in f ln 2 (|f ln 2| < 0.35: 14 terms reach 1e-17).
    """
    bounded = min(max(x, -1021.0), 1023.0)
    whole = np.floor(bounded + 0.5)
    y = (bounded - whole) * LN_2
    y2 = y * y
    y4 = y2 * y2
    low = (1.0 + y) + y2 * (0.5 + y * (1.0 / 6.0))
    middle = (1.0 / 24.0 + y * (1.0 / 120.0)) + y2 * (1.0 / 720.0 + y * (1.0 / 5040.0))
    high = (1.0 / 40320.0 + y * (1.0 / 362880.0)) + y2 * (1.0 / 3628800.0 + y * (1.0 / 39916800.0))
    top = 1.0 / 479001600.0 + y * (1.0 / 6227020800.0)
    p = low + y4 * (middle + y4 * (high + y4 * top))
    scale = np.int64((np.int64(whole) + 1023) << 52).view(np.float64)
    return p * scale if x >= -1021.0 else 0.0


@inline
def log2(x: float) -> float:
    """log2(x) for x >= 2**-1022; smaller x count as 2**-1022.

    x = 2**n m with sqrt(1/2) <= m < sqrt(2); ln m = 2 artanh((m - 1) / (m + 1)), |argument| < 0.172: 11 terms.
    """
    bits = np.float64(max(x, _SMALLEST)).view(np.int64)
    exponent = float((bits >> 52) - 1023)
    m = np.int64((bits & _MANTISSA) | _ONE_BITS).view(np.float64)
    high = m >= _SQRT_2
    m = 0.5 * m if high else m
    exponent = exponent + 1.0 if high else exponent
    f = (m - 1.0) / (m + 1.0)
    f2 = f * f
    f4 = f2 * f2
    f8 = f4 * f4
    low = (1.0 + f2 * (1.0 / 3.0)) + f4 * (1.0 / 5.0 + f2 * (1.0 / 7.0))
    middle = (1.0 / 9.0 + f2 * (1.0 / 11.0)) + f4 * (1.0 / 13.0 + f2 * (1.0 / 15.0))
    top = (1.0 / 17.0 + f2 * (1.0 / 19.0)) + f4 * (1.0 / 21.0)
    p = low + f8 * (middle + f8 * top)
    return exponent + (2.0 * LOG2_E) * f * p


@inline
def exp(x: float) -> float:
    """e**x: 2**(x log2 e), relative error growing as |x| times 1e-16."""
    return exp2(x * LOG2_E)


@inline
def log(x: float) -> float:
    """Natural logarithm for x >= 2**-1022."""
    return log2(x) * LN_2


def sine_of_turns(turns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """sin(2 pi x) of x (n,): to within 1e-16 of the sine of the nearest multiple of 2^-53 of a turn.

    Folded to a quarter of a turn, where the Taylor series of 11 terms reaches 1e-18.
    """
    x = turns - np.rint(turns)  # -1/2 .. 1/2
    folded = np.where(np.abs(x) > 0.25, np.copysign(0.5, x) - x, x)
    y = folded * (2.0 * np.pi)
    y2, result = y * y, np.ones_like(y)
    for k in range(20, 0, -2):
        result = 1.0 - result * y2 / float(k * (k + 1))
    return y * result
