"""The fields of the records of an experiment, most of which are settings or checked alike; a record may hold more.

What a line of runs.jsonl and of failed.jsonl must hold, so that tables and figures can be made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from distsim.analysis.published_statistics import STATISTICS
from distsim.core.errors import InputError
from distsim.core.format_versions import RECORDS
from distsim.core.units import check_count, check_number
from distsim.scaling.settings import SETTINGS, Check, duration, flag, neurons, ranks, require, scalar, several, text

BUILD_PHASES = ("create", "connect", "index")
RUN_PHASES = (
    "update", "deliver", "communicate", "wait", "draw", "speculate", "exchange", "correct", "settle", "record",
)  # fmt: skip
PHASES = (*BUILD_PHASES, *RUN_PHASES, "other")
"""Of all kinds of neurons; each has some of them."""
HASHES = ("spike_hash", "weight_hash", "rate_hash", "flip_hash")


def _or_null(check: Check) -> Check:
    return lambda value, name: None if value is None else check(value, name)


def _object_of(checks: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object that has these fields, and may have the ``optional`` ones."""

    def check(value: Any, name: str) -> None:
        _any_object(value, name)
        for entry, check_entry in checks.items():
            path = f"{name}.{entry}" if name else entry
            if entry not in value:
                raise InputError(
                    f"the record lacks the field '{path}': another version of the harness wrote it, or it was changed"
                )
            check_entry(value[entry], path)
        for entry, check_entry in (optional or {}).items():
            check_entry(value.get(entry), f"{name}.{entry}" if name else entry)

    return check


def _any_object(value: Any, name: str) -> None:
    require(isinstance(value, dict), name, "be an object", value)


def _object_of_any(check_entry: Check) -> Check:
    """An object all of whose fields, whatever their names, are of one kind."""

    def check(value: Any, name: str) -> None:
        _any_object(value, name)
        for entry, held in value.items():
            check_entry(held, f"{name}.{entry}")

    return check


def _any_text(value: Any, name: str) -> None:
    require(isinstance(value, str), name, "be a text", value)


def _fields(names: str, check: Check | Callable[[Any, str], None]) -> dict[str, Check]:
    return dict.fromkeys(names.split(), check)


def _cost(value: Any, name: str) -> float:
    """What ratios are taken of: 0, or not so small that they would leave the range of numbers."""
    return 0.0 if value == 0.0 else check_number(value, name, above=0.0)


def _readable(value: Any, name: str) -> None:
    require(
        value is None or value == RECORDS, name, f"be {RECORDS}, the format that this version of distsim reads", value
    )


_POINT: dict[str, Check] = {
    "variant": _object_of_any(scalar),
    **_fields("size repetition", neurons),
    "indegree": _or_null(neurons),
    "ranks": ranks,
    "seed": check_count,
    "date": text,
}
_FAILURE = _object_of({**_POINT, "reason": _any_text})
_PHASE = _object_of(_fields("min mean max", partial(check_number, low=0.0)))
_RECORD = _object_of(
    {
        **_POINT,
        **{  # names that another version knew may be unknown to this one
            held.record: _or_null(text) if held.choices else text if held.metavar == "NAME" else held.check
            for held in SETTINGS.values()
            if held.record is not None and not held.later
        },
        "kind": SETTINGS["kind"].check,
        **_fields("interval_ms dt_ms", _or_null(duration)),
        "N": neurons,
        "network": text,
        **_fields("build_time sim_time compile_time real_time_factor wall_time", _cost),
        "n_synapses": check_count,
        "n_spikes": _or_null(check_count),
        **_fields("spike_hash weight_hash", _or_null(text)),
        "rate": _or_null(_cost),
        **_fields("bytes_per_synapse energy_per_event events_per_second_and_core", _or_null(_cost)),
        "synapses_built_per_second_and_core": _or_null(_cost),
        "oversubscribed": flag,
        "memory_peak": several(check_count),
        "phase_times": _object_of_any(_PHASE),
        "load_balance": _object_of({"busy": _or_null(_cost)}),
        **_fields("versions environment", _any_object),
    },
    optional={
        "format": _readable,
        "disturbed": _or_null(flag),
        **{held.record: _or_null(text) for held in SETTINGS.values() if held.record is not None and held.later},
        **_fields(" ".join(f"weight_{name} plastic_weight_{name}" for name in STATISTICS), _or_null(check_number)),
    },
)


def check_record(record: Mapping[str, Any], place: str, *, failure: bool = False) -> None:
    """InputError, beginning with ``place``, where ``record`` is no record of a finished point, or of a ``failure``."""
    try:
        (_FAILURE if failure else _RECORD)(record, "")
    except InputError as error:
        raise InputError(f"{place}: {error}; mend or remove the line") from None
