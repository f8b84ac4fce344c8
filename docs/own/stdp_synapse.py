"""A user's own synapse: pair-based STDP as NEST's stdp_synapse (Guetig et al. 2003, J Neurosci 23:3697).

With the delay d dendritic, w in units of Wmax, and the traces of ``distsim.spiking.synapses.long_term``:

    a postsynaptic spike that reaches the synapse:  w = min(1, w + lambda (1 - w)**mu_plus K_plus)
    a presynaptic spike:                            w = max(0, w - lambda alpha w**mu_minus K_minus)
"""

from distsim import InputError, LongTermSynapse, Value, inline, make_kernels, number, of_each
from distsim.core.elementary import exp2, log2
from distsim.core.values import largest


@inline
def power(x, exponent):
    """x**exponent for x >= 0, the same bits everywhere; 0**0 = 1."""
    return exp2(exponent * log2(x)) if x > 0.0 or exponent == 0.0 else 0.0


def facilitate(w, K_plus, p):
    """The weight (pA) after a postsynaptic spike."""
    lambda_, _, mu_plus, _, W_max = p
    return min(1.0, w / W_max + lambda_ * power(1.0 - w / W_max, mu_plus) * K_plus) * W_max


def depress(w, K_minus, p):
    """The weight (pA) that a presynaptic spike leaves behind and transmits."""
    lambda_, alpha, _, mu_minus, W_max = p
    return max(0.0, w / W_max - lambda_ * alpha * power(w / W_max, mu_minus) * K_minus) * W_max


class StdpSynapse(LongTermSynapse):
    """Pair-based STDP: ``weight`` from 0 to ``Wmax`` (pA); dendritic ``delay``, ``tau_plus``, ``tau_minus`` (ms).

    ``lambda_`` is the learning rate, ``alpha`` the asymmetry of depression, ``mu_plus`` and ``mu_minus`` the exponents
    of the weight: 0 for additive, 1 for multiplicative plasticity.
    """

    weight: Value = of_each(1.0, "pA", low=0.0)
    lambda_: float = number(0.01, low=0.0)
    alpha: float = number(1.0, low=0.0)
    mu_plus: float = number(1.0, low=0.0)
    mu_minus: float = number(1.0, low=0.0)
    Wmax: float = number(100.0, "pA", above=0.0)
    kernels = make_kernels(facilitate, depress)

    def __post_init__(self) -> None:
        super().__post_init__()
        if largest(self.weight) > self.Wmax:
            raise InputError(f"StdpSynapse: weight must be at most Wmax = {self.Wmax:g}, got {largest(self.weight):g}")
