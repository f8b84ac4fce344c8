"""Makes nest/repeated_plasticity.json with NEST 3.10.0: python make_repeated_plasticity.py, where nest can be imported.

Plastic synapses between parrots that repeat several spikes in one step: their sources, their targets, or both, some so
that spikes of both meet at the synapse. ``weights`` runs under distsim.nest, too.
"""

import json
from pathlib import Path

FILE = Path(__file__).parent / "nest" / "repeated_plasticity.json"
T = 60.0
PAIRS = [  # delay (ms); times (ms) of the spikes of source and target, and how often each is repeated
    (1.0, [10.0, 20.0, 30.0, 40.0], [1, 2, 1, 3], [12.0, 23.0, 28.0, 37.0], [1, 1, 1, 1]),
    (1.0, [10.0, 20.0, 30.0, 40.0], [1, 1, 1, 1], [12.0, 23.0, 28.0, 37.0], [1, 2, 1, 3]),
    (2.0, [10.0, 20.0, 30.0], [1, 3, 2], [9.0, 18.0, 28.0], [2, 3, 1]),
    (2.0, [10.0, 20.0, 30.0], [1, 2, 2], [9.0, 18.0, 25.0, 28.0], [2, 7, 1, 6]),
    (5.0, [10.0, 20.0, 30.0], [1, 2, 2], [9.0, 15.0, 16.0, 17.0, 18.0, 25.0, 26.0], [1, 7, 2, 2, 1, 6, 1]),
    (5.0, [10.0, 20.0, 40.0], [1, 2, 2], [15.0, 16.0, 17.0, 18.0, 35.0, 36.0], [12, 2, 2, 2, 12, 3]),
]
MODELS = {"stdp_synapse": {"lambda": 0.01, "Wmax": 100.0}, "stdp_pl_synapse_hom": {"lambda": 0.01, "alpha": 0.1}}


def weights(nest, model):
    """The weights (pA) that the synapse of each pair transmits, spike by spike."""
    nest.ResetKernel()
    recorder = nest.Create("weight_recorder")
    nest.CopyModel(model, "learning", {**MODELS[model], "weight": 20.0, "weight_recorder": recorder})
    sources = []
    for delay, *trains in PAIRS:
        ends = nest.Create("parrot_neuron", 2)
        for end, times, often in zip(ends, trains[::2], trains[1::2], strict=True):
            train = nest.Create("spike_generator", params={"spike_times": times, "spike_multiplicities": often})
            nest.Connect(train, end)
        nest.Connect(ends[0], ends[1], syn_spec={"synapse_model": "learning", "delay": delay, "receptor_type": 1})
        sources.append(ends[0].global_id)
    nest.Simulate(T)
    events = recorder.events
    return [events["weights"][events["senders"] == source].tolist() for source in sources]


if __name__ == "__main__":
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    lines = ",\n".join(f'"{model}": {json.dumps(weights(nest, model))}' for model in MODELS)
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="ascii")
