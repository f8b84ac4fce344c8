"""Networks of ``network_hashes`` with functions of numpy, scipy and math that are wrong in the last bits.

    python -m tests.programs.other_functions NAME ...

prints a JSON object: "before", what math.exp and its like gave before they were replaced (a library loaded before the C
library's may have changed them, too); "after", what they give then; and "hashes" of the networks.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
from mpi4py import MPI

from tests.programs import network_hashes

EXACT = {
    "absolute", "add", "bitwise_and", "bitwise_count", "bitwise_or", "bitwise_xor", "ceil", "conjugate", "copysign",
    "divide", "divmod", "equal", "fabs", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frexp", "gcd",
    "greater", "greater_equal", "heaviside", "invert", "isfinite", "isinf", "isnan", "isnat", "lcm", "ldexp",
    "left_shift", "less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "matmul", "matvec",
    "maximum", "minimum", "modf", "multiply", "negative", "nextafter", "not_equal", "positive", "power", "reciprocal",
    "remainder", "right_shift", "rint", "sign", "signbit", "spacing", "sqrt", "square", "subtract", "trunc", "vecdot",
    "vecmat",
} - {"power", "float_power"}  # fmt: skip
"""Functions of numpy that the standard of floating-point numbers defines to the last bit, or that know no fractions."""

EXACT_OF_MATH = {
    "ceil", "comb", "copysign", "fabs", "factorial", "floor", "fma", "fmod", "frexp", "fsum", "gcd", "isclose",
    "isfinite", "isinf", "isnan", "isqrt", "lcm", "ldexp", "modf", "nextafter", "perm", "prod", "remainder", "sqrt",
    "trunc", "ulp",
}  # fmt: skip

PROBES: dict[str, Callable[[], float]] = {
    "math.exp": lambda: math.exp(0.7),
    "math.expm1": lambda: math.expm1(-0.1),
    "math.log": lambda: math.log(0.3),
    "math.log1p": lambda: math.log1p(0.3),
    "math.pow": lambda: math.pow(0.7, 0.4),
    "math.sin": lambda: math.sin(0.7),
    "math.lgamma": lambda: math.lgamma(0.7),
    "**": lambda: float(sys.argv[0] != "") * 0.7 ** float(len(sys.argv) + 0.4 - len(sys.argv)),
    "numpy.exp": lambda: float(np.exp(np.full(9, 0.7))[8]),
    "numpy.log2": lambda: float(np.log2(np.full(9, 0.7))[8]),
    "numpy.expm1": lambda: float(np.expm1(np.full(9, 0.7))[8]),
    "scipy.special.gammaincinv": lambda: float(scipy.special.gammaincinv(2.5, 0.3)),
    "scipy.special.ndtri": lambda: float(scipy.special.ndtri(0.3)),
}


def wrong(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, its fractions three units in the last place larger."""

    def call(*arguments: Any, **keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        if isinstance(result, (float, np.floating)) or getattr(result, "dtype", None) == np.float64:
            with np.errstate(all="ignore"):
                return result + 3.0 * np.spacing(result)
        return result

    return call


def refuse(*arguments: Any, **keywords: Any) -> Any:
    raise AssertionError("numbers drawn by numpy")


def replace_functions() -> None:
    for name in dir(math):
        if not name.startswith("_") and name not in EXACT_OF_MATH and callable(getattr(math, name)):
            setattr(math, name, wrong(getattr(math, name)))
    for module in (np, scipy.special):
        for name in dir(module):
            function = getattr(module, name)
            if isinstance(function, np.ufunc) and function.__name__ not in EXACT:
                setattr(module, name, wrong(function))
    for name in dir(np.random):
        if callable(getattr(np.random, name)) and not name.startswith("_"):
            setattr(np.random, name, refuse)


def probe() -> dict[str, str]:
    return {name: value().hex() for name, value in PROBES.items()}


if __name__ == "__main__":
    before = probe()
    for name in sys.argv[1:]:  # so that all is compiled: the compiler calls these functions, too
        network_hashes.NETWORKS[name](MPI.COMM_SELF)
    replace_functions()
    results = {name: network_hashes.NETWORKS[name](MPI.COMM_SELF) for name in sys.argv[1:]}
    print(json.dumps({"before": before, "after": probe(), "hashes": results}))
