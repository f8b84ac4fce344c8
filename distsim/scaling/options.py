"""The command line of the harness."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser, assignments, number_or_text
from distsim.scaling.experiment import EXCHANGES, NEURON_MODELS, PRECISIONS, Experiment

SETTINGS = ("sizes", "neuron_models", "indegree", "time", "dt", "seeds", "precision", "interval", "exchange")
LISTS = ("sizes", "neuron_models", "seeds")

DESCRIPTION = """\
Network-size scaling: simulate networks of growing size at fixed in-degree, for several neuron models and seeds,
and record times, rates, weights and hashes of each. The experiment comes from a file, from the options, or from
both: options override the file. Under mpirun all ranks share each network; results do not depend on their number.
"""

EXAMPLES = """\
examples:
  python -m distsim.scaling
      both neuron models at four sizes on one rank, within a minute
  mpirun -n 2 python -m distsim.scaling --sizes 1250 2500 --seeds 1,2,3
      other sizes, three seeds, on two ranks
  mpirun -n 64 python -m distsim.scaling scaling/network_size.toml --resume
      the published experiment; the same line again goes on where a killed job stopped
  python -m distsim.scaling --set g=8 eta=1.5 --out inhibition-8
      other parameters of the model, in a folder of their own

an experiment file (TOML) holds the same settings under the same names, each of them optional:
  sizes = [1250, 2500]
  neuron_models = ["iaf_psc_alpha"]
  time = 1000.0
  [parameters]
  g = 8.0

output folder: runs.jsonl (one JSON line per finished point), experiment.json (the settings), and the figure
network_size_scaling.png and .pdf. Nothing in it is ever overwritten by another experiment.
"""


@dataclass(frozen=True)
class Options:
    """A command line taken apart: ``settings`` holds what overrides the file, with values not yet checked."""

    file: Path | None = None
    out: Path = Path("scaling-results")
    resume: bool = False
    plot: bool = True
    settings: dict[str, Any] = field(default_factory=dict)


def parse(arguments: list[str]) -> Options:
    """Take a command line apart.

    Raises InputError for an unknown option (with the nearest known one) or a value of the wrong form, and
    SystemExit after ``--help``.
    """
    parser = _make_parser()
    known = parser.take_apart(arguments, "one experiment file at most")
    settings = {name: _values(name, getattr(known, name)) for name in SETTINGS if getattr(known, name) is not None}
    if known.set is not None:
        settings["parameters"] = assignments(known.set)
    file = Path(known.file) if known.file is not None else None
    default_out = f"{file.stem}-results" if file is not None else "scaling-results"
    return Options(file, Path(known.out or default_out), known.resume, not known.no_plot, settings)


def _make_parser() -> Parser:
    parser = Parser(
        usage="[mpirun -n RANKS] python -m distsim.scaling [EXPERIMENT.toml] [options]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument("file", nargs="?", metavar="EXPERIMENT.toml", help="experiment file; goes before the options")
    _add_points(parser)
    _add_simulation(parser)
    _add_output(parser)
    return parser


def _add_points(parser: Parser) -> None:
    default = Experiment()
    group = parser.add_argument_group("points", "one simulation for each combination; lists take spaces or commas")
    add = group.add_argument
    add("--sizes", nargs="+", metavar="N", help=f"numbers of neurons (default: {_join(default.sizes)})")
    add("--neuron-models", nargs="+", metavar="MODEL", help=f"among {_join(NEURON_MODELS)} (default: all)")
    add("--seeds", nargs="+", metavar="SEED", help=f"seeds (default: {_join(default.seeds)})")


def _add_simulation(parser: Parser) -> None:
    default = Experiment()
    add = parser.add_argument_group("network and simulation").add_argument
    add("--indegree", metavar="K", help=f"inputs per neuron from within the network (default: {default.indegree})")
    add("--time", metavar="MS", help=f"simulated time in ms (default: {default.time:g})")
    add("--dt", metavar="MS", help=f"time step in ms (default: {default.dt:g})")
    add("--set", nargs="+", action="extend", metavar="NAME=VALUE", help="other parameters of the model two_population")
    add("--precision", metavar="KIND", help=f"{_join(PRECISIONS)} (default: {default.precision})")
    add("--interval", metavar="MS", help="interval of spike exchange in ms, at most the delay (default: the delay)")
    add("--exchange", metavar="KIND", help=f"{_join(EXCHANGES)} (default: {default.exchange})")


def _add_output(parser: Parser) -> None:
    add = parser.add_argument_group("output").add_argument
    add("--out", metavar="FOLDER", help="output folder (default: scaling-results, or NAME-results for NAME.toml)")
    add("--resume", action="store_true", help="run only the points that the output folder does not hold yet")
    add("--no-plot", action="store_true", help="draw no figure")


def _values(name: str, given: str | list[str]) -> Any:
    if name not in LISTS:
        return number_or_text(str(given))
    return [number_or_text(word) for text in given for word in text.split(",") if word]


def _join(values: tuple[Any, ...]) -> str:
    return ", ".join(str(value) for value in values)
