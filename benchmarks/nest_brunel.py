"""Brunel's network of delta neurons in NEST, in NEST's fastest fair setting; prints one line of JSON.

The model is that of the NEST example brunel_delta_nest (after Brunel 2000), written out here once more, with no help
from distsim, so that the two sides of the comparison share no more than the reading of options and memory.

What makes it fast, and stays fair:

- static_synapse_hom_w, which stores the weight once per model: the fastest of NEST's static synapses here (measured:
  static_synapse takes 3 % longer, the hpc variants, which find targets by index, 22 and 32 %); static_synapse_hom_w_hpc
  needs 0.56 of its memory;
- one Connect for the excitatory and one for the inhibitory neurons, as published;
- no recording device (published: the spikes of 50 neurons of each kind); the rate comes from the kernel's own spike
  counter, which does not count the Poisson generator;
- spike compression on (NEST's default).

Phases, timed apart: create, connect, prepare (NEST builds its presynaptic tables there), simulate.
"""

import argparse
import importlib
import time
from typing import Any

import measure

# Published parameters.
TAU_M = 20.0  # ms
C_M = 1.0  # pF
T_REF = 2.0  # ms
THETA = 20.0  # mV
J = 0.1  # mV
G = 5.0
ETA = 2.0
DELAY = 1.5  # ms
DT = 0.1  # ms


def build(nest: Any, options: argparse.Namespace) -> tuple[float, float]:
    """All neurons and connections; returns the times at which neurons, and connections, are there."""
    n_ex = 4 * options.size // 5
    k_ex = 4 * options.indegree // 5
    nu_th = THETA / (J * k_ex * TAU_M)
    parameters = {
        "C_m": C_M,
        "tau_m": TAU_M,
        "t_ref": T_REF,
        "E_L": 0.0,
        "V_reset": 0.0,
        "V_m": 0.0,
        "V_th": THETA,
    }
    everyone = nest.Create("iaf_psc_delta", options.size, parameters)
    poisson = nest.Create("poisson_generator", params={"rate": 1000.0 * ETA * nu_th * k_ex})
    created = time.perf_counter()
    for name, weight in (("excitatory", J), ("inhibitory", -G * J)):
        nest.CopyModel("static_synapse_hom_w", name, {"weight": weight, "delay": DELAY})
    rule = {"rule": "fixed_indegree"}
    nest.Connect(everyone[:n_ex], everyone, {**rule, "indegree": k_ex}, "excitatory")
    nest.Connect(everyone[n_ex:], everyone, {**rule, "indegree": options.indegree - k_ex}, "inhibitory")
    nest.Connect(poisson, everyone, syn_spec="excitatory")
    return created, time.perf_counter()


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Build and simulate; returns the record that is printed. Times in s, memory in bytes."""
    nest: Any = importlib.import_module("nest")
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(resolution=DT, local_num_threads=len(options.cores), rng_seed=options.seed)

    bare = measure.resident()
    measure.reset_peak()
    started = time.perf_counter()
    created, connected = build(nest, options)
    nest.Prepare()
    prepared, cpu = time.perf_counter(), time.process_time()
    nest.Run(options.time)
    finished, cpu = time.perf_counter(), time.process_time() - cpu
    peak = measure.peak()
    nest.Cleanup()

    spikes = int(nest.local_spike_counter)
    return {
        "simulator": "NEST",
        "versions": {"NEST": nest.__version__, "numpy": importlib.import_module("numpy").__version__},
        "build": connected - started,
        "prepare": prepared - connected,
        "simulate": finished - prepared,
        "phases": {"create": created - started, "connect": connected - created},
        "build_wall": prepared - started,
        "simulate_wall": finished - prepared,
        "simulate_cpu": cpu,
        "bare_bytes": bare,
        "peak_bytes": peak,
        "synapses": int(nest.num_connections) - options.size,
        "spikes": spikes,
        "rate": 1000.0 * spikes / (options.size * options.time),
        "I_E": J,
        "nu_X": 1000.0 * ETA * THETA / (J * TAU_M),
        **measure.NO_WEIGHTS,
    }


def main() -> None:
    """Pin, run, print."""
    options = measure.arguments(__doc__)
    measure.pin(options.cores)  # before the import: OpenMP reads the cores when it is loaded
    measure.emit(run(options))


if __name__ == "__main__":
    main()
