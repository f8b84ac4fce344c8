"""A network in distsim, on any number of ranks; rank 0 prints one line of JSON.

The counterpart of nest_two_population.py and its like, with the same options. All spikes are recorded, which NEST
is spared. `build` and `simulate` are those of the slowest rank, without compilation; `build_wall` and `simulate_wall`
are measured from outside, around the two calls, and leave out nothing but the compilation, which comes first.
"""

import argparse
import importlib
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import measure

MODELS = {name: f"distsim.models.{name}" for name in measure.MODELS}
COMPARED = {"two_population": "E", "brunel": None, "microcircuit": "L23E"}
"""The population within which weights are compared; None where all are equal."""


def import_everything() -> None:
    """Import what a simulation uses, so that the memory taken before the network is that of the libraries."""
    for name in (
        "mpi4py.MPI",
        "numpy",
        "numba",
        "distsim.spiking.simulation",
        *(f"{m}.network" for m in MODELS.values()),
    ):
        importlib.import_module(name)


def versions() -> dict[str, str]:
    """Versions of what takes part in the computation."""
    from mpi4py import MPI

    found = {"python": platform.python_version(), "MPI": MPI.Get_library_version().split(",")[0].splitlines()[0]}
    for name in ("distsim", "numpy", "numba", "mpi4py"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # distsim may be run from its source tree without being installed
            found[name] = "not installed"
    return found


def wanted(options: argparse.Namespace) -> dict[str, Any]:
    """The parameters of the model that give the work asked for."""
    if options.model == "microcircuit":
        return {"N_scaling": options.scale, "K_scaling": options.scale}
    if options.model == "brunel":
        return {"order": options.size // 5, "epsilon": options.indegree / options.size}
    return {"neuron_model": options.neuron_model, "N": options.size, "K": options.indegree}


def input_of(options: argparse.Namespace, model: Any) -> dict[str, float]:
    """Excitatory weight (pA or mV) and rate (1/s) of the external input: per neuron; in the microcircuit, of all."""
    if options.model == "microcircuit":
        inputs = sum(n * k for n, k in zip(model.N, model.indegree_ext, strict=True))
        return {"I_E": model.weight_ext, "nu_X": inputs * model.rate_ext}
    return {"I_E": model.J_E if options.model == "brunel" else model.I_E, "nu_X": model.nu_X}


def compared_weights(simulation: Any, population: str | None) -> Any:
    """Weights among the first neurons of a population."""
    if population is None:
        return ()
    first = range(min(measure.SUBSET, simulation.network.find(population).size))
    return simulation.weights(population, population, sources=first, targets=first, at="last_spike").weight


def run(options: argparse.Namespace, comm: Any) -> dict[str, Any]:
    """Build and simulate; returns the record, the same on every rank. Times in s; memory in bytes, of all ranks."""
    from distsim import Simulation

    network, parameters = (importlib.import_module(f"{MODELS[options.model]}.{m}") for m in ("network", "parameters"))
    model = parameters.load(wanted(options))
    bare = measure.resident()
    measure.reset_peak()
    comm.Barrier()
    started = time.perf_counter()
    with Simulation(
        network.build_network(model), comm=comm, seed=options.seed, precision=options.precision
    ) as simulation:
        built, cpu = time.perf_counter(), time.process_time()
        simulation.run(options.time)
        finished, cpu = time.perf_counter(), time.process_time() - cpu
        peak = measure.peak()
        compiled = simulation.compile_time
        own = (bare, peak, cpu, compiled, built - started - compiled, finished - built)
        bares, peaks, cpus, compile_times, build_walls, simulate_walls = zip(*comm.allgather(own), strict=True)
        slowest, spikes = simulation.slowest(), simulation.spike_count()
        weights = compared_weights(simulation, COMPARED[options.model])
        return {
            "simulator": "distsim",
            "versions": versions(),
            "build": slowest["build_time"],
            "simulate": slowest["sim_time"],
            "compile": max(compile_times),
            "phases": simulation.phase_times(),
            "build_wall": max(build_walls),
            "simulate_wall": max(simulate_walls),
            "simulate_cpu": sum(cpus),
            "bare_bytes": sum(bares),
            "peak_bytes": sum(peaks),
            "synapses": simulation.synapse_count(),
            "spikes": spikes,
            "spike_hash": simulation.spike_hash(),
            "rate": 1000.0 * spikes / (simulation.network.size * options.time),
            **input_of(options, model),
            **measure.weight_statistics(weights),
        }


def main() -> int:
    """Pin, run, print."""
    options = measure.arguments(__doc__)
    measure.pin(options.cores)
    import_everything()
    from distsim.parallel import run_main, world

    def benchmark(comm: Any) -> None:
        measure.pin([options.cores[comm.rank]])  # one rank to a core, whatever the launcher has bound it to
        record = run(options, comm)
        if comm.rank == 0:
            measure.emit(record)

    return int(run_main(benchmark, world()))


if __name__ == "__main__":
    sys.exit(main())
