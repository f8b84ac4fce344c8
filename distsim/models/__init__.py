"""Published networks, one folder each: defaults with unit, meaning and source, parameters, and the network itself.

two_population   excitatory and inhibitory neurons with plastic synapses
brunel           sparsely connected integrate-and-fire neurons, and their mean field
brunel_siegert   that mean field by itself, of rate neurons for populations or for single neurons
microcircuit     the cortical microcircuit of eight populations
binary_ei        binary neurons, and their mean field
liquid_state     a column of neurons with short-term plasticity, and many trials of it side by side

What a network of a user's own needs is imported from here, see docs/own_network.md, and what a run records, see
docs/recording.md.
"""

from distsim.models.defaults import Default
from distsim.models.model import RunSettings
from distsim.models.model_parameters import ModelParameters, derived, share
from distsim.models.recording import Recording

__all__ = ["Default", "ModelParameters", "Recording", "RunSettings", "derived", "share"]
