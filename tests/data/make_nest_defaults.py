"""Makes nest/defaults.json with NEST 3.10.0: python make_nest_defaults.py, where nest can be imported.

Defaults of the models that distsim.nest has, as GetDefaults tells them: names and numbers of all that can be set.
"""

import json
from pathlib import Path

import nest

FILE = Path(__file__).parent / "nest" / "defaults.json"
MODELS = (
    "aeif_psc_exp", "iaf_psc_alpha", "iaf_psc_alpha_multisynapse", "iaf_psc_delta", "iaf_psc_exp", "iaf_psc_exp_htum",
    "iaf_psc_exp_multisynapse", "ignore_and_fire", "izhikevich", "parrot_neuron", "ac_generator", "dc_generator",
    "noise_generator", "poisson_generator", "pulsepacket_generator", "spike_generator", "step_current_generator",
    "multimeter", "spike_recorder", "voltmeter", "weight_recorder", "static_synapse", "static_synapse_hom_w",
    "stdp_pl_synapse_hom", "stdp_synapse", "stdp_synapse_hom", "tsodyks2_synapse", "tsodyks_synapse",
    "tsodyks_synapse_hom",
)  # fmt: skip
TOLD_BY_NEST = {
    "Ca", "archiver_length", "available", "capacity", "element_type", "elementsize", "events", "global_id",
    "has_connections", "has_delay", "instantiations", "local", "model", "model_id", "n_events", "n_synapses",
    "node_uses_wfr", "num_connections", "post_trace", "recordables", "requires_symmetric", "sizeof", "synapse_model",
    "synapse_modelid", "synaptic_elements", "t_spike", "thread", "thread_local_id", "type_id", "vp", "weight_recorder",
}  # fmt: skip
"""What cannot be set, or is no number."""


def plain(value):
    return value.tolist() if hasattr(value, "tolist") else value


if __name__ == "__main__":
    nest.verbosity = nest.VerbosityLevel.ERROR
    found = {
        model: {str(k): plain(v) for k, v in sorted(nest.GetDefaults(model).items()) if str(k) not in TOLD_BY_NEST}
        for model in MODELS
    }
    lines = ",\n".join(f'"{model}": {json.dumps(values)}' for model, values in found.items())
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="ascii")
