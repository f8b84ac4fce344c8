"""A small network of the neurons, drives, sources and synapses that scripts of other simulators ask for."""

from __future__ import annotations

import numpy as np

from distsim import (
    AdaptiveExponential,
    AllToAll,
    FixedIndegree,
    IafPscAlphaMultisynapse,
    IafPscExpHtum,
    IafPscExpMultisynapse,
    Izhikevich,
    Network,
    NoiseCurrent,
    Parrot,
    Poisson,
    PulsePackets,
    SinusoidalCurrent,
    Static,
    StdpGuetig,
    TsodyksMarkram,
    Uniform,
)

N = 9  # of every population


def build_network() -> Network:
    """Neurons of every kind that are driven in every way, with common and individual parameters."""
    network = Network(dt=0.25)
    network.population("A", N, AdaptiveExponential(I_e=900.0, tau_syn_in=0.2, t_ref=1.0), V_m=Uniform(-70.0, -50.0))
    network.population("B", N, AdaptiveExponential(C_m=Uniform(200.0, 300.0)), V_m=Uniform(-70.0, -50.0))
    network.population("I", N, Izhikevich(I_e=6.0), V_m=Uniform(-70.0, -50.0))
    network.population("J", N, Izhikevich(d=np.linspace(2.0, 8.0, N), consistent_integration=False, V_min=-90.0))
    network.population("E", N, IafPscExpMultisynapse(tau_syn=(1.0, 5.0, 9.0)), V_m=Uniform(-70.0, -55.0))
    network.population("F", N, IafPscAlphaMultisynapse(tau_syn=(1.0, 5.0)), V_m=Uniform(-70.0, -55.0))
    network.population("H", N, IafPscExpHtum(t_ref_tot=5.0, I_e=500.0), V_m=Uniform(-70.0, -55.0))
    network.population("P", N, Parrot(most=100))
    network.population("Q", N, Parrot(most=400))
    network.population("Z", 3, PulsePackets([3.0, 12.0], activity=5, sdev=1.0))
    network.connect("Z", "P", AllToAll(), Static(1.0, 1.0))
    network.connect("P", "Q", FixedIndegree(4), Static(1.0, Uniform(0.5, 2.0)))
    plastic = StdpGuetig(Uniform(50.0, 90.0), Uniform(0.5, 3.0), Uniform(0.05, 0.1), mu_plus=0.4, receptor=1)
    network.connect("Q", "P", FixedIndegree(3), plastic)
    network.connect("P", "E", FixedIndegree(5), StdpGuetig(60.0, 1.5, receptor=2))
    network.connect("E", "F", FixedIndegree(5), TsodyksMarkram(400.0, 1.0, U=0.3, u_first=0.5, receptor=2))
    network.connect("F", "E", FixedIndegree(5), Static(-100.0, 1.0, receptor=3))
    network.connect("A", "B", FixedIndegree(4), Static(Uniform(-400.0, 900.0), Uniform(0.5, 3.0)))
    network.connect("A", "H", FixedIndegree(4), Static(Uniform(-400.0, 900.0), 1.0))
    network.connect("I", "J", FixedIndegree(4), Static(4.0, 1.0))
    network.stimulate("P", Poisson(rate=2000.0, weight=1.0))
    network.stimulate("E", Poisson(rate=9000.0, weight=60.0, receptor=2))
    network.stimulate("F", Poisson(rate=9000.0, weight=30.0, receptor=1))
    network.stimulate("B", NoiseCurrent(500.0, mean=600.0, std_mod=300.0, frequency=50.0))
    network.stimulate(network.populations[4][2:6], NoiseCurrent(80.0, interval=0.5, start=2.0, stop=15.0))
    network.stimulate("J", SinusoidalCurrent(5.0, 100.0, phase=90.0, offset=4.0))
    for name in "ABIJEFHPQZ":
        network.record_spikes(name)
    for name in "ABIJEFH":
        network.record_states(name, "V_m", interval=1.0, offset=0.5)
    return network
