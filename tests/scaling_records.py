"""Made-up records of scaling experiments, with all fields that folders, tables and figures use."""

from __future__ import annotations

from typing import Any

from distsim.scaling.experiment import Point
from distsim.scaling.settings import Experiment

PHASES = ("create", "connect", "index", "update", "wait", "communicate", "deliver", "record", "other")
MODELS = ("iaf_psc_alpha", "ignore_and_fire")


def make_point(model: str = "iaf_psc_alpha", size: int = 1250, ranks: int = 1, seed: int = 1, again: int = 1) -> Point:
    return Point((("neuron_model", model),), size, 1250, ranks, seed, again)


def make_record(point: Point | None = None, **values: Any) -> dict[str, Any]:
    """The record of ``point``, with ``values`` in place of its own."""
    point = point or make_point()
    fields: dict[str, Any] = {
        **point.as_dict(),
        "model": "two_population", "kind": "size", "T_ms": 1000.0, "presimulation_ms": 0.0, "dt_ms": 0.125,
        "precision": "double", "interval_ms": None, "exchange": "auto", "N": point.size,
        "network": f"{point.variant}-{point.size}-{point.seed}",
        "build_time": 0.1, "sim_time": 0.5, "compile_time": 0.0, "real_time_factor": 0.5, "wall_time": 1.0,
        "phase_times": {name: {"min": 0.05, "mean": 0.06, "max": 0.07} for name in PHASES},
        "memory_start": [1e8] * point.ranks, "memory_built": [2e8] * point.ranks, "memory_peak": [3e8] * point.ranks,
        "n_spikes": 1250, "n_synapses": 1000 * point.size, "n_events": 1250000, "rate": 1.0,
        "rates": {"E": 1.0, "I": 1.0},
        "weight_mean": 30.0, "weight_sd": 25.0, "spike_hash": "a" * 64, "weight_hash": "b" * 64,
        "bytes_per_synapse": 7.1, "events_per_second_and_core": 5e7, "synapses_built_per_second_and_core": 1e8,
        "energy": None, "energy_per_event": None, "cores_used": point.ranks, "oversubscribed": False,
        "load_average": 0.5, "involuntary_switches": [0] * point.ranks,
        "waited_for_cores": [0.0] * point.ranks, "disturbed": False,
        "load_balance": {"neurons": 1.0, "synapses": 1.0, "events": 1.0, "busy": 1.1},
        "pinning": ["0-1"] * point.ranks, "versions": {"python": "3.11.7"}, "environment": {"OMP_NUM_THREADS": "1"},
        "git_commit": None, "cpu_model": "a processor", "cores": 2, "hosts": {"here": point.ranks},
        "mpi_library": "an MPI", "platform": "Linux", "launch_line": "python -m distsim.scaling", "launcher": None,
        "date": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return fields | values


OWN = {"time": 1000.0, "presimulation": 0.0, "precision": "double", "exchange": "auto"}


def make_experiment(**values: Any) -> Experiment:
    """An experiment, with what the model has for itself."""
    return Experiment(**{**OWN, **values})


def size_records() -> list[dict[str, Any]]:
    """Two models at two sizes and two seeds, on 1 and on 2 ranks."""
    return [
        make_record(make_point(model, size, ranks, seed), sim_time=size / 1000 + seed / 10, rate=1 + seed / 10)
        for model in MODELS
        for size in (1250, 2500)
        for seed in (1, 2)
        for ranks in (1, 2)
    ]


def strong_records() -> list[dict[str, Any]]:
    """Two models on 1, 2 and 4 ranks, two seeds; 4 ranks are too many for the cores."""
    times = {1: 1.0, 2: 0.6, 4: 0.5}
    return [
        make_record(
            make_point(model, 1250, ranks, seed), kind="strong", sim_time=times[ranks] * seed, oversubscribed=ranks > 2
        )
        for model in MODELS
        for ranks in times
        for seed in (1, 2)
    ]


def weak_records() -> list[dict[str, Any]]:
    """N grows with 1, 2 and 4 ranks."""
    return [make_record(make_point(size=1250 * r, ranks=r), kind="weak", sim_time=1 + r / 10) for r in (1, 2, 4)]
