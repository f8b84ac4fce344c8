"""Reading and checking of experiment files and options: errors name the file, the line and the setting.

Used on rank 0 only; the checked experiment is broadcast as plain data.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import getitem
from pathlib import Path
from typing import Any

from distsim.errors import InputError, nearest
from distsim.models.registry import MODELS
from distsim.scaling import experiment as known
from distsim.scaling.experiment import EXCHANGES, KINDS, PRECISIONS, Experiment
from distsim.scaling.toml_file import TomlFile

Origins = Mapping[str, str]
"""Where a setting was given: "strong.toml, line 3" or "option --ranks", by name ("vary.g" for an entry of a table)."""

CHOICES = {"model": tuple(MODELS), "kind": KINDS, "precision": PRECISIONS, "exchange": EXCHANGES}
TABLES = ("parameters", "vary")
LISTS = ("sizes", "ranks", "seeds")


def read_experiment(file: Path | None, options: Mapping[str, Any]) -> tuple[Experiment, dict[str, str]]:
    """The experiment of ``file`` (TOML) with ``options`` in place of its own settings, and where each was given.

    Raises InputError where the file cannot be read, a setting is unknown or has a value it cannot have.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if file is not None:
        toml = TomlFile.read(file)
        values, origins = dict(toml.values), toml.origins()
    for name, value in options.items():
        option = {"parameters": "option --set"}.get(name, f"option --{name.replace('_', '-')}")
        if name in TABLES and isinstance(value, dict):
            held = values.get(name, {})
            values[name] = {**held, **value} if isinstance(held, dict) else held
            origins |= {f"{name}.{entry}": option for entry in value}
        else:
            values[name] = value
        origins[name] = origins.get(name, option) if name in TABLES else option
    given = _validate(values, origins)
    experiment = Experiment(**{**_defaults(given), **given})
    _check(experiment, given, origins)
    return experiment, origins


def _defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults that depend on what is given: those of the published experiment belong to its model."""
    defaults: dict[str, Any] = {}
    if given.get("model", known.DEFAULT_MODEL) == known.DEFAULT_MODEL:
        defaults["indegree"] = known.DEFAULT_INDEGREE
        if "neuron_model" not in given.get("parameters", {}):
            defaults["vary"] = known.DEFAULT_VARY
        if given.get("kind", "size") == "size":
            defaults["sizes"] = known.DEFAULT_SIZES
    return defaults


def _validate(values: dict[str, Any], origins: Origins) -> dict[str, Any]:
    from pydantic import ValidationError

    try:
        checked = _schema().model_validate(values)
    except ValidationError as error:
        raise InputError(_sentence(dict(error.errors()[0]), origins)) from None
    given = {name: getattr(checked, name) for name in values}
    given |= {name: tuple(given[name]) for name in LISTS if name in given}
    if "vary" in given:
        given["vary"] = {name: tuple(choices) for name, choices in given["vary"].items()}
    return given


def _schema() -> Any:
    """The pydantic model of the settings: names, types and ranges. Defaults are those of ``Experiment``."""
    from typing import Annotated, Literal

    from pydantic import ConfigDict, Field, create_model

    choice: dict[str, Any] = {name: getitem(Literal, names) for name, names in CHOICES.items()}  # Literal[names]
    count: Any = Annotated[int, Field(gt=0)]
    milliseconds: Any = Annotated[float, Field(gt=0, allow_inf_nan=False)]
    scalar: Any = bool | int | float | str
    default = Experiment()
    types: dict[str, Any] = {
        "model": choice["model"],
        "kind": choice["kind"],
        "sizes": Annotated[list[count], Field(min_length=1)],
        "size_per_rank": count,
        "ranks": Annotated[list[count], Field(min_length=1)],
        "indegree": count,
        "indegree_grows": bool,
        "vary": dict[str, Annotated[list[scalar], Field(min_length=1)]],
        "parameters": dict[str, scalar],
        "seeds": Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1)],
        "repetitions": count,
        "time": milliseconds,
        "presimulation": Annotated[float, Field(ge=0, allow_inf_nan=False)],
        "precision": choice["precision"],
        "interval": milliseconds,
        "exchange": choice["exchange"],
    }
    fields: dict[str, Any] = {name: (kind, getattr(default, name)) for name, kind in types.items()}
    return create_model("ExperimentFile", __config__=ConfigDict(extra="forbid", strict=True), **fields)


_DEMANDS = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "finite_number": "must be finite",
    "list_type": "must be a list, as in [1, 2]",
    "dict_type": "must be a table, as in [{name}]",
    "too_short": "must hold at least one value",
    "greater_than": "must be larger than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be smaller than {lt}",
}
"""What pydantic's errors ask for, in our words."""


def _sentence(error: dict[str, Any], origins: Origins) -> str:
    """One sentence for one of pydantic's errors: where, which setting, what it must be, what it is."""
    name, *rest = error["loc"]
    setting = str(name)
    if name in TABLES and rest:
        setting = f"{name}.{rest.pop(0)}"
    where = origins.get(setting, origins.get(str(name), "experiment"))
    setting += "".join(f"[{index}]" for index in rest if isinstance(index, int))
    value, kind = error["input"], error["type"]
    if kind == "extra_forbidden":
        return f"{where}: unknown setting '{name}'{nearest(str(name), Experiment.__dataclass_fields__)}"
    if kind == "literal_error":
        hint = nearest(str(value), CHOICES[str(name)])
        meant = hint if "did you mean" in hint else ""
        return f"{where}: {setting} = '{value}' is not one of {', '.join(CHOICES[str(name)])}{meant}"
    if str(name) in TABLES and kind.endswith("_type") and kind not in ("list_type", "dict_type"):
        return f"{where}: {setting} must be a number, a text, true or false, not {value!r}"
    demand = _DEMANDS.get(kind, error["msg"]).format(name=name, **error.get("ctx", {}))
    return f"{where}: {setting} {demand}, not {value!r}"


def _check(experiment: Experiment, given: Mapping[str, Any], origins: Origins) -> None:
    """What a single setting does not tell: raises InputError where settings do not go together."""

    def where(name: str) -> str:
        return f"{origins[name]}: {name}" if name in origins else name

    lists = {name: getattr(experiment, name) for name in LISTS}
    lists |= {f"vary.{name}": values for name, values in experiment.vary.items()}
    for name, values in lists.items():
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise InputError(f"{where(name)} holds {twice} twice")
    _check_kind(experiment, given, where)
    for name in experiment.vary:
        if name in experiment.parameters:
            raise InputError(f"{where(f'vary.{name}')} is in parameters as well; keep one of them")


def _check_kind(experiment: Experiment, given: Mapping[str, Any], where: Any) -> None:
    """Every kind has settings that it needs and such that have no meaning in it."""
    needs, excludes = {
        "size": (("sizes",), ("size_per_rank", "indegree_grows")),
        "strong": (("sizes", "ranks"), ("size_per_rank", "indegree_grows")),
        "weak": (("size_per_rank", "ranks", "indegree_grows"), ("sizes",)),
    }[experiment.kind]
    for name in excludes:
        if name in given:
            raise InputError(f"{where(name)} has no meaning in an experiment of kind '{experiment.kind}'; leave it out")
    for name in needs:
        if not getattr(experiment, name) and getattr(experiment, name) is not False:
            raise InputError(f"{where('kind')} = '{experiment.kind}' needs {name}, {_NEEDED[name]}")
    if experiment.kind == "size" and len(experiment.ranks) > 1:
        raise InputError(
            f"{where('ranks')}: an experiment of kind 'size' has one number of ranks; 'strong' has several"
        )
    if experiment.indegree_grows and experiment.indegree is None:
        raise InputError(f"{where('indegree_grows')} = true needs indegree, the inputs per neuron on one rank")


_NEEDED = {
    "sizes": "the numbers of neurons, as in sizes = [12500]",
    "ranks": "as in ranks = [1, 2, 4]",
    "size_per_rank": "the number of neurons per rank, as in size_per_rank = 12500",
    "indegree_grows": "whether the inputs per neuron grow with N: indegree_grows = false keeps indegree fixed",
}
