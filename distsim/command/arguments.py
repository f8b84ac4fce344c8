"""Command lines taken apart: what the programs of the package share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from functools import partial
from typing import Any, NoReturn

from distsim.core.errors import InputError, nearest

HELP_WIDTH = 116


class Parser(argparse.ArgumentParser):
    """An argument parser that raises InputError where argparse would end this one rank; names are never abbreviated."""

    def __init__(self, **settings: Any) -> None:
        formatter = partial(argparse.RawDescriptionHelpFormatter, max_help_position=32, width=HELP_WIDTH)
        super().__init__(formatter_class=formatter, allow_abbrev=False, **settings)
        if self.add_help:
            self.add_argument("--version", action="version", version=version(), help="the version of distsim")

    def error(self, message: str) -> NoReturn:
        raise InputError(f"command line: {message}")

    def take_apart(self, arguments: list[str], too_many: str) -> argparse.Namespace:
        """The values of all options and arguments.

        Raises InputError for an unknown option, with the nearest known one, and for one argument too many, with the
        remark ``too_many``.
        """
        known, unknown = self.parse_known_args(arguments)
        for argument in unknown:
            if argument.startswith("-"):
                option = argument.partition("=")[0]
                raise InputError(f"command line: unknown option '{option}'{nearest(option, self.option_names())}")
            raise InputError(f"command line: '{argument}' is one argument too many; {too_many}")
        return known

    def option_names(self) -> list[str]:
        """All options, as they are written."""
        return [name for action in self._actions for name in action.option_strings]


def version() -> str:
    """Name and version of the package."""
    from distsim import __version__

    return f"distsim {__version__}"


def number_or_text(text: str) -> int | float | str:
    """A number where ``text`` is one; whether it had to be one is checked with the values of files."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def value_of(text: str) -> bool | int | float | str:
    """True and false as well as numbers, where ``text`` is one."""
    return {"true": True, "false": False}.get(text, number_or_text(text))


def assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Values by name from texts of the form NAME=VALUE; InputError where one has another form or a name comes twice."""
    values = divided(texts, "--set", "NAME=VALUE, as in --set g=8")
    return {name: _list(text, name) if text.startswith("[") else value_of(text) for name, text in values.items()}


def divided(texts: Iterable[str], option: str, form: str) -> dict[str, str]:
    """What stands behind the first = of each text, by what stands before it; InputError as for ``assignments``."""
    values: dict[str, str] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value:
            raise InputError(f"option {option}: '{text:.80}' is not of the form {form}")
        if name in values:
            raise InputError(f"option {option}: {name} is given twice")
        values[name] = value
    return values


def _list(text: str, name: str) -> Any:
    """A list of values, or of lists of them, as JSON writes it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"option --set: {name}={text:.80} is not a list of the form [1, 2, 3]") from None
