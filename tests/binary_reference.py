"""The plain sequential algorithm of asynchronous binary neurons, and networks to compare it on."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np

from distsim import BinaryNetwork, Clipped, FixedIndegree, Normal, PairwiseBernoulli, Uniform
from distsim.binary.update_kernels import interval
from distsim.connect.attribute import Attribute
from distsim.connect.rule import Targets
from distsim.core.rng import draw_uniform, streams_of
from distsim.core.values import values_of_neurons

UNIFORM = {
    "share": Uniform(0.0, 1.0),
    "low": Uniform(0.5, 2.0),
    "normal": Clipped(Normal(0.5, 1.0), low=-1.0, high=2.0),
}


def sequential(network: BinaryNetwork, seed: int, stop: float) -> tuple[list[tuple[float, int, int]], np.ndarray, int]:
    """All flips (time, gid, new state) up to ``stop``, the final states, and the number of updates."""
    gids = np.arange(network.size)
    parts = [gids[p.first_gid : p.first_gid + p.size] for p in network.populations]

    def of_neurons(name: str) -> np.ndarray:
        given = [(np.nan if getattr(p, name) is None else getattr(p, name), p, g) for p, g in populations]
        sampled = [values_of_neurons(value, seed, name, g, p.first_gid) for value, p, g in given]
        return np.concatenate([np.broadcast_to(v, len(g)) for v, (_, g) in zip(sampled, populations, strict=True)])

    populations = list(zip(network.populations, parts, strict=True))
    theta, tau, m_ext = (of_neurons(name) for name in ("theta", "tau", "m_ext"))
    m_0 = np.where(np.isnan(m_0 := of_neurons("m_0")), m_ext, m_0)
    decisions = streams_of(seed, "external", 0, gids)
    streams = streams_of(seed, "m_0", 1, gids)
    state = np.array([draw_uniform(streams, i, 0) < m for i, m in enumerate(m_0)], bool)
    state = state.astype(np.int64)
    outgoing = outgoing_edges(network, seed)
    h = np.zeros(network.size)
    for gid in np.flatnonzero(state):
        np.add.at(h, *outgoing[gid])
    updates = []
    streams = streams_of(seed, "update", 0, gids)
    for gid in gids.tolist():
        t, k = interval(streams, gid, 0, tau[gid]), 1
        while t <= stop:
            updates.append((t, gid, k - 1))
            t, k = t + interval(streams, gid, k, tau[gid]), k + 1
    flips = []
    for t, gid, number in sorted(updates):
        external = not np.isnan(m_ext[gid])
        new = int(draw_uniform(decisions, gid, number) < m_ext[gid] if external else h[gid] - theta[gid] > 1e-9)
        if new != state[gid]:
            targets, J = outgoing[gid]
            np.add.at(h, targets, (new - state[gid]) * J)
            state[gid] = new
            flips.append((t, gid, new))
    return flips, state, len(updates)


def outgoing_edges(network: BinaryNetwork, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Targets and couplings of every neuron."""
    source, target, J = [], [], []
    for projection in network.projections:
        gids = np.arange(projection.target.first_gid, projection.target.first_gid + projection.target.size)
        streams = streams_of(seed, "edges", projection.index, gids)
        targets = Targets(projection, seed, gids, streams, True, isinstance(projection.J, np.ndarray))
        strength = Attribute.of(targets, "J", projection.J)
        for piece in projection.rule.edges(targets):
            source.append(piece.source + projection.source.first_gid)
            target.append(gids[piece.target])
            J.append(strength.of_edges(piece))
    columns = [np.concatenate([np.zeros(0, t), *part]) for t, part in ((int, source), (int, target), (float, J))]
    order = np.argsort(columns[0], kind="stable")
    bounds = np.searchsorted(columns[0][order], np.arange(network.size + 1))
    rows = [order[a:b] for a, b in pairwise(bounds)]
    return [(columns[1][row], columns[2][row]) for row in rows]


def build(case: dict[str, Any]) -> BinaryNetwork:
    """A network from JSON-ready data: sizes N, in-degrees K and couplings J (targets, sources), theta, tau, m_0.

    m_ext has an entry for each population, None for those that are not external.
    """
    network = BinaryNetwork()
    n = len(case["N"])
    for k, size in enumerate(case["N"]):
        theta, tau, m_0 = (entry(case.get(name, default), k) for name, default in DEFAULTS.items())
        m_ext = entry(case.get("m_ext"), k)
        if m_ext is None:
            network.population(f"P{k}", size, theta, tau, m_0)
        else:
            network.external_population(f"P{k}", size, m_ext, tau, m_0)
        network.record_flips(f"P{k}")
    for target in range(n):
        for source in range(n):
            K, J = case["K"][target][source], entry(case["J"][target], source)
            if isinstance(K, float):
                network.connect(f"P{source}", f"P{target}", PairwiseBernoulli(K), J)
            elif K:
                different = case["N"][source] > K
                rule = FixedIndegree(K, autapses=not different, multapses=not different)
                network.connect(f"P{source}", f"P{target}", rule, J)
    return network


DEFAULTS = {"theta": 0.0, "tau": 1.0, "m_0": 0.0}


def entry(value: Any, k: int) -> Any:
    """Entry k of a list, or the value; names stand for distributions."""
    chosen = value[k] if isinstance(value, list) else value
    return UNIFORM[chosen] if isinstance(chosen, str) else chosen


def digest(flips: list[tuple[float, int, int]], state: np.ndarray) -> str:
    """SHA-256 of flips and final states."""
    total = hashlib.sha256(np.array([t for t, _, _ in flips]).tobytes())
    total.update(np.array([(gid, new) for _, gid, new in flips], np.int64).tobytes())
    total.update(np.asarray(state, np.int64).tobytes())
    return total.hexdigest()


def published(scale: float = 1.0, **changes: Any) -> dict[str, Any]:
    """The network of the published example, its sizes multiplied by ``scale`` at fixed in-degrees."""
    size = int(1000 * scale)
    base = {"N": [size, size], "K": [[150, 200], [350, 200]], "J": [[0.1, -0.2], [0.1, -0.2]], "theta": [-5.5, 8.5]}
    return {**base, "T": 3.0, **changes}


CASES: dict[str, dict[str, Any]] = {
    "seven": {"N": [4, 3], "K": [[2, 3], [3, 1]], "J": [[0.5, -0.4], [0.7, -0.3]], "theta": -0.1, "T": 30.0},
    "weak": {"N": [12, 8], "K": [[5, 4], [5, 4]], "J": [[0.001, -0.001]] * 2, "theta": 0.001, "T": 30.0, "m_0": 0.5},
    "strong": {"N": [60, 40], "K": [[20, 20], [30, 10]], "J": [[10.0, -15.0]] * 2, "theta": [-30.0, 10.0], "T": 20.0},
    "inhibitory": {"N": [500], "K": [[100]], "J": [[-1.0]], "theta": -20.0, "T": 5.0, "m_0": 1.0},
    "ferromagnetic": {"N": [300], "K": [[50]], "J": [[1.0]], "theta": 24.0, "T": 10.0, "m_0": 0.49},
    "all to all": {"N": [50], "K": [[50]], "J": [[-0.3]], "theta": -5.0, "T": 20.0},
    "drawn": {
        "N": [150, 0, 90], "K": [[0.2, 0.1, 30], [0, 0, 0], [40, 0, 0.3]],
        "J": [["normal", 1.0, -1.3], [1, 1, 1], [0.4, 1.0, -0.7]],
        "theta": ["normal", 0.0, "low"], "tau": ["low", 1.0, 0.7], "m_0": [0.3, 0.0, 0.6], "T": 8.0,
    },
    "external": {
        "N": [40, 30, 50, 20], "K": [[10, 8, 5, 6], [0, 0, 0, 0], [12, 6, 5, 0.4], [0, 0, 0, 0]],
        "J": [[0.1, 0.4, -0.2, 0.3], [0] * 4, [0.1, -0.3, -0.2, 0.5], [0] * 4], "theta": [0.7, 0.0, 0.2, 0.0],
        "tau": [1.0, 0.5, 1.0, "low"], "m_0": [0.0, None, 0.0, 0.0], "m_ext": [None, 0.3, None, "share"], "T": 20.0,
    },
    "published": published(),
    "20,000": published(10.0, K=[[50, 60], [110, 60]], theta=[-1.3, 2.9], T=0.5, m_0=[0.65, 0.37]),
}  # fmt: skip
