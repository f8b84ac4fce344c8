"""Records in the words of NEST and beNNch: timers by the names of NEST's, so that plots made for these apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KILOBYTE = 1024  # bytes, as NEST counts memory

TIMERS: dict[str, tuple[str, ...]] = {
    "time_construction_create": ("create",),
    "time_construction_connect": ("connect",),
    "time_communicate_prepare": ("index",),
    "time_update": ("update",),
    "time_mpi_synchronization": ("wait",),
    "time_collocate_spike_data": (),
    "time_communicate_spike_data": ("communicate",),
    "time_gather_spike_data": ("communicate",),
    "time_deliver_spike_data": ("deliver",),
}
"""Phases that make up each timer of NEST (s). Collocation, which distsim does not know, is part of communication."""
MEMORY = {"base_memory": "memory_start", "network_memory": "memory_built", "total_memory": "memory_peak"}


def nest_timers(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the harness in the columns that beNNch's plots read: NEST's timers (s), ranks, memory (kB).

    Timers are those of the slowest rank. A rank is a task of one thread; ``time_simulate`` is the measured time.
    """
    phases = record["phase_times"]
    nodes = len(record.get("hosts") or ()) or 1
    timers = {timer: sum(phases[name]["max"] for name in names if name in phases) for timer, names in TIMERS.items()}
    memory = {name: max(record[field]) // KILOBYTE for name, field in MEMORY.items() if record.get(field)}
    return {
        "num_nodes": nodes,
        "tasks_per_node": -(-record["ranks"] // nodes),
        "threads_per_task": 1,
        "num_processes": record["ranks"],
        "rng_seed": record["seed"],
        "N": record["N"],
        "num_connections": record["n_synapses"],
        "local_spike_counter": record["n_spikes"],
        "model_time_presim": record["presimulation_ms"],
        "model_time_sim": record["T_ms"],
        "wall_time_create": timers["time_construction_create"],
        "wall_time_connect": timers["time_construction_connect"],
        "wall_time_sim": record["sim_time"],
        "time_simulate": record["sim_time"],
        **timers,
        **memory,
    }
