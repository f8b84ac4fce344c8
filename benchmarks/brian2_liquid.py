"""Brian2's side of against_brian2.py: the liquid given edge by edge, trial after trial. Runs in Brian2's interpreter.

    python brian2_liquid.py FILE --target cython --core 0

FILE (.npz) is written by against_brian2.py. The last line printed is a JSON record: seconds of each trial, spikes.
"""

import argparse
import json
import os
import sys
import tempfile
import time

import numpy as np

PARAMETERS = ["tau_m", "V_th", "V_reset", "I_e", "R_m"]
EQUATIONS = """
tau_refrac : second (constant)
tau_stimulus : second (constant)
I_EE : ampere
I_EI : ampere
I_IE : ampere
I_II : ampere
dI_stimulus/dt = -I_stimulus / tau_stimulus : ampere
dv/dt = (-v + R_m * (I_e + I_EE + I_EI + I_IE + I_II + I_stimulus)) / tau_m : volt (unless refractory)
"""
SYNAPSE = """
A : ampere (constant)
U : 1 (constant)
D : second (constant)
F : second (constant)
dx/dt = (1 - x - y) / D : 1 (clock-driven)
dy/dt = -y / tau_I : 1 (clock-driven)
du/dt = -u / F : 1 (clock-driven)
I_{name}_post = A * y : ampere (summed)
"""
ON_SPIKE = """
u += U * (1 - u)
y += u * x
x -= u * x
"""


def build(brian2, data, target):
    """The network, its neurons, its stimulus, and the monitor of their spikes."""
    ms, mv, pa = brian2.ms, brian2.mV, brian2.pA
    units = {"tau_m": ms, "V_th": mv, "V_reset": mv, "I_e": pa, "R_m": brian2.Gohm}
    constants = {name: float(data[name]) * units[name] for name in PARAMETERS}
    n, n_exc = len(data["V"][0]), int(data["N_E"])
    neurons = brian2.NeuronGroup(
        n, EQUATIONS, threshold="v > V_th", reset="v = V_reset", refractory="tau_refrac", method="exact",
        name="neurons", namespace=constants,
    )  # fmt: skip
    parts = {"E": neurons[:n_exc], "I": neurons[n_exc:]}
    stimulus, drive = stimulus_of(brian2, data, target)
    objects = [neurons, stimulus]
    for name, group in parts.items():
        group.tau_refrac = float(data[f"t_ref_{name}"]) * ms
        group.tau_stimulus = float(data[f"tau_stimulus_{name}"]) * ms
        weight = {"J": float(data[f"J_{name}"]) * pa}
        kick = brian2.Synapses(stimulus, group, on_pre="I_stimulus += J", namespace=weight, name=f"kick_{name}")
        kick.connect(p=1)
        objects.append(kick)
    for name in ("EE", "EI", "IE", "II"):
        synapses = brian2.Synapses(
            parts[name[0]], parts[name[1]], SYNAPSE.format(name=name), on_pre=ON_SPIKE, method="exact",
            delay=float(data[f"delay_{name}"]) * ms, name=f"{name.lower()}_synapses",
            namespace={"tau_I": float(data[f"tau_I_{name}"]) * ms},
        )  # fmt: skip
        edges = data[f"edges_{name}"]
        synapses.connect(i=edges[:, 0].astype(int), j=edges[:, 1].astype(int))
        for column, (attribute, unit) in enumerate((("A", pa), ("U", 1), ("D", ms), ("F", ms)), start=2):
            setattr(synapses, attribute, edges[:, column] * unit)
        synapses.x = 1
        objects.append(synapses)
    monitor = brian2.SpikeMonitor(neurons, name="monitor")
    return brian2.Network(*objects, monitor), neurons, stimulus, drive, monitor


def stimulus_of(brian2, data, target):
    """The source of the stimulus; in a compiled program it reads an array, which can be replaced between runs."""
    if target != "cpp_standalone":
        return brian2.SpikeGeneratorGroup(1, [], [] * brian2.ms, name="stimulus"), None
    drive = brian2.TimedArray(pulses(data, 0), dt=float(data["dt"]) * brian2.ms, name="drive")
    group = brian2.NeuronGroup(1, "", threshold="drive(t) > 0.5", name="stimulus", namespace={"drive": drive})
    return group, drive


def pulses(data, trial):
    """1 in the steps in which the stimulus of a trial fires, else 0."""
    array = np.zeros(round(float(data["T"]) / float(data["dt"])))
    steps = data["stimulus"][trial]
    array[steps[(steps >= 0) & (steps < len(array))]] = 1.0
    return array


def spikes(monitor, dt, ms):
    """All spikes as a sorted list of (step, neuron)."""
    steps = np.rint(np.asarray(monitor.t / ms) / dt).astype(int)
    return sorted(zip(steps.tolist(), np.asarray(monitor.i).tolist(), strict=True))


def run_at_runtime(brian2, data, target):
    """Seconds of net.run and spikes of each trial; the first trial, which compiles, is run twice."""
    brian2.prefs.codegen.target = target
    network, neurons, stimulus, _, monitor = build(brian2, data, target)
    network.store()
    seconds, found = [], []
    ms, dt = brian2.ms, float(data["dt"])
    for trial in [0, *range(len(data["V"]))]:
        network.restore()
        neurons.v = data["V"][trial] * brian2.mV
        steps = np.array(data["stimulus"][trial])
        times = steps[steps >= 0] * dt * ms
        stimulus.set_spikes([0] * len(times), times)
        begin = time.perf_counter()
        network.run(float(data["T"]) * ms)
        seconds.append(time.perf_counter() - begin)
        found.append(spikes(monitor, dt, ms))
    return seconds[1:], found[1:], {"first_run": seconds[0]}


def run_compiled(brian2, data, target):
    """The same by one compiled program; the seconds are those it takes itself, without its start and its files."""
    folder = tempfile.mkdtemp(prefix="brian2-liquid-")
    brian2.set_device("cpp_standalone", build_on_run=False, directory=folder)
    begin = time.perf_counter()
    network, neurons, _, drive, monitor = build(brian2, data, target)
    neurons.v = data["V"][0] * brian2.mV
    network.run(float(data["T"]) * brian2.ms)
    brian2.device.build(run=False, directory=folder)
    compiled = time.perf_counter() - begin
    seconds, found, outside = [], [], []
    for trial in range(len(data["V"])):
        begin = time.perf_counter()
        brian2.device.run(run_args={neurons.v: data["V"][trial] * brian2.mV, drive: pulses(data, trial)})
        outside.append(time.perf_counter() - begin)
        seconds.append(brian2.device._last_run_time)
        found.append(spikes(monitor, float(data["dt"]), brian2.ms))
    return seconds, found, {"compile": compiled, "with_start": outside}


def main():
    """Run all trials and print the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--target", choices=["cython", "numpy", "cpp_standalone"], required=True)
    parser.add_argument("--core", type=int, required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    import brian2

    with np.load(options.file) as arrays:
        data = dict(arrays)
    brian2.defaultclock.dt = float(data["dt"]) * brian2.ms
    run = run_compiled if options.target == "cpp_standalone" else run_at_runtime
    seconds, found, more = run(brian2, data, options.target)
    versions = {"python": sys.version.split()[0], "brian2": brian2.__version__, "numpy": np.__version__}
    print(json.dumps({"seconds": seconds, "spikes": found, "versions": versions, **more}))


if __name__ == "__main__":
    main()
