"""The command line of an experiment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser, assignments, divided, value_of
from distsim.core.durations import seconds
from distsim.core.errors import InputError
from distsim.scaling.settings import LISTS, SETTINGS, TABLES

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
  mpirun -n 64 python -m distsim.scaling --published --resume
      the published experiment; the same line again goes on where a killed job stopped
  python -m distsim.scaling --keep spikes,connectivity,parameters
      spikes, weights of 200 x 200 neurons before and after, and parameters stay in a folder for each point
  python -m distsim.scaling --set g=8 eta=1.5 --out inhibition-8
      other parameters of the model, in a folder of their own

before:
  python -m distsim.scaling init FOLDER          ready experiment files, templates of Slurm jobs, a network of your own

afterwards:
  python -m distsim.scaling show FOLDER          what is done, missing, failed
  python -m distsim.scaling report FOLDER ...    tables, figures and one page of HTML; --points: of kept data
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
experiment.json (the settings), points (a folder for each point of which data are kept), checkpoints (what a point
that is not finished goes on from), and figures. Nothing in it is ever overwritten by another experiment.

exit codes: 0 all points done, 1 some failed, 2 wrong input, 3 points left (budget spent, or, with
--checkpoint, a signal), 4 disk full
"""


PUBLISHED = Path(__file__).with_name("published.toml")
"""The experiment file of ``--published``."""


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
    taken = vars(_make_parser().take_apart(arguments, "one experiment file at most"))
    settings = {name: _value_of(name, taken[name]) for name in SETTINGS if taken[name] is not None}
    if taken["timeout"] is not None and taken["launcher"] is None:
        raise InputError("option --timeout ends points that are jobs of their own; it needs --launcher")
    file = Path(taken["file"]) if taken["file"] is not None else None
    if taken["published"]:
        if file is not None:
            raise InputError(f"option --published is an experiment of its own; give either it or '{file}'")
        file = PUBLISHED
    return Options(
        file=file,
        out=Path(taken["out"] or (f"{file.stem}-results" if file is not None else "scaling-results")),
        resume=taken["resume"],
        plot=not taken["no_plot"],
        launcher=taken["launcher"],
        timeout=seconds(taken["timeout"], "--timeout"),
        budget=seconds(taken["budget"], "--budget"),
        settings=settings,
    )


def _make_parser() -> Parser:
    parser = Parser(
        usage="[mpirun -n RANKS] python -m distsim.scaling [EXPERIMENT.toml] [options]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument("file", nargs="?", metavar="EXPERIMENT.toml", help="experiment file; goes before the options")
    parser.add_argument(
        "--published", action="store_true", help="the published experiment: 11 sizes, both neuron models, 10 s each"
    )
    points = parser.add_argument_group("points", "one simulation for each combination; lists take spaces or commas")
    network = parser.add_argument_group("network and simulation")
    for name, setting in SETTINGS.items():
        option = "--set" if name == "parameters" else f"--{name.replace('_', '-')}"
        several: dict[str, Any] = {"nargs": "+"} if name in LISTS else {}
        if name in TABLES:
            several = {"nargs": "+", "action": "extend"}
        group = points if setting.points else network
        group.add_argument(option, dest=name, metavar=setting.metavar, help=setting.help, **several)
    add = parser.add_argument_group("running and output").add_argument
    add("--launcher", metavar="LINE", help='start every point by this line, as in "mpirun -n {ranks}"')
    add("--timeout", metavar="TIME", help="with --launcher: end a point after this time, as in 90s, 10m, 1h30m")
    add("--budget", metavar="TIME", help="stop before this time is over; --resume does what is left")
    add("--out", metavar="FOLDER", help="output folder (default: scaling-results, NAME-results, published-results)")
    add("--resume", action="store_true", help="run only the points that the output folder does not hold yet")
    add("--no-plot", action="store_true", help="draw no figure")
    return parser


def _value_of(name: str, given: Any) -> Any:
    """The value of a setting from the words of its option."""
    if name == "parameters":
        return assignments(given)
    if name == "vary":
        values = divided(given, "--vary", "NAME=A,B, as in --vary g=4,5,6")
        return {parameter: _values([text]) for parameter, text in values.items()}
    if name == "record":  # whose texts have commas of their own
        return given
    return _values(given) if name in LISTS else value_of(given)


def _values(texts: list[str]) -> list[Any]:
    return [value_of(word) for text in texts for word in text.split(",") if word]
