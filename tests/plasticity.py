"""Networks in which plastic synapses join spike trains chosen freely, and the rule of their weights in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Any

import numpy as np

from distsim import AllToAll, IafPscAlpha, Network, OneToOne, SpikeTrains, Static, StdpPowerLaw

DT = 0.1
RULE = {"alpha": 1.0, "lambda_": 0.1, "mu": 0.4, "tau_plus": 20.0, "tau_minus": 33.7}


def reference(  # one weight, by the rule of Morrison, Aertsen & Diesmann (2007) with dendritic delay; all times in ms
    pre: Sequence[float], post: Sequence[float], delay: float, weight: float, now: float | None = None, *,
    alpha: float, lambda_: float, mu: float, tau_plus: float, tau_minus: float,
) -> list[float]:  # fmt: skip
    """The weights transmitted at each spike of ``pre``, and, where ``now`` is given, the weight at that time."""
    d, K_plus, t_last, w, transmitted = round(delay / DT), 0.0, 0, weight, []
    pre_steps, post_steps = ([round(t / DT) for t in sorted(train)] for train in (pre, post))
    for t in pre_steps + ([] if now is None else [round(now / DT)]):
        for s in post_steps:
            if t_last - d < s <= t - d:
                w += lambda_ * w**mu * K_plus * exp((t_last - (s + d)) * DT / tau_plus)
        if len(transmitted) == len(pre):  # now: potentiated, not yet depressed
            return [*transmitted, w]
        K_minus = sum(exp((s - (t - d)) * DT / tau_minus) for s in post_steps if s < t - d)
        w = max(0.0, w - lambda_ * alpha * w * K_minus)
        transmitted.append(w)
        K_plus = K_plus * exp((t_last - t) * DT / tau_plus) + 1.0
        t_last = t
    return transmitted


def network_of_trains(
    pre: Sequence[Sequence[float]], post: Sequence[Sequence[float]], weight: Any, delay: Any, **rule: float
) -> Network:
    """Sources "pre" that fire at ``pre``, neurons "post" made to fire at ``post`` (ms), all to all, plastic.

    A neuron fires one step after a huge and very short current arrives, itself one step after its driver fired;
    ``weight`` and ``delay`` are one number or an array (targets, sources).
    """
    network = Network(dt=DT)
    network.population("pre", len(pre), SpikeTrains(pre))
    neuron = IafPscAlpha(tau_m=1.0, t_ref=0.0, tau_syn_ex=0.01, tau_syn_in=0.01, E_L=0.0, V_reset=0.0, V_th=15.0)
    network.population("post", len(post), neuron)
    network.population("driver", len(post), SpikeTrains([np.array(train) - 2 * DT for train in post]))
    network.connect("driver", "post", OneToOne(), Static(weight=400_000.0, delay=DT))
    network.connect("pre", "post", AllToAll(), StdpPowerLaw(weight=weight, delay=delay, **rule))
    network.record_spikes("post")
    return network
