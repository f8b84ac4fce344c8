"""The options of ``python -m distsim``: from the words of a command line to what is asked for."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

from distsim.command import ELSEWHERE, texts
from distsim.command.arguments import Parser, assignments, number_or_text, version
from distsim.core.durations import Every
from distsim.core.errors import InputError, check_names
from distsim.models import registry
from distsim.models.defaults import Default, value_text
from distsim.models.model import SETTINGS, ExperimentModel, Model, NetworkModel
from distsim.models.recording import GRAMMAR, Recording
from distsim.record.storage import read_text

COMMANDS = ("list", "run")
RECORD = "record"
OF_BRANCHES = SAVE, BRANCH = "--save", "--from-checkpoint"
"""Options of models that are networks."""
CHECKPOINT, RESUMED = "checkpoint", "10m"
"""An option, and what it is where a run goes on without it."""
SUMMARY = "summary.json"
"""What a run leaves in its output folder: its parameters, settings and results."""


@dataclass(frozen=True)
class Request:
    """A model to run: ``overrides`` are values of its parameters, ``settings`` those of the run that are no parameters.

    Neither is checked yet. ``out`` is the output folder, ``recording`` None for what the model itself records.
    ``every``: how often the run is saved, None for never; ``resume``: it goes on with what the output folder holds.
    ``branch``: the checkpoint that it continues; ``leave``: where one is left for branches.
    """

    model: str
    overrides: dict[str, Any]
    out: Path | None
    settings: dict[str, Any] = field(default_factory=dict)
    recording: Recording | None = None
    every: Every | None = None
    resume: bool = False
    branch: Path | None = None
    leave: Path | None = None


def parse(arguments: list[str]) -> Request | str:
    """What a command line asks for: a run, or a text to be shown (the list of models, help, the version).

    Raises InputError for an unknown command, model or option, with the nearest known name, and for values that do
    not have the form they must have. Loads neither engine nor MPI.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        return texts.HELP
    command, *rest = arguments
    if command == "--version":
        return f"{version()}\n"
    check_names([command], [*COMMANDS, *ELSEWHERE], "command", "command line")
    if command == "list":
        Parser(usage=texts.LIST_USAGE).take_apart(rest, "list takes none")
        return texts.listing()
    if not rest or rest[0] in ("-h", "--help"):
        return texts.run_page()
    if rest[0].startswith("-"):
        raise InputError(f"command line: the model comes first: python -m distsim run MODEL {rest[0]} ...")
    return parse_run(rest[0], rest[1:])


def parse_run(name: str, arguments: list[str]) -> Request | str:
    """What the words after ``run MODEL`` ask for."""
    model = registry.find(name)
    parser = _make_parser(name, model)
    branches = [word for word in arguments if word.partition("=")[0] in OF_BRANCHES]
    if branches and not has_settings(model):
        raise InputError(
            f"option {branches[0].partition('=')[0]}: '{model.name}' is an experiment of its own, whose results belong "
            "to all of its time; --checkpoint and --resume go on with it, and networks have branches"
        )
    known = parser.take_apart(arguments, "parameters are set by --set NAME=VALUE")
    if known.help:
        chosen = f"\nwhat --record takes:\n{GRAMMAR}\n" if has_settings(model) else ""
        return f"{parser.format_help()}{chosen}\n{texts.parameter_table(model.name, model.parameters.DEFAULTS)}"
    overrides = assignments(known.set)
    earlier, settings, record = _of_earlier(Path(known.source), model) if known.source is not None else ({}, {}, None)
    record = getattr(known, RECORD, None) or record
    for option, (parameter, default) in options_of(model).items():
        text = getattr(known, option)
        if text is None:
            continue
        if parameter is None:
            settings[option] = default.check(number_or_text(text), f"option --{option}")
        elif parameter in overrides:
            raise InputError(f"command line: {parameter} is given twice, by --{option} and by --set {parameter}=...")
        else:
            overrides[parameter] = number_or_text(text)
    out = Path(known.out) if known.out is not None else None
    recording = None if record is None else Recording.of(record)
    resume = known.resume
    text = getattr(known, CHECKPOINT) or (RESUMED if resume else None)
    if text and out is None:
        given = "resume" if resume else CHECKPOINT
        raise InputError(f"option --{given}: checkpoints are in the output folder; name it by --out FOLDER")
    every = Every.of(text, f"option --{CHECKPOINT}") if text else None
    branch, leave = (Path(value) if (value := getattr(known, name, None)) else None for name in ("branch", "leave"))
    if branch is not None and known.source is not None:
        raise InputError("command line: --from and --from-checkpoint both say where parameters are from; give one")
    return Request(name, {**earlier, **overrides}, out, settings, recording, every, resume, branch, leave)


def options_of(model: Model) -> dict[str, tuple[str | None, Default]]:
    """The options that a model has, each with the parameter that it sets, or None for a setting, and what it may be."""
    settings: dict[str, tuple[str | None, Default]] = {}
    if has_settings(model):
        own = model.settings
        settings = {name: (None, replace(SETTINGS[name], value=getattr(own, name))) for name in model.chosen}
    named = {**model.parameter_of, **model.shortcuts}
    return settings | {option: (name, model.parameters.DEFAULTS[name]) for option, name in named.items()}


def has_settings(model: Model) -> TypeGuard[NetworkModel]:
    """Whether a model is simulated as ``models.run.simulate`` does: its run has settings, and can be recorded."""
    return isinstance(model, NetworkModel) and not isinstance(model, ExperimentModel)


def _make_parser(name: str, model: Model) -> Parser:
    parser = Parser(
        usage=f"[mpirun -n RANKS] python -m distsim run {name} [options]",
        description=f"{model.name}: {model.line}.",
        add_help=False,
    )
    add = parser.add_argument_group("options").add_argument
    for option, (parameter, default) in options_of(model).items():
        add(f"--{option}", dest=option, metavar=_metavar(default.unit), help=_help(default, parameter))
    if has_settings(model):
        line = "what is recorded, see below (default: what the model itself records)"
        add(f"--{RECORD}", nargs="+", action="extend", metavar="WHAT", help=line)
        line = "leave a checkpoint at the end of the run, for any number of continuations by --from-checkpoint"
        add(SAVE, dest="leave", metavar="FILE", help=line)
        line = "continue the run of a checkpoint, with other parameters or another seed for what is drawn from then on"
        add(BRANCH, dest="branch", metavar="FILE", help=line)
    line = "save the run so often: 60s or 10m of wall time, or 500ms of simulated time; needs --out"
    add(f"--{CHECKPOINT}", metavar="TIME", help=line)
    line = f"go on with the run in the folder of --out, on any number of ranks, saving it every {RESUMED} if not said"
    add("--resume", action="store_true", help=line)
    add("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="values of parameters, see below")
    add("--from", dest="source", metavar="FILE", help="parameters of an earlier run: the summary.json that it left")
    add("--out", metavar="FOLDER", help="write summary, spikes and figures to this folder, which must be new or empty")
    add("-h", "--help", action="store_true", help="this page")
    return parser


def _help(default: Default, parameter: str | None) -> str:
    """Meaning, unit, the parameter that an option sets, and what holds without it."""
    choices = f": {', '.join(default.choices)}" if default.choices and parameter is None else ""
    unit = f" ({default.unit})" if default.unit else ""
    also = f"; --set {parameter}=..." if parameter else ""
    otherwise = f" (default: {value_text(default.value)})" if default.value not in ("", None) else ""
    return f"{default.meaning}{choices}{unit}{also}{otherwise}".replace("%", "%%")


def _of_earlier(path: Path, model: Model) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Parameters, without those that follow from others, settings and recording of the run that left this summary.json.

    Raises InputError where it cannot be read or is that of another model.
    """
    text = read_text(path)
    summary: Any = None
    with suppress(ValueError, RecursionError):
        summary = json.loads(text)
    found = summary.get("model") if isinstance(summary, dict) else None
    if not isinstance(found, str) or not isinstance(summary.get("parameters"), dict):
        raise InputError(f"'{path}' is not the {SUMMARY} of a run")
    if found != model.name:
        raise InputError(f"'{path}' is of the model '{found}', not of '{model.name}'")
    own = {name: value for name, value in summary["parameters"].items() if name not in model.parameters.DERIVED}
    settings = {
        name: default.check(summary[name], f"'{path}': {name}")
        for name, (parameter, default) in options_of(model).items()
        if parameter is None and summary.get(name) is not None
    }
    return own, settings, summary.get(RECORD)


def _metavar(unit: str) -> str:
    return unit.upper() if unit.isalpha() else "VALUE"
