"""What ``python -m distsim`` tells of itself: help, the list of models, the parameters of a model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from distsim.command.arguments import HELP_WIDTH
from distsim.models import registry
from distsim.models.defaults import Default, value_text

LIST_USAGE = "python -m distsim list"

HELP = """\
usage: [mpirun -n RANKS] distsim COMMAND     (or python -m distsim COMMAND, which is the same)

Simulate published networks, or your own, on any number of ranks; the results are the same bits on each.

commands:
  list                   the models
  run MODEL [options]    simulate a model; 'run MODEL --help' shows its options and all its parameters
  run FILE.py [options]  simulate a network of your own, which the file's function build_network makes
  init FOLDER            write experiment files, templates of cluster jobs and a network of your own to begin with
  scaling [FILE.toml]    a scaling experiment: a network at several sizes, or on several numbers of ranks
  show FOLDER            the points of an experiment: done, missing, failed
  report FOLDER          its tables and figures, and one page of HTML
  compare OLD NEW        two experiments, and whether anything became slower
  nest SCRIPT.py         run a PyNEST script with distsim in NEST's place
  COMMAND --help         all about a command; --version: the version

examples:
  python -m distsim list
  python -m distsim run two_population --help
  python -m distsim run two_population --time 500
      print rates, irregularity and synchrony of each population, and the real-time factor
  mpirun -n 2 python -m distsim run two_population --time 500 --seed 2 --out results
      on two ranks, another seed; summary.json, spikes.h5 and figures go to the folder results
  python -m distsim run two_population --set N=2500 K=500 g=8 --time 500
      other values of parameters, as many as you like
  python -m distsim run two_population --record 'spikes=E[:100]' connectivity --out results
      spikes of 100 neurons, and synapses before and after; 'run MODEL --help' shows what can be recorded
  python -m distsim run two_population --time 500 --out long --checkpoint 10m
      saved every ten minutes; killed, or stopped by a signal, it goes on with the same line and --resume
  python -m distsim run two_population --time 500 --save half
  python -m distsim run two_population --from-checkpoint half --set g=8 --seed 2
      any number of continuations of one run, with other parameters or random numbers from there on

Units are ms, mV, pA, pF and 1/s throughout.
"""
LONGEST_VALUE, LONGEST_LIMITS = 30, 20  # characters beyond which they are written on several lines


def listing() -> str:
    """All models with one line on each."""
    lines = registry.lines() | {
        "FILE.py": "a network of your own: what its function build_network makes, see docs/own_network.md"
    }
    width = max(map(len, lines))
    return "".join(f"{name:{width}}  {line}\n" for name, line in lines.items())


def run_page() -> str:
    """The page of ``run --help``."""
    return f"usage: [mpirun -n RANKS] python -m distsim run MODEL [options]\n\nmodels:\n{_indented(listing())}"


def parameter_table(model: str, defaults: Mapping[str, Default]) -> str:
    """The parameters of a model with default, unit, limits and meaning, lined up."""
    from tabulate import tabulate

    rows = [(name, _shown(d), d.unit, limits(d), d.meaning) for name, d in defaults.items()]
    header = ("name", "default", "unit", "limits", "meaning")
    width = min(shutil.get_terminal_size((HELP_WIDTH, 0)).columns, 160)
    longest = [max(len(text) for text in column) for column in zip(header, *rows, strict=True)][:-1]
    longest[1], longest[3] = min(longest[1], LONGEST_VALUE), min(longest[3], LONGEST_LIMITS)
    widths = [*longest, max(30, width - sum(longest) - 2 * len(longest) - 2)]
    text = tabulate(rows, header, "simple", maxcolwidths=widths, disable_numparse=True)
    return f"parameters of {model}, set by --set NAME=VALUE:\n{_indented(text)}\n"


def _shown(default: Default) -> str:
    """The default value; of a matrix only its size, for its entries would fill the page."""
    value = default.value
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return f"{len(value)} x {len(value[0])} values"
    return value_text(value)


def limits(default: Default) -> str:
    """The values that a parameter may take: "0 < x <= 1", "a | b", or "" where all are allowed."""
    if isinstance(default.value, bool):
        return "true | false"
    if default.choices:
        return " | ".join(default.choices)
    low = f"{default.low:g} <= " if default.low is not None else ""
    low = f"{default.above:g} < " if default.above is not None else low
    high = f" <= {default.high:g}" if default.high is not None else ""
    high = f" < {default.below:g}" if default.below is not None else high
    if low and not high:
        return f">{'=' if '=' in low else ''} {low.split()[0]}"
    return f"{low}x{high}" if low else high.strip()


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else line for line in text.split("\n"))
