"""Frozen data that is given by its parameters: what each may be is said where it is declared, and checked when given.

    class Ring(Rule):
        neighbours: int = count(low=1)
        p: float = number(default=1.0, low=0.0)

A subclass of ``Declared`` becomes a frozen dataclass. Its arguments, and what it has to define, are checked: InputError
names the parameter, or the part that is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from typing import Any, ClassVar, dataclass_transform

from distsim.core.errors import InputError, check_arguments
from distsim.core.units import check_count, check_flag, check_number
from distsim.core.values import check_value


def number(
    *,
    default: float | Any | None = MISSING,
    low: float = -math.inf,
    above: float = -math.inf,
    high: float = math.inf,
    kw_only: bool = False,
) -> Any:
    """A parameter that is one number from ``low`` to ``high``, larger than ``above``; None where it is the default."""

    def check(value: Any, name: str) -> float:
        checked = check_number(value, name, low=low, above=above)
        if checked > high:
            raise InputError(f"{name} must be at most {high:g}, got {checked:g}")
        return checked

    return _parameter(check, "number", default, kw_only)


def count(*, default: int | Any = MISSING, low: int = 0) -> Any:
    """A parameter that is a whole number of at least ``low``."""
    return _parameter(partial(check_count, low=low), "count", default)


def flag(*, default: bool | Any = MISSING) -> Any:
    """A parameter that is True or False."""
    return _parameter(check_flag, "flag", default)


def of_each(*, default: float | Any = MISSING, low: float = -math.inf, above: float = -math.inf) -> Any:
    """A parameter with a value for each synapse: one number, an array, or a distribution, within the limits."""
    return _parameter(partial(check_value, low=low, above=above), "of each", default)


def _parameter(check: Callable[[Any, str], Any], what: str, default: Any, kw_only: bool = False) -> Any:
    return field(default=default, kw_only=kw_only, metadata={"check": check, "what": what})


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(number, count, flag, of_each, field))
class Declared:
    """Base of what is declared by its parameters; ``kind`` says what it is in a message.

    eq: whether instances of the same parameters are equal. abstract: of a base, which need not define everything.
    """

    kind: ClassVar[str]
    needs: ClassVar[dict[str, str]] = {}
    """What a subclass has to define beside its methods, by name, and what that is."""

    def __init_subclass__(cls, *, eq: bool = False, abstract: bool = False) -> None:
        check_arguments(dataclass(frozen=True, eq=eq)(cls))
        for name, what in () if abstract else cls.needs.items():
            if not hasattr(cls, name):
                raise InputError(f"{cls.__name__}: a {cls.kind} defines '{name}': {what}")
        for name in () if abstract else dir(cls):
            if getattr(getattr(cls, name, None), "__isabstractmethod__", False):
                what = " ".join((getattr(cls, name).__doc__ or "").split("\n\n")[0].split())
                raise InputError(f"{cls.__name__}: a {cls.kind} defines '{name}': {what}")

    def __post_init__(self) -> None:
        for parameter in fields(self):  # type: ignore[arg-type] # every subclass is a dataclass
            value = getattr(self, parameter.name)
            if "check" in parameter.metadata and not (value is None and parameter.default is None):
                checked = parameter.metadata["check"](value, f"{type(self).__name__}: {parameter.name}")
                object.__setattr__(self, parameter.name, checked)


def names_of_each(cls: Any) -> tuple[str, ...]:
    """Names of the parameters that have a value for each synapse, in the order of declaration."""
    return tuple(f.name for f in fields(cls) if f.metadata.get("what") == "of each")


def numbers_of(declared: Any) -> dict[str, float]:
    """The parameters that are one number, by name, in the order of declaration."""
    return {f.name: getattr(declared, f.name) for f in fields(declared) if f.metadata.get("what") == "number"}
