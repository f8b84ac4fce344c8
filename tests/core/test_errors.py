"""Wrong input to parameters and networks is refused in one sentence that says what, where, and what would be right."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import (
    AllToAll,
    Clipped,
    ConstantCurrent,
    EdgeList,
    FixedIndegree,
    FixedTotalNumber,
    IafPscAlpha,
    IgnoreAndFire,
    InputError,
    LogNormal,
    Network,
    Normal,
    OneToOne,
    PairwiseBernoulli,
    Poisson,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    Uniform,
)
from distsim.core.errors import check_arguments, nearest

NAN, INF = float("nan"), float("inf")


def refused(call, *words):
    """Assert that ``call`` raises InputError with one sentence that holds all ``words``."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def network_of(n_source=5, n_target=7, dt=0.1):
    network = Network(dt=dt)
    network.population("A", n_source, IafPscAlpha())
    network.population("B", n_target, IafPscAlpha())
    network.population("X", 2, SpikeTrains([[1.0], [2.0]]))
    return network


# ---------------------------------------------------------------- parameters

PARAMETERS = [
    (lambda: IafPscAlpha(C_mm=250.0), ["IafPscAlpha", "unknown parameter 'C_mm'", "did you mean 'C_m'"]),
    (lambda: IafPscAlpha(v_th=-50.0), ["IafPscAlpha", "'v_th'", "did you mean 'V_th'"]),
    (lambda: IgnoreAndFire(rates=5.0), ["IgnoreAndFire", "'rates'", "'rate'"]),
    (lambda: Static(wieght=1.0), ["Static", "'wieght'", "'weight'"]),
    (lambda: StdpPowerLaw(**{"lambda": 0.1}), ["StdpPowerLaw", "'lambda'", "'lambda_'"]),
    (lambda: Poisson(rate=1.0, wheight=2.0), ["Poisson", "'wheight'", "'weight'"]),
    (lambda: ConstantCurrent(amplitud=1.0), ["ConstantCurrent", "'amplitud'", "'amplitude'"]),
    (lambda: SpikeTrains(time=[[1.0]]), ["SpikeTrains", "'time'", "'times'"]),
    (lambda: FixedIndegree(5, autapse=False), ["FixedIndegree", "'autapse'", "'autapses'"]),
    (lambda: FixedTotalNumber(nummer=5), ["FixedTotalNumber", "'nummer'", "'number'"]),
    (lambda: PairwiseBernoulli(P=0.5), ["PairwiseBernoulli", "'P'", "'p'"]),
    (lambda: AllToAll(autapsis=False), ["AllToAll", "'autapses'"]),
    (lambda: EdgeList(sources=[0], target=[0]), ["EdgeList", "'sources'", "'source'"]),
    (lambda: Uniform(low=0.0, hihg=1.0), ["Uniform", "'hihg'", "'high'"]),
    (lambda: Normal(mean=0.0, sd=1.0), ["Normal", "'sd'", "'std'"]),
    (lambda: LogNormal(mu=0.0, sigam=1.0), ["LogNormal", "'sigam'", "'sigma'"]),
    (lambda: Clipped(Normal(0.0, 1.0), lo=0.0), ["Clipped", "'lo'", "'low'"]),
    (lambda: Network(delta_t=0.1), ["Network", "'delta_t'", "known: dt"]),
    (lambda: Uniform(1.0), ["Uniform", "missing", "'high'"]),
    (lambda: OneToOne(5), ["OneToOne", "too many positional arguments"]),
    (lambda: IafPscAlpha(C_m=0.0), ["IafPscAlpha: C_m", "larger than 0", "got 0"]),
    (lambda: IafPscAlpha(tau_m=-1.0), ["tau_m", "larger than 0", "-1"]),
    (lambda: IafPscAlpha(C_m="250"), ["C_m", "must be a number", "'250'"]),
    (lambda: IafPscAlpha(I_e=NAN), ["I_e", "finite", "nan"]),
    (lambda: IafPscAlpha(I_e=[1.0, INF]), ["I_e[1]", "finite", "inf"]),
    (lambda: IafPscAlpha(V_th=["a", "b"]), ["V_th", "must hold numbers"]),
    (lambda: IafPscAlpha(t_ref=-1.0), ["t_ref", "at least 0"]),
    (lambda: IafPscAlpha(V_reset=-50.0), ["V_reset = -50 mV", "below V_th = -55 mV"]),
    (lambda: IafPscAlpha(V_reset=-55.0), ["V_reset = -55 mV", "below V_th = -55 mV"]),
    (lambda: IafPscAlpha(V_reset=[-70.0, -54.0]), ["V_reset = -54 mV", "below V_th = -55 mV"]),
    (lambda: IafPscAlpha(V_th=Normal(-50.0, 1.0)), ["V_reset = -70 mV", "below V_th = -inf", "Clipped"]),
    (lambda: IafPscAlpha(tau_m=Normal(10.0, 1.0)), ["tau_m", "larger than 0", "Clipped"]),
    (lambda: IgnoreAndFire(rate=0.0), ["IgnoreAndFire: rate", "larger than 0"]),
    (lambda: IgnoreAndFire(phase=1.5), ["phase", "at most 1", "1.5"]),
    (lambda: IgnoreAndFire(phase=Uniform(0.0, 2.0)), ["phase", "at most 1"]),
    (lambda: IgnoreAndFire(integrate=True), ["integrate", "IafPscAlpha"]),
    (lambda: Static(weight=NAN), ["Static: weight", "finite", "nan"]),
    (lambda: Static(weight=[1.0, NAN]), ["Static: weight[1]", "finite"]),
    (lambda: Static(delay=0.0), ["Static: delay", "larger than 0"]),
    (lambda: StdpPowerLaw(weight=-1.0), ["StdpPowerLaw: weight", "at least 0", "-1"]),
    (lambda: StdpPowerLaw(weight=[1.0, -2.0]), ["StdpPowerLaw: weight[1]", "at least 0", "-2"]),
    (lambda: StdpPowerLaw(weight=Normal(30.0, 1.0)), ["StdpPowerLaw: weight", "at least 0", "Clipped"]),
    (lambda: StdpPowerLaw(tau_plus=0.0), ["StdpPowerLaw: tau_plus", "larger than 0"]),
    (lambda: StdpPowerLaw(mu=NAN), ["StdpPowerLaw: mu", "finite"]),
    (lambda: Poisson(rate=-1.0, weight=1.0), ["Poisson: rate", "at least 0", "-1"]),
    (lambda: Poisson(rate=1.0, weight=NAN), ["Poisson: weight", "finite"]),
    (lambda: SpikeTrains([[1.0, NAN]]), ["SpikeTrains: times[0][1]", "finite"]),
    (lambda: SpikeTrains([[1.0], [0.0]]), ["times[1][0]", "larger than 0"]),
    (lambda: SpikeTrains([1.0, 2.0]), ["times must be a sequence of trains"]),
    (lambda: FixedIndegree(1.5), ["indegree", "whole number", "1.5"]),
    (lambda: FixedIndegree(-1), ["indegree", "at least 0", "-1"]),
    (lambda: FixedIndegree(5, autapses="no"), ["autapses", "True or False", "'no'"]),
    (lambda: PairwiseBernoulli(1.5), ["p must be at most 1", "1.5"]),
    (lambda: PairwiseBernoulli(-0.1), ["p must be at least 0"]),
    (lambda: EdgeList([0.5], [1]), ["source", "integers"]),
    (lambda: EdgeList([0, 1], [1]), ["2 sources", "1 targets"]),
    (lambda: Uniform(2.0, 1.0), ["high = 1", "below low = 2"]),
    (lambda: Normal(0.0, -1.0), ["std", "at least 0"]),
    (lambda: Clipped(5.0, 0.0), ["needs a distribution", "5.0"]),
    (lambda: Clipped(Normal(0.0, 1.0), low=NAN), ["nan"]),
    (lambda: Network(dt=0.0), ["dt", "larger than 0"]),
    (lambda: Network(dt=NAN), ["dt", "finite"]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), PARAMETERS)
def test_parameters(call, words):
    refused(call, *words)


def test_the_check_of_arguments_keeps_the_class_as_it_was():
    import dataclasses
    import inspect
    import pickle

    assert list(inspect.signature(Uniform).parameters) == ["low", "high"]
    assert dataclasses.replace(Uniform(1.0, 2.0), high=3.0) == Uniform(1.0, 3.0)
    assert pickle.loads(pickle.dumps(Uniform(1.0, 2.0))) == Uniform(low=1.0, high=2.0)
    with pytest.raises(TypeError, match="unhashable"):  # from within a constructor: not one of its arguments
        check_arguments(type("Careless", (), {"__init__": lambda self, key: {}[key]}))([])


def test_nearest_name():
    assert nearest("tau_M", ["tau_m", "t_ref"]) == "; did you mean 'tau_m'?"
    assert nearest("zzz", ["b", "a"]) == "; known: a, b"
    assert nearest("zzz", []) == ""


# ---------------------------------------------------------------- networks

NETWORKS = [
    (lambda n: n.population("A", 5, IafPscAlpha()), ["already", "population 'A'"]),
    (lambda n: n.population("", 5, IafPscAlpha()), ["name"]),
    (lambda n: n.population("a/b", 5, IafPscAlpha()), ["name without '/'", "a/b"]),
    (lambda n: n.population("C", -1, IafPscAlpha()), ["population 'C': size", "at least 0", "-1"]),
    (lambda n: n.population("C", 2.5, IafPscAlpha()), ["population 'C': size", "whole number", "2.5"]),
    (lambda n: n.population("C", NAN, IafPscAlpha()), ["population 'C': size", "whole number", "nan"]),
    (lambda n: n.population("C", 5, "iaf"), ["population 'C'", "'iaf'", "not a neuron model", "IafPscAlpha()"]),
    (lambda n: n.population("C", 5, IafPscAlpha), ["population 'C'", "not a neuron model", "IafPscAlpha()"]),
    (lambda n: n.population("C", 5, IafPscAlpha(), V_n=0.0), ["population 'C'", "state 'V_n'", "'V_m'"]),
    (lambda n: n.population("C", 5, IafPscAlpha(), V_m=NAN), ["'C': initial V_m", "finite"]),
    (lambda n: n.population("C", 5, IafPscAlpha(), V_m=np.zeros(4)), ["'C': initial V_m", "(4,)", "(5,)"]),
    (lambda n: n.population("C", 5, IafPscAlpha(C_m=np.ones(4))), ["'C': IafPscAlpha C_m", "(4,)", "(5,)"]),
    (lambda n: n.population("C", 5, IafPscAlpha(t_ref=0.15)), ["'C'", "t_ref = 0.15 ms", "dt = 0.1 ms", "0.1 or 0.2"]),
    (lambda n: n.population("C", 5, IgnoreAndFire(rate=2e4)), ["'C'", "rate = 20000", "one spike per dt"]),
    (lambda n: n.population("C", 5, SpikeTrains([[1.0]] * 4)), ["'C'", "4 trains", "5 neurons"]),
    (lambda n: n.population("C", 1, SpikeTrains([[1.0, 1.25]])), ["'C'", "times[0][1] = 1.25 ms", "dt = 0.1 ms"]),
    (lambda n: n.connect("A", "b", AllToAll(), Static()), ["unknown population 'b'", "'B'"]),
    (lambda n: n.connect("A", "X", AllToAll(), Static()), ["projection 'A->X'", "'X' is a source of spikes"]),
    (lambda n: n.connect("A", "B", "all_to_all", Static()), ["'A->B'", "'all_to_all'", "FixedIndegree"]),
    (lambda n: n.connect("A", "B", AllToAll(), Static), ["'A->B'", "not a synapse", "Static(weight=1.0, delay=1.0)"]),
    (lambda n: n.connect("A", "B", OneToOne(), Static()), ["'A->B'", "'A' has 5", "'B' 7", "same size"]),
    (lambda n: n.connect("A", "A", FixedIndegree(6, multapses=False), Static()), ["indegree = 6", "at most 5"]),
    (lambda n: n.connect("A", "A", FixedIndegree(5, False, False), Static()), ["'A->A'", "indegree = 5", "at most 4"]),
    (lambda n: n.connect("A", "B", EdgeList([0, 5], [0, 0]), Static()), ["'A->B'", "source[1] = 5", "'A'", "0 to 4"]),
    (lambda n: n.connect("A", "B", EdgeList([0, 0], [0, -1]), Static()), ["'A->B'", "target[1] = -1", "'B'", "0 to 6"]),
    (lambda n: n.connect("A", "B", EdgeList([0], [0]), Static(weight=[1.0, 2.0])), ["weight", "(2,)", "(1,)"]),
    (lambda n: n.connect("A", "B", AllToAll(), Static(weight=np.ones((5, 7)))), ["weight", "(5, 7)", "(7, 5)"]),
    (lambda n: n.connect("A", "B", PairwiseBernoulli(0.5), Static(delay=[1.0])), ["delay", "give a number or a"]),
    (lambda n: n.connect("A", "B", AllToAll(), Static(delay=0.05)), ["'A->B': delay = 0.05 ms", "write 0.1"]),
    (lambda n: n.connect("A", "B", AllToAll(), Static(delay=1.55)), ["delay = 1.55 ms", "dt = 0.1 ms", "1.5 or 1.6"]),
    (lambda n: n.connect("A", "B", EdgeList([0, 1], [0, 1]), Static(delay=[1.0, 0.25])), ["0.25 ms", "0.2 or 0.3"]),
    (lambda n: n.connect("A", "B", AllToAll(), Static(delay=Normal(1.5, 0.5))), ["delay", "larger than 0", "Clipped"]),
    (lambda n: n.connect("A", "B", AllToAll(), Static(delay=Uniform(0.01, 1.0))), ["below dt = 0.1 ms", "low=0.1"]),
    (lambda n: n.stimulate("A", IafPscAlpha()), ["stimulus of 'A'", "not a stimulus"]),
    (lambda n: n.stimulate("X", Poisson(1.0, 1.0)), ["stimulus of 'X'", "receives no input"]),
    (lambda n: n.stimulate("A", Poisson(1.0, 1.0, delay=0.25)), ["stimulus of 'A': Poisson delay = 0.25 ms"]),
    (lambda n: n.stimulate("A", Poisson(1e13, 1.0)), ["Poisson: rate", "at most 1e+12", "1e+13"]),
    (lambda n: n.stimulate("A", ConstantCurrent(1.0, start=2.0, stop=1.0)), ["stop = 1 ms", "before start = 2 ms"]),
    (lambda n: n.stimulate("A", SpikeTrains([[1.0]])), ["stimulus of 'A'", "weight (pA)", "delay (ms)"]),
    (lambda n: n.stimulate("A", SpikeTrains([[1.0]] * 3, weight=1.0, delay=1.0)), ["3 trains", "5 neurons"]),
    (lambda n: n.record_spikes("A", first=6), ["'A' has 5 neurons", "first = 6"]),
    (lambda n: n.record_spikes("A", first=2.5), ["record_spikes 'A': first", "whole number"]),
    (lambda n: [n.record_spikes("A"), n.record_spikes("A")], ["'A' are recorded already"]),
    (lambda n: n.record_states("A", "V_n"), ["record_states 'A'", "state variable 'V_n'", "'V_m'"]),
    (lambda n: n.record_states("A", neurons=[0, 5]), ["record_states 'A'", "neuron 5", "0 to 4"]),
    (lambda n: n.record_states("A", neurons=[-1]), ["record_states 'A': neuron index", "at least 0"]),
    (lambda n: n.record_states("A", interval=0.25), ["record_states 'A': interval = 0.25 ms", "0.2 or 0.3"]),
    (lambda n: n.record_states("A", interval=0.0), ["interval = 0 ms", "at least 0.1 ms"]),
    (lambda n: n.record_weights("A", "B"), ["no projection 'A->B'"]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), NETWORKS)
def test_networks(call, words):
    network = network_of()
    refused(lambda: call(network), *words)
    assert [p.name for p in network.populations] == ["A", "B", "X"]
    assert not network.projections
    assert not network.stimulations


def test_steps_of_another_grid():
    network = network_of(dt=0.125)
    refused(lambda: network.connect("A", "B", AllToAll(), Static(delay=1.6)), "1.6 ms", "dt = 0.125", "1.5 or 1.625")
