"""The functions of NEST on models: their names, copies and defaults."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from distsim.nest.connect_specs import check_synapse_value, synapse_kind
from distsim.nest.connection_calls import SynapseKind
from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors, told_by_nest, unknown
from distsim.nest.nest_models import Values
from distsim.nest.node_blocks import Model, check_values, checked_value
from distsim.nest.node_collection import NodeCollection
from distsim.nest.node_status import AT_FIRST, ELEMENT_TYPES
from distsim.nest.parameter_objects import Parameter


def Models(mtype: str = "all", sel: str | None = None) -> tuple[str, ...]:  # noqa: N802
    """The names of models."""
    names = [*KERNEL.models, *KERNEL.synapses]
    return tuple(sorted(name for name in names if sel is None or sel in name))


@told_by_nest
def CopyModel(existing: str, new: str, params: dict[str, Any] | None = None) -> None:  # noqa: N802
    """A model of another name, with other defaults."""
    known: dict[str, Any] = KERNEL.models if existing in KERNEL.models else KERNEL.synapses
    if existing not in known:
        raise NESTErrors.UnknownModelName(unknown("model name", existing, [*KERNEL.models, *KERNEL.synapses]))
    if new in KERNEL.models or new in KERNEL.synapses:
        raise NESTErrors.NewModelNameExists(f"Model {new} is the name of an existing model and cannot be re-used.")
    like, number = known[existing], len(known)
    made: Any = Model(new, like.spec, dict(like.defaults), number)
    if known is KERNEL.synapses:
        made = SynapseKind(new, like.spec, dict(like.defaults), number, like.recorder)
    known[new] = made
    try:
        if params:
            SetDefaults(new, params)
    except BaseException:
        del known[new]
        raise


@told_by_nest
def SetDefaults(model: str, params: Any, val: Any = None) -> None:  # noqa: N802
    """Other defaults of a model, for what is made from now on."""
    given = {params: val} if isinstance(params, str) else dict(params)
    if model in KERNEL.models:
        node = KERNEL.models[model]
        if node.spec.kind == "recorder" and given.get("n_events", 0) == 0:
            given.pop("n_events", None)
        if any(isinstance(value, Parameter) for value in given.values()):
            raise ValueError("SetDefaults() accepts only explicit, single parameter values.")
        checked = {name: checked_value(node.spec, name, value, 1) for name, value in given.items()}
        node.defaults |= check_values(node.spec, node.defaults, checked, KERNEL.clock, f"'{model}'")
        return
    if model not in KERNEL.synapses:
        raise NESTErrors.UnknownComponent(unknown("component", model, [*KERNEL.models, *KERNEL.synapses]))
    kind = synapse_kind(model)
    if "weight_recorder" in given:
        recorders = given.pop("weight_recorder")
        kind.recorder = recorders.tolist()[0] if recorders else None
        KERNEL.changed()
    for name, value in given.items():
        check_synapse_value(kind, name)
        if isinstance(kind.defaults[name], (int, float)) and not isinstance(value, (int, float, np.number)):
            raise NESTErrors.TypeMismatch(f"{model}: {name} must be a number, got {value!r:.80}")
    if "delay" in given:
        given["delay"] = KERNEL.clock.delay(given["delay"])
    kind.spec.check(kind.defaults | given)
    kind.defaults |= given


def GetDefaults(model: str, keys: Any = None, output: str = "") -> Any:  # noqa: N802
    """The defaults of a model: all, one by its name, or those of a list of names."""
    if model in KERNEL.models:
        node = KERNEL.models[model]
        told = dict(node.spec.fixed) | dict(node.defaults)
        told |= {"model": model, "type_id": node.spec.name, "model_id": node.number, **_of_no_node(node)}
    elif model in KERNEL.synapses:
        kind = KERNEL.synapses[model]
        n = sum(KERNEL.count(call) for call in KERNEL.calls if call.kind is kind)
        told = dict(kind.defaults)
        told |= {"weight_recorder": NodeCollection([] if kind.recorder is None else [kind.recorder])}
        told |= {"synapse_model": model, "element_type": "synapse", "synapse_modelid": kind.number}
        told |= {
            "num_connections": n,
            "has_delay": kind.spec.way == "neurons",
            "requires_symmetric": False,
            "sizeof": 0,
        }
    else:
        raise NESTErrors.UnknownComponent(unknown("component", model, [*KERNEL.models, *KERNEL.synapses]))
    for name in () if keys is None else [keys] if isinstance(keys, str) else keys:
        if name not in told:
            raise KeyError(unknown(f"default of {model}", name, told))
    result = told if keys is None else told[keys] if isinstance(keys, str) else [told[name] for name in keys]
    return json.dumps(result) if output == "json" else result


def _of_no_node(node: Model) -> Values:
    """What defaults tell of the nodes of a model."""
    n = sum(block.n for block in KERNEL.blocks if block.model is node)
    element = ELEMENT_TYPES.get(node.spec.kind, node.spec.kind)
    told: Values = {"element_type": element, "available": 0, "capacity": n, "instantiations": n, "elementsize": 0}
    told |= {"global_id": 0, "local": True, "node_uses_wfr": False, "vp": -1, "thread": -1, "thread_local_id": -1}
    if node.spec.kind == "recorder":
        told |= {"n_events": 0, "events": {}}
    if recorded := node.spec.recorded(node.defaults):
        told["recordables"] = sorted(recorded)
    return told | (AT_FIRST if element == "neuron" else {})


def CreateParameter(parametertype: str, specs: dict[str, Any]) -> Parameter:  # noqa: N802
    """A parameter by the name of its kind, such as ``"uniform"``."""
    from distsim.nest import random_parameters

    kinds = ("uniform", "uniform_int", "normal", "exponential", "lognormal")
    if parametertype == "constant":
        from distsim.nest.parameter_objects import as_parameter

        return as_parameter(specs["value"])
    if parametertype not in kinds:
        raise NESTErrors.UndefinedName(unknown("kind of parameter", parametertype, [*kinds, "constant"]))
    made: Parameter = getattr(random_parameters, parametertype)(**specs)
    return made
