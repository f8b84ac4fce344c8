"""Parameters of a model, declared once: a table of defaults, and a class that adds what follows from them.

    class Parameters(ModelParameters, model="my_model"):
        '''What they are of.'''

        @derived
        def N_E(self) -> int:
            '''Number of excitatory neurons: beta N, rounded down.'''
            return share(self.beta, self.N)

        def check(self) -> None:
            self.check_steps("delay", "T", low=1)

N, beta, delay and T are those of the table, which is ``defaults.toml`` beside the module of the class.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from distsim.core.errors import InputError, check_names
from distsim.core.units import to_steps
from distsim.models.defaults import Default, check_axes, check_derived, read_defaults

Value = TypeVar("Value")
TABLE = "defaults.toml"


class derived(cached_property[Value]):  # noqa: N801 # a decorator
    """A quantity that follows from the parameters: a property that cannot be set and is reported with them."""


class ModelParameters:
    """The parameters of ``MODEL``; a frozen dataclass whose fields are the names of DEFAULTS, checked when it is made.

    DEFAULTS: what each parameter may be, see ``Default``. DERIVED: names of the quantities that follow from them.
    """

    MODEL: ClassVar[str] = ""
    DEFAULTS: ClassVar[Mapping[str, Default]] = {}
    DERIVED: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:

        def __init__(self, **values: Any) -> None: ...

        def __getattr__(self, name: str) -> Any: ...

    def __init_subclass__(cls, model: str, defaults: Mapping[str, Default] | None = None) -> None:
        """Make the fields: those of ``defaults``, or of the table beside the module of the class."""
        super().__init_subclass__()
        cls.MODEL = model
        cls.DEFAULTS = read_defaults(_beside(cls)) if defaults is None else defaults
        every = (item for base in reversed(cls.__mro__) for item in vars(base).items())
        cls.DERIVED = tuple(name for name, value in every if isinstance(value, derived))
        cls.__annotations__ = dict.fromkeys(cls.DEFAULTS, "Any")
        dataclasses.dataclass(frozen=True)(cls)

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None) -> Self:
        """The defaults, with ``overrides`` (name: value) in place of some of them.

        Raises InputError for an unknown name (with the nearest known one) or a derived quantity, a value of the wrong
        type or out of its range, and values that do not go together.
        """
        given = overrides or {}
        for name in given:
            if name in cls.DERIVED:
                raise InputError(f"{cls.MODEL}: {name} follows from other parameters and cannot be set")
        check_names(given, cls.DEFAULTS, "parameter", cls.MODEL)
        return cls(**{name: given.get(name, default.value) for name, default in cls.DEFAULTS.items()})

    def __post_init__(self) -> None:
        for name, default in self.DEFAULTS.items():
            object.__setattr__(self, name, default.check(getattr(self, name), f"{self.MODEL}: {name}"))
        check_axes(self.DEFAULTS, self.values(), self.MODEL)
        self.check()
        check_derived(self, self.DERIVED, self.MODEL)

    def check(self) -> None:
        """Raise InputError where values do not go together; what each may be by itself is checked before."""

    def check_steps(self, *names: str, low: int = 0) -> None:
        """InputError unless the parameters ``names`` (ms) are whole multiples of dt, at least ``low`` of them."""
        for name in names:
            to_steps(getattr(self, name), self.dt, f"{self.MODEL}: {name}", low=low)

    def check_below(self, name: str, limit: str) -> None:
        """InputError unless the parameter ``name`` is below ``limit``, another one of the same unit."""
        value, most, unit = getattr(self, name), getattr(self, limit), self.DEFAULTS[name].unit
        if value >= most:
            raise InputError(f"{self.MODEL}: {name} = {value:g} {unit} must be below {limit} = {most:g} {unit}")

    def values(self) -> dict[str, Any]:
        """The parameters by name, without what follows from them."""
        return {name: getattr(self, name) for name in self.DEFAULTS}

    def as_dict(self) -> dict[str, Any]:
        """All parameters and derived quantities by name, as plain numbers, texts and tuples of them (for JSON)."""
        return self.values() | {name: getattr(self, name) for name in self.DERIVED}


def share(fraction: float, number: int) -> int:
    """fraction * number rounded down, in exact arithmetic of the decimal number that fraction is written as.

    A product that misses a whole number by no more than the rounding of a quotient is that number: 1/3 of 30 is 10.
    """
    return math.floor(Fraction(repr(fraction)) * number + Fraction(1, 10**9))


def _beside(cls: type) -> Path:
    """The table of a class that names none."""
    return Path(str(sys.modules[cls.__module__].__file__)).with_name(TABLE)
