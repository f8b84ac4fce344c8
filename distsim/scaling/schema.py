"""Reading and checking of experiment files and options: errors name the file, the line and the setting.

Used on rank 0 only; the checked experiment is broadcast as plain data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import getitem
from pathlib import Path
from typing import Any

from distsim.errors import InputError, nearest
from distsim.scaling.experiment import EXCHANGES, NEURON_MODELS, PRECISIONS, RESERVED, Experiment
from distsim.units import to_steps


def read_experiment(file: Path | None, settings: Mapping[str, Any]) -> Experiment:
    """The experiment of ``file`` (TOML), with the entries of ``settings`` (from the options) in place of its own.

    Raises InputError where the file cannot be read, a setting is unknown or has a value it cannot have.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if file is not None:
        text = _read(file)
        values = _parse_toml(file, text)
        origins = {name: _locate(file, text, name) for name in values}
    for name, value in settings.items():
        if name == "parameters":
            values[name] = {**_table(values.get(name, {}), origins.get(name, "")), **value}
            origins[name] = "option --set"
        else:
            values[name] = value
            origins[name] = f"option --{name.replace('_', '-')}"
    experiment = _validate(values, origins)
    _check(experiment, origins)
    return experiment


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        others = [str(other) for other in file.parent.glob("*.toml")] if file.parent.is_dir() else []
        raise InputError(f"there is no experiment file '{file}'{nearest(str(file), others)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"experiment file '{file}' cannot be read: {error}") from error


def _parse_toml(file: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: not valid TOML: {error}") from error


def _locate(file: Path, text: str, name: str) -> str:
    """Where the top-level setting or table ``name`` stands in ``file``; tomllib keeps no line numbers."""
    pattern = re.compile(rf"""\s*(\[\s*)?["']?{re.escape(name)}["']?\s*(=|\]|\.)""")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return f"{file}, line {number}"
    return str(file)


def _table(value: Any, origin: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{origin}: parameters must be a table, as in [parameters], not {value!r}")
    return value


def _validate(values: dict[str, Any], origins: Mapping[str, str]) -> Experiment:
    from pydantic import ValidationError

    try:
        checked = _schema().model_validate(values)
    except ValidationError as error:
        raise InputError(_sentence(dict(error.errors()[0]), origins)) from None
    given: dict[str, Any] = {}
    for name in values:
        value = getattr(checked, name)
        given[name] = tuple(value) if isinstance(value, list) else value
    return Experiment(**given)


def _schema() -> Any:
    """The pydantic model of the settings: names, types and ranges. Defaults are those of ``Experiment``."""
    from typing import Annotated, Literal

    from pydantic import ConfigDict, Field, create_model

    def one_of(names: tuple[str, ...]) -> Any:
        return getitem(Literal, names)  # Literal[names], which type checkers refuse

    default = Experiment()
    neuron_model: Any = one_of(NEURON_MODELS)
    count: Any = Annotated[int, Field(gt=0)]
    milliseconds: Any = Annotated[float, Field(gt=0, allow_inf_nan=False)]
    types: dict[str, Any] = {
        "sizes": Annotated[list[count], Field(min_length=1)],
        "neuron_models": Annotated[list[neuron_model], Field(min_length=1)],
        "indegree": count,
        "time": milliseconds,
        "dt": milliseconds,
        "seeds": Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1)],
        "precision": one_of(PRECISIONS),
        "interval": milliseconds | None,
        "exchange": one_of(EXCHANGES),
        "parameters": dict[str, Any],
    }
    fields: dict[str, Any] = {name: (kind, getattr(default, name)) for name, kind in types.items()}
    return create_model("ExperimentFile", __config__=ConfigDict(extra="forbid", strict=True), **fields)


def _sentence(error: dict[str, Any], origins: Mapping[str, str]) -> str:
    """One sentence for one of pydantic's errors: where, which setting, what it must be, what it is."""
    name, *rest = (str(part) for part in error["loc"])
    rest = [part for part in rest if part.isdigit()]
    where = origins.get(name, "experiment")
    setting = name + "".join(f"[{index}]" for index in rest)
    value, kind, context = error["input"], error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{where}: unknown setting '{name}'{nearest(name, Experiment.__dataclass_fields__)}"
    if kind == "literal_error":
        known = {"neuron_models": NEURON_MODELS, "precision": PRECISIONS, "exchange": EXCHANGES}[name]
        return f"{where}: {setting} = '{value}' is not one of {', '.join(known)}{_hint(value, known)}"
    demand = {
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "finite_number": "must be finite",
        "list_type": "must be a list, as in [1, 2]",
        "dict_type": "must be a table, as in [parameters]",
        "too_short": "must hold at least one value",
        "greater_than": f"must be larger than {context.get('gt', 0)}",
        "greater_than_equal": f"must be at least {context.get('ge', 0)}",
        "less_than": f"must be smaller than {context.get('lt', 0)}",
    }.get(kind, error["msg"])
    return f"{where}: {setting} {demand}, not {value!r}"


def _hint(value: Any, known: tuple[str, ...]) -> str:
    hint = nearest(str(value), known)
    return hint if "did you mean" in hint else ""


def _check(experiment: Experiment, origins: Mapping[str, str]) -> None:
    """What a single setting does not tell: raises InputError where settings do not go together."""
    where = {name: f"{origins[name]}: {name}" if name in origins else name for name in Experiment.__dataclass_fields__}
    for name in ("sizes", "neuron_models", "seeds"):
        values = getattr(experiment, name)
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise InputError(f"{where[name]} holds {twice} twice")
    if experiment.indegree > min(experiment.sizes):
        raise InputError(
            f"{where['indegree']} = {experiment.indegree} is above the {min(experiment.sizes)} neurons of the smallest "
            f"network; write at most {min(experiment.sizes)}, or larger sizes"
        )
    to_steps(experiment.time, experiment.dt, where["time"], low=1)
    if experiment.interval is not None:
        to_steps(experiment.interval, experiment.dt, where["interval"], low=1)
    for name in experiment.parameters:
        if name in RESERVED:
            raise InputError(f"{where['parameters']}: '{name}' is set by {RESERVED[name]}")
