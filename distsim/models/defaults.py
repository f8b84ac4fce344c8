"""Defaults files of models: one TOML table per parameter with value, unit, meaning, source and permitted range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from distsim.core.errors import DistsimError, InputError, nearest
from distsim.core.units import LARGEST, SMALLEST, check_number, check_seed, shown

Scalar = bool | int | float | str
Parameter = Scalar | tuple[Any, ...]
"""The value of a parameter; lists, of lists where there are two indices, are tuples."""


@dataclass(frozen=True)
class Default:
    """One parameter: its default ``value``, whose type every other value must have, too, and what it means.

    A list has as many entries as the default, each like the one in its place; with ``axes``, a name for each of its
    indices, it has any number of entries (numbers where the default has none), and axes of one name have the same
    length in all parameters. Numbers lie at or over ``low``, over ``above``, at or under ``high``, under ``below``;
    texts are among ``choices``.
    """

    value: Parameter
    unit: str
    meaning: str
    source: str
    low: float | None = None
    above: float | None = None
    high: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()

    def check(self, value: Any, name: str) -> Parameter:
        """``value`` as bool, int, float, str or tuple like the default; InputError naming ``name`` where it is none."""
        if isinstance(self.value, tuple):
            return self._check_list(value, name)
        if isinstance(self.value, bool):
            if not isinstance(value, (bool, np.bool_)):
                raise InputError(f"{name} must be true or false, got {shown(value)}")
            return bool(value)
        if isinstance(self.value, str):
            return self._check_text(value, name)
        number: int | float
        if isinstance(self.value, int):
            number = check_seed(value, name)
        else:
            number = check_number(value, name)
            if self.above == 0.0 < number < SMALLEST:
                raise InputError(f"{name} must be at least {SMALLEST:g}, got {number:g}")
        for limit, words, holds in (
            (self.low, "at least", self.low is None or number >= self.low),
            (self.above, "larger than", self.above is None or number > self.above),
            (self.high, "at most", self.high is None or number <= self.high),
            (self.below, "smaller than", self.below is None or number < self.below),
        ):
            if not holds:
                raise InputError(f"{name} must be {words} {limit:g}, got {shown(value)}")
        return number

    def _check_list(self, value: Any, name: str) -> tuple[Any, ...]:
        entries: tuple[Any, ...] = self.value if isinstance(self.value, tuple) else ()
        given = list(value) if isinstance(value, (list, tuple, np.ndarray)) else None
        if given is not None and self.axes:
            like = replace(self, value=entries[0] if entries else 0.0, axes=self.axes[1:])
            return tuple(like.check(v, f"{name}[{i}]") for i, v in enumerate(given))
        if given is None or len(given) != len(entries):
            wanted = f"{len(entries)} entries" if not self.axes else f"one entry for each {self.axes[0]}"
            raise InputError(f"{name} must be a list of {wanted}, got {shown(value)}")
        pairs = zip(entries, given, strict=True)
        return tuple(replace(self, value=d).check(v, f"{name}[{i}]") for i, (d, v) in enumerate(pairs))

    def _check_text(self, value: Any, name: str) -> str:
        if isinstance(value, str) and (value in self.choices or not self.choices):
            return value
        demand = f"one of {', '.join(self.choices)}" if self.choices else "a text"
        near = nearest(str(value), self.choices)
        raise InputError(f"{name} must be {demand}, got {shown(value)}{near if 'did you mean' in near else ''}")


def read_defaults(path: Path) -> dict[str, Default]:
    """The parameters of a defaults file by name, in its order.

    Raises DistsimError where the file lacks a value, unit, meaning or source, or has a key that no parameter has.
    """
    import tomllib

    defaults = {}
    for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
        try:
            defaults[name] = Default(**{key: _frozen(entry) for key, entry in table.items()})
        except TypeError as error:
            raise DistsimError(f"{path}, [{name}]: {error}") from error
    return defaults


def _frozen(value: Any) -> Any:
    """Lists, and the lists in them, as tuples."""
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list) else value


def check_derived(parameters: Any, derived: Iterable[str], where: str) -> None:
    """InputError unless the ``derived`` quantities of ``parameters`` can be computed, and any engine can hold them.

    What each parameter may be does not say what they may be together: a potential divided by a tiny one, for instance.
    """
    for name in derived:
        try:
            value = np.asarray(getattr(parameters, name), np.float64)
        except InputError:
            raise
        except (ArithmeticError, ValueError):
            far = "cannot be computed from these parameters, which are too far apart"
            raise InputError(f"{where}: {name} {far}") from None
        if not (np.abs(value) <= LARGEST).all():
            worst = value.ravel()[np.argmax(~(np.abs(value.ravel()) <= LARGEST))]
            raise InputError(
                f"{where}: {name} follows from the parameters and is {worst:g} with these; it must be at most "
                f"{LARGEST:g} in size"
            )


def value_text(value: Parameter) -> str:
    """A value as it is written in a defaults file and on a command line, but texts without quotes."""
    if isinstance(value, tuple):
        return f"[{', '.join(value_text(entry) for entry in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_axes(defaults: Mapping[str, Default], values: Mapping[str, Any], where: str) -> None:
    """InputError unless all axes of one name have the same length, that of the first parameter that has one."""
    lengths: dict[str, tuple[int, str]] = {}
    for name, default in defaults.items():
        rows = [values[name]]
        for axis in default.axes:
            for row in rows:
                length, first = lengths.setdefault(axis, (len(row), name))
                if len(row) != length:
                    raise InputError(
                        f"{where}: {name} = {value_text(values[name])} has {len(row)} entries where {first} has "
                        f"{length}; there must be one for each {axis}"
                    )
            rows = [entry for row in rows for entry in row]
