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
from distsim.nest.connection_ways import by_way
from distsim.nest.kernel import KERNEL
from distsim.nest.kernel_attributes import RULES
from distsim.nest.listed_edges import by_receptor, drawn, drawn_for, mirrored, upper, without_multapses
from distsim.nest.nest_errors import NESTErrors, unknown
from distsim.nest.nest_models import Values
from distsim.nest.node_blocks import ARRAYS
from distsim.nest.node_collection import NodeCollection
from distsim.nest.parameter_objects import Parameter
from distsim.nest.spatial_edges import depends_on_positions, is_listed, spatial_rule

Int64Array = npt.NDArray[np.int64]
OPTIONS = {
    "all_to_all": (), "one_to_one": (), "fixed_indegree": ("indegree",), "fixed_outdegree": ("outdegree",),
    "fixed_total_number": ("N",),
    "pairwise_bernoulli": ("p",), "pairwise_poisson": ("pairwise_avg_num_conns",),
    "symmetric_pairwise_bernoulli": ("p",),
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
    synapses = syn_spec.syn_specs if isinstance(syn_spec, CollocatedSynapses) else [syn_spec]
    of_positions = depends_on_positions(conn_spec, synapses)
    if of_positions or is_listed(conn_spec):
        yield from _listed(source, target, spatial_rule(source, target, conn_spec, of_positions), synapses)
        return
    spec = _conn_spec(conn_spec)
    name, autapses, multapses = spec["rule"], spec["allow_autapses"], spec["allow_multapses"]
    if name == "symmetric_pairwise_bernoulli" and not (spec["make_symmetric"] and not autapses):
        raise NESTErrors.BadProperty(
            "symmetric_pairwise_bernoulli needs make_symmetric = True and allow_autapses = False"
        )
    if spec["make_symmetric"] and name not in ("one_to_one", "symmetric_pairwise_bernoulli"):
        raise NESTErrors.NotImplemented(f"This connection rule does not support symmetric connections: {name}")
    rule, transposed = _rule(name, spec, source, target, autapses, multapses, explicit)
    for given in synapses:
        kind, values = _syn_spec(given)
        own_receptors = isinstance(values["receptor_type"], (Parameter, *ARRAYS))
        receptor = 0 if own_receptors else int(values.pop("receptor_type"))
        ends = (target, source) if transposed else (source, target)
        call = Call(0, "neurons", *_ends(*ends, explicit), rule, kind, {}, receptor, KERNEL.clock.step)
        call = _with_values(call, values, name, transposed)
        for part in by_receptor(call) if own_receptors else [call]:
            yield from by_way(part)
            if spec["make_symmetric"]:
                yield from by_way(mirrored(part, name))


def _listed(source: Int64Array, target: Int64Array, rule: EdgeList, synapses: list[Any]) -> Iterator[Call]:
    """The calls of edges that were listed one by one."""
    for given in synapses:
        kind, values = _syn_spec(given)
        receptor = int(values.pop("receptor_type"))
        call = Call(0, "neurons", source, target, rule, kind, {}, receptor, KERNEL.clock.step)
        yield from by_way(_with_values(call, values, "one by one", transposed=False))


def _ends(source: Int64Array, target: Int64Array, explicit: bool) -> tuple[Int64Array, Int64Array]:
    return (np.unique(source), np.unique(target)) if explicit else (source, target)


def _conn_spec(given: Any) -> dict[str, Any]:
    """A specification of connections with all its options."""
    spec = {"rule": given or "all_to_all"} if given is None or isinstance(given, str) else dict(given)
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
        if key != "p" and not isinstance(spec[key], (int, np.integer)):
            raise NESTErrors.TypeMismatch(f"{name}: {key} must be a whole number, got {spec[key]!r:.80}")
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
        index = (np.unique(each, return_inverse=True)[1].ravel() for each in (source, target))
        return EdgeList(*index), False
    if name == "one_to_one" and not autapses:
        apart = np.flatnonzero(source != target)
        return EdgeList(apart, apart), False
    return (OneToOne() if name == "one_to_one" else AllToAll(autapses=autapses)), False


def _syn_spec(given: Any) -> tuple[SynapseKind, Values]:
    """The kind of synapse, and its values with those that are given."""
    if given is None or isinstance(given, str):
        given = {"synapse_model": given or "static_synapse"}
    if not isinstance(given, dict):
        raise TypeError("syn_spec must be a string, dict or CollocatedSynapses object")
    kind = synapse_kind(given.get("synapse_model", "static_synapse"))
    fixed = kind.spec.fixed.items()
    values = {name: value for name, value in kind.defaults.items() if (name, value) not in fixed}
    for name, value in given.items():
        if name == "synapse_model":
            continue
        if name in kind.spec.common:
            raise NESTErrors.NotImplemented(
                f'Synapse parameter "{name}" can only be set via SetDefaults() or CopyModel().'
            )
        check_synapse_value(kind, name)
        values[name] = value
    return kind, values


def synapse_kind(name: Any) -> SynapseKind:
    """The model of synapses of that name."""
    if name not in KERNEL.synapses:
        text = unknown("synapse model", name, KERNEL.synapses)
        raise NESTErrors.UnknownSynapseType(f"Synapse with name {name} does not exist: {text}")
    return KERNEL.synapses[name]


def check_synapse_value(kind: SynapseKind, name: str) -> None:
    """Raise an exception of NEST where a synapse has no such parameter."""
    if name not in kind.defaults:
        known = [*kind.defaults, "synapse_model"]
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
    known = {name: value for name, value in call.values.items() if isinstance(value, (float, int, np.ndarray))}
    if len(known) == len(call.values):
        call.kind.spec.check(call.kind.defaults | known)
    return call


def _as_ours(value: Parameter) -> bool:
    return value.distribution is not None


def _fitted(value: Any, name: str, shape: tuple[int, ...] | None, rule: str) -> Any:
    """A value as a number, an array that the rule takes, or a parameter."""
    if isinstance(value, ARRAYS):
        array = np.asarray(value, np.float64)
        if array.ndim <= 1 and rule not in ("one_to_one", "fixed_total_number"):
            raise TypeError(
                f"'{name}' has the wrong type. One-dimensional parameter arrays can only be used in conjunction with "
                "rule 'one_to_one' or 'fixed_total_number'."
            )
        if shape is not None and array.shape != shape:
            raise ValueError(
                f"'{name}' has shape {array.shape}, but {rule} takes an array of shape {shape}, or a number"
            )
        return array
    if isinstance(value, str):
        raise NESTErrors.BadProperty(f"'{name}' must be a number, a list, or a parameter, got {value!r:.80}")
    if isinstance(value, (bool, Parameter, NodeCollection)) or (value is None and name != "weight"):
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
            value = drawn_for(call, value)
    if name == "delay":
        if isinstance(value, np.ndarray):
            different, where = np.unique(value, return_inverse=True)
            value = np.array([KERNEL.clock.delay(each) for each in different.tolist()])[where.reshape(value.shape)]
        elif not isinstance(value, Distribution):
            value = KERNEL.clock.delay(value)
        low, high = bounds(value)
        KERNEL.add_delays(max(low, KERNEL.clock.resolution), high if np.isfinite(high) else low)
    return value


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
