"""Makes nest/devices.json with NEST 3.10.0: python make_devices.py, where nest can be imported.

Single neurons, generators and synapses: traces and spikes of each. Times are in steps of DT.
"""

import json
from pathlib import Path

import nest
import numpy as np

FILE = Path(__file__).parent / "nest" / "devices.json"
DT, T, LAST = 0.1, 60.0, 55.0  # ms; what is told ends with LAST, which all recordings reach
TRAINS = [[1.0, 4.0, 4.3, 9.0, 20.0, 31.5, 31.6], [2.5, 2.6, 12.0, 13.0, 25.0, 40.0], [5.0, 15.0, 35.0, 36.5]]
WEIGHTS, DELAYS = [600.0, -250.0, 420.0], [1.0, 0.3, 2.0]
MULTISYNAPSE = {"tau_syn": [0.5, 3.0, 9.0], "tau_m": 12.0, "C_m": 200.0, "t_ref": 1.5, "I_e": 150.0}
CURRENTS = {
    "ac_generator": [
        {"amplitude": 100.0, "frequency": 90.0, "phase": 30.0, "offset": 20.0},
        {"amplitude": 80.0, "frequency": 35.5, "start": 0.5, "stop": 3.0},
    ],
    "step_current_generator": [
        {"amplitude_times": [0.1, 1.0, 2.0], "amplitude_values": [50.0, -30.0, 5.0]},
        {"amplitude_times": [1.0, 2.0], "amplitude_values": [50.0, -30.0], "start": 1.5, "stop": 2.5},
    ],
    "noise_generator": [{"std": 100.0, "dt": 0.5}, {"std": 100.0, "dt": 0.4, "start": 0.7, "stop": 3.0}],
}
SYNAPSES = {
    "tsodyks2_synapse": [
        {"U": 0.3, "u": 0.3, "tau_rec": 40.0, "tau_fac": 30.0},
        {"U": 0.3, "u": 0.7, "tau_rec": 40.0, "tau_fac": 0.0},
    ],
    "tsodyks_synapse": [
        {"U": 0.3, "tau_rec": 40.0, "tau_fac": 30.0, "tau_psc": 3.0},
        {"U": 0.6, "u": 0.4, "tau_rec": 20.0, "tau_fac": 9.0, "tau_psc": 2.0},
    ],
    "stdp_synapse": [
        {"lambda": 0.1, "alpha": 0.9, "mu_plus": 0.4, "mu_minus": 0.7, "Wmax": 200.0},
        {"lambda": 0.2, "alpha": 0.5, "mu_plus": 0.0, "mu_minus": 1.0, "Wmax": 150.0},
    ],
}
ADAPTIVE = [{"I_e": 1000.0}, {"I_e": 900.0, "a": 2.0, "b": 60.0, "tau_w": 30.0, "t_ref": 2.0}, {"I_e": 500.0}]
HTUM = [
    {"I_e": 900.0, "t_ref_abs": 1.5, "t_ref_tot": 8.0, "tau_m": 5.0},
    {"I_e": 100.0, "t_ref_abs": 3.0, "t_ref_tot": 3.0, "tau_syn_ex": 5.0},
]
PUBLISHED = {"consistent_integration": False, "a": 0.1, "d": 2.0, "I_e": 6.0, "V_min": -72.0}


def begin():
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = DT


def steps(times):
    return np.round(np.asarray(times) / DT).astype(int).tolist()


def trains():
    return [nest.Create("spike_generator", params={"spike_times": train}) for train in TRAINS]


def recorded(neuron, names, interval=1.0):
    """A multimeter and a spike recorder of a neuron."""
    meter = nest.Create("multimeter", params={"record_from": names, "interval": interval})
    nest.Connect(meter, neuron)
    spikes = nest.Create("spike_recorder")
    nest.Connect(neuron, spikes)
    return meter, spikes


def told(meter, spikes, names):
    """What was recorded up to LAST."""
    within = meter.events["times"] <= LAST
    traces = {name: meter.events[name][within].tolist() for name in names}
    times = spikes.events["times"]
    return {"traces": traces, "spikes": steps(times[times <= LAST])}


def multisynapse(model):
    begin()
    neuron = nest.Create(model, params=MULTISYNAPSE)
    for k, train in enumerate(trains()):
        values = {"weight": WEIGHTS[k], "delay": DELAYS[k], "receptor_type": k + 1}
        nest.Connect(train, neuron, syn_spec=values)
    names = ["V_m", "I_syn_1", "I_syn_2", "I_syn_3"]
    meter, spikes = recorded(neuron, names)
    nest.Simulate(T)
    return told(meter, spikes, names)


def current(model, params, delay):
    """V_m (mV) of a neuron at the end of every step up to 4 ms."""
    begin()
    neuron = nest.Create("iaf_psc_delta", params={"C_m": 100.0, "E_L": 0.0, "V_m": 0.0, "V_th": 1e6})
    nest.Connect(nest.Create(model, params=params), neuron, syn_spec={"delay": delay})
    meter, _ = recorded(neuron, ["V_m"], DT)
    nest.Simulate(6.0)
    return meter.events["V_m"][: round(4.0 / DT)].tolist()


def parrots():
    """A chain of parrots, of which the second has two synapses from the first, and one that also ignores spikes."""
    begin()
    first, second = nest.Create("parrot_neuron"), nest.Create("parrot_neuron")
    for k, train in enumerate(trains()):
        train.spike_multiplicities = [1 + (k + i) % 3 for i in range(len(TRAINS[k]))]
        nest.Connect(train, first, syn_spec={"delay": DELAYS[k]})
        nest.Connect(train, second, syn_spec={"delay": DELAYS[k], "receptor_type": 1})
    for delay in (1.0, 2.5):
        nest.Connect(first, second, syn_spec={"delay": delay})
    recorders = [nest.Create("spike_recorder") for _ in range(2)]
    nest.Connect(first, recorders[0])
    nest.Connect(second, recorders[1])
    nest.Simulate(T)
    return [steps(np.sort(r.events["times"][r.events["times"] <= LAST])) for r in recorders]


def transmitted(model, params):
    """The weight at every spike of one synapse between parrots (stdp) or from one to a neuron, and V_m of that."""
    begin()
    recorder = nest.Create("weight_recorder")
    nest.CopyModel(model, "own", {**params, "weight_recorder": recorder})
    source, target = nest.Create("parrot_neuron"), nest.Create("iaf_psc_exp", params={"I_e": 380.0})
    post = nest.Create("parrot_neuron")
    nest.Connect(trains()[0], source)
    nest.Connect(trains()[1], post)
    to, port = (post, 1) if model == "stdp_synapse" else (target, 0)
    nest.Connect(source, to, syn_spec={"synapse_model": "own", "weight": 100.0, "delay": 1.5, "receptor_type": port})
    meter, spikes = recorded(target, ["V_m"])
    nest.Simulate(T)
    events = recorder.events
    return {"steps": steps(events["times"]), "weights": events["weights"].tolist(), **told(meter, spikes, ["V_m"])}


def neuron_alone(model, params, names):
    """A neuron with a synapse of each sign."""
    begin()
    neuron = nest.Create(model, params=params)
    small = 10.0 if model == "izhikevich" else 1000.0
    for train, weight in zip(trains(), (small, -0.5 * small), strict=False):
        nest.Connect(train, neuron, syn_spec={"weight": weight, "delay": 1.0})
    meter, spikes = recorded(neuron, names)
    nest.Simulate(T)
    return told(meter, spikes, names)


def of_each(cases, function, *further):
    return [
        {"model": model, "params": p, "found": function(model, p, *further)} for model in cases for p in cases[model]
    ]


if __name__ == "__main__":
    found = {
        "about": {
            "nest": nest.__version__, "dt_ms": DT, "trains": TRAINS, "weights": WEIGHTS, "delays": DELAYS,
            "multisynapse": MULTISYNAPSE,
        },
        "iaf_psc_exp_multisynapse": multisynapse("iaf_psc_exp_multisynapse"),
        "iaf_psc_alpha_multisynapse": multisynapse("iaf_psc_alpha_multisynapse"),
        "parrots": parrots(),
        "currents": of_each(CURRENTS, current, 0.3),
        "synapses": of_each(SYNAPSES, transmitted),
        "izhikevich": of_each({"izhikevich": [PUBLISHED]}, neuron_alone, ["V_m", "U_m"]),
        "htum": of_each({"iaf_psc_exp_htum": HTUM}, neuron_alone, ["V_m"]),
        "adaptive": of_each({"aeif_psc_exp": ADAPTIVE}, neuron_alone, ["V_m", "w"]),
    }  # fmt: skip
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="ascii")
