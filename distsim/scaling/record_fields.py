"""What a line of runs.jsonl and of failed.jsonl must hold, so that tables, figures and comparisons can be made of it.

It may hold more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from distsim.core.errors import InputError
from distsim.scaling import settings as known
from distsim.scaling.settings import SETTINGS, Check, number, require, text, whole

PHASES = ("create", "connect", "index", "update", "deliver", "communicate", "wait", "record", "other")


def _or_null(check: Check) -> Check:
    return lambda value, name: None if value is None else check(value, name)


def _object_of(checks: Mapping[str, Check]) -> Check:
    """An object that has these fields."""

    def check(value: Any, name: str) -> None:
        _any_object(value, name)
        for field, check_field in checks.items():
            path = f"{name}.{field}" if name else field
            if field not in value:
                raise InputError(
                    f"the record lacks the field '{path}': another version of the harness wrote it, or it was changed"
                )
            check_field(value[field], path)

    return check


def _any_object(value: Any, name: str) -> None:
    require(isinstance(value, dict), name, "be an object", value)


def _variant(value: Any, name: str) -> None:
    _any_object(value, name)
    for parameter, held in value.items():
        known.scalar(held, f"{name}.{parameter}")


def _any_text(value: Any, name: str) -> None:
    require(isinstance(value, str), name, "be a text", value)


def _fields(names: str, check: Check | Callable[[Any, str], None]) -> dict[str, Check]:
    return dict.fromkeys(names.split(), check)


_COST = number()
_POINT = {
    "variant": _variant,
    **_fields("size repetition", whole()),
    "indegree": _or_null(whole()),
    "ranks": whole(1, known.MOST_RANKS),
    "seed": whole(0),
    "date": text,
}
_FAILURE = _object_of({**_POINT, "reason": _any_text})
_RECORD = _object_of(
    {
        **_POINT,
        **{  # names that another version knew may be unknown to this one
            held.record: text if held.metavar in ("NAME", "KIND") else held.check
            for held in SETTINGS.values()
            if held.record is not None
        },
        "kind": SETTINGS["kind"].check,
        "interval_ms": _or_null(number(positive=True)),
        "dt_ms": number(positive=True),
        "N": whole(),
        "network": text,
        **_fields("build_time sim_time compile_time real_time_factor wall_time rate", _COST),
        **_fields("n_spikes n_synapses", whole(0)),
        **_fields("spike_hash weight_hash", _or_null(text)),
        **_fields("weight_mean weight_sd", _or_null(number(-known.LARGEST))),
        **_fields("bytes_per_synapse energy_per_event events_per_second_and_core", _or_null(_COST)),
        "synapses_built_per_second_and_core": _or_null(_COST),
        "oversubscribed": known.flag,
        "memory_peak": known.several(_COST, known.MOST_RANKS),
        "phase_times": _object_of(dict.fromkeys(PHASES, _object_of(_fields("min mean max", _COST)))),
        "load_balance": _object_of({"busy": _or_null(_COST)}),
        **_fields("versions environment", _any_object),
    }
)


def check_record(record: Mapping[str, Any], place: str, *, failure: bool = False) -> None:
    """InputError, beginning with ``place``, where ``record`` is no record of a finished point, or of a ``failure``."""
    try:
        (_FAILURE if failure else _RECORD)(record, "")
    except InputError as error:
        raise InputError(f"{place}: {error}; mend or remove the line") from None
