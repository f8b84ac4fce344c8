"""One point of an experiment: the network built and simulated, and the record of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.core.units import MS_PER_S, to_steps
from distsim.parallel.progress import Progress
from distsim.scaling.experiment import Point
from distsim.scaling.hosts import EnergyMeter, Hosts
from distsim.scaling.settings import Experiment

SUBSET = 200
"""Weights are reported among the first 200 sources and targets of the first plastic projection, as published."""
SLICES = 20
"""Parts of a run between which it is asked whether there is time for the rest, where that is limited."""
STATISTICS = ("mean", "sd", "min", "max", "median")

Check = Callable[[], None]
"""Called between the parts of a run; collective; raises to end the point."""


@dataclass(frozen=True)
class Task:
    """A point and all that it takes to run it; ``parameters`` are those of the model."""

    experiment: Experiment
    point: Point
    parameters: Any


def run_point(comm: Any, task: Task, progress: Progress, check: Check | None = None) -> dict[str, Any]:
    """Build and simulate the network of ``task`` on all ranks of ``comm``; collective.

    Returns the record, complete on rank 0: times in s, compilation excluded, weights in pA, rates in 1/s, memory in
    bytes, energy in J.
    """
    from distsim.models.registry import find
    from distsim.parallel.resident import resident_bytes
    from distsim.spiking.simulation import Simulation

    begin = time.perf_counter()
    hosts = Hosts.of(comm)
    experiment, point = task.experiment, task.point
    _reset_peak_memory()
    network = _recorded(find(experiment.model).build_network(task.parameters))
    memory_start = comm.allgather(resident_bytes())
    options: dict[str, Any] = {n: getattr(experiment, n) for n in ("precision", "interval", "exchange")}
    with progress(f"{point}: build", 0.0):
        simulation = Simulation(network, comm=comm, seed=point.seed, **options)
    with simulation:
        if experiment.presimulation:
            with progress(f"{point}: presimulate", experiment.presimulation) as tell:
                _simulate(simulation, experiment.presimulation, tell, check)
        simulation.forget_times()
        spikes_before = simulation.spike_count()
        meter = EnergyMeter() if comm.rank in hosts.first_ranks else None
        with progress(f"{point}: simulate", experiment.time) as tell:
            _simulate(simulation, experiment.time, tell, check)
        joules = comm.allgather(meter.joules() if meter else 0.0)
        record = {
            **_settings(task, network, comm.size),
            **_costs(simulation, experiment.time),
            **_activity(simulation, network, experiment, simulation.spike_count() - spikes_before),
            **_weights(simulation, network),
            "memory_start": memory_start,
            "energy": None if None in joules else sum(joules),
        }
    record |= _derived(record, simulation.loads(experiment.presimulation), hosts)
    return {**record, "wall_time": time.perf_counter() - begin}


def _recorded(network: Any) -> Any:
    """The network with the spikes of all its populations recorded: hash and events are those of all."""
    recorded = {recording.population for recording in network.spike_recordings}
    for population in network.populations:
        if population.name not in recorded:
            network.record_spikes(population)
    return network


def _simulate(simulation: Any, duration: float, tell: Callable[[float], None], check: Check | None) -> None:
    """Run for ``duration`` (ms), in parts where ``check`` is to be called between them."""
    steps = to_steps(duration, simulation.dt, "time")
    part = steps if check is None else -(-steps // SLICES)
    for done in range(0, steps, part):
        if check is not None:
            check()
        offset = done * simulation.dt
        simulation.run(min(part, steps - done) * simulation.dt, progress=lambda t, offset=offset: tell(offset + t))


def _settings(task: Task, network: Any, ranks: int) -> dict[str, Any]:
    experiment, point = task.experiment, task.point
    fields = {
        **experiment.fields(),
        **point.as_dict(),
        "dt_ms": network.dt,
        "N": sum(p.size for p in network.populations if p.model.receives),
        "parameters": {**task.parameters.as_dict(), "seed": point.seed},
    }
    return {**fields, "ranks": ranks, "network": network_name(network, fields)}


def network_name(network: Any, fields: dict[str, Any]) -> str:
    """A name for all that fixes the bits of the result: records with the same one must have the same hashes."""
    what = [fields[name] for name in ("model", "parameters", "presimulation_ms", "T_ms", "precision")]
    from distsim.core.rng import VERSION  # numba, with which records that are only read have nothing to do

    text = json.dumps([VERSION, *what, network.description()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _costs(simulation: Any, duration: float) -> dict[str, Any]:
    """Times of the slowest rank (s), times per phase over ranks (s), resident memory of every rank (bytes)."""
    slowest = simulation.slowest()
    memory = simulation.memory()
    return {
        **{name: slowest[name] for name in ("build_time", "sim_time", "compile_time")},
        "real_time_factor": slowest["sim_time"] / (duration / MS_PER_S),
        "phase_times": simulation.phase_times(),
        "memory_built": [rank["built"] for rank in memory],
        "memory_peak": [rank["peak"] for rank in memory],
    }


def _activity(simulation: Any, network: Any, experiment: Experiment, n_spikes: int) -> dict[str, Any]:
    """Spikes, rates (1/s) of all neurons and by population, and hashes; the pre-simulation counts for hashes alone."""
    seconds = experiment.time / MS_PER_S
    start = to_steps(experiment.presimulation, simulation.dt, "presimulation")
    neurons = [population for population in network.populations if population.model.receives]
    counts = {p.name: int((simulation.spikes(p).step > start).sum()) for p in neurons}
    return {
        "n_spikes": n_spikes,
        "n_synapses": simulation.synapse_count(),
        "rate": n_spikes / (sum(p.size for p in neurons) * seconds),
        "rates": {p.name: counts[p.name] / (p.size * seconds) for p in neurons},
        "spike_hash": simulation.spike_hash(),
        "weight_hash": simulation.weight_hash(),
    }


def _weights(simulation: Any, network: Any) -> dict[str, Any]:
    """Statistics (pA) of the weights among the first neurons of a plastic projection, and of all plastic weights."""
    subset: Any = ()
    plastic = next((p for p in network.projections if p.synapse.plastic), None)
    if plastic is not None:
        sources, targets = (range(min(SUBSET, population.size)) for population in (plastic.source, plastic.target))
        subset = simulation.weights(plastic.source, plastic.target, sources=sources, targets=targets).weight
    every = simulation.plastic_weight_statistics() or dict.fromkeys((*STATISTICS, "count"))
    return {
        **{f"weight_{name}": value for name, value in statistics(subset).items()},
        **{f"plastic_weight_{name}": every[name] for name in (*STATISTICS, "count")},
    }


def statistics(values: Any) -> dict[str, float | None]:
    """Mean, standard deviation (divisor n), smallest, largest and median value; None where there are no values."""
    import numpy as np

    if len(values) == 0:
        return dict.fromkeys(STATISTICS)
    values = np.asarray(values, dtype=np.float64)
    functions: dict[str, Any] = {"mean": np.mean, "sd": np.std, "min": np.min, "max": np.max, "median": np.median}
    return {name: float(function(values)) for name, function in functions.items()}


def _derived(record: dict[str, Any], loads: list[dict[str, float]], hosts: Hosts) -> dict[str, Any]:
    """What follows from the measurements: events, speeds per core, bytes per synapse, balance, energy per event."""
    events = int(sum(rank["events"] for rank in loads))
    synapses = record["n_synapses"]
    return {
        "n_events": events,
        "pinning": hosts.pinning,
        "cores_used": hosts.cores_used,
        "oversubscribed": hosts.oversubscribed,
        "events_per_second_and_core": _ratio(events, record["sim_time"] * hosts.cores_used),
        "synapses_built_per_second_and_core": _ratio(synapses, record["build_time"] * hosts.cores_used),
        "bytes_per_synapse": _ratio(sum(rank["bytes"] for rank in loads), synapses),
        "load_balance": {name: balance([rank[name] for rank in loads]) for name in loads[0] if name != "bytes"},
        "energy_per_event": None if record["energy"] is None else _ratio(record["energy"], events),
    }


def balance(values: list[float]) -> float | None:
    """Largest over mean value: 1 where all ranks have the same; None where all are 0."""
    return _ratio(max(values) * len(values), sum(values))


def _ratio(value: float, by: float) -> float | None:
    return value / by if by else None


def _reset_peak_memory() -> None:
    """Start the peak of the resident memory anew (Linux), so that a point does not show the peak of an earlier one."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
