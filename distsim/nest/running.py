"""``Simulate``, ``Prepare``, ``Run``, ``Cleanup``, and the attributes of the kernel."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from distsim.core.errors import nearest
from distsim.nest.kernel import KERNEL
from distsim.nest.kernel_attributes import BUILD_INFO, GENERATORS, IGNORED, RULES, SETTABLE, VerbosityLevel
from distsim.nest.nest_errors import NESTErrors, told_by_nest, unknown
from distsim.nest.node_status import RECORDERS
from distsim.nest.spike_lists import within_window

LONGEST = 1152921504606846.8  # ms that NEST can tell


@told_by_nest
def prepare() -> None:
    """Build the network, unless it is there, and begin the files of recorders."""
    if KERNEL.prepared:
        raise NESTErrors.KernelException("Prepare called twice without Cleanup.")
    KERNEL.prepare()
    KERNEL.prepared = True
    RECORDERS.open_files()


@told_by_nest
def run(time: float) -> None:
    """Simulate ``time`` (ms) more."""
    if not isinstance(time, (int, float, np.number)):
        raise TypeError(f"must be real number, not {type(time).__name__}")
    if time < 0.0:
        raise NESTErrors.BadParameter("The simulation time cannot be negative.")
    if not math.isfinite(time) or not KERNEL.clock.on_grid(float(time)):
        raise NESTErrors.BadParameter("The simulation time must be a multiple of the simulation resolution.")
    if not KERNEL.prepared:
        raise NESTErrors.KernelException("Run called without calling Prepare.")
    before = KERNEL.clock.step
    RECORDERS.forget_old()
    KERNEL.run(KERNEL.clock.steps(float(time)))
    _send_spike_lists(before)
    RECORDERS.write_files()


def _send_spike_lists(before: int) -> None:
    """Put into the log what spike generators have sent to recorders since the step ``before``."""
    generators = [block for block in KERNEL.blocks if block.spec.name == "spike_generator"]
    if not generators:
        return
    calls = [call.source for call in KERNEL.calls if call.way == "record"]
    recorded = np.unique(np.concatenate([np.zeros(0, np.int64), *calls]))
    for block in generators:
        number = block.first
        if np.isin(number, recorded):
            steps, offsets = within_window(block.values, KERNEL.clock.resolution)
            new = (steps > before) & (steps <= KERNEL.clock.step)
            KERNEL.log.add_spikes(number, np.full(new.sum(), number), steps[new], offsets[new])


def cleanup() -> None:
    """End what ``prepare`` began."""
    if not KERNEL.prepared:
        raise NESTErrors.KernelException("Cleanup called without calling Prepare.")
    KERNEL.prepared = False


def simulate(time: float) -> None:
    """Simulate ``time`` (ms) more."""
    prepare()
    try:
        run(time)
    finally:
        cleanup()


@contextmanager
def run_manager() -> Iterator[None]:
    """``Prepare`` before, ``Cleanup`` after what is done within."""
    prepare()
    try:
        yield
    finally:
        cleanup()


# ---------------------------------------------------------------- attributes of the kernel


def known_attributes() -> list[str]:
    """The names of all attributes."""
    return sorted({*SETTABLE, *IGNORED, *_READ_ONLY})


def read_only() -> set[str]:
    """The names of those that cannot be set."""
    return set(_READ_ONLY) - {"biological_time"}


def attribute(name: str) -> Any:
    """The value of an attribute of the kernel; KeyError where there is none."""
    if name in _READ_ONLY:
        return _READ_ONLY[name]()
    if name in ("resolution", "tics_per_ms"):
        return getattr(KERNEL.clock, name)
    if name in ("min_delay", "max_delay"):
        return KERNEL.clock.ms(getattr(KERNEL, name))
    if name not in KERNEL.status:
        raise KeyError(unknown("attribute of the kernel", name, known_attributes()))
    return KERNEL.status[name]


def set_attributes(given: dict[str, Any]) -> None:
    """Set attributes of the kernel."""
    for name in given:
        if name not in SETTABLE and name not in IGNORED and name != "biological_time":
            if name in _READ_ONLY:
                raise ValueError(f"`{name}` is a readonly kernel parameter")
            known = ", ".join(f"'{each}'" for each in known_attributes())
            hint = nearest(name, known_attributes())
            raise ValueError(f"`{name}` is not a valid kernel parameter{hint}; valid parameters are: {known}")
    _set_time({name: given[name] for name in given if name in ("resolution", "tics_per_ms", "biological_time")})
    if ("min_delay" in given) != ("max_delay" in given):
        raise NESTErrors.BadProperty("Both min_delay and max_delay have to be specified")
    for name in ("min_delay", "max_delay"):
        if name in given:
            KERNEL.status[name] = KERNEL.clock.delay(float(given[name]))
    for name, value in given.items():
        if name in ("resolution", "tics_per_ms", "biological_time", "min_delay", "max_delay"):
            continue
        if name == "rng_seed":
            if not (isinstance(value, (int, np.integer)) and 0 < value < 2**32):
                raise NESTErrors.BadProperty(f"rng_seed must be a whole number from 1 to 2^32 - 1, got {value!r:.80}")
            KERNEL.set_seed(int(value))
        if name == "rng_type" and value not in GENERATORS:
            raise NESTErrors.BadProperty(unknown("RNG type", value, GENERATORS))
        if name in ("print_time", "overwrite_files") and not isinstance(value, (bool, np.bool_)):
            raise NESTErrors.TypeMismatch(f"{name} must be True or False, got {value!r:.80}")
        if name == "data_path" and value and not Path(value).is_dir():
            warnings.warn(f"data_path is not set, for there is no directory '{value}'", UserWarning, stacklevel=3)
            continue
        if name in ("local_num_threads", "total_num_virtual_procs") and KERNEL.blocks and value != KERNEL.status[name]:
            raise NESTErrors.KernelException("Nodes exist: Thread/process number cannot be changed.")
        if name == "local_num_threads":
            KERNEL.status["total_num_virtual_procs"] = int(value) * KERNEL.comm.size
        KERNEL.status[name] = VerbosityLevel(value) if name == "verbosity" else type(SETTABLE.get(name, value))(value)


def _set_time(given: dict[str, Any]) -> None:
    """Set the grid of time, or the time, while there are no nodes."""
    if given.pop("biological_time", KERNEL.clock.now) not in (KERNEL.clock.now, 0.0):
        raise NESTErrors.BadProperty("biological_time can only be set to 0")
    wanted = {"resolution": KERNEL.clock.resolution, "tics_per_ms": KERNEL.clock.tics_per_ms} | given
    clock = replace(KERNEL.clock, resolution=float(wanted["resolution"]), tics_per_ms=float(wanted["tics_per_ms"]))
    if clock == KERNEL.clock:
        return
    if KERNEL.blocks:
        raise NESTErrors.KernelException("Nodes have already been created: time representation cannot be changed.")
    if not clock.resolution * clock.tics_per_ms >= 1.0:
        raise NESTErrors.KernelException("Resolution must be greater than or equal to one tic. Value unchanged.")
    if abs(clock.tics_per_step - clock.resolution * clock.tics_per_ms) > 1e-6:
        raise NESTErrors.BadProperty("resolution must be a multiple of the tic length.")
    KERNEL.clock = clock
    for model in KERNEL.synapses.values():
        if "delay" in model.defaults:
            model.defaults["delay"] = max(model.defaults["delay"], clock.resolution)


def _connections() -> int:
    return sum(map(KERNEL.count, KERNEL.calls))


_READ_ONLY = {
    "biological_time": lambda: KERNEL.clock.now,
    "T_max": lambda: LONGEST,
    "T_min": lambda: -LONGEST,
    "build_info": lambda: dict(BUILD_INFO),
    "connection_rules": lambda: sorted(RULES),
    "local_spike_counter": lambda: _spikes(),
    "max_update_time": lambda: -math.inf,
    "memory_size": lambda: _memory(),
    "min_update_time": lambda: math.inf,
    "modules": list,
    "mpi_rank": lambda: KERNEL.comm.rank,
    "ms_per_tic": lambda: 1.0 / KERNEL.clock.tics_per_ms,
    "network_size": lambda: KERNEL.size,
    "node_models": lambda: sorted(KERNEL.models),
    "num_connections": _connections,
    "num_processes": lambda: KERNEL.comm.size,
    "prepared": lambda: KERNEL.prepared,
    "recording_backends": lambda: ["ascii", "memory", "screen"],
    "rng_types": lambda: list(GENERATORS),
    "stimulation_backends": list,
    "growth_curves": lambda: ["gaussian", "linear", "sigmoid"],
    "kernel_status": lambda: {name: attribute(name) for name in known_attributes() if name != "kernel_status"},
    "synapse_models": lambda: sorted(KERNEL.synapses),
    "tics_per_step": lambda: KERNEL.clock.tics_per_step,
    "to_do": lambda: 0,
} | {
    f"{name}{kind}": lambda name=name: KERNEL.seconds[name]
    for name in ("time_construction_create", "time_construction_connect", "time_simulate", "time_communicate_prepare")
    for kind in ("", "_cpu")
}


def _spikes() -> int:
    """Spikes of all neurons so far, of all ranks."""
    engine = KERNEL.engine
    return 0 if engine is None or engine.simulation is None else engine.simulation.spike_count()


def _memory() -> int:
    """Resident memory of this process (kB)."""
    from distsim.parallel.machine import resident_bytes

    return resident_bytes() // 1024
