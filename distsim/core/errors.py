"""The errors that distsim raises of its own accord, and the hint that comes with a misspelt name."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Iterable
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)


class DistsimError(Exception):
    """Base of all errors raised by distsim itself."""


class InputError(DistsimError, ValueError):
    """Wrong input: the message says what is wrong, where, and what would be right."""


class StorageError(DistsimError):
    """Something could not be stored, on a full disk for instance; what was stored before is safe."""


class DryRunError(DistsimError):
    """The spikes of a dry run are not those that were recorded."""


class RangeError(DistsimError, ArithmeticError):
    """A quantity left the range in which the exact arithmetic of the input sums holds."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` with the known name nearest to ``name``, or the known names where none is near."""
    names = sorted(known)
    folded = {known_name.lower(): known_name for known_name in names}
    close = difflib.get_close_matches(str(name)[:80].lower(), folded, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{folded[close[0]]}'?"
    return f"; known: {', '.join(names)}" if names else ""


def check_names(given: Iterable[str], known: Iterable[str], what: str, where: str) -> None:
    """Raise InputError for the first name in ``given`` that is not in ``known``.

    ``what`` is the kind of thing ("parameter", "option"), ``where`` the object it was given to.
    """
    known_names = list(known)
    for name in given:
        if not isinstance(name, str) or name not in known_names:
            raise InputError(f"{where}: unknown {what} '{name!s:.80}'{nearest(name, known_names)}")


def check_arguments(cls: Class) -> Class:
    """Class decorator: arguments that the constructor does not take raise InputError instead of TypeError.

    The message names the class and, for an unknown keyword, the nearest parameter.
    """
    construct = cls.__init__  # type: ignore[misc]
    signature = inspect.signature(construct)
    known = list(signature.parameters)[1:]

    def check(self: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        check_names(keywords, known, "parameter", cls.__name__)
        try:
            signature.bind(self, *arguments, **keywords)
        except TypeError as error:
            raise InputError(f"{cls.__name__}: {error}; its parameters are {', '.join(known) or 'none'}") from None

    @functools.wraps(construct)
    def init(self: Any, *arguments: Any, **keywords: Any) -> None:
        try:
            construct(self, *arguments, **keywords)
        except TypeError:  # only then, for it takes as long as to construct
            check(self, arguments, keywords)
            raise

    cls.__init__ = init  # type: ignore[misc]
    return cls
