"""Spike-timing-dependent plasticity with power-law potentiation (Morrison, Aertsen & Diesmann 2007, Neural Comput 19).

With a purely dendritic delay d, each presynaptic spike at t (the one before it at t_last) does to a weight w:

    for each postsynaptic spike s in (t_last - d, t - d]:  w += lambda w**mu K_plus exp((t_last - (s + d)) / tau_plus)
    K_minus = sum over postsynaptic s < t - d of exp((s - (t - d)) / tau_minus)
    w = max(0, w - lambda alpha w K_minus);  transmit w
    K_plus = K_plus exp((t_last - t) / tau_plus) + 1;  t_last = t

That is ``long_term`` with equations of its own, whose kernels are tuned: see ``stdp_kernels``.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from distsim.core import accurate
from distsim.core.declared import number
from distsim.core.values import Value, of_each, typical_sizes
from distsim.spiking.synapses import stdp_kernels
from distsim.spiking.synapses.long_term import LongTermSynapse
from distsim.spiking.synapses.plastic_delivery import PlasticDelivery, PlasticKernels
from distsim.spiking.synapses.table import Table


class PowerLawDelivery(PlasticDelivery):
    """Delivers the spikes of power-law synapses. Its kernel takes one more constant, the decays of K_minus.

    decays (steps,) float64: that in so many steps, as far as it changes the last bit of any weight; none where these
    are too many for the caches.
    """

    def __init__(self, table: Table, n_target: int, kernels: PlasticKernels, constants: tuple[Any, ...]) -> None:
        super().__init__(table, n_target, kernels, constants)
        (_, lambda_alpha, _), _, _, rate = constants
        reach = stdp_kernels.HALF_BIT + accurate.log2(stdp_kernels.LARGEST_TRACE * lambda_alpha)
        steps = max(reach, 0.0) / rate
        decays = np.empty(math.ceil(steps) + 1 if steps < stdp_kernels.MOST_DECAYS else 0)
        if len(decays) > 0:
            stdp_kernels.decays_per_step(rate, decays)
        self.for_delivery = (*constants, decays)


class StdpPowerLaw(LongTermSynapse):
    """A plastic synapse: initial ``weight`` (pA, >= 0), ``delay`` (ms, dendritic), time constants in ms.

    ``lambda_`` is the learning rate, ``alpha`` the asymmetry of depression, ``mu`` the exponent of potentiation.
    """

    weight: Value = of_each(1.0, "pA", low=0.0)
    alpha: float = number(1.0, low=0.0)
    lambda_: float = number(0.1, low=0.0)
    mu: float = number(0.4, low=0.0)
    kernels: ClassVar[PlasticKernels] = PlasticKernels(
        stdp_kernels.deliver, stdp_kernels.settle, stdp_kernels.weights_at
    )
    delivered_by: ClassVar[type[PlasticDelivery]] = PowerLawDelivery

    def numbers(self) -> tuple[float, ...]:
        """log2(lambda), or a number that makes every potentiation 0 where lambda is 0; lambda alpha; mu."""
        log2_lambda = accurate.log2(self.lambda_) if self.lambda_ > 0.0 else -2000.0
        return log2_lambda, self.lambda_ * self.alpha, self.mu

    def least_change(self) -> float:
        """The least part of an initial weight, of those there are, by which a spike that meets a trace of 1 changes it.

        That is lambda w**(mu - 1) for potentiation and lambda alpha for depression; infinite where neither occurs.
        """
        sizes = typical_sizes(self.weight)
        extremes = (float(sizes.min()), float(sizes.max())) if len(sizes) else ()
        changes = [self.lambda_ * accurate.exp((self.mu - 1.0) * accurate.log(w)) for w in extremes]
        return min((change for change in (*changes, self.lambda_ * self.alpha) if change > 0.0), default=math.inf)
