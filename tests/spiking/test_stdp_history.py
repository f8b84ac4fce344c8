"""Histories of postsynaptic spikes stay short, and weights are to the last bit those of the equations."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import StdpPowerLaw
from distsim.connect.source_index import EVERY_SOURCE
from distsim.core.elementary import exp2, log2
from distsim.spiking.synapses import plastic_delivery, stdp_kernels
from distsim.spiking.synapses.history import History, row_of_newest
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.table import Table

DT = 0.1
NONE = np.zeros(0, np.int64)


def delivery_of(synapse, source, target, weight, delay, n_target, kind=np.float64):
    """The delivery of a table of edges sorted by source; weights and delays (edges,)."""
    counts = np.bincount(source)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    weights, delays = np.array(weight, kind), np.asarray(delay, np.uint8)
    table = Table(0, len(counts), EVERY_SOURCE, offsets, np.asarray(target, np.uint16), weights, delays)
    return synapse.delivery(table, n_target, DT)


def run(delivery, pre, post, begin, end, interval):
    """Simulate the steps begin + 1 .. end: ``pre`` and ``post`` hold the steps (spikes,) of each neuron."""
    ring = np.zeros((256, len(post)), np.int64)
    for start in range(begin, end, interval):
        stop = min(start + interval, end)
        for trains, deliver in ((post, "post"), (pre, "pre")):
            mine = [train[(train > start) & (train <= stop)] for train in trains]
            neuron, step = np.repeat(np.arange(len(mine)), [len(m) for m in mine]), np.concatenate([*mine, NONE])
            if deliver == "post":
                delivery.archive(neuron.astype(np.int32), step, start)
            else:
                order = np.argsort(step, kind="stable")
                delivery.deliver(neuron[order], step[order], ring, Grid(2.0**-40, np.inf), stop, stop + interval)


def transmitted(delivery, pre, post, d, w, now, kind):
    """Weight of one synapse as last transmitted and at step ``now``, by the equations and the elementary functions."""
    (log2_lambda, lambda_alpha, mu), _, rate_plus, rate_minus = delivery.constants
    k_plus, last, traces, trace, previous = 0.0, 0, {}, 0.0, -(1 << 30)
    for s in post.tolist():
        trace = trace * exp2(float(previous - s) * rate_minus) + 1.0
        traces[s], previous = trace, s
    w = float(w)
    for t in [*pre[pre <= now].tolist(), None]:
        grown = w
        for s in post[(post > last - d) & (post <= (now if t is None else t) - d)].tolist():
            if k_plus > 0.0 and (grown > 0.0 or mu == 0.0):
                grown += exp2(mu * log2(grown) + (log2_lambda + log2(k_plus) + float(last - d - s) * rate_plus))
        if t is None:
            return w, grown
        seen = post[post <= t - d]
        k_minus, gap = (
            (traces[int(seen[-1])] - float(seen[-1] == t - d), float(t - d - seen[-1])) if len(seen) else (0, 0.0)
        )
        w = float(kind(max(0.0, grown - lambda_alpha * grown * (k_minus * exp2(-gap * rate_minus)))))
        k_plus, last = k_plus * exp2(float(last - t) * rate_plus) + 1.0, t


def trains(random, rates, end):
    """A train of random steps up to ``end`` for each number of spikes; some fall silent on the way."""
    stop = [int(end * random.choice([0.1, 0.5, 1.0])) for _ in rates]
    return [np.unique(random.integers(1, last, rate)) for rate, last in zip(rates, stop, strict=True)]


@pytest.mark.parametrize("seed", range(24))
def test_weights_are_those_of_the_equations_to_the_last_bit(monkeypatch, seed):
    """Sources and targets that fire often, rarely or never; short histories, so much is settled; decays or none."""
    random = np.random.default_rng(seed)
    monkeypatch.setattr(plastic_delivery, "SHORT_HISTORY", int(random.choice([8, 16, 64])))
    monkeypatch.setattr(stdp_kernels, "MOST_DECAYS", [0, stdp_kernels.MOST_DECAYS][seed // 2 % 2])
    kind = [np.float64, np.float32][seed % 2]
    end, n_post = int(random.choice([400, 6000])), 7
    pre = trains(random, random.choice([0, 1, 3, 40, 400], 6), end)
    post = trains(random, random.choice([0, 1, 30, 300, 1000], n_post), end)
    synapse = StdpPowerLaw(
        alpha=random.choice([0.0, 0.1, 3.0]), lambda_=random.choice([0.0, 0.01, 0.3]),
        mu=random.choice([0.0, 0.4, 1.0]), tau_plus=random.choice([0.5, 20.0, 200.0]),
        tau_minus=random.choice([1.0, 20.0]),
    )  # fmt: skip
    source = np.sort(np.append(random.integers(0, 6, 30), 5))
    target, weight = random.integers(0, n_post, len(source)), random.uniform(0.0, 50.0, len(source))
    delay = random.integers(3, random.choice([5, 200]), len(source))
    delivery = delivery_of(synapse, source, target, weight, delay, n_post, kind)
    middle = int(random.integers(1, end))
    for begin, now in ((0, middle), (middle, end)):
        run(delivery, pre, post, begin, now, int(random.integers(1, 4)))
        present = delivery.weights_at(now, np.arange(len(source)), source)
        for e in range(len(source)):
            expected = transmitted(delivery, pre[source[e]], post[target[e]], int(delay[e]), kind(weight[e]), now, kind)
            assert (delivery.table.weights[e], present[e]) == expected


def silent_source(monkeypatch, end):
    """Source 0 fires once, source 1 always, and 4 targets fire 100 times a second; how often room was made."""
    calls = []
    make_room = plastic_delivery.PlasticDelivery._make_room
    monkeypatch.setattr(plastic_delivery.PlasticDelivery, "_make_room", lambda *a: (calls.append(1), make_room(*a))[1])
    synapse = StdpPowerLaw(lambda_=0.001)
    delivery = delivery_of(synapse, np.arange(2).repeat(4), np.tile(np.arange(4), 2), np.full(8, 10.0), [15], 4)
    pre = [np.array([10]), np.arange(12, end, 500)]
    post = [np.arange(20 + i, end, 100) for i in range(4)]
    run(delivery, pre, post, 0, end, 15)
    return delivery, pre, post, len(calls)


def test_a_source_that_falls_silent_lets_no_history_grow(monkeypatch):
    """Room is made a few times in every 32 spikes, however long the source has been silent."""
    counts = []
    for end in (20_000, 40_000, 200_000):
        delivery, pre, post, rooms = silent_source(monkeypatch, end)
        assert delivery.history.capacity <= plastic_delivery.SHORT_HISTORY
        counts.append(rooms)
        present = delivery.weights_at(end, np.arange(8), np.arange(2).repeat(4))
        for e in range(8):
            expected = transmitted(delivery, pre[e // 4], post[e % 4], 15, 10.0, end, np.float64)
            assert (delivery.table.weights[e], present[e]) == expected
        assert delivery.table.weights[0] == 10.0 < present[0]  # as last transmitted, and with what came since
    assert counts[1] - counts[0] <= 200 / 16 * 2
    assert counts[2] - counts[1] <= 1600 / 16 * 2


def test_synapses_of_a_silent_source_are_left_alone_once_nothing_changes_them(monkeypatch):
    delivery, *_ = silent_source(monkeypatch, 120_000)  # 10 s after the spike no increment is above half a last bit
    edges, rows = np.arange(4), np.zeros(4, np.int64)
    settled = delivery.weights_at(120_000, edges, rows)
    delivery.settled[:4] = -1.0
    before = delivery.settled_until[0]
    delivery._settle(120_000, 120_000)
    assert before < delivery.settled_until[0]
    assert (delivery.settled[:4] == -1.0).all()
    assert (settled > 10.0).all()


@pytest.mark.parametrize("mu", [0.0, 0.1, 0.4, 0.999, 1.0, 1.5])
def test_what_is_called_without_effect_changes_no_weight(mu):
    weights = [0.0, 5e-324, 1e-310, *(2.0**k * f for k in range(-1021, 1023, 7) for f in (1.0, 1.0 + 2.0**-52, 1.999))]
    gain = np.nextafter(-1024.0 * abs(1.0 - mu) - 56.0, -np.inf)
    assert stdp_kernels.without_effect(mu, gain)
    for w in weights:
        assert stdp_kernels.potentiated(w, mu, gain) == w
    assert any(stdp_kernels.potentiated(w, mu, gain + 60.0) != w for w in weights)


def test_a_history_keeps_the_newest_spikes_in_order_as_it_grows():
    history = History(2, 0.01, 5)
    history.keep_from = 0
    kept = []
    for step in range(1, 200):
        kept.append(step)
        if history.append(np.array([1], np.int32), np.array([step]), 0, step - 1) == 0:
            history.lengthen()
            assert history.append(np.array([1], np.int32), np.array([step]), 0, step - 1) == 1
        newest = [int(history.steps[row_of_newest(k, 1, history.older, history.capacity), 1]) for k in range(len(kept))]
        assert newest == kept[::-1]
        if step % 50 == 0:  # from here on all but the newest may go, and those of the last steps
            history.keep_from = step
            del kept[:-1]
    assert history.capacity == 64
