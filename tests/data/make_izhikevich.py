"""Makes nest/izhikevich.npz and .json with NEST 3.10.0: python make_izhikevich.py, where nest can be imported.

Excitatory and inhibitory neurons with parameters of their own, given edge by edge, each with a constant current of its
own, and a direct current to half of them. Every random choice is stored.
"""

import json
from pathlib import Path

import nest
import numpy as np

FOLDER = Path(__file__).parent / "nest"
DT, T, N, N_E, DELAYS = 0.1, 500.0, 100, 80, (5, 40)
CURRENT = {"amplitude": 3.0, "delay": 1.0}
OBSERVED = [0, 30, 90]


def choices():
    """All that is chosen at random."""
    random = np.random.default_rng(13)
    r, excitatory = random.random(N), np.arange(N) < N_E
    chosen = random.random((N, N)) < 0.2
    np.fill_diagonal(chosen, False)
    source, target = np.nonzero(chosen)
    return {
        "a": np.where(excitatory, 0.02, 0.02 + 0.08 * r), "b": np.where(excitatory, 0.2, 0.25 - 0.05 * r),
        "c": np.where(excitatory, -65.0 + 15.0 * r**2, -65.0), "d": np.where(excitatory, 8.0 - 6.0 * r**2, 2.0),
        "I_e": random.uniform(2.0, 8.0, N), "V_m_initial": random.uniform(-70.0, -50.0, N),
        "U_m_initial": random.uniform(-15.0, -10.0, N), "source": source, "target": target,
        "weight": random.integers(0, 1024, len(source)) / 1024.0 * np.where(source < N_E, 1.0, -2.0),  # sums are exact
        "delay_steps": random.integers(*DELAYS, len(source)),
    }  # fmt: skip


def simulate(data):
    """The spikes (neuron, step), and V_m and U_m of some neurons at the end of every ms."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = DT
    neurons = nest.Create("izhikevich", N, {name: data[name] for name in ("a", "b", "c", "d", "I_e")})
    neurons.V_m, neurons.U_m = data["V_m_initial"], data["U_m_initial"]
    ids = np.array(neurons.tolist())
    edges = {"weight": data["weight"], "delay": data["delay_steps"] * DT, "synapse_model": "static_synapse"}
    nest.Connect(ids[data["source"]], ids[data["target"]], "one_to_one", edges)
    generator = nest.Create("dc_generator", 1, {"amplitude": CURRENT["amplitude"]})
    nest.Connect(generator, neurons[: N // 2], syn_spec={"delay": CURRENT["delay"]})
    spikes = nest.Create("spike_recorder")
    nest.Connect(neurons, spikes)
    meter = nest.Create("multimeter", 1, {"record_from": ["V_m", "U_m"], "interval": 1.0})
    for n in OBSERVED:
        nest.Connect(meter, neurons[n])
    nest.Simulate(T)
    events, seen = spikes.events, meter.events
    order = np.lexsort((seen["senders"], seen["times"]))
    found = {
        "spike_neuron": events["senders"] - ids[0],
        "spike_step": np.round(events["times"] / DT).astype(np.int64),
        "state_step": np.unique(np.round(seen["times"] / DT).astype(np.int64)),
    }
    for name in ("V_m", "U_m"):
        found[name] = seen[name][order].reshape(-1, len(OBSERVED))
    return found


if __name__ == "__main__":
    data = choices()
    data |= simulate(data)
    about = {"model": "izhikevich", "nest": nest.__version__, "dt_ms": DT, "T_ms": T, "n": N, "current": CURRENT}
    small = {k: v.astype(np.int32) if v.dtype.kind in "iu" else v for k, v in data.items()}
    np.savez_compressed(FOLDER / "izhikevich.npz", **small)
    (FOLDER / "izhikevich.json").write_text(
        json.dumps(about | {"observed": OBSERVED}, indent=1) + "\n", encoding="ascii"
    )
    print(len(data["spike_step"]), np.unique(data["spike_neuron"]).size)
