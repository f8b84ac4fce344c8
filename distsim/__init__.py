"""distsim: a distributed simulator of neuronal networks that gives the same bits on any number of ranks.

The names below are loaded when they are first used, so that ``import distsim`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from distsim.binary_simulation import BinarySimulation
    from distsim.errors import DistsimError, InputError, RangeError
    from distsim.network.binary import BinaryNetwork
    from distsim.network.distributions import Clipped, LogNormal, Normal, Redrawn, Uniform
    from distsim.network.network import Network
    from distsim.network.positions import lattice
    from distsim.network.positive import Gamma, Replaced
    from distsim.network.rates import ConstantRate, DiffusionConnection, RateNetwork, SiegertNeuron
    from distsim.network.rules import (
        AllToAll,
        EdgeList,
        FixedIndegree,
        FixedTotalNumber,
        OneToOne,
        PairwiseBernoulli,
        SpatialBernoulli,
    )
    from distsim.neurons.iaf_psc_alpha import IafPscAlpha
    from distsim.neurons.iaf_psc_delta import IafPscDelta
    from distsim.neurons.iaf_psc_exp import IafPscExp
    from distsim.neurons.ignore_and_fire import IgnoreAndFire
    from distsim.neurons.lif_multisynapse import LifMultisynapse
    from distsim.simulate.rates import RateSimulation
    from distsim.simulation import Simulation
    from distsim.stimuli.constant_current import ConstantCurrent
    from distsim.stimuli.poisson import Poisson
    from distsim.stimuli.poisson_source import PoissonSource
    from distsim.stimuli.spike_trains import SpikeTrains
    from distsim.synapses.static import Static
    from distsim.synapses.stdp_power_law import StdpPowerLaw
    from distsim.synapses.tsodyks_markram import TsodyksMarkram

_HOME = {
    "AllToAll": "network.rules",
    "BinaryNetwork": "network.binary",
    "BinarySimulation": "binary_simulation",
    "Clipped": "network.distributions",
    "ConstantCurrent": "stimuli.constant_current",
    "ConstantRate": "network.rates",
    "DiffusionConnection": "network.rates",
    "DistsimError": "errors",
    "EdgeList": "network.rules",
    "FixedIndegree": "network.rules",
    "FixedTotalNumber": "network.rules",
    "Gamma": "network.positive",
    "IafPscAlpha": "neurons.iaf_psc_alpha",
    "IafPscDelta": "neurons.iaf_psc_delta",
    "IafPscExp": "neurons.iaf_psc_exp",
    "IgnoreAndFire": "neurons.ignore_and_fire",
    "InputError": "errors",
    "LifMultisynapse": "neurons.lif_multisynapse",
    "LogNormal": "network.distributions",
    "Network": "network.network",
    "Normal": "network.distributions",
    "OneToOne": "network.rules",
    "PairwiseBernoulli": "network.rules",
    "Poisson": "stimuli.poisson",
    "PoissonSource": "stimuli.poisson_source",
    "RangeError": "errors",
    "RateNetwork": "network.rates",
    "RateSimulation": "simulate.rates",
    "Redrawn": "network.distributions",
    "Replaced": "network.positive",
    "SiegertNeuron": "network.rates",
    "Simulation": "simulation",
    "SpatialBernoulli": "network.rules",
    "SpikeTrains": "stimuli.spike_trains",
    "Static": "synapses.static",
    "StdpPowerLaw": "synapses.stdp_power_law",
    "TsodyksMarkram": "synapses.tsodyks_markram",
    "Uniform": "network.distributions",
    "lattice": "network.positions",
}

__all__ = [
    "AllToAll",
    "BinaryNetwork",
    "BinarySimulation",
    "Clipped",
    "ConstantCurrent",
    "ConstantRate",
    "DiffusionConnection",
    "DistsimError",
    "EdgeList",
    "FixedIndegree",
    "FixedTotalNumber",
    "Gamma",
    "IafPscAlpha",
    "IafPscDelta",
    "IafPscExp",
    "IgnoreAndFire",
    "InputError",
    "LifMultisynapse",
    "LogNormal",
    "Network",
    "Normal",
    "OneToOne",
    "PairwiseBernoulli",
    "Poisson",
    "PoissonSource",
    "RangeError",
    "RateNetwork",
    "RateSimulation",
    "Redrawn",
    "Replaced",
    "SiegertNeuron",
    "Simulation",
    "SpatialBernoulli",
    "SpikeTrains",
    "Static",
    "StdpPowerLaw",
    "TsodyksMarkram",
    "Uniform",
    "__version__",
    "lattice",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'distsim' has no attribute '{name}'")
    import_module("distsim.parallel.job").end_together()
    return getattr(import_module(f"distsim.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
