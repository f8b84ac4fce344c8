"""What stands behind the name of a model of NEST: its parameters as NEST names them, and what makes objects of ours.

A node of NEST is a neuron, a generator or a recorder. Neurons become populations; a generator becomes a stimulus of
what it is connected to (``drive``), a population of sources (``source``), or both; recorders have no object of their
own. The tables of all models stand in ``neuron_models``, ``device_models`` and ``connection_models``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib import import_module
from typing import Any

from distsim.core.declared import names_of_each
from distsim.nest.time_grid import Clock
from distsim.spiking.protocols import PopulationModel, Stimulus
from distsim.spiking.synapses.synapse_model import SynapseModel

Values = dict[str, Any]
"""Values of parameters by NEST's names, in its units: a number or, of neurons, an array (n,), each with its own."""

NEVER = 1.7976931348623157e308
"""``stop`` (ms) of a device that is not to stop, as NEST tells it."""


@dataclass(frozen=True)
class NodeModel:
    """A model of nodes.

    kind: "neuron", "parrot" (repeats what it receives, whatever its weight), "generator", "recorder" or "rate".
    defaults: all that can be set. states: which of these are states, each with the state variable of ours. fixed: what
    NEST has and we have not: accepted at these values, refused at others. recordables: state variables by the names
    that ``record_from`` takes. receptors: the receptor types that it has, from its parameters; of_receptors: whether
    the current of each, and their sum, can be recorded.

    population(values): the model of a population of such neurons, from all that is no state.
    drive(values, weight, delay, dt): what acts on each target of a generator, independently; None: it cannot. Times
    in ``values`` are those of the simulation, ``stop`` is None where there is none.
    source(values, dt): the model of a population of one source, whose spikes all targets share, and which can be
    recorded; None: it cannot.
    currents: whether it sends currents. as_neuron: whether all synapses that neurons have can begin at it, as at no
    other generator. opposite: recordables that NEST tells with the other sign. from_rest: those that it tells less E_L.
    accept(values, given, clock): what becomes of values that are given, where they need more than a type; ``values``:
    those so far. It raises an exception of NEST where they do not fit.
    """

    name: str
    kind: str
    defaults: Values
    states: dict[str, str] = field(default_factory=dict)
    fixed: Values = field(default_factory=dict)
    recordables: dict[str, str] = field(default_factory=dict)
    receptors: Callable[[Values], tuple[int, ...]] = lambda values: (0,)
    of_receptors: bool = False
    population: Callable[[Values], PopulationModel] | None = None
    drive: Callable[[Values, float, float, float], Stimulus] | None = None
    source: Callable[[Values, float], PopulationModel] | None = None
    accept: Callable[[Values, Values, Clock], Values] | None = None
    currents: bool = False
    as_neuron: bool = False
    opposite: tuple[str, ...] = ()
    from_rest: tuple[str, ...] = ()

    @property
    def samples(self) -> bool:
        """Whether it is a recorder of states."""
        return "interval" in self.defaults

    @cached_property
    def alike(self) -> frozenset[str]:
        """The parameters that all neurons of a population have in common: those of others are other populations."""
        model = getattr(self.population, "args", (None,))[0]
        return frozenset() if model is None else frozenset(f.name for f in fields(model)) - {*names_of_each(model)}

    def recorded(self, values: Values) -> dict[str, tuple[str, ...]]:
        """What ``record_from`` takes: the state variables whose sum it is, by its name."""
        found: dict[str, tuple[str, ...]] = {name: (ours,) for name, ours in self.recordables.items()}
        if self.of_receptors:
            currents = tuple(f"I_syn_{k}" for k in self.receptors(values))
            found |= {"I_syn": currents} | {name: (name,) for name in currents}
        return found


@dataclass(frozen=True)
class ConnectionModel:
    """A model of synapses.

    defaults: all that can be set, ``weight``, ``delay`` (ms) and ``receptor_type`` among it. common: which of these
    belong to the model and not to single synapses.

    synapse(values, target): the synapse, from all of these, and the parameters of the target that plasticity needs
    (``tau_minus``), by NEST's names. ``weight`` and ``delay`` are numbers, arrays or distributions; receptor: that of
    the synapse, None where the target has only one.
    fixed: beyond these what has no counterpart, as ``Kplus``, with the values at which it can be simulated. states:
    what changes while it is simulated, other than the weight. plastic: whether weights change by themselves.
    of_neurons: whether no generator or recorder can have them. way: "neurons", or "rates" for connections of rate
    neurons. check(values): raises InputError where synapses cannot have values. simulated: False where such synapses
    can be made and asked for what they were given, and no more.
    """

    name: str
    defaults: Values
    synapse: Callable[[Values, Values, int | None], SynapseModel]
    common: tuple[str, ...] = ()
    fixed: Values = field(default_factory=dict)
    states: tuple[str, ...] = ()
    plastic: bool = False
    of_neurons: bool = False
    way: str = "neurons"
    check: Callable[[Values], None] = lambda values: None
    simulated: bool = True


def named_alike(model: str, values: Values, **others: Any) -> Any:
    """An object of a public class, whose parameters have the names that NEST gives them, apart from ``others``."""
    made: Any = getattr(import_module("distsim"), model)
    known = {f.name for f in fields(made)}
    return made(**{name: value for name, value in values.items() if name in known} | others)
