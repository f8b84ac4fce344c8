"""Published networks, one folder each: defaults with unit, meaning and source, parameters, and the network itself.

What a network of a user's own needs is imported from here, see docs/own_network.md.
"""

from distsim.models.defaults import Default
from distsim.models.model import RunSettings
from distsim.models.model_parameters import ModelParameters, derived, share

__all__ = ["Default", "ModelParameters", "RunSettings", "derived", "share"]
