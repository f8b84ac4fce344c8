"""Networks given edge by edge, with what NEST 3.10.0 made of them; see tests/data/README.md.

Run as a program (under mpirun or not) it simulates the fixture named on the command line and prints how far the
result is from NEST's as one JSON line.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import (
    EdgeList,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    Network,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
)

FOLDER = Path(os.environ.get("DISTSIM_FIXTURES", Path(__file__).parent / "data" / "nest"))

NEURONS: dict[str, Any] = {
    "iaf_psc_alpha": IafPscAlpha, "iaf_psc_delta": IafPscDelta, "iaf_psc_exp": IafPscExp,
}  # fmt: skip


def load(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The description and the arrays of a fixture."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return json.loads((FOLDER / f"{name}.json").read_text()), dict(arrays)


def build_network(name: str) -> Network:
    """The network of a fixture, recording everything the fixture holds."""
    about, data = load(name)
    if "rate" in data:
        network = Network(dt=about["dt_ms"])
        network.population("E", about["n"], IgnoreAndFire(rate=data["rate"], phase=data["phase"]))
        network.record_spikes("E")
        return network
    return _integrate_and_fire(about, data)


def _integrate_and_fire(about: dict[str, Any], data: dict[str, np.ndarray]) -> Network:
    dt, n_e, n_i = about["dt_ms"], about["n_e"], about["n_i"]
    network = Network(dt=dt)
    parameters = {key: value for key, value in about["params"].items() if key not in ("V_m", "tau_minus")}
    model = NEURONS[about["model"]](**parameters)
    sizes = {"E": slice(0, n_e), "I": slice(n_e, n_e + n_i)}
    for population, part in sizes.items():
        network.population(population, part.stop - part.start, model, V_m=data["V_m_initial"][part])
        network.record_spikes(population)
    trains = [data["drive_step"][data["drive_train"] == train] * dt for train in range(about["n_drive"])]
    network.population("X", about["n_drive"], SpikeTrains(trains))
    for key, source, targets in (("XA", "X", "EI"), ("EE", "E", "E"), ("EI", "E", "I"), ("IA", "I", "EI")):
        for target in targets:
            offset = sizes[target].start if len(targets) == 2 else 0
            index = data[f"{key}_target"] - offset
            mine = (index >= 0) & (index < sizes[target].stop - sizes[target].start)
            values = {"weight": data[f"{key}_weight"][mine], "delay": data[f"{key}_delay_steps"][mine] * dt}
            synapse = _plastic(about, values) if key == "EE" and about["stdp"] else Static(**values)
            network.connect(source, target, EdgeList(data[f"{key}_source"][mine], index[mine]), synapse)
    for population, part in sizes.items():
        chosen = [int(n) - part.start for n in data["V_m_neuron"] if part.start <= n < part.stop]
        if chosen:
            network.record_states(population, "V_m", neurons=chosen)
    return network


def _plastic(about: dict[str, Any], values: dict[str, np.ndarray]) -> StdpPowerLaw:
    stdp = about["stdp"]
    return StdpPowerLaw(
        **values, alpha=stdp["alpha"], lambda_=stdp["lambda"], mu=stdp["mu"], tau_plus=stdp["tau_plus"],
        tau_minus=about["params"]["tau_minus"],
    )  # fmt: skip


def compare(name: str, comm: MPI.Comm, **options: Any) -> dict[str, Any]:
    """Simulate a fixture; its distance from NEST: spikes that differ, largest error of V_m (mV) and of weights."""
    about, data = load(name)
    with Simulation(build_network(name), comm=comm, seed=1, **options) as simulation:
        simulation.run(about["T_ms"])
        offsets = {"E": 0, "I": about.get("n_e", 0)}
        populations = [p for p in offsets if any(q.name == p for q in simulation.network.populations)]
        spikes = {p: simulation.spikes(p) for p in populations}
        ours = {
            (int(s), int(n) + offsets[p])
            for p in populations
            for s, n in zip(spikes[p].step, spikes[p].neuron, strict=True)
        }
        theirs = set(zip(data["spike_step"].tolist(), data["spike_neuron"].tolist(), strict=True))
        result: dict[str, Any] = {"spikes": len(ours), "expected": len(theirs), "different": len(ours ^ theirs)}
        if "V_m" in data:
            result["V_m"] = _voltage_error(simulation, data, offsets)
        if "EE_weight_final" in data:
            result["weight"] = _weight_error(simulation, data)
        return result


def _voltage_error(simulation: Simulation, data: dict[str, np.ndarray], offsets: dict[str, int]) -> float:
    error = 0.0
    for population, offset in offsets.items():
        if not simulation.recorders.of_states[population]:
            continue
        states = simulation.states(population, "V_m")
        for column, neuron in enumerate(states.neuron + offset):
            row = data["V_m"][np.flatnonzero(data["V_m_neuron"] == neuron)[0]]
            ours = states.value[np.searchsorted(states.step, data["V_m_step"]), column]
            error = max(error, float(np.abs(ours - row).max()))
    return error


def _weight_error(simulation: Simulation, data: dict[str, np.ndarray]) -> float:
    """Largest relative error of the final weights; absolute (pA) below 1 pA."""
    edges = simulation.weights("E", "E")
    order = np.lexsort((data["EE_target"], data["EE_source"]))
    expected = data["EE_weight_final"][order]
    assert (edges.source == data["EE_source"][order]).all()
    assert (edges.target == data["EE_target"][order]).all()
    known = np.isfinite(expected)
    return float((np.abs(edges.weight - expected)[known] / np.maximum(np.abs(expected[known]), 1.0)).max())
