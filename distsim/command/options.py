"""The options of ``python -m distsim``: from the words of a command line to what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.command import texts
from distsim.command.arguments import Parser, assignments, number_or_text
from distsim.command.results import read_parameters
from distsim.core.errors import InputError, check_names
from distsim.models import registry
from distsim.models.defaults import value_text

COMMANDS = ("list", "run")
OPTIONS = {"time": "T", "seed": "seed"}
"""Options of every model that has the parameters they set."""


@dataclass(frozen=True)
class Request:
    """A model to run: ``overrides`` are values of its parameters, not yet checked; ``out`` is the output folder."""

    model: str
    overrides: dict[str, Any]
    out: Path | None


def parse(arguments: list[str]) -> Request | str:
    """What a command line asks for: a run, or a text to be shown (the list of models, help, the version).

    Raises InputError for an unknown command, model or option, with the nearest known name, and for values that do
    not have the form they must have. Loads neither engine nor MPI.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        return texts.help_page()
    command, *rest = arguments
    if command == "--version":
        return texts.version()
    check_names([command], COMMANDS, "command", "command line")
    if command == "list":
        Parser(usage=texts.LIST_USAGE).take_apart(rest, "list takes none")
        return texts.listing()
    if not rest or rest[0] in ("-h", "--help"):
        return texts.run_page()
    if rest[0].startswith("-"):
        raise InputError(f"command line: the model comes first: python -m distsim run MODEL {rest[0]} ...")
    return parse_run(rest[0], rest[1:])


def parse_run(model: str, arguments: list[str]) -> Request | str:
    """What the words after ``run MODEL`` ask for."""
    defaults = registry.find_parameters(model).defaults()
    own = {**{k: v for k, v in OPTIONS.items() if v in defaults}, **registry.shortcuts(model)}
    parser = _make_parser(model, own)
    known = parser.take_apart(arguments, "parameters are set by --set NAME=VALUE")
    if known.help:
        return f"{parser.format_help()}\n{texts.parameter_table(model, defaults)}"
    overrides = assignments(known.set)
    earlier = _parameters_of(Path(known.source), model) if known.source is not None else {}
    for option, parameter in own.items():
        given = getattr(known, parameter)
        if given is not None and parameter in overrides:
            raise InputError(f"command line: {parameter} is given twice, by --{option} and by --set {parameter}=...")
        if given is not None:
            overrides[parameter] = number_or_text(given)
    return Request(model, {**earlier, **overrides}, Path(known.out) if known.out is not None else None)


def _make_parser(model: str, own: dict[str, str]) -> Parser:
    defaults = registry.find_parameters(model).defaults()
    parser = Parser(
        usage=f"[mpirun -n RANKS] python -m distsim run {model} [options]",
        description=f"{model}: {registry.MODELS[model]}.",
        add_help=False,
    )
    add = parser.add_argument_group("options").add_argument
    for option, parameter in own.items():
        default = defaults[parameter]
        unit = f" ({default.unit})" if default.unit else ""
        value = value_text(default.value)
        meaning = f"{default.meaning}{unit}; --set {parameter}=...{f' (default: {value})' if value else ''}"
        add(f"--{option}", dest=parameter, metavar=_metavar(default.unit), help=meaning.replace("%", "%%"))
    add("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="values of parameters, see below")
    add("--from", dest="source", metavar="FILE", help="parameters of an earlier run: the summary.json that it left")
    add(
        "--out",
        metavar="FOLDER",
        help="write summary.json, spikes and figures to this folder, which must be new or empty",
    )
    add("-h", "--help", action="store_true", help="this page")
    return parser


def _parameters_of(summary: Path, model: str) -> dict[str, Any]:
    """The parameters of the run that left ``summary``, without those that follow from others."""
    derived = registry.find_parameters(model).DERIVED
    return {name: value for name, value in read_parameters(summary, model).items() if name not in derived}


def _metavar(unit: str) -> str:
    return unit.upper() if unit.isalpha() else "VALUE"
