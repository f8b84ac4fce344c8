"""One network of everything: each model, rule, synapse, source, stimulus and recording, users' own and parts."""

from __future__ import annotations

import numpy as np

from distsim import (
    AdaptiveExponential,
    ConstantCurrent,
    EdgeList,
    FixedIndegree,
    IafPscExp,
    Network,
    Normal,
    OneToOne,
    Poisson,
    PoissonSource,
    Redrawn,
    Simulation,
    Static,
    StdpGuetig,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)
from docs.own.izhikevich import Izhikevich
from docs.own.ring import Ring
from docs.own.triangle_current import TriangleCurrent
from tests.programs import every_kernel
from tests.programs.own_synapse import Tsodyks2


def build_network() -> Network:
    """What every kernel is in, with what is drawn, changes in time, is of parts, or stands in files of a user."""
    network = every_kernel.build_network()
    a, b, k = (network.find(name) for name in "ABK")
    noise = network.population("N", 7, PoissonSource(rate=[300.0, 2000.0], times=[0.0, 15.0], stop=32.5))
    own = network.population("I", 9, Izhikevich(a=Uniform(0.02, 0.1), I_e=6.0), V_m=Uniform(-70.0, -50.0))
    driven = AdaptiveExponential(C_m=Uniform(200.0, 300.0), t_ref=1.0, I_e=1000.0)
    adaptive = network.population("J", 8, driven, V_m=-60.0)
    more = network.population("O", 11, IafPscExp(I_e=400.0), V_m=Redrawn(Normal(-62.0, 5.0), -70.0, -56.0))
    network.connect(noise, adaptive, FixedIndegree(4), StdpPowerLaw(60.0, Uniform(0.75, 6.0), lambda_=2.0))
    network.connect(own, own, Ring(2), Static(Uniform(0.0, 2.0), 1.0))
    network.connect(own[:5] + adaptive, more, FixedIndegree(6), StdpGuetig(weight=60.0, delay=1.5, lambda_=0.05))
    network.connect(more[::2], a[:6] + k[3:], FixedIndegree(5), Tsodyks2(weight=40.0, delay=1.0))
    network.connect(more, more[4:], FixedIndegree(3), TsodyksMarkram(30.0, Uniform(1.0, 3.0), D=100.0))
    network.connect(b[:8], more[:8], OneToOne(), Static(np.linspace(10.0, 80.0, 8), 2.5))
    network.connect(a, more, EdgeList([3, 5, 5], [1, 0, 10]), Static([50.0, 60.0, 70.0], [1.0, 2.0, 9.0]))
    for source, target in ((1, 2), (3, 7), (5, 5)):
        network.connect(a[source], b[target], OneToOne(), Static(100.0, 1.0))
    network.stimulate(more[2:9], Poisson(rate=[0.0, 30_000.0], times=[0.0, 7.5], weight=20.0, delay=3.0, stop=35.0))
    network.stimulate(adaptive + more[:3], ConstantCurrent([200.0, 600.0], times=[2.0, 20.0], delay=1.5))
    network.stimulate(own, TriangleCurrent(highest=3.0, period=20.0))
    network.record_spikes(noise)
    network.record_spikes(own[2:] + adaptive[[1, 0]] + more)
    network.record_states(own, ("V_m", "U_m"), interval=2.5)
    network.record_states(adaptive[[4, 2]] + more[:3], "V_m")
    network.record_weights(noise, adaptive)
    network.record_weights(own[:5], more[:4])
    return network


def change(simulation: Simulation) -> None:
    """Changes of all that can change between runs."""
    network = simulation.network
    a, d, o = (network.find(name) for name in "ADO")
    simulation.set(a[::3], V_th=-54.0)
    simulation.set(o, I_e=np.linspace(300.0, 500.0, 11), V_m=Uniform(-70.0, -60.0))
    simulation.set(d[:4], rate=100.0)
    simulation.set("N", rate=1500.0, times=None, stop=None)
    simulation.set_stimulus(o[2:9], rate=10_000.0, times=None)
    simulation.set_stimulus("A", 1, rate=500_000.0)
    simulation.set_weights("N", "J", 50.0)
    simulation.set_weights("X", "B", 250.0)
    simulation.draw_anew(8)
