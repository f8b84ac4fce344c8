"""What the command lines of ``dry`` and ``predict`` have alike: an experiment whose ranks are simulated alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser
from distsim.core.errors import InputError
from distsim.scaling.options import add_settings, given_settings
from distsim.scaling.settings import SETTINGS

LEFT_OUT = ("repetitions", "keep", "record", "checkpoint")
"""Settings of an experiment that neither takes from the command line."""


@dataclass(frozen=True)
class RankOptions:
    """The experiment ``file``, ``spikes`` of all ranks, and where the record goes: ``out``, a file that is not there.

    Values of ``settings`` are not yet checked.
    """

    file: Path | None
    spikes: Path | None
    out: Path
    settings: dict[str, Any]


def take_apart(
    arguments: list[str],
    command: str,
    record: str,
    texts: tuple[str, str],
    add_own: Callable[[Parser], None],
    own: tuple[str, ...] = (),
) -> tuple[dict[str, Any], RankOptions]:
    """The words of all options by name, and what both commands have.

    record: the name of the record, without its end; texts: the description and examples; add_own: gives the parser the
    options that the command alone has; own: settings that are among these. Raises InputError for an unknown option or a
    value of the wrong form, and SystemExit after ``--help``.
    """
    usage = f"python -m distsim.scaling {command} [EXPERIMENT.toml] --ranks RANKS ... [options]"
    parser = Parser(usage=usage, description=texts[0], epilog=texts[1])
    add = parser.add_argument
    add("file", nargs="?", metavar="EXPERIMENT.toml", help="experiment file; goes before the options")
    add_own(parser)
    add("--spikes", metavar="FILE", help="spikes.h5 of a run of the same network in which all spikes were recorded")
    add("--out", metavar="FILE", help=f"where the record goes (default: {record}.json, or NAME-{record}.json)")
    names = [name for name in SETTINGS if name not in (*LEFT_OUT, *own)]
    add_settings(parser, names)
    taken = vars(parser.take_apart(arguments, "one experiment file at most"))
    file, spikes = (None if taken[name] is None else Path(taken[name]) for name in ("file", "spikes"))
    out = Path(taken["out"] or (f"{record}.json" if file is None else f"{file.stem}-{record}.json"))
    if out.exists():
        raise InputError(f"{out} exists already; remove it or choose another --out")
    return taken, RankOptions(file, spikes, out, given_settings(taken, names))
