"""Trials of the liquid side by side: ``Trials``, and a ``Simulation`` of as many disjoint copies in one network.

    taskset -c 1 python benchmarks/trials_side_by_side.py --copies 16 64 256

Both simulate the same trials, spike for spike, in turns. So that copies need not exchange spikes at every step, their
stimuli come with the delay of all other synapses, and as much earlier (a trial without stimuli in its first 1 ms). The
times are those of one trial; ratios are medians over the repetitions, the second with the time to build the copies.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from distsim_liquid import explicit
from mpi4py import MPI

from distsim import EdgeList, Network, Simulation, SpikeTrains, Static, Trials, TsodyksMarkram
from distsim.models.liquid_state import MODEL, stimuli
from distsim.models.liquid_state.parameters import PROJECTIONS

LEAD = 0.7  # ms


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--copies", type=int, nargs="+", default=[16, 64])
    options.add_argument("--time", type=float, default=500.0, help="of a trial (ms)")
    options.add_argument("--repetitions", type=int, default=5)
    return options


def copies(p, arrays, trains) -> Network:
    """The network of ``arrays``, see ``distsim_liquid.explicit``, once for each of the stimuli ``trains``."""
    n = len(trains)
    network = Network(dt=p.dt)
    network.population("stimulus", n, SpikeTrains([train - LEAD for train in trains]))
    one = MODEL.build_network(p)
    begin = 0
    for name in "EI":
        size = one.find(name).size
        V = arrays["V"][:, begin : begin + size].ravel()
        neurons = np.arange(n * size)
        network.population(name, n * size, one.find(name).model, V_m=V)
        stimulus = Static(getattr(p, f"J_{name}"), p.dt + LEAD, receptor="stimulus")
        network.connect("stimulus", name, EdgeList(neurons // size, neurons), stimulus)
        network.record_spikes(name)
        begin += size
    for pair in PROJECTIONS:
        edges = arrays[f"edges_{pair}"]
        ends = [
            np.add.outer(np.arange(n) * one.find(name).size, column).ravel().astype(int)
            for name, column in zip(pair, (edges[:, 0], edges[:, 1]), strict=True)
        ]
        weight, U, D, F = (np.tile(column, n) for column in edges.T[2:])
        delay, tau_I, receptor = p.of("delay", pair), p.of("tau_I", pair), int(pair[0] == "I")
        network.connect(*pair, EdgeList(*ends), TsodyksMarkram(weight, delay, U, D, F, tau_I, receptor=receptor))
    return network


def measure(n: int, duration: float, repetitions: int) -> dict[str, object]:
    p = MODEL.load({"T": duration})
    trains = [stimuli.on_grid(train, p) for train in stimuli.poisson_trains(p, n)]
    trains = [train[train > 1.0] for train in trains]
    trials = Trials(MODEL.build_network(p), MPI.COMM_SELF, p.seed)
    arrays = explicit(p, trials, trains)
    rows = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        spikes = trials.run(duration, range(n), {"stimulus": [SpikeTrains([train]) for train in trains]})
        own = time.perf_counter() - begin
        with Simulation(copies(p, arrays, trains), MPI.COMM_SELF, p.seed) as simulation:
            simulation.run(duration)
            begin = time.perf_counter()
            found = sum(len(simulation.spikes(name).step) for name in "EI")
            read = time.perf_counter() - begin
            rows.append((own, simulation.sim_time + read, simulation.build_time))
        if found != len(spikes.step):
            raise SystemExit(f"{n} copies: {found} spikes, but {len(spikes.step)} in trials")
    own, run, build = np.array(rows).T / n * 1e3
    return {
        "copies": n,
        "trials (ms)": round(float(np.median(own)), 2),
        "one network (ms)": round(float(np.median(run)), 2),
        "ratio": round(float(np.median(run / own)), 2),
        "with building": round(float(np.median((run + build) / own)), 2),
    }


def main() -> None:
    options = parser().parse_args()
    for n in options.copies:
        print(json.dumps(measure(n, options.time, options.repetitions)), flush=True)


if __name__ == "__main__":
    main()
