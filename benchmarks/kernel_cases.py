"""The kernels that are measured, on arrays that the package makes, each with what the machine could do at best.

Neuron parameters, weights and rates are those of the published two-population network, whatever its size. The limits
count what the equations and the layout of the tables demand, not what the code does: the state of a neuron stays in
the cache for an interval, so that only input slots, and parameters of their own, move; an event moves its target, and
where it has them its weight and delay, once.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from machine_limits import Machine, Operations

from distsim.connect.rules.one_to_one import OneToOne
from distsim.core.distributions import Uniform
from distsim.core.jit import jit
from distsim.core.poisson_counts import BLOCK
from distsim.models.two_population import parameters
from distsim.models.two_population.network import build_network
from distsim.parallel.communicator import alone
from distsim.parallel.timers import Timers
from distsim.spiking.drives.driven import Driven, poisson_input
from distsim.spiking.drives.poisson import Poisson
from distsim.spiking.drives.poisson_input import add_poisson, stale_step
from distsim.spiking.local_network import LocalGroup, build
from distsim.spiking.network import Network
from distsim.spiking.neurons import ignore_and_fire
from distsim.spiking.neurons.iaf_psc_alpha import IafPscAlpha
from distsim.spiking.neurons.iaf_psc_delta import IafPscDelta
from distsim.spiking.neurons.iaf_psc_exp import IafPscExp
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.synapses.static import Static

SEED = 1
EXTERNAL = (
    0.7  # of the published external rate: without recurrent inhibition, it makes neurons fire a few times a second
)
INTERVALS = 200  # of the almost empty network, measured together


@dataclass(frozen=True)
class Limit:
    """A bound that the machine sets: ``binds`` says of what kind it is, ``what`` names bytes or operations; ns."""

    binds: str
    what: str
    ns: float


@dataclass(frozen=True)
class Case:
    """One row: ``once`` does the work and returns (number of items, seconds); ``limits`` are those of one item."""

    name: str
    per: str
    once: Callable[[], tuple[int, float]]
    kernels: tuple[Any, ...]
    limits: Callable[[Machine], list[Limit]]


@dataclass(frozen=True)
class Sizes:
    """Numbers of neurons N and inputs per neuron K; parameters of the two-population network of that size."""

    neurons: int
    indegree: int

    @property
    def published(self) -> parameters.Parameters:
        return parameters.load({"N": self.neurons, "K": self.indegree})

    @property
    def slots(self) -> int:
        """Steps in the delay, hence in an interval, and slots in a ring."""
        p = self.published
        return round(p.delay / p.dt)


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


# ---------------------------------------------------------------- neurons


def neuron_cases(sizes: Sizes) -> list[Case]:
    """Both neuron models, for one interval of all neurons."""
    p = sizes.published
    shared: Any = build_network(p).find("E").model
    own = {"C_m": Uniform(0.99 * p.C_m, 1.01 * p.C_m)}
    separate = replace(shared, tau_syn_in=1.5 * p.tau_s)
    model = build_network(parameters.load({"neuron_model": "ignore_and_fire"})).find("E").model
    models = {
        "iaf_psc_alpha, one current": shared,
        "iaf_psc_alpha, one current, own parameters": replace(shared, **own),
        "iaf_psc_alpha, two currents": separate,
        "iaf_psc_alpha, two currents, own parameters": replace(separate, **own),
        "iaf_psc_exp, one current": _same_membrane(IafPscExp, shared, ("tau_syn_ex", "tau_syn_in")),
        "iaf_psc_delta": _same_membrane(IafPscDelta, shared, ()),
        "ignore_and_fire": model,
    }
    return [_neuron_case(name, neuron, sizes) for name, neuron in models.items()]


def _same_membrane(kind: Any, model: Any, further: tuple[str, ...]) -> Any:
    names = ("C_m", "tau_m", "t_ref", "E_L", "V_th", "V_reset", *further)
    return kind(**{name: getattr(model, name) for name in names})


def _initial(model: Any) -> dict[str, Any]:
    return {"V_m": Uniform(0.0, 20.0)} if model.initial_states else {}


def _group(name: str, model: Any, sizes: Sizes) -> LocalGroup:
    """Neurons of one model with a synapse each, so that their input has as many slots as in the network."""
    p = sizes.published
    network = Network(p.dt)
    population = network.population(name, sizes.neurons, model, **_initial(model))
    network.connect(population, population, OneToOne(), Static(weight=p.I_E, delay=p.delay))
    network.stimulate(population, Poisson(rate=EXTERNAL * p.nu_X, weight=_weight(model, p)))
    return build(network, alone(), SEED, "double", Timers().phase).groups[0]


def _weight(model: Any, p: Any) -> float:
    """Weight of an external event: of iaf_psc_delta the jump (mV) that brings the charge of the others' current."""
    return p.I_X * math.e * p.tau_s / p.C_m if isinstance(model, IafPscDelta) else p.I_X


def _neuron_case(name: str, model: Any, sizes: Sizes) -> Case:
    n, slots = sizes.neurons, sizes.slots
    local = _group(name, model, sizes)
    index, stamp = np.empty(n * slots, np.int32), np.empty(n * slots, np.int64)
    bounds, current = np.array([0, n]), np.zeros((1, slots))
    undriven = poisson_input([Driven(share) for share in local.shares], local.grid.unit)
    step = slots  # the last one done

    def once() -> tuple[int, float]:
        nonlocal step
        deposit_all(local.poisson, bounds, step + 1, slots, local.rings)  # beforehand: it has a row of its own
        first = step + 1
        step += slots
        arguments = (first, slots, local.rings, local.grid.unit, current, undriven, index, stamp)
        return n * slots, seconds(lambda: local.neurons.update(*arguments))

    if name == "ignore_and_fire":
        kernels = (ignore_and_fire.ignoring,)
        return Case(name, "neuron and step", once, kernels, lambda machine: _ignore_limits(machine, local))
    own = name.endswith("own parameters")
    operations = _operations(type(model), model.inputs(), own)
    return Case(
        name, "neuron and step", once, (model.kernel,), lambda machine: _iaf_limits(machine, local, own, operations)
    )


def _operations(kind: Any, inputs: int, own: bool) -> Operations:
    """Operations of the equations of a neuron in a step; comparisons apart.

    Membrane: 1 multiplication and 2 additions, and one more of each where the injected current has a factor for every
    neuron. Per input of iaf_psc_alpha: 2 and 2 to change V, 2 and 1 for I, 3 and 1 for dI, 1 to convert what arrives;
    of iaf_psc_exp 1 and 1 to change V, 1 and 1 for I, 1 to convert. iaf_psc_delta: 1 and 2 for V, 1 to convert, 1 and 1
    for input while refractory.
    """
    if kind is IafPscDelta:
        return Operations(3, 3)
    membrane = Operations(2, 3) if own else Operations(1, 2)
    return membrane + (Operations(7, 5) if kind is IafPscAlpha else Operations(3, 2)) * inputs


def _iaf_limits(machine: Machine, local: LocalGroup, own: bool, operations: Operations) -> list[Limit]:
    """What the equations and the input need."""
    inputs = len(local.rings)
    memory = 8 * inputs * machine.stream("update", sum(ring.nbytes for ring in local.rings))
    what = f"{8 * inputs} bytes of input read and cleared"
    if own:
        parameters_read, states = 5 + 5 * inputs, 2 + 2 * inputs
        working_set = BLOCK * 8 * (parameters_read + states)
        memory += 8 * parameters_read * machine.stream("read", working_set)
        what += (
            f", {8 * parameters_read} bytes of parameters read in a working set of {working_set >> 10} KiB (a block)"
        )
    return [_arithmetic(machine, operations), Limit("memory", what, memory)]


def _ignore_limits(machine: Machine, local: LocalGroup) -> list[Limit]:
    slots, n = local.rings[0].shape
    memory = 8 * machine.stream("write", local.rings[0].nbytes) + 8 * machine.stream("update", 8 * n) / slots
    what = f"8 bytes of input cleared, 8 bytes of counter updated once in {slots} steps"
    return [Limit("memory", what, memory)]


def _arithmetic(machine: Machine, operations: Operations) -> Limit:
    return Limit("operations", str(operations), machine.arithmetic(operations))


# ---------------------------------------------------------------- Poisson counts


@jit
def deposit_all(poisson, bounds, first_step, n_steps, rings):  # type: ignore[no-untyped-def]
    """Add what arrives in the steps first_step .. first_step + n_steps - 1 to rings (slots, n)."""
    random, stale = np.empty(BLOCK, np.uint64), stale_step(poisson, first_step, n_steps)
    for p in range(bounds.size - 1):
        for begin in range(bounds[p], bounds[p + 1], BLOCK):
            size = min(BLOCK, bounds[p + 1] - begin)
            add_poisson(poisson, p, begin, size, first_step, n_steps, stale, rings, random)


def poisson_cases(sizes: Sizes) -> list[Case]:
    """Poisson counts at the published rate, at a high rate, and at a mean of 100, for one interval of all neurons."""
    p = sizes.published
    drives = [(p.nu_X, p.dt), (20_000.0, 0.1), (1_000_000.0, 0.1)]
    return [_poisson_case(rate, dt, sizes) for rate, dt in drives]


def _poisson_case(rate: float, dt: float, sizes: Sizes) -> Case:
    n, slots = sizes.neurons, sizes.slots
    poisson = Poisson(rate=rate, weight=1.0)
    network = Network(dt)
    share = PopulationShare(network.population("driven", n, IafPscAlpha()), np.arange(n), 0, SEED, dt)
    driven, bounds = Driven(share), np.array([0, n])
    poisson.bind(driven)
    drive = poisson_input([driven], 2.0**-20)
    ring = np.zeros((slots, n), np.int64)
    step = slots

    def once() -> tuple[int, float]:
        nonlocal step
        ring[:] = 0
        first = step + 1
        step += slots
        return n * slots, seconds(lambda: deposit_all(drive, bounds, first, slots, (ring,)))

    def limits(machine: Machine) -> list[Limit]:
        """Without the comparisons with the table, of which a kernel may need more or fewer."""
        memory = 8 * machine.stream("update", ring.nbytes) + 8 * machine.stream("read", 8 * n) / slots
        return [
            Limit(
                "operations",
                "2 multiplications of 64 bits (the hash)",
                machine.multiplications(2),
            ),
            Limit("memory", f"8 bytes of input updated, 8 bytes of key read once in {slots} steps", memory),
        ]

    name = f"Poisson count, {rate:,.0f}/s at dt {dt:g} ms (mean {rate * dt / 1000.0:.3g})"
    return Case(name, "count", once, (deposit_all,), limits)


# ---------------------------------------------------------------- an interval


def interval_case(sizes: Sizes) -> Case:
    """The network with ten neurons: what an interval costs that has nothing to compute, by the loop in Python."""
    from distsim.spiking.simulation import Simulation

    network = build_network(replace(sizes.published, N=10, K=5))
    simulation = Simulation(network, comm=alone(), seed=SEED, loop="python")
    calls = len(network.populations) + 1  # update, collect

    def limits(machine: Machine) -> list[Limit]:
        what = f"{calls} calls of compiled functions that do nothing with ten arrays"
        return [Limit("calls from Python", what, calls * machine.call())]

    def once() -> tuple[int, float]:
        return INTERVALS, seconds(lambda: simulation.run(INTERVALS * simulation.interval))

    name = f"interval in Python of an almost empty network ({network.size} neurons)"
    return Case(name, "interval", once, (), limits)
