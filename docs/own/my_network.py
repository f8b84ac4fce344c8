"""Inhibition in a ring: neurons that are driven by Poisson input and keep each other apart."""

from typing import Annotated, Any

from distsim import FixedIndegree, IafPscExp, Network, Poisson, Static, Uniform


def build_network(
    N: Annotated[int, "number of neurons"] = 400,
    K: Annotated[int, "inputs per neuron from within the network"] = 40,
    rate: Annotated[float, "rate of the external input (1/s)"] = 8000.0,
    J: Annotated[float, "weight of the external input (pA)"] = 50.0,
    g: Annotated[float, "weight of inhibition, relative to J"] = 2.0,
) -> Network:
    """N neurons under Poisson input, each of which inhibits others."""
    network = Network(dt=0.1)
    neurons = network.population("I", N, IafPscExp(), V_m=Uniform(-70.0, -55.0))
    network.stimulate(neurons, Poisson(rate=rate, weight=J))
    network.connect(neurons, neurons, FixedIndegree(K), Static(weight=-g * J, delay=1.5))
    network.record_spikes(neurons)
    return network


def resized(neurons: int, indegree: int | None) -> dict[str, Any]:
    """The arguments that give so many neurons; only experiments that change the size ask for them."""
    return {"N": neurons, "K": neurons // 10 if indegree is None else indegree}
