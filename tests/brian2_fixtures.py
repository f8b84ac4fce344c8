"""A network given edge by edge, with what Brian2 2.9.0 made of it; see tests/data/README.md.

Run as a program (under mpirun or not) it simulates the fixture named on the command line and prints how far the
result is from Brian2's as one JSON line. Brian2 stamps a spike with the start of its step, distsim with the end.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import AllToAll, EdgeList, LifMultisynapse, Network, Simulation, SpikeTrains, Static, TsodyksMarkram

FOLDER = Path(os.environ.get("DISTSIM_FIXTURES", Path(__file__).parent / "data" / "brian2"))
PA_PER_NA = 1000.0
GOHM_PER_MOHM = 0.001
KINDS = {"e": "exc", "i": "inh"}


def load(name: str) -> dict[str, Any]:
    """The description of a fixture."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def build_network(about: dict[str, Any]) -> Network:
    """The network of a fixture, recording everything the fixture holds."""
    p, dt, n_exc = about["neuron"], about["dt"], about["N_exc"]
    network = Network(dt=dt)
    times = [np.round(np.array(about["stimulus_emitted_at"]) / dt) * dt]
    network.population("stimulus", 1, SpikeTrains(times))
    tau_syn = tuple(dict.fromkeys(q["tau_I"] for q in about["projections"].values()))
    for name, part in (("e", slice(0, n_exc)), ("i", slice(n_exc, about["N"]))):
        kind = KINDS[name]
        model = LifMultisynapse(
            tau_m=p["tau_mem"], t_ref=p[f"tau_refrac_{kind}"], R_m=p["R_in"] * GOHM_PER_MOHM, V_th=p["v_thresh"],
            V_reset=p["v_reset"], I_e=p["I_b"] * PA_PER_NA, tau_syn=tau_syn, tau_stimulus=p[f"tau_stimulus_{kind}"],
        )  # fmt: skip
        network.population(name, part.stop - part.start, model, V_m=about["v0"][part])
        weight = p[f"stimulus_weight_{kind}"] * PA_PER_NA
        network.connect("stimulus", name, AllToAll(), Static(weight=weight, delay=dt, receptor="stimulus"))
        network.record_spikes(name)
        for variable in ("V_m", "I_stimulus"):
            network.record_states(name, variable)
    for name, q in about["projections"].items():
        offsets = [n_exc if end == "i" else 0 for end in name]
        table = np.array(q["synapses"])
        edges = EdgeList(*(table[:, k].astype(int) - offsets[k] for k in (0, 1)))
        synapse = TsodyksMarkram(
            weight=table[:, 2] * PA_PER_NA, delay=q["delay"], U=table[:, 3], D=table[:, 4], F=table[:, 5],
            tau_I=q["tau_I"], receptor=tau_syn.index(q["tau_I"]),
        )  # fmt: skip
        network.connect(name[0], name[1], edges, synapse)
    return network


def compare(name: str, comm: MPI.Comm, **options: Any) -> dict[str, Any]:
    """Simulate a fixture; its distance from Brian2: spikes that differ, largest errors of V_m (mV), I (nA), x, y, u."""
    about = load(name)
    dt, n_exc = about["dt"], about["N_exc"]
    with Simulation(build_network(about), comm=comm, seed=1, **options) as simulation:
        simulation.run(about["T"])
        ours = set()
        for population, offset in (("e", 0), ("i", n_exc)):
            spikes = simulation.spikes(population)
            ours |= {(int(s) - 1, int(n) + offset) for s, n in zip(spikes.step, spikes.neuron, strict=True)}
        theirs = {(round(t / dt), int(n)) for n, times in about["spikes"].items() for t in times}
        result = {"spikes": len(ours), "expected": len(theirs), "different": len(ours ^ theirs)}
        return {**result, **_neuron_errors(simulation, about), **_synapse_errors(simulation, about)}


def _neuron_errors(simulation: Simulation, about: dict[str, Any]) -> dict[str, float]:
    traces = about["neuron_traces"]
    steps = np.round(np.array(traces["t_ms"]) / about["dt"]).astype(int)
    recorded = steps > 0
    errors = {}
    for variable, key, unit in (("V_m", "v_mV", 1.0), ("I_stimulus", "I_stimulus_nA", PA_PER_NA)):
        errors[variable] = 0.0
        for row, neuron in zip(traces[key], traces["neurons"], strict=True):
            inhibitory = neuron >= about["N_exc"]
            states = simulation.states("i" if inhibitory else "e", variable)
            column = neuron - about["N_exc"] * inhibitory
            ours = states.value[np.searchsorted(states.step, steps[recorded]), column] / unit
            errors[variable] = max(errors[variable], float(np.abs(ours - np.array(row)[recorded]).max()))
    return errors


def _synapse_errors(simulation: Simulation, about: dict[str, Any]) -> dict[str, float]:
    errors = dict.fromkeys("xyu", 0.0)
    for name, trace in about["synapse_traces"].items():
        pre, post = trace["pre_post"]
        source = pre - about["N_exc"] * (name[0] == "i")
        target = post - about["N_exc"] * (name[1] == "i")
        states = simulation.synapse_states(name[0], name[1], trace["t_ms"], [source], [target])
        for key in errors:
            errors[key] = max(errors[key], float(np.abs(getattr(states, key)[:, 0] - trace[key]).max()))
    return errors
