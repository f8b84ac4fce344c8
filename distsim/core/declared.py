"""Frozen data that is given by its parameters: what each may be is said where it is declared, and checked when given.

    class Izhikevich(NeuronModel):
        a: Value = of_each(0.02, "1/ms")

    class Ring(Rule):
        neighbours: int = count(low=1)

A subclass of ``Declared`` becomes a frozen dataclass. Its arguments, and what it has to define, are checked: InputError
names the parameter, or the part that is missing. All parameters are declared in one way: the default (without it the
parameter must be given; where it is None, None may be given), the unit, the limits. What each neuron or synapse has of
its own is declared by ``of_each`` and ``time_constant`` of ``core.values``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from functools import cache, partial
from typing import Any, ClassVar, dataclass_transform

from distsim.core.errors import InputError, check_arguments
from distsim.core.units import check_count, check_flag, check_number, to_steps


def number(
    default: Any = MISSING,
    unit: str = "1",
    *,
    low: float = -math.inf,
    above: float = -math.inf,
    high: float = math.inf,
) -> Any:
    """A parameter that is one number from ``low`` to ``high``, larger than ``above``; infinite where the default is."""

    def check(value: Any, name: str) -> float:
        if isinstance(value, float) and math.isinf(value) and value == default:
            return value
        checked = check_number(value, name, low=low, above=above)
        if checked > high:
            raise InputError(f"{name} must be at most {high:g}, got {checked:g}")
        return checked

    return parameter(check, "number", default, unit)


def duration(default: Any = MISSING, *, low: int = 0, told: bool = True) -> Any:
    """A ``number`` in ms that is a whole multiple of dt, of at least ``low`` steps; told: as of ``parameter``."""

    def check_steps(value: Any, shape: tuple[int, ...], dt: float, name: str) -> None:
        to_steps(value, dt, name, low=low)

    return parameter(partial(check_number, low=0.0), "number", default, "ms", check_steps, told)


def count(default: Any = MISSING, *, low: int = 0) -> Any:
    """A parameter that is a whole number of at least ``low``."""
    return parameter(partial(check_count, low=low), "count", default)


def flag(default: Any = MISSING) -> Any:
    """A parameter that is True or False."""
    return parameter(check_flag, "flag", default)


def parameter(
    check: Callable[[Any, str], Any],
    what: str,
    default: Any,
    unit: str = "1",
    fits: Callable[[Any, tuple[int, ...], float, str], None] | None = None,
    told: bool = True,
) -> Any:
    """A parameter that check(value, name) returns checked; fits(value, shape, dt, name) is asked by ``check_fits``.

    told: whether descriptions tell it where it has its default, too; so parameters that are added later leave the names
    of networks as they are.
    """
    return field(default=default, metadata={"check": check, "what": what, "unit": unit, "fits": fits, "told": told})


# Only ``field`` is a specifier: type checkers take a default of specifiers by keyword alone.
@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
class Declared:
    """Base of what is declared by its parameters; ``noun`` says what it is in a message.

    eq: whether instances of the same parameters are equal. abstract: of a base, which need not define everything.
    """

    noun: ClassVar[str]
    needs: ClassVar[dict[str, str]] = {}
    """What a subclass has to define beside its methods, by name, and what that is."""

    def __init_subclass__(cls, *, eq: bool = False, abstract: bool = False) -> None:
        check_arguments(dataclass(frozen=True, eq=eq)(cls))
        if abstract:
            return
        missing = {name: what for name, what in cls.needs.items() if not hasattr(cls, name)}
        for name in dir(cls):
            if getattr(getattr(cls, name, None), "__isabstractmethod__", False):
                missing[name] = " ".join((getattr(cls, name).__doc__ or "").split("\n\n")[0].split())
        for name, what in missing.items():
            raise InputError(f"{cls.__name__}: a {cls.noun} defines '{name}': {what}")

    def __post_init__(self) -> None:
        cls: Any = type(self)
        for name, where, check, may_be_none in _checks_of(cls):
            value = getattr(self, name)
            if not (value is None and may_be_none):
                object.__setattr__(self, name, check(value, where))


@cache
def _checks_of(cls: Any) -> list[tuple[str, str, Callable[[Any, str], Any], bool]]:
    """Name, name in messages and check of each parameter of a class, and whether it may be None."""
    checked = [f for f in fields(cls) if "check" in f.metadata]
    return [(f.name, f"{cls.__name__}: {f.name}", f.metadata["check"], f.default is None) for f in checked]


@cache
def _fits_of(cls: Any) -> list[tuple[str, Callable[[Any, tuple[int, ...], float, str], None]]]:
    """Name of each parameter of a class that has to fit a network, and its check."""
    return [(f.name, f.metadata["fits"]) for f in fields(cls) if f.metadata.get("fits")]


def check_fits(declared: Any, shape: tuple[int, ...], dt: float, where: str) -> None:
    """InputError, starting with ``where``, for arrays that are not of ``shape``, and times (ms) that do not fit dt."""
    cls: Any = type(declared)
    for name, fits in _fits_of(cls):
        value = getattr(declared, name)
        if value is not None:
            fits(value, shape, dt, f"{where}: {type(declared).__name__} {name}")


def check_stop(declared: Any, dt: float, where: str) -> None:
    """InputError, starting with ``where``, where ``stop`` (ms; None: for ever) of ``declared`` is before ``start``."""
    start, stop = declared.start, declared.stop
    if stop is not None and to_steps(stop, dt, "stop") < to_steps(start, dt, "start"):
        raise InputError(f"{where}: {type(declared).__name__} stop = {stop:g} ms is before start = {start:g} ms")


@cache
def names_of_each(cls: Any) -> tuple[str, ...]:
    """Names of the parameters of which each synapse has its own, in the order of declaration."""
    return tuple(f.name for f in fields(cls) if f.metadata.get("what") == "of each")


def numbers_of(declared: Any) -> dict[str, float]:
    """The parameters that are one number, by name, in the order of declaration."""
    return {f.name: getattr(declared, f.name) for f in fields(declared) if f.metadata.get("what") == "number"}
