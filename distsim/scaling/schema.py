"""Reading and checking of experiment files and options: errors name the file, the line and the setting.

Used on rank 0 only; the checked experiment is broadcast as plain data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from operator import getitem
from pathlib import Path
from types import GenericAlias
from typing import Any

from distsim.core.errors import InputError, nearest
from distsim.models.registry import find, is_path
from distsim.scaling import experiment as known
from distsim.scaling.experiment import EXCHANGES, KINDS, PRECISIONS, Experiment
from distsim.scaling.toml_file import TomlFile

Origins = Mapping[str, str]
"""Where a setting was given: "strong.toml, line 3" or "option --ranks", by name ("vary.g" for an entry of a table)."""

CHOICES = {"kind": KINDS, "precision": PRECISIONS, "exchange": EXCHANGES}
TABLES = ("parameters", "vary")
LISTS = ("sizes", "ranks", "seeds")
MOST_POINTS = 100_000
MOST_NETWORKS = 10_000
"""Beyond what any experiment needs; far more would fill the memory before one of them is run."""
MOST_RANKS = 10_000_000
MOST_NEURONS = 2**31 - 1
LONGEST_TIME = 10**12
"""ms: thirty years."""
LARGEST_COUNT = 2**63 - 1
LONGEST_TEXT = 1000
LONGEST_QUOTE = 80


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
    if "model" in given:
        given["model"] = _located(
            given["model"], Path() if file is None or "model" in options else file.parent, origins
        )
    experiment = Experiment(**{**_defaults(given), **given})
    _check(experiment, given, origins)
    return experiment, origins


def _located(model: str, folder: Path, origins: Origins) -> str:
    """A model by name, or by the whole path of a user's file in ``folder``; InputError where there is no such model."""
    name = str((folder / model).absolute()) if is_path(model) else model
    try:
        find(name)
    except InputError as error:
        raise InputError(f"{origins['model']}: {error}") from None
    return name


def check_settings(settings: Mapping[str, Any], place: str) -> Experiment:
    """The experiment that ``Experiment.settings`` gave ``settings`` for; InputError, with ``place``, if it is wrong."""
    values = {name: value for name, value in settings.items() if value is not None and value not in ([], {})}
    origins = dict.fromkeys(values, place)
    given = _validate(values, origins)
    experiment = Experiment(**given)
    _check(experiment, given, origins)
    return experiment


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


@cache
def _schema() -> Any:
    """The pydantic model of the settings: names, types and ranges. Defaults are those of ``Experiment``."""
    from typing import Annotated, Literal

    from pydantic import ConfigDict, Field, create_model

    choice: dict[str, Any] = {name: getitem(Literal, names) for name, names in CHOICES.items()}  # Literal[names]

    def whole(most: int) -> Any:
        return Annotated[int, Field(gt=0, le=most)]

    def several(kind: Any) -> Any:
        return getitem(Annotated, (GenericAlias(list, (kind,)), Field(min_length=1, max_length=MOST_POINTS)))

    milliseconds: Any = Annotated[float, Field(gt=0, le=LONGEST_TIME, allow_inf_nan=False)]
    scalar = scalar_type()
    default = Experiment()
    types: dict[str, Any] = {
        "model": Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)],
        "kind": choice["kind"],
        "sizes": several(whole(MOST_NEURONS)),
        "size_per_rank": whole(MOST_NEURONS),
        "ranks": several(whole(MOST_RANKS)),
        "indegree": whole(MOST_NEURONS),
        "indegree_grows": bool,
        "vary": GenericAlias(dict, (str, several(scalar))),
        "parameters": GenericAlias(dict, (str, scalar)),
        "seeds": several(Annotated[int, Field(ge=0, le=LARGEST_COUNT)]),
        "repetitions": whole(MOST_POINTS),
        "time": milliseconds,
        "presimulation": Annotated[float, Field(ge=0, le=LONGEST_TIME, allow_inf_nan=False)],
        "precision": choice["precision"],
        "interval": milliseconds,
        "exchange": choice["exchange"],
    }
    fields: dict[str, Any] = {name: (kind, getattr(default, name)) for name, kind in types.items()}
    return create_model("ExperimentFile", __config__=ConfigDict(extra="forbid", strict=True), **fields)


def scalar_type() -> Any:
    """What pydantic is told of a value of a parameter: a finite number, a short text, true or false."""
    from typing import Annotated

    from pydantic import PlainValidator

    return Annotated[Any, PlainValidator(_scalar)]


def _scalar(value: Any) -> Any:
    from pydantic_core import PydanticCustomError

    if not isinstance(value, (bool, int, float, str)):
        raise PydanticCustomError("scalar_type", "must be a number, a text, true or false")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise PydanticCustomError("scalar_range", f"must have at most {LONGEST_TEXT} characters")
    if isinstance(value, str) and value != value.encode(errors="replace").decode():
        raise PydanticCustomError("scalar_range", "must be a text that UTF-8 can hold")
    if isinstance(value, int) and abs(value) > LARGEST_COUNT:
        raise PydanticCustomError("scalar_range", "must be smaller than 2^63")
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("scalar_range", "must be finite")
    return value


def demand(error: Mapping[str, Any]) -> str:
    """What one of pydantic's errors asks for, and what was found instead."""
    wanted = _DEMANDS.get(error["type"], error["msg"]).format(name=error["loc"][0], **error.get("ctx", {}))
    return f"{wanted}, not {shown(error['input'])}"


def shown(value: Any) -> str:
    """``value`` as a message quotes it: short, whatever it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more digits than Python writes
        return f"a {type(value).__name__} too long to be shown"
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 3]}..."


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
    "less_than_equal": "must be at most {le}",
    "too_long": "must hold at most {max_length} values",
    "string_type": "must be a text",
    "model_type": "must be an object",
    "string_too_short": "must not be empty",
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
        hint = nearest(value, CHOICES[str(name)]) if isinstance(value, str) else ""
        meant = hint if "did you mean" in hint else ""
        return f"{where}: {setting} = {shown(value)} is not one of {', '.join(CHOICES[str(name)])}{meant}"
    return f"{where}: {setting} {demand(error)}"


def _check(experiment: Experiment, given: Mapping[str, Any], origins: Origins) -> None:
    """What a single setting does not tell: raises InputError where settings do not go together."""

    def where(name: str) -> str:
        return f"{origins[name]}: {name}" if name in origins else name

    lists = {name: getattr(experiment, name) for name in LISTS}
    lists |= {f"vary.{name}": values for name, values in experiment.vary.items()}
    for name, values in lists.items():
        seen = set()
        for value in values:
            if value in seen:
                raise InputError(f"{where(name)} holds {shown(value)} twice")
            seen.add(value)
    _check_kind(experiment, given, where)
    _check_extent(experiment, where)
    for name in experiment.vary:
        if name in experiment.parameters:
            raise InputError(f"{where(f'vary.{name}')} is in parameters as well; keep one of them")


def _check_extent(experiment: Experiment, where: Any) -> None:
    """InputError where there are more points, networks or neurons than any machine will see."""
    variants = math.prod(len(values) for values in experiment.vary.values())
    networks = variants * max(1, len(experiment.ranks) if experiment.kind == "weak" else len(experiment.sizes))
    points = networks * len(experiment.seeds) * experiment.repetitions
    points *= max(1, len(experiment.ranks)) if experiment.kind != "weak" else 1
    for number, most, what, names in (
        (points, MOST_POINTS, "points", ("repetitions", "seeds", "vary", "sizes", "ranks")),
        (networks, MOST_NETWORKS, "networks", ("vary", "sizes", "ranks")),
    ):
        if number > most:
            raise InputError(f"the experiment has {number} {what}, more than {most}; write fewer of {', '.join(names)}")
    largest = (experiment.size_per_rank or 0) * max(experiment.ranks, default=1)
    if experiment.kind == "weak" and largest > MOST_NEURONS:
        raise InputError(f"{where('size_per_rank')}: {largest} neurons on the most ranks are more than {MOST_NEURONS}")


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
