"""Makes nest/stdp_synapse.npz and .json with NEST 3.10.0: python make_stdp_synapse.py, where nest can be imported.

Neurons that spike trains drive, joined by two kinds of stdp_synapse, all given edge by edge. Every random choice is
stored; weight recorders note what each synapse transmits at each spike.
"""

import json
from pathlib import Path

import nest
import numpy as np

FOLDER = Path(__file__).parent / "nest"
DT, T, N, TRAINS = 0.1, 1000.0, 30, 60
NEURON = {
    "C_m": 250.0, "tau_m": 10.0, "E_L": -70.0, "V_th": -55.0, "V_reset": -70.0, "t_ref": 2.0, "tau_syn_ex": 0.5,
    "tau_syn_in": 2.0, "I_e": 0.0,
}  # fmt: skip
TAU_MINUS = 33.7
SYNAPSES = {
    "soft": {"lambda": 0.1, "alpha": 0.9, "mu_plus": 0.4, "mu_minus": 0.7, "Wmax": 90.0, "tau_plus": 15.0},
    "hard": {"lambda": 0.1, "alpha": 0.8, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 60.0, "tau_plus": 20.0},
}


def pairs(random, n_source, n_target, p, own):
    """Sources and targets of pairs chosen with probability p; ``own``: whether a neuron may project to itself."""
    chosen = random.random((n_source, n_target)) < p
    if not own:
        np.fill_diagonal(chosen, False)
    return np.nonzero(chosen)


def choices():
    """All that is chosen at random."""
    random = np.random.default_rng(20)
    steps = np.arange(1, round(T / DT))
    train, step = np.nonzero(random.random((TRAINS, len(steps))) < 60.0 * DT / 1000.0)
    data = {"V_m_initial": random.uniform(-70.0, -56.0, N), "drive_train": train, "drive_step": steps[step]}
    data["X_source"], data["X_target"] = pairs(random, TRAINS, N, 0.5, own=True)
    data["X_weight"] = random.uniform(50.0, 330.0, len(data["X_source"]))
    data["X_delay_steps"] = random.integers(10, 40, len(data["X_source"]))
    for name, values in SYNAPSES.items():
        source, target = pairs(random, N, N, 0.3, own=False)
        data |= {f"{name}_source": source, f"{name}_target": target}
        data[f"{name}_weight"] = random.uniform(0.0, values["Wmax"], len(source))
        data[f"{name}_delay_steps"] = random.integers(10, 60, len(source))
    return data


def connect(source, target, data, name, model):
    """Connect edge by edge."""
    pre, post = (
        np.array(side.tolist())[data[f"{name}_{end}"]] for side, end in ((source, "source"), (target, "target"))
    )
    values = {"weight": data[f"{name}_weight"], "delay": data[f"{name}_delay_steps"] * DT}
    nest.Connect(pre, post, "one_to_one", {"synapse_model": model, **values})


def simulate(data):
    """The spikes (neuron, step), and for each kind of synapse what was transmitted: source, target, step, weight."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = DT
    neurons = nest.Create("iaf_psc_alpha", N, {**NEURON, "tau_minus": TAU_MINUS})
    neurons.V_m = data["V_m_initial"]
    trains = nest.Create("spike_generator", TRAINS)
    for i, generator in enumerate(trains):
        generator.spike_times = np.round(data["drive_step"][data["drive_train"] == i] * DT, 1)
    connect(trains, neurons, data, "X", "static_synapse")
    recorders = {}
    for name, values in SYNAPSES.items():
        recorders[name] = nest.Create("weight_recorder")
        nest.CopyModel("stdp_synapse", name, {**values, "weight_recorder": recorders[name]})
        connect(neurons, neurons, data, name, name)
    spikes = nest.Create("spike_recorder")
    nest.Connect(neurons, spikes)
    nest.Simulate(T)
    first = min(neurons.tolist())
    found = {
        "spike_neuron": spikes.events["senders"] - first,
        "spike_step": np.round(spikes.events["times"] / DT).astype(np.int64),
    }
    for name, recorder in recorders.items():
        events = recorder.events
        found[f"{name}_sent_source"] = events["senders"] - first
        found[f"{name}_sent_target"] = events["targets"] - first
        found[f"{name}_sent_step"] = np.round(events["times"] / DT).astype(np.int64)
        found[f"{name}_sent_weight"] = events["weights"]
    return found


if __name__ == "__main__":
    data = choices()
    data |= simulate(data)
    about = {"model": "stdp_synapse", "nest": nest.__version__, "dt_ms": DT, "T_ms": T, "n": N, "n_drive": TRAINS}
    about |= {"neuron": NEURON, "tau_minus": TAU_MINUS, "synapses": SYNAPSES}
    small = {k: v.astype(np.int32) if v.dtype.kind in "iu" else v for k, v in data.items()}
    np.savez_compressed(FOLDER / "stdp_synapse.npz", **small)
    (FOLDER / "stdp_synapse.json").write_text(json.dumps(about, indent=1) + "\n", encoding="ascii")
    print(len(data["spike_step"]), {name: len(data[f"{name}_sent_step"]) for name in SYNAPSES})
