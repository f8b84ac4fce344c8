"""distsim: a distributed simulator of neuronal networks that gives the same bits on any number of ranks.

The names below are loaded when they are first used, so that ``import distsim`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from distsim.binary.binary_network import BinaryNetwork
    from distsim.binary.binary_simulation import BinarySimulation
    from distsim.core.distributions import Clipped, LogNormal, Normal, Redrawn, Uniform
    from distsim.core.errors import DistsimError, InputError, RangeError
    from distsim.core.one_signed import Gamma, Replaced
    from distsim.core.positions import lattice
    from distsim.core.rules import (
        AllToAll,
        EdgeList,
        FixedIndegree,
        FixedTotalNumber,
        OneToOne,
        PairwiseBernoulli,
        SpatialBernoulli,
    )
    from distsim.core.values import Value
    from distsim.rates.rate_network import ConstantRate, DiffusionConnection, RateNetwork, SiegertNeuron
    from distsim.rates.rate_simulation import RateSimulation
    from distsim.spiking.drives.constant_current import ConstantCurrent
    from distsim.spiking.drives.poisson import Poisson
    from distsim.spiking.network import Network
    from distsim.spiking.neurons.iaf_psc_alpha import IafPscAlpha
    from distsim.spiking.neurons.iaf_psc_delta import IafPscDelta
    from distsim.spiking.neurons.iaf_psc_exp import IafPscExp
    from distsim.spiking.neurons.ignore_and_fire import IgnoreAndFire
    from distsim.spiking.neurons.lif_multisynapse import LifMultisynapse
    from distsim.spiking.neurons.neuron_model import NeuronModel, State, duration, parameter, time_constant
    from distsim.spiking.protocols import Drive
    from distsim.spiking.simulation import Simulation
    from distsim.spiking.sources.poisson_source import PoissonSource
    from distsim.spiking.sources.spike_trains import SpikeTrains
    from distsim.spiking.synapses.static import Static
    from distsim.spiking.synapses.stdp_power_law import StdpPowerLaw
    from distsim.spiking.synapses.tsodyks_markram import TsodyksMarkram

_HOME = {
    "AllToAll": "core.rules",
    "BinaryNetwork": "binary.binary_network",
    "BinarySimulation": "binary.binary_simulation",
    "Clipped": "core.distributions",
    "ConstantCurrent": "spiking.drives.constant_current",
    "ConstantRate": "rates.rate_network",
    "DiffusionConnection": "rates.rate_network",
    "DistsimError": "core.errors",
    "Drive": "spiking.protocols",
    "EdgeList": "core.rules",
    "FixedIndegree": "core.rules",
    "FixedTotalNumber": "core.rules",
    "Gamma": "core.one_signed",
    "IafPscAlpha": "spiking.neurons.iaf_psc_alpha",
    "IafPscDelta": "spiking.neurons.iaf_psc_delta",
    "IafPscExp": "spiking.neurons.iaf_psc_exp",
    "IgnoreAndFire": "spiking.neurons.ignore_and_fire",
    "InputError": "core.errors",
    "LifMultisynapse": "spiking.neurons.lif_multisynapse",
    "LogNormal": "core.distributions",
    "Network": "spiking.network",
    "NeuronModel": "spiking.neurons.neuron_model",
    "Normal": "core.distributions",
    "OneToOne": "core.rules",
    "PairwiseBernoulli": "core.rules",
    "Poisson": "spiking.drives.poisson",
    "PoissonSource": "spiking.sources.poisson_source",
    "RangeError": "core.errors",
    "RateNetwork": "rates.rate_network",
    "RateSimulation": "rates.rate_simulation",
    "Redrawn": "core.distributions",
    "Replaced": "core.one_signed",
    "SiegertNeuron": "rates.rate_network",
    "Simulation": "spiking.simulation",
    "SpatialBernoulli": "core.rules",
    "SpikeTrains": "spiking.sources.spike_trains",
    "State": "spiking.neurons.neuron_model",
    "Static": "spiking.synapses.static",
    "StdpPowerLaw": "spiking.synapses.stdp_power_law",
    "TsodyksMarkram": "spiking.synapses.tsodyks_markram",
    "Uniform": "core.distributions",
    "Value": "core.values",
    "duration": "spiking.neurons.neuron_model",
    "lattice": "core.positions",
    "parameter": "spiking.neurons.neuron_model",
    "time_constant": "spiking.neurons.neuron_model",
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
    "Drive",
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
    "NeuronModel",
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
    "State",
    "Static",
    "StdpPowerLaw",
    "TsodyksMarkram",
    "Uniform",
    "Value",
    "__version__",
    "duration",
    "lattice",
    "parameter",
    "time_constant",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'distsim' has no attribute '{name}'")
    import_module("distsim.parallel.job").end_together()
    return getattr(import_module(f"distsim.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
