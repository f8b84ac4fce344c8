"""The command line of an experiment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser, assignments, number_or_text
from distsim.core.errors import InputError
from distsim.scaling import experiment as known
from distsim.scaling.budget import seconds
from distsim.scaling.experiment import EXCHANGES, KINDS, PRECISIONS, Experiment

SINGLE = (
    "model", "kind", "size_per_rank", "indegree", "indegree_grows", "repetitions", "time", "presimulation", "precision",
    "interval", "exchange",
)  # fmt: skip
LISTS = ("sizes", "ranks", "seeds")

DESCRIPTION = """\
Scaling experiments: simulate networks of growing size (kind size), one network on growing numbers of ranks (strong)
or networks that grow with the ranks (weak), for several seeds, and record times, rates, weights and hashes of each.
The experiment comes from a file, from the options, or from both: options override the file. Under mpirun all points
share the job; with --launcher each point is a job of its own. Results do not depend on the number of ranks.
"""

EXAMPLES = """\
examples:
  python -m distsim.scaling
      the two-population network with both neuron models at four sizes on one rank, within a minute
  mpirun -n 2 python -m distsim.scaling --sizes 1250 2500 --seeds 1,2,3
      other sizes, three seeds, on two ranks
  python -m distsim.scaling scaling/strong.toml --launcher "mpirun -n {ranks}"
      strong scaling: every point a job of its own, with as many ranks as it asks for
  mpirun -n 64 python -m distsim.scaling scaling/network_size.toml --resume
      the published experiment; the same line again goes on where a killed job stopped
  python -m distsim.scaling --set g=8 eta=1.5 --out inhibition-8
      other parameters of the model, in a folder of their own

afterwards:
  python -m distsim.scaling show FOLDER          what is done, missing, failed
  python -m distsim.scaling report FOLDER ...    tables, figures and one page of HTML
  python -m distsim.scaling compare OLD NEW      ratios, and whether anything became slower

an experiment file (TOML) holds the same settings under the same names, each of them optional:
  model = "two_population"     (or "my_network.py", beside the experiment file: see docs/own_network.md)
  sizes = [1250, 2500]
  time = 1000.0
  [vary]
  neuron_model = ["iaf_psc_alpha", "ignore_and_fire"]
  [parameters]
  g = 8.0

output folder: runs.jsonl (one JSON line per finished point), failed.jsonl (points that failed, and why),
experiment.json (the settings), and figures. Nothing in it is ever overwritten by another experiment.

exit codes: 0 all points done, 1 some failed, 2 wrong input, 3 points left when the budget was spent, 4 disk full
"""


@dataclass(frozen=True)
class Options:
    """A command line taken apart: ``settings`` holds what overrides the file, with values not yet checked.

    ``launcher`` starts each point as a job of its own; ``timeout`` (s) ends such a job, ``budget`` (s) the experiment.
    """

    file: Path | None = None
    out: Path = Path("scaling-results")
    resume: bool = False
    plot: bool = True
    launcher: str | None = None
    timeout: float | None = None
    budget: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def parse(arguments: list[str]) -> Options:
    """Take a command line apart.

    Raises InputError for an unknown option (with the nearest known one) or a value of the wrong form, and
    SystemExit after ``--help``.
    """
    taken = _make_parser().take_apart(arguments, "one experiment file at most")
    settings: dict[str, Any] = {}
    for name in SINGLE:
        if getattr(taken, name) is not None:
            settings[name] = _value(getattr(taken, name))
    for name in LISTS:
        if getattr(taken, name) is not None:
            settings[name] = [_value(word) for text in getattr(taken, name) for word in text.split(",") if word]
    if taken.set is not None:
        settings["parameters"] = assignments(taken.set)
    if taken.vary is not None:
        settings["vary"] = {}
        for name, values in map(_choices, taken.vary):
            if name in settings["vary"]:
                raise InputError(f"option --vary: {name} is given twice")
            settings["vary"][name] = values
    if taken.timeout is not None and taken.launcher is None:
        raise InputError("option --timeout ends points that are jobs of their own; it needs --launcher")
    file = Path(taken.file) if taken.file is not None else None
    return Options(
        file,
        Path(taken.out or (f"{file.stem}-results" if file is not None else "scaling-results")),
        taken.resume,
        not taken.no_plot,
        taken.launcher,
        None if taken.timeout is None else seconds(taken.timeout, "--timeout"),
        None if taken.budget is None else seconds(taken.budget, "--budget"),
        settings,
    )


def _make_parser() -> Parser:
    parser = Parser(
        usage="[mpirun -n RANKS] python -m distsim.scaling [EXPERIMENT.toml] [options]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument("file", nargs="?", metavar="EXPERIMENT.toml", help="experiment file; goes before the options")
    _add_points(parser)
    _add_simulation(parser)
    _add_running(parser)
    return parser


def _add_points(parser: Parser) -> None:
    default = Experiment()
    group = parser.add_argument_group("points", "one simulation for each combination; lists take spaces or commas")
    add = group.add_argument
    add("--kind", metavar="KIND", help=f"{_join(KINDS)} (default: {default.kind})")
    add("--sizes", nargs="+", metavar="N", help=f"numbers of neurons (default: {_join(known.DEFAULT_SIZES)})")
    add("--size-per-rank", metavar="N", help="weak scaling: number of neurons per rank")
    add("--ranks", nargs="+", metavar="RANKS", help="numbers of ranks (default: those of the job)")
    add("--vary", nargs="+", action="extend", metavar="NAME=A,B", help="a parameter of the model and its values")
    add("--seeds", nargs="+", metavar="SEED", help=f"seeds (default: {_join(default.seeds)})")
    add("--repetitions", metavar="N", help=f"runs of every network (default: {default.repetitions})")


def _add_simulation(parser: Parser) -> None:
    default = Experiment()
    add = parser.add_argument_group("network and simulation").add_argument
    add("--model", metavar="NAME", help=f"a spiking model, or a file of your own (default: {default.model})")
    add("--indegree", metavar="K", help=f"inputs per neuron (default: {known.DEFAULT_INDEGREE}, or the model's own)")
    add("--indegree-grows", metavar="true|false", help="weak scaling: whether the in-degree grows with N or is fixed")
    add("--time", metavar="MS", help=f"simulated time in ms (default: {default.time:g})")
    add("--presimulation", metavar="MS", help="simulated before that, not measured (default: the model's own)")
    add("--set", nargs="+", action="extend", metavar="NAME=VALUE", help="other parameters of the model")
    add("--precision", metavar="KIND", help=f"{_join(PRECISIONS)} (default: the model's own)")
    add("--interval", metavar="MS", help="interval of spike exchange in ms (default: the minimum delay)")
    add("--exchange", metavar="KIND", help=f"{_join(EXCHANGES)} (default: {default.exchange})")


def _add_running(parser: Parser) -> None:
    add = parser.add_argument_group("running and output").add_argument
    add("--launcher", metavar="LINE", help='start every point by this line, as in "mpirun -n {ranks}"')
    add("--timeout", metavar="TIME", help="with --launcher: end a point after this time, as in 90s, 10m, 1h30m")
    add("--budget", metavar="TIME", help="stop before this time is over; --resume does what is left")
    add("--out", metavar="FOLDER", help="output folder (default: scaling-results, or NAME-results for NAME.toml)")
    add("--resume", action="store_true", help="run only the points that the output folder does not hold yet")
    add("--no-plot", action="store_true", help="draw no figure")


def _value(text: str) -> bool | int | float | str:
    return text == "true" if text in ("true", "false") else number_or_text(text)


def _choices(text: str) -> tuple[str, list[bool | int | float | str]]:
    """Name and values of a varied parameter."""
    name, _, values = text.partition("=")
    if not name or not values:
        raise InputError(f"option --vary: '{text}' is not of the form NAME=A,B, as in --vary g=4,5,6")
    return name, [_value(word) for word in values.split(",") if word]


def _join(values: tuple[Any, ...]) -> str:
    return ", ".join(str(value) for value in values)
