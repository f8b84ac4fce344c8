"""Makes nest/dc_generator.json with NEST 3.10.0: python make_dc_generator.py, where nest can be imported.

V_m (mV) of one neuron of each model at the end of every step, with a direct current that starts, stops and is delayed.
"""

import itertools
import json
from pathlib import Path

import nest

FILE = Path(__file__).parent / "nest" / "dc_generator.json"
DT, T, AMPLITUDE = 0.1, 4.0, 100.0
MODELS = {"iaf_psc_alpha": {}, "iaf_psc_exp": {}, "iaf_psc_delta": {}, "izhikevich": {"V_m": -70.0, "U_m": -14.0}}
TIMES = [(0.0, None), (0.0, 0.5), (0.1, 0.6), (1.0, None), (1.0, 1.5)]  # ms: start, stop
DELAYS = [0.1, 1.0]


def potential(model, state, start, stop, delay):
    """V_m at the end of each step but the last ones, which the recording does not reach."""
    nest.ResetKernel()
    nest.resolution = DT
    neuron = nest.Create(model, params=state)
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": DT})
    nest.Connect(meter, neuron, syn_spec={"delay": DT})
    times = {"start": start} if stop is None else {"start": start, "stop": stop}
    generator = nest.Create("dc_generator", params={"amplitude": AMPLITUDE, **times})
    nest.Connect(generator, neuron, syn_spec={"delay": delay})
    nest.Simulate(T + 2.0)
    steps = [round(time / DT) for time in meter.events["times"]]
    if steps[: round(T / DT)] != list(range(1, round(T / DT) + 1)):
        raise RuntimeError("not every step was recorded")
    return meter.events["V_m"][: round(T / DT)].tolist()


if __name__ == "__main__":
    nest.verbosity = nest.VerbosityLevel.ERROR
    cases = [
        {"model": m, "start": start, "stop": stop, "delay": delay, "V_m": potential(m, MODELS[m], start, stop, delay)}
        for m, (start, stop), delay in itertools.product(MODELS, TIMES, DELAYS)
    ]
    about = {"nest": nest.__version__, "dt_ms": DT, "amplitude": AMPLITUDE, "states": MODELS}
    lines = ",\n".join(json.dumps(case) for case in cases)
    FILE.write_text(f'{json.dumps(about)[:-1]}, "cases": [\n{lines}\n]}}\n', encoding="ascii")
