"""The kernel of NEST: all that a script has made so far, and what simulates it."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Targets
from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.pairwise_bernoulli import PairwiseBernoulli
from distsim.nest import kernel_attributes
from distsim.nest.connection_calls import Call, SynapseKind
from distsim.nest.connection_models import SYNAPSES
from distsim.nest.device_models import DEVICES
from distsim.nest.engine_bridge import Engine
from distsim.nest.event_log import EventLog
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.neuron_models import NEURONS
from distsim.nest.node_blocks import Block, Model, blocks_of
from distsim.nest.parameter_objects import Drawing, Parameter
from distsim.nest.positioned_nodes import Layer
from distsim.nest.time_grid import Clock

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]


class Kernel:
    """epoch: which of the kernels since the start it is, by which nodes of an earlier one are known."""

    def __init__(self) -> None:
        self.epoch = 0
        self._comm: MPI.Comm | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.epoch += 1
        self.status: dict[str, Any] = copy.deepcopy(kernel_attributes.SETTABLE | kernel_attributes.IGNORED)
        self.clock = Clock()
        self.blocks: list[Block] = []
        self.layers: list[Layer] = []
        self.calls: list[Call] = []
        self.of_recorder: dict[int, list[Call]] = {}
        known = NEURONS | DEVICES
        self.models = {
            name: Model(name, spec, copy.deepcopy(spec.defaults), i) for i, (name, spec) in enumerate(known.items())
        }
        self.synapses = {
            name: SynapseKind(name, spec, spec.defaults | spec.fixed, i)
            for i, (name, spec) in enumerate(sorted(SYNAPSES.items()))
        }
        self.synapses_of: dict[int, str] = {}  # of each generator: the model of its synapses
        self.sampled: dict[int, set[int]] = {}  # of each multimeter: the nodes of which it records
        self.ports: dict[str, tuple[Int64Array, Int64Array]] = {}  # of each model of synapses, see edges_of_calls
        self.delays: tuple[int, int] | None = None
        self.log = EventLog()
        self.engine: Engine | None = None
        self.described: Engine | None = None
        self.prepared = False
        self.draws = 0
        self.simulated_seed: int | None = None
        self.seconds = {"time_construction_create": 0.0, "time_construction_connect": 0.0, "time_simulate": 0.0}
        self.seconds |= {"time_communicate_prepare": 0.0}

    def use(self, comm: MPI.Comm) -> None:
        """Simulate on the ranks of ``comm``, and forget everything."""
        self._comm = comm
        self.reset()

    @property
    def comm(self) -> MPI.Comm:
        """The ranks of the job."""
        if self._comm is None:
            from distsim.parallel import world

            self._comm = world()
        return self._comm

    @property
    def size(self) -> int:
        """Number of nodes."""
        return self.blocks[-1].first + self.blocks[-1].n - 1 if self.blocks else 0

    @property
    def min_delay(self) -> int:
        """The minimum delay in steps, as far as it was given or is known from connections."""
        given = self.status["min_delay"]
        if given is not None:
            return self.clock.steps(given)
        return self.delays[0] if self.delays else 1

    @property
    def max_delay(self) -> int:
        """The maximum delay in steps, likewise."""
        given = self.status["max_delay"]
        if given is not None:
            return self.clock.steps(given)
        return self.delays[1] if self.delays else 1

    def add_delays(self, low: float, high: float) -> None:
        """Take note of delays (ms) of connections."""
        steps = self.clock.steps(low), self.clock.steps(high)
        if self.status["min_delay"] is not None and not self.min_delay <= steps[0] <= steps[1] <= self.max_delay:
            raise NESTErrors.BadDelay(f"delays from {low:g} to {high:g} ms are not within min_delay and max_delay")
        known = self.delays or steps
        self.delays = min(known[0], steps[0]), max(known[1], steps[1])

    @property
    def seed(self) -> int:
        """That of the network: rng_seed, as it was when the network was first simulated."""
        return int(self.status["rng_seed"]) if self.simulated_seed is None else self.simulated_seed

    def set_seed(self, seed: int) -> None:
        """Another rng_seed: before the first run for all, later for all that is drawn from then on."""
        if self.clock.step == 0:
            self.changed()
        else:
            self.simulated_seed = self.seed
            if self.engine is not None:
                self.engine.draw_anew(seed)
        self.status["rng_seed"] = seed

    def node(self, number: int) -> tuple[Block, int]:
        """The block of a node, and which of its nodes it is."""
        if not 1 <= number <= self.size:
            raise NESTErrors.UnknownNode(f"Node with id {number} does not exist.")
        ((block, index),) = blocks_of(self.blocks, np.array([number]))
        return block, int(index[0])

    def layer(self, ids: Int64Array) -> Layer | None:
        """The layer that nodes are of; None where they have no positions."""
        for layer in self.layers:
            if len(ids) and layer.first <= ids[0] and ids[-1] < layer.first + len(layer.positions):
                return layer
        return None

    def positions(self, ids: Int64Array) -> npt.NDArray[np.float64]:
        """The positions (n, d) of nodes (n,); KernelException where they have none."""
        layer = self.layer(np.array([ids.min(), ids.max()])) if len(ids) else None
        if layer is None:
            raise NESTErrors.KernelException(
                "Node position parameter can only be used with spatially distributed nodes."
            )
        return layer.positions[ids - layer.first]

    def wrap(self, ids: Int64Array) -> npt.NDArray[np.float64] | None:
        """The extent (d,) beyond which the layer of nodes begins anew; None where it does not."""
        layer = self.layer(ids[:1])
        return layer.extent if layer is not None and layer.edge_wrap else None

    def draw(
        self, parameter: Parameter, owners: Int64Array, entries: Int64Array | None = None,
        sources: Int64Array | None = None,
    ) -> Any:  # fmt: skip
        """Numbers (n,) of a parameter for nodes (n,), or for what connects ``sources`` to them, others each time."""
        self.draws += 1
        places = np.zeros(len(owners), np.int64) if entries is None else entries
        seed = int(self.status["rng_seed"])
        return parameter.values(Drawing(seed, self.draws, np.asarray(owners), places, sources=sources))

    def add_calls(self, calls: list[Call]) -> None:
        """Add connections, and note the recorders that have a part in them."""
        self.calls += calls
        self.ports.clear()
        for call in calls:
            if call.way in ("record", "sample"):
                for number in (call.target if call.way == "record" else call.source).tolist():
                    self.of_recorder.setdefault(number, []).append(call)
        self.changed()

    def take_away(self, call: Call, edges: Int64Array) -> None:
        """Take edges (n, 2), each a target and its place, away from a call."""
        call.removed = np.concatenate([call.removed, edges])
        self.ports.clear()
        self.changed()

    def changed(self) -> None:
        """Something was added, or changed as the simulation cannot: it is described anew when it is next needed."""
        self.described = None

    def count(self, call: Call) -> int:
        """How many edges a call has: drawn, and counted, where the rule does not say."""
        return self._drawn(call) - len(call.removed)

    def _drawn(self, call: Call) -> int:
        if isinstance(call.rule, AllToAll):
            every = len(call.source) * len(call.target)
            return every if call.rule.autapses else every - len(np.intersect1d(call.source, call.target))
        if not isinstance(call.rule, PairwiseBernoulli):
            return call.expected()
        connected: Any = self.describe().projections[call.number] if call.way == "neurons" else call.stand_in()
        of = Targets.of(connected, self.seed, connected.target.gids, ())
        return sum(int(piece.degree.sum()) for piece in call.rule.edges(of))

    def describe(self) -> Engine:
        """The network of all that there is now."""
        if self.described is None:
            made = Engine(self.blocks, self.calls, self.clock, self.seed, self.comm)
            self.described = made
        return self.described

    def prepare(self) -> None:
        """Build what is to be simulated, unless that is there."""
        begin = time.perf_counter()
        if self.comm.size > 1:
            self._share_overrides()
        latest = self.describe()
        if latest is not self.engine:
            for call in self.calls:
                call.check_simulated()
            latest.clock = self.clock
            latest.build(self.engine)
            if self.status["rng_seed"] != self.seed:
                latest.draw_anew(int(self.status["rng_seed"]))
            self.engine = latest
        self.seconds["time_communicate_prepare"] += time.perf_counter() - begin

    def _share_overrides(self) -> None:
        """Let all ranks know what edges were given one by one on each, and so describe the same network."""
        new = [[o for o in call.overrides if not o.shared] for call in self.calls]
        for of_calls in zip(self.calls, *self.comm.allgather(new), strict=True):
            call, found = of_calls[0], [override for of_rank in of_calls[1:] for override in of_rank]
            if found:
                call.overrides = [o for o in call.overrides if o.shared] + [replace(o, shared=True) for o in found]

    def run(self, steps: int) -> None:
        """Simulate so many steps more."""
        begin = time.perf_counter()
        if self.engine is None:
            raise NESTErrors.KernelException("Run called without calling Prepare.")
        self.engine.run(steps, self.log)
        before = self.clock.step
        self.clock = replace(self.clock, step=before + steps)
        self.engine.clock = self.clock
        self.seconds["time_simulate"] += time.perf_counter() - begin


KERNEL = Kernel()
"""The one that scripts work on."""
