"""What a line of runs.jsonl and of failed.jsonl must hold, so that tables, figures and comparisons can be made of it.

Files outlive the version that wrote them and are edited by hand: each line is checked before anything is done with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from operator import getitem
from types import GenericAlias
from typing import Any

from distsim.core.errors import InputError
from distsim.scaling.experiment import KINDS
from distsim.scaling.schema import LARGEST_COUNT, MOST_RANKS, demand, scalar_type

LARGEST, SMALLEST = 1e18, 1e-18
"""Of all that is measured, in s, bytes, pA, J: beyond it, means and ratios would leave the range of numbers."""
PHASES = ("create", "connect", "index", "update", "deliver", "communicate", "wait", "record", "other")


def check_record(record: Mapping[str, Any], place: str, *, failure: bool = False) -> None:
    """InputError, beginning with ``place``, where ``record`` is no record of a finished point, or of a ``failure``."""
    from pydantic import ValidationError

    try:
        _schema(failure).model_validate(record)
    except ValidationError as error:
        wrong: dict[str, Any] = dict(error.errors()[0])
        name = ".".join(map(str, wrong["loc"]))
        if wrong["type"] == "missing":
            raise InputError(
                f"{place}: the record lacks the field '{name}': another version of the harness wrote it, or it was "
                "changed; take another --out, or remove the line"
            ) from None
        raise InputError(f"{place}: {name} {demand(wrong)}; mend or remove the line") from None


@cache
def _schema(failure: bool) -> Any:
    """The pydantic model of a line; fields that are not named here may hold anything."""
    from typing import Annotated, Literal, Optional

    from pydantic import AfterValidator, Field

    def whole(low: int, most: int = LARGEST_COUNT) -> Any:
        return Annotated[int, Field(ge=low, le=most)]

    def number(low: float, *more: Any) -> Any:
        return getitem(Annotated, (float, Field(ge=low, le=LARGEST, allow_inf_nan=False), *more))

    def or_null(kind: Any) -> Any:
        return getitem(Optional, kind)

    cost, positive, scalar = number(0.0, AfterValidator(_not_tiny)), number(SMALLEST), scalar_type()
    point = {
        "variant": GenericAlias(dict, (str, scalar)),
        **dict.fromkeys(("size", "repetition"), whole(1)),
        "indegree": or_null(whole(1)),
        "ranks": whole(1, MOST_RANKS),
        "seed": whole(0),
        "date": Annotated[str, Field(min_length=1)],
    }
    if failure:
        return _object(point | {"reason": str})
    phase = _object(dict.fromkeys(("min", "mean", "max"), cost))
    return _object(
        point
        | dict.fromkeys(("model", "precision", "exchange", "network"), str)
        | dict.fromkeys(("build_time", "sim_time", "compile_time", "real_time_factor", "wall_time", "rate"), cost)
        | dict.fromkeys(("n_spikes", "n_synapses"), whole(0))
        | dict.fromkeys(("spike_hash", "weight_hash"), or_null(str))
        | dict.fromkeys(("weight_mean", "weight_sd"), or_null(number(-LARGEST)))
        | dict.fromkeys(("bytes_per_synapse", "energy_per_event"), or_null(cost))
        | dict.fromkeys(("events_per_second_and_core", "synapses_built_per_second_and_core"), or_null(cost))
        | dict.fromkeys(("T_ms", "dt_ms"), positive)
        | dict.fromkeys(("versions", "environment"), dict[str, Any])
        | {
            "kind": getitem(Literal, KINDS),
            "presimulation_ms": cost,
            "interval_ms": or_null(positive),
            "N": whole(1),
            "oversubscribed": bool,
            "memory_peak": getitem(
                Annotated, (GenericAlias(list, (cost,)), Field(min_length=1, max_length=MOST_RANKS))
            ),
            "phase_times": _object(dict.fromkeys(PHASES, phase)),
            "load_balance": _object({"busy": or_null(cost)}),
        }
    )


def _not_tiny(value: float) -> float:
    if 0.0 < value < SMALLEST:
        raise ValueError(f"must be 0 or at least {SMALLEST:g}")
    return value


def _object(fields: Mapping[str, Any]) -> Any:
    """The pydantic model of an object that has these fields, and may have more."""
    from pydantic import ConfigDict, create_model

    names: dict[str, Any] = {name: (kind, ...) for name, kind in fields.items()}
    return create_model("Record", __config__=ConfigDict(strict=True), **names)
