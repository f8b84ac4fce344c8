"""``Connect``: what its specifications of connections and synapses say, as calls between nodes of one kind each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Rule
from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.edge_list import EdgeList
from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.connect.rules.fixed_total_number import FixedTotalNumber
from distsim.connect.rules.one_to_one import OneToOne
from distsim.connect.rules.pairwise_bernoulli import PairwiseBernoulli
from distsim.core.distributions import Distribution
from distsim.core.errors import InputError
from distsim.core.values import bounds
from distsim.nest.connection_calls import Call, SynapseKind
from distsim.nest.edges_of_calls import by_receptor, drawn, listed, mirrored, owners_of, upper, without_multapses
from distsim.nest.kernel import KERNEL
from distsim.nest.kernel_attributes import RULES
from distsim.nest.nest_errors import NESTErrors, unknown
from distsim.nest.nest_models import Values
from distsim.nest.node_blocks import ARRAYS, Block, blocks_of
from distsim.nest.node_collection import NodeCollection
from distsim.nest.parameter_objects import Parameter

Int64Array = npt.NDArray[np.int64]
OPTIONS = {
    "all_to_all": (), "one_to_one": (), "fixed_indegree": ("indegree",), "fixed_outdegree": ("outdegree",),
    "fixed_total_number": ("N",), "pairwise_bernoulli": ("p",), "symmetric_pairwise_bernoulli": ("p",),
}  # fmt: skip
"""What each rule needs beside its name."""
FLAGS = ("allow_autapses", "allow_multapses", "make_symmetric", "use_on_source")


class CollocatedSynapses:
    """Several synapses for each connection: the arguments are their specifications."""

    def __init__(self, *args: Any) -> None:
        self.syn_specs = list(args)

    def __len__(self) -> int:
        return len(self.syn_specs)


def calls_of(source: Int64Array, target: Int64Array, conn_spec: Any, syn_spec: Any, explicit: bool) -> Iterator[Call]:
    """The calls that one Connect between nodes is. explicit: the nodes were given as arrays, one for each edge."""
    spec = _conn_spec(conn_spec, "one_to_one" if explicit else "all_to_all")
    synapses = syn_spec.syn_specs if isinstance(syn_spec, CollocatedSynapses) else [syn_spec]
    name, autapses, multapses = spec["rule"], spec["allow_autapses"], spec["allow_multapses"]
    if name == "symmetric_pairwise_bernoulli" and not (spec["make_symmetric"] and not autapses):
        raise NESTErrors.BadProperty(
            "symmetric_pairwise_bernoulli needs make_symmetric = True and allow_autapses = False"
        )
    rule, transposed = _rule(name, spec, source, target, autapses, multapses, explicit)
    for given in synapses:
        kind, values = _syn_spec(given)
        own_receptors = isinstance(values["receptor_type"], (Parameter, *ARRAYS))
        receptor = 0 if own_receptors else int(values.pop("receptor_type"))
        ends = (target, source) if transposed else (source, target)
        call = Call(0, "neurons", *_ends(*ends, explicit), rule, kind, {}, receptor, KERNEL.clock.step)
        call = _with_values(call, values, name, transposed)
        for part in by_receptor(call) if own_receptors else [call]:
            yield from _by_way(part)
            if spec["make_symmetric"]:
                yield from _by_way(mirrored(part, name))


def _ends(source: Int64Array, target: Int64Array, explicit: bool) -> tuple[Int64Array, Int64Array]:
    return (np.unique(source), np.unique(target)) if explicit else (source, target)


def _conn_spec(given: Any, default: str) -> dict[str, Any]:
    """A specification of connections with all its options."""
    spec = {"rule": given or default} if given is None or isinstance(given, str) else dict(given)
    if "rule" not in spec:
        raise KeyError(f"conn_spec must name a 'rule': {', '.join(RULES)}")
    name = spec["rule"]
    if name not in RULES:
        known = unknown("connectivity rule", name, RULES)
        raise NESTErrors.BadProperty(f"Unknown connectivity rule: {known}")
    wanted = OPTIONS[name]
    for key in spec:
        if key not in ("rule", *wanted, *FLAGS):
            text = unknown(f"option of {name}", key, (*wanted, *FLAGS))
            if any(missing not in spec for missing in wanted):
                raise IndexError(text)
            raise NESTErrors.UnaccessedDictionaryEntry(text)
    for key in wanted:
        if key not in spec:
            raise IndexError(f"{name} needs '{key}'")
        if isinstance(spec[key], Parameter):
            raise NESTErrors.NotImplemented(f"{name}: {key} can only be a number")
    return {"allow_autapses": True, "allow_multapses": True, "make_symmetric": False} | spec


def _rule(
    name: str, spec: dict[str, Any], source: Int64Array, target: Int64Array, autapses: bool, multapses: bool,
    explicit: bool,
) -> tuple[Rule, bool]:  # fmt: skip
    """The rule of ours, and whether it is one from the targets to the sources."""
    if name == "fixed_indegree" or name == "fixed_outdegree":
        pool, degree = (source, spec["indegree"]) if name == "fixed_indegree" else (target, spec["outdegree"])
        word = "Indegree" if name == "fixed_indegree" else "Outdegree"
        if not multapses and degree > len(pool):
            raise NESTErrors.BadProperty(f"{word} cannot be larger than population size.")
        rule = FixedIndegree(int(degree), autapses=autapses, multapses=multapses)
        return rule, name == "fixed_outdegree"
    if name == "fixed_total_number":
        if not multapses and spec["N"] > len(source) * len(target):
            raise NESTErrors.BadProperty(
                "Total number of connections cannot exceed product of source and target population sizes."
            )
        if not multapses:
            return without_multapses(int(spec["N"]), source, target, autapses), False
        return FixedTotalNumber(int(spec["N"]), autapses=autapses), False
    if name.endswith("pairwise_bernoulli"):
        if not 0.0 <= spec["p"] <= 1.0:
            raise NESTErrors.BadProperty("Connection probability 0 <= p <= 1 required.")
        return PairwiseBernoulli(float(spec["p"]), autapses=autapses), False
    if name == "one_to_one" and len(source) != len(target):
        raise NESTErrors.DimensionMismatch("Source and Target population must be of the same size.")
    if explicit:
        if name != "one_to_one":
            raise NESTErrors.BadProperty("arrays of nodes that are not unique need the rule 'one_to_one'")
        index = (np.unique(each, return_inverse=True)[1].ravel() for each in (source, target))
        return EdgeList(*index), False
    return (OneToOne() if name == "one_to_one" else AllToAll(autapses=autapses)), False


def _syn_spec(given: Any) -> tuple[SynapseKind, Values]:
    """The kind of synapse, and its values with those that are given."""
    if given is None or isinstance(given, str):
        given = {"synapse_model": given or "static_synapse"}
    if not isinstance(given, dict):
        raise TypeError("syn_spec must be a string, dict or CollocatedSynapses object")
    kind = synapse_kind(given.get("synapse_model", "static_synapse"))
    values = dict(kind.defaults)
    for name, value in given.items():
        if name == "synapse_model":
            continue
        if name in kind.spec.common:
            raise NESTErrors.NotImplemented(
                f'Synapse parameter "{name}" can only be set via SetDefaults() or CopyModel().'
            )
        check_synapse_value(kind, name, value)
        if name in values:
            values[name] = value
    return kind, values


def synapse_kind(name: Any) -> SynapseKind:
    """The model of synapses of that name."""
    if name not in KERNEL.synapses:
        text = unknown("synapse model", name, KERNEL.synapses)
        raise NESTErrors.UnknownSynapseType(f"Synapse with name {name} does not exist: {text}")
    return KERNEL.synapses[name]


def check_synapse_value(kind: SynapseKind, name: str, value: Any) -> None:
    """Raise an exception of NEST where a synapse has no such parameter, or only another value of it."""
    if name in kind.spec.fixed:
        if np.any(np.asarray(value) != kind.spec.fixed[name]):
            raise NESTErrors.NotImplemented(f"{kind.name}: {name} can only be {kind.spec.fixed[name]}")
    elif name not in kind.spec.defaults:
        known = [*kind.spec.defaults, *kind.spec.fixed, "synapse_model"]
        raise NESTErrors.UnaccessedDictionaryEntry(unknown(f"parameter of {kind.name}", name, known))


def _with_values(call: Call, values: Values, rule: str, transposed: bool) -> Call:
    """The call with its weights, delays and so on as numbers, arrays of the rule, or distributions."""
    shape = call.rule.array_shape(call.stand_in().ends)
    fitted = {name: _fitted(value, name, shape, rule) for name, value in values.items()}
    own = not transposed and rule not in ("fixed_total_number", "symmetric_pairwise_bernoulli")
    if rule == "fixed_total_number":
        own = not any(isinstance(value, np.ndarray) for value in fitted.values())
    if any(isinstance(value, Parameter) and not _as_ours(value) for value in fitted.values()):
        own = False
    if call.random and not own:
        call = drawn(call, fitted, transposed)
        fitted = {name: np.ravel(v) if isinstance(v, np.ndarray) else v for name, v in fitted.items()}
    if rule == "symmetric_pairwise_bernoulli":
        call = upper(call)
    call.values = {name: _evaluated(call, name, value) for name, value in fitted.items()}
    return call


def _as_ours(value: Parameter) -> bool:
    return value.distribution is not None


def _fitted(value: Any, name: str, shape: tuple[int, ...] | None, rule: str) -> Any:
    """A value as a number, an array that the rule takes, or a parameter."""
    if isinstance(value, ARRAYS):
        array = np.asarray(value, np.float64)
        if array.size == 1 and array.ndim <= 1 and rule not in ("one_to_one", "fixed_total_number"):
            raise TypeError(
                f"'{name}' has the wrong type. One-dimensional parameter arrays can only be used in conjunction with "
                "rule 'one_to_one' or 'fixed_total_number'."
            )
        if shape is not None and array.shape != shape:
            raise ValueError(
                f"'{name}' has shape {array.shape}, but {rule} takes an array of shape {shape}, or a number"
            )
        return array
    if isinstance(value, (bool, str, Parameter, NodeCollection)) or value is None:
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"'{name}' must be a number, a list, or a parameter, got {value!r:.80}") from None


def _evaluated(call: Call, name: str, value: Any) -> Any:
    """A value with its numbers drawn, where the engine does not draw them; delays in whole steps."""
    if isinstance(value, Parameter):
        if call.random:
            value = value.distribution
        else:
            owners, entries, shape = owners_of(call)
            value = KERNEL.draw(value, owners, entries).reshape(shape)
    if name == "delay":
        if isinstance(value, np.ndarray):
            different, where = np.unique(value, return_inverse=True)
            value = np.array([KERNEL.clock.delay(each) for each in different.tolist()])[where.reshape(value.shape)]
        elif not isinstance(value, Distribution):
            value = KERNEL.clock.delay(value)
        low, high = bounds(value)
        KERNEL.add_delays(max(low, KERNEL.clock.resolution), high if np.isfinite(high) else low)
    return value


# ---------------------------------------------------------------- what is connected to what


def _way(source: Block, target: Block) -> str:
    """How a block is connected to another; IllegalConnection where it cannot be."""
    refused = "Creation of connection is not possible because:\n"
    if source.kind == "recorder":
        if "interval" not in source.spec.defaults:
            raise NESTErrors.IllegalConnection(
                f"{refused}Source node does not send output.\n  Note that recorders must be connected as "
                "Connect(neuron, recorder)."
            )
        for name in source.values["record_from"]:
            if name not in (known := target.spec.recorded(target.values)):
                text = unknown(f"recordable of {target.model.name}", name, known)
                raise NESTErrors.IllegalConnection(f"{refused}Cannot connect with unknown recordable {name}: {text}")
        return "sample"
    if target.kind == "recorder":
        if "interval" in target.spec.defaults:
            raise NESTErrors.IllegalConnection(
                f"{refused}The target node or synapse model does not support spike input.\n  Note that "
                "volt/multimeters must be connected as Connect(meter, neuron)."
            )
        return "record"
    if target.kind == "generator":
        raise NESTErrors.IllegalConnection(
            f"{refused}The target node or synapse model does not support spike input: {target.model.name}"
        )
    if "rate" in (source.kind, target.kind):
        if source.kind != target.kind:
            raise NESTErrors.IllegalConnection(f"{refused}rate neurons take and send no spikes")
        return "rates"
    return "drive" if source.kind == "generator" and source.spec.drive is not None else "neurons"


def _by_way(call: Call) -> Iterator[Call]:
    """The call, or the calls into which it falls where its ends are of several kinds."""
    sources, targets = ([block for block, _ in blocks_of(KERNEL.blocks, ids)] for ids in (call.source, call.target))
    ways = {(s.first, t.first): _way(s, t) for s in _different(sources) for t in _different(targets)}
    found = set(ways.values())
    if "neurons" in found:
        _check_receptors(call, targets)
    for way in found & {"neurons", "drive", "rates"}:
        if (way == "rates") != (call.kind.spec.way == "rates"):
            raise NESTErrors.IllegalConnection(
                "Creation of connection is not possible because:\nrate neurons are connected by diffusion_connection, "
                f"and only they are; got {call.kind.name}"
            )
    if len(found) == 1:
        call.way = found.pop()
        yield listed(call) if call.way in ("drive", "rates") and call.random else call
        return
    call = listed(call)
    every = list(call.batches(call.stand_in(), 0, KERNEL.clock, np.arange(len(call.target)), None))
    for way in sorted(found):
        parts = []
        for batch in every:
            pairs = zip(_firsts(batch.source), _firsts(batch.target), strict=True)
            parts.append(batch.take(np.array([_way_of(ways, pair) == way for pair in pairs], bool)))
        part = call.listed(parts)
        part.way = way
        yield part


def _firsts(ids: Int64Array) -> list[int]:
    """The first node of the block of each node."""
    return [block.first for block, index in blocks_of(KERNEL.blocks, ids) for _ in index]


def _way_of(ways: dict[tuple[int, int], str], pair: tuple[int, int]) -> str:
    """The way of a pair of blocks; blocks of one kind were looked at by one of them."""
    if pair not in ways:
        (s,), (t,) = ([block for block, _ in blocks_of(KERNEL.blocks, np.array([each]))] for each in pair)
        ways[pair] = _way(s, t)
    return ways[pair]


def _different(blocks: list[Block]) -> list[Block]:
    """One block of each model, list of receptors and list of recorded variables."""
    kinds = {
        (b.model.name, b.spec.receptors(b.values), tuple(b.values.get("record_from", ()))): b for b in blocks[::-1]
    }
    return list(kinds.values())


def _check_receptors(call: Call, targets: list[Block]) -> None:
    """UnknownReceptorType where the targets do not have the receptor."""
    for block in _different(targets):
        if block.kind in ("generator", "recorder"):
            continue
        known = block.spec.receptors(block.values)
        if call.receptor not in known:
            refused = NESTErrors.UnknownReceptorType if 0 in known else NESTErrors.IncompatibleReceptorType
            raise refused(
                f"Receptor type {call.receptor} is not available in {block.model.name}; known: "
                f"{', '.join(map(str, known))}"
            )


def connect(source: Int64Array, target: Int64Array, conn_spec: Any, syn_spec: Any, explicit: bool) -> list[Call]:
    """Add the connections; all of them, or none where something is wrong."""
    before, draws = KERNEL.delays, KERNEL.draws
    try:
        calls = list(calls_of(source, target, conn_spec, syn_spec, explicit))
        for number, call in enumerate(calls, len(KERNEL.calls)):
            call.number = number
            call.stand_in()
    except InputError as error:
        KERNEL.delays, KERNEL.draws = before, draws
        raise NESTErrors.BadProperty(str(error)) from error
    except BaseException:
        KERNEL.delays, KERNEL.draws = before, draws
        raise
    KERNEL.add_calls(calls)
    return calls
