"""The two-population STDP network in NEST, in NEST's fastest fair setting; prints one line of JSON.

The model is that of the NEST example "Two population STDP network" (pynest/examples/ignore_and_fire), after Brunel
(2000) and Morrison et al. (2007). It is written out here once more, with no help from distsim, so that the two sides of
the comparison share no more than the reading of options and memory: a wrong parameter on either side shows.

What makes it fast, and stays fair:

- hpc synapses, as the published model has them; static ones as static_synapse_hom_w_hpc, which stores the weight once
  per model (8 bytes; the published static_synapse_hpc stores it per synapse): less memory and never slower;
- initial values given to Create (setting them afterwards, as published, takes 0.1 s longer at N = 12,500);
- no recording device: the published model has none by default (its scaling experiment writes all spikes to text files);
  the rate comes from the kernel's own spike counter, which does not count the Poisson generator;
- spike compression on (NEST's default; without it, simulation takes 1.5 times as long and memory doubles).

Phases, timed apart: create, connect, prepare (NEST builds its presynaptic tables there; the published model counts it
as part of building), simulate.
"""

import argparse
import importlib
import time
from typing import Any

import measure

# Published parameters; names and values of the example's parameter dictionary.
BETA = 0.8  # fraction of excitatory neurons and inputs
E_L = 0.0  # mV, resting potential
C_M = 250.0  # pF
TAU_M = 20.0  # ms
T_REF = 2.0  # ms
THETA = 20.0  # mV, threshold
V_RESET = 0.0  # mV
RATE_RANGE = (0.5, 1.5)  # 1/s, ignore_and_fire
PHASE_RANGE = (0.01, 1.0)  # in units of the period, ignore_and_fire
I_DC = 0.0  # pA
I_E = 31.90080273888664  # pA, excitatory current: what the example derives from J_E = 0.5 mV
NU_X = 1729.7971034581633  # 1/s, external rate per neuron: what the example derives from eta = 1.2
G = 10.0  # relative strength of inhibition
DELAY = 1.5  # ms
TAU_S = 2.0  # ms
STDP = {"alpha": 0.1, "lambda": 20.0, "mu": 0.4, "tau_plus": 15.0}
TAU_MINUS = 30.0  # ms; a parameter of the neuron in NEST
V_RANGE = (0.0, 20.0)  # mV, initial potential
DT = 0.125  # ms


def create(nest: Any, options: argparse.Namespace) -> Any:
    """All neurons, excitatory ones first, with their initial values; returns the NodeCollection."""
    if options.neuron_model == "ignore_and_fire":
        # As published: no further parameters, so that tau_minus stays at NEST's default, 20 ms.
        rate, phase = nest.random.uniform(*RATE_RANGE), nest.random.uniform(*PHASE_RANGE)
        return nest.Create("ignore_and_fire", options.size, {"rate": rate, "phase": phase})
    parameters = {
        "E_L": E_L,
        "C_m": C_M,
        "tau_m": TAU_M,
        "t_ref": T_REF,
        "V_th": THETA,
        "V_reset": V_RESET,
        "tau_syn_ex": TAU_S,
        "tau_syn_in": TAU_S,
        "I_e": I_DC,
        "tau_minus": TAU_MINUS,
        "V_m": nest.random.uniform(*V_RANGE),
    }
    return nest.Create("iaf_psc_alpha", options.size, parameters)


def connect(nest: Any, everyone: Any, options: argparse.Namespace) -> None:
    """Recurrent connections and the external drive: no autapses, multapses allowed."""
    nest.CopyModel("stdp_pl_synapse_hom_hpc", "plastic", {"weight": I_E, "delay": DELAY, **STDP})
    for name, amplitude in (("excitatory", I_E), ("inhibitory", -G * I_E), ("external", I_E)):
        nest.CopyModel("static_synapse_hom_w_hpc", name, {"weight": amplitude, "delay": DELAY})
    n_ex, k_ex = int(BETA * options.size), int(BETA * options.indegree)
    ex, inh = everyone[:n_ex], everyone[n_ex:]
    projections = (
        (ex, ex, k_ex, "plastic"),
        (ex, inh, k_ex, "excitatory"),
        (inh, everyone, options.indegree - k_ex, "inhibitory"),
    )
    for sources, targets, indegree, synapse in projections:
        rule = {"rule": "fixed_indegree", "indegree": indegree, "allow_autapses": False, "allow_multapses": True}
        nest.Connect(sources, targets, rule, synapse)
    if not options.no_poisson:
        poisson = nest.Create("poisson_generator", params={"rate": NU_X})
        nest.Connect(poisson, everyone, syn_spec="external")


def weights(nest: Any, everyone: Any, n_ex: int) -> Any:
    """Weights (pA) between the first excitatory neurons, as last transmitted."""
    import numpy as np

    first = everyone[: min(measure.SUBSET, n_ex)]
    found = nest.GetConnections(first, first, "plastic")
    return np.atleast_1d(found.get("weight")) if len(found) else np.empty(0)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Build and simulate; returns the record that is printed. Times in s, memory in bytes."""
    nest: Any = importlib.import_module("nest")
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(resolution=DT, local_num_threads=len(options.cores), rng_seed=options.seed)

    bare = measure.resident()
    measure.reset_peak()
    started = time.perf_counter()
    everyone = create(nest, options)
    created = time.perf_counter()
    connect(nest, everyone, options)
    connected = time.perf_counter()
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
        "synapses": int(nest.num_connections) - (0 if options.no_poisson else options.size),
        "spikes": spikes,
        "rate": 1000.0 * spikes / (options.size * options.time),
        "I_E": I_E,
        "nu_X": NU_X,
        **measure.weight_statistics(weights(nest, everyone, int(BETA * options.size))),
    }


def main() -> None:
    """Pin, run, print."""
    options = measure.arguments(__doc__)
    measure.pin(options.cores)  # before the import: OpenMP reads the cores when it is loaded
    measure.emit(run(options))


if __name__ == "__main__":
    main()
