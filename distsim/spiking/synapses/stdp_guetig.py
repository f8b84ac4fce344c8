"""Pair-based spike-timing-dependent plasticity (Guetig, Aharonov, Rotter & Sompolinsky 2003, J Neurosci 23:3697).

With the delay d dendritic, w in units of Wmax, and the traces of ``distsim.spiking.synapses.long_term``:

    a postsynaptic spike that reaches the synapse:  w = min(1, w + lambda (1 - w)**mu_plus K_plus)
    a presynaptic spike:                            w = max(0, w - lambda alpha w**mu_minus K_minus)

It is NEST's stdp_synapse, whose weights and spikes it gives.
"""

from __future__ import annotations

import numpy as np

from distsim.core.elementary import exp2, log2
from distsim.core.errors import InputError
from distsim.core.jit import inline
from distsim.core.values import Value, bounds, largest, of_each
from distsim.spiking.synapses.long_term import LongTermSynapse, make_kernels


@inline
def power(x, exponent):  # type: ignore[no-untyped-def]
    """x**exponent for x >= 0, the same bits everywhere; 0**0 = 1."""
    return exp2(exponent * log2(x)) if x > 0.0 or exponent == 0.0 else 0.0


def facilitate(w, K_plus, p):  # type: ignore[no-untyped-def]
    """The weight (pA) after a postsynaptic spike."""
    lambda_, _, mu_plus, _, W_max = p
    return min(1.0, w / W_max + lambda_ * power(1.0 - w / W_max, mu_plus) * K_plus) * W_max


def depress(w, K_minus, p):  # type: ignore[no-untyped-def]
    """The weight (pA) that a presynaptic spike leaves behind and transmits."""
    lambda_, alpha, _, mu_minus, W_max = p
    return max(0.0, w / W_max - lambda_ * alpha * power(w / W_max, mu_minus) * K_minus) * W_max


class StdpGuetig(LongTermSynapse):
    """A plastic synapse: ``weight`` from 0 to ``Wmax`` (pA); dendritic ``delay``, ``tau_plus``, ``tau_minus`` (ms).

    ``lambda_`` is the learning rate, ``alpha`` the asymmetry of depression, ``mu_plus`` and ``mu_minus`` the exponents
    of the weight: 0 for additive, 1 for multiplicative plasticity. All but the time constants of the traces are one
    number, an array, or a distribution each.
    """

    weight: Value = of_each(1.0, "pA", low=0.0)
    lambda_: Value = of_each(0.01, low=0.0)
    alpha: Value = of_each(1.0, low=0.0)
    mu_plus: Value = of_each(1.0, low=0.0)
    mu_minus: Value = of_each(1.0, low=0.0)
    Wmax: Value = of_each(100.0, "pA", above=0.0)
    kernels = make_kernels(facilitate, depress)

    def __post_init__(self) -> None:
        super().__post_init__()
        weight, most = self.weight, self.Wmax
        if isinstance(weight, np.ndarray) and isinstance(most, np.ndarray) and weight.shape == most.shape:
            beyond = weight > most
            found = (weight[beyond][0], most[beyond][0]) if beyond.any() else (0.0, 0.0)
        else:
            found = largest(weight), bounds(most)[0]
        if found[0] > found[1]:
            raise InputError(f"StdpGuetig: weight must be at most Wmax = {found[1]:g}, got {found[0]:g}")
