"""The cortical microcircuit (Potjans & Diesmann 2014) in NEST; prints one line of JSON.

Written out once more, with no help from distsim, so that the two sides of the comparison share no more than the reading
of options and memory: a wrong parameter on either side shows. --scale is the factor of both the numbers of neurons and
the in-degrees; weights and a constant current compensate for lost input as in the model's implementation by its authors
(pynest/examples/Potjans_2014).

As in nest_two_population.py, initial values are given to Create, nothing is recorded and spikes are counted by the
kernel. Synapses have weights and delays of their own, hence static_synapse, each of which takes 24 to 32 bytes. NEST
takes at most 134 million connections per thread: full scale needs 3 threads or more.
"""

import argparse
import importlib
import math
import time
from typing import Any

import measure

# Published parameters; populations L23E, L23I, L4E, L4I, L5E, L5I, L6E, L6I.
SIZES = (20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948)
PROBABILITIES = (  # targets in rows
    (0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0),
    (0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0),
    (0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0),
    (0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0),
    (0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0),
    (0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0),
    (0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252),
    (0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443),
)
K_EXT = (1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100)
FULL_RATES = (0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829)  # 1/s
V_MEAN = (-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43)  # mV
V_SD = (5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48)  # mV
E_L, V_TH, V_RESET = -65.0, -50.0, -65.0  # mV
C_M, TAU_M, TAU_SYN, T_REF = 250.0, 10.0, 0.5, 2.0  # pF, ms
PSP = 0.15  # mV
PSC_PER_PSP = 585.3899568613897  # pA per mV: exponential currents on this membrane
G = -4.0
RATE_EXT = 8.0  # 1/s
DELAY_EXT = 1.5  # ms
DELAYS = {True: 1.5, False: 0.75}  # ms, of excitatory and inhibitory sources
DELAY_SD, WEIGHT_SD = 0.5, 0.1  # relative
DT = 0.1  # ms


def weight(target: int, source: int) -> float:
    """Mean weight (pA) at full scale: twice as much from L4E to L23E, negative from inhibitory populations."""
    factor = 2.0 if (target, source) == (0, 2) else G if source % 2 else 1.0
    return factor * PSP * PSC_PER_PSP


def full_synapses(target: int, source: int) -> float:
    """Total number of synapses of a projection at full scale, not rounded."""
    pairs = SIZES[target] * SIZES[source]
    return math.log(1.0 - PROBABILITIES[target][source]) / math.log(1.0 - 1.0 / pairs)


def compensation(target: int, scale: float) -> float:
    """Constant current (pA) in place of the mean input that scaling in-degrees by ``scale`` takes away."""
    recurrent = sum(
        weight(target, source) * full_synapses(target, source) / SIZES[target] * FULL_RATES[source]
        for source in range(len(SIZES))
    )
    external = PSP * PSC_PER_PSP * K_EXT[target] * RATE_EXT
    return 1e-3 * TAU_SYN * (1.0 - math.sqrt(scale)) * (recurrent + external)


def create(nest: Any, scale: float) -> list[Any]:
    """The eight populations with their initial potentials."""
    populations = []
    for i, size in enumerate(SIZES):
        parameters = {
            "E_L": E_L, "V_th": V_TH, "V_reset": V_RESET, "C_m": C_M, "tau_m": TAU_M, "t_ref": T_REF,
            "tau_syn_ex": TAU_SYN, "tau_syn_in": TAU_SYN, "I_e": compensation(i, scale),
            "V_m": nest.random.normal(V_MEAN[i], V_SD[i]),
        }  # fmt: skip
        populations.append(nest.Create("iaf_psc_exp", round(size * scale), parameters))
    return populations


def connect(nest: Any, populations: list[Any], scale: float) -> None:
    """64 projections of fixed total number, and the Poisson background."""
    redraw, normal = nest.math.redraw, nest.random.normal
    for i, target in enumerate(populations):
        for j, source in enumerate(populations):
            mean, delay = weight(i, j) / math.sqrt(scale), DELAYS[j % 2 == 0]
            low, high = (0.0, math.inf) if mean > 0.0 else (-math.inf, 0.0)
            number = round(full_synapses(i, j) * scale * scale)
            if number:
                synapse = {
                    "synapse_model": "static_synapse",
                    "weight": redraw(normal(mean, abs(WEIGHT_SD * mean)), min=low, max=high),
                    "delay": redraw(normal(delay, DELAY_SD * delay), min=0.5 * DT, max=math.inf),
                }
                nest.Connect(source, target, {"rule": "fixed_total_number", "N": number}, synapse)
        generator = nest.Create("poisson_generator", params={"rate": round(K_EXT[i] * scale) * RATE_EXT})
        external = {"weight": PSP * PSC_PER_PSP / math.sqrt(scale), "delay": DELAY_EXT}
        nest.Connect(generator, target, syn_spec=external)


def start(nest: Any, options: argparse.Namespace) -> None:
    """An empty kernel with as many threads as cores."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(resolution=DT, local_num_threads=len(options.cores), rng_seed=options.seed)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Build and simulate; returns the record that is printed. Times in s, memory in bytes."""
    nest: Any = importlib.import_module("nest")
    start(nest, options)
    bare = measure.resident()
    measure.reset_peak()
    started = time.perf_counter()
    populations = create(nest, options.scale)
    created = time.perf_counter()
    connect(nest, populations, options.scale)
    connected = time.perf_counter()
    nest.Prepare()
    prepared, cpu = time.perf_counter(), time.process_time()
    nest.Run(options.time)
    finished, cpu = time.perf_counter(), time.process_time() - cpu
    peak = measure.peak()
    nest.Cleanup()

    spikes, neurons = int(nest.local_spike_counter), sum(map(len, populations))
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
        "neurons": neurons,
        "synapses": int(nest.num_connections) - neurons,
        "spikes": spikes,
        "rate": 1000.0 * spikes / (neurons * options.time),
        "I_E": PSP * PSC_PER_PSP / math.sqrt(options.scale),
        "nu_X": sum(len(p) * round(k * options.scale) for p, k in zip(populations, K_EXT, strict=True)) * RATE_EXT,
        **measure.weight_statistics(weights(nest, populations[0])),
    }


def weights(nest: Any, population: Any) -> Any:
    """Weights (pA) between the first neurons of L23E."""
    import numpy as np

    first = population[: min(measure.SUBSET, len(population))]
    found = nest.GetConnections(first, first, "static_synapse")
    return np.atleast_1d(found.get("weight")) if len(found) else np.empty(0)


def main() -> None:
    """Pin, run, print."""
    options = measure.arguments(__doc__)
    measure.pin(options.cores)  # before the import: OpenMP reads the cores when it is loaded
    measure.emit(run(options))


if __name__ == "__main__":
    main()
