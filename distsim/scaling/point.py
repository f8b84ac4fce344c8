"""One point of an experiment: the network built and simulated, and the record of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distsim.scaling.experiment import Experiment, Point
from distsim.units import MS_PER_S

SUBSET = 200
"""Weights are reported between the first 200 and the first 200 excitatory neurons, as published."""


def run_point(
    comm: Any, experiment: Experiment, point: Point, parameters: Any, progress: Callable[[float], None] | None
) -> dict[str, Any]:
    """Build and simulate the network of ``point`` on all ranks of ``comm``; collective.

    ``parameters`` are those of the model two_population for this point. Returns the record, the same on every rank
    except for what is not reduced; times are in s, compilation excluded, weights in pA, rates in 1/s, memory in bytes.
    """
    from distsim.models.two_population.network import build_network
    from distsim.simulation import Simulation

    _reset_peak_memory()
    settings: dict[str, Any] = {
        "precision": experiment.precision,
        "interval": experiment.interval,
        "exchange": experiment.exchange,
    }
    with Simulation(build_network(parameters), comm=comm, seed=point.seed, **settings) as simulation:
        simulation.run(experiment.time, progress=progress)
        return {
            **_settings(experiment, point, comm.size),
            **_costs(simulation, experiment.time),
            **_activity(simulation, point.size, experiment.time),
            **_weights(simulation, min(SUBSET, parameters.N_E)),
            "parameters": {**parameters.as_dict(), "seed": point.seed},
        }


def _settings(experiment: Experiment, point: Point, ranks: int) -> dict[str, Any]:
    return {
        "model": "two_population",
        "neuron_model": point.neuron_model,
        "N": point.size,
        "K": experiment.indegree,
        "T_ms": experiment.time,
        "dt_ms": experiment.dt,
        "seed": point.seed,
        "precision": experiment.precision,
        "interval_ms": experiment.interval,
        "exchange": experiment.exchange,
        "ranks": ranks,
    }


def _costs(simulation: Any, time: float) -> dict[str, Any]:
    """Times of the slowest rank (s), times per phase over ranks (s), resident memory of every rank (bytes)."""
    slowest = simulation.slowest()
    memory = simulation.memory()
    return {
        "build_time": slowest["build_time"],
        "sim_time": slowest["sim_time"],
        "compile_time": slowest["compile_time"],
        "real_time_factor": slowest["sim_time"] / (time / MS_PER_S),
        "phase_times": simulation.phase_times(),
        "memory_built": [rank["built"] for rank in memory],
        "memory_peak": [rank["peak"] for rank in memory],
    }


def _activity(simulation: Any, size: int, time: float) -> dict[str, Any]:
    spikes = simulation.spike_count()
    return {
        "rate": spikes / (size * time / MS_PER_S),
        "n_spikes": spikes,
        "n_synapses": simulation.synapse_count(),
        "spike_hash": simulation.spike_hash(),
        "weight_hash": simulation.weight_hash(),
    }


def _weights(simulation: Any, first: int) -> dict[str, Any]:
    """Statistics (pA) of the weights among the first ``first`` neurons of E, and of all plastic weights."""
    subset = simulation.weights("E", "E", sources=range(first), targets=range(first)).weight
    plastic = simulation.plastic_weight_statistics() or dict.fromkeys((*_STATISTICS, "count"))
    return {
        **{f"weight_{name}": value for name, value in statistics(subset).items()},
        **{f"plastic_weight_{name}": plastic[name] for name in (*_STATISTICS, "count")},
    }


_STATISTICS = ("mean", "sd", "min", "max", "median")


def statistics(values: Any) -> dict[str, float | None]:
    """Mean, standard deviation (divisor n), smallest, largest and median value; None where there are no values."""
    import numpy as np

    if len(values) == 0:
        return dict.fromkeys(_STATISTICS)
    values = np.asarray(values, dtype=np.float64)
    functions: dict[str, Any] = {"mean": np.mean, "sd": np.std, "min": np.min, "max": np.max, "median": np.median}
    return {name: float(function(values)) for name, function in functions.items()}


def _reset_peak_memory() -> None:
    """Start the peak of the resident memory anew (Linux), so that a point does not show the peak of an earlier one."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
