"""``python -m distsim.scaling predict``: memory, times and costs of a job before it is submitted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser, value_of
from distsim.core.errors import InputError
from distsim.core.units import FACTOR_NOTE, MS_PER_S, check_count, check_number
from distsim.parallel.communicator import in_ranks
from distsim.parallel.machine import in_words
from distsim.record import surroundings
from distsim.record.jsonable import write_json
from distsim.record.storage import write_whole
from distsim.scaling.experiment import read_experiment, variant_label
from distsim.scaling.machine_file import Machine, read_machine
from distsim.scaling.plan import Plan, plan_of
from distsim.scaling.predict import JOULES, PHASES, SAMPLED, Assumptions, Node, Prediction, predict, this_machine
from distsim.scaling.rank_options import RankOptions, take_apart
from distsim.scaling.record_table import load_records

DESCRIPTION = """\
Predict what a job takes before it is submitted, for any numbers of ranks: memory, time to build, real-time factor, core
hours, what limits it, and whether it fits the nodes. Some ranks of each job are built and simulated here, exactly,
without the others; exchanges cost what was measured on the machine (machine.toml of `machine`), or what good networks
take where there is none. Spikes of the other ranks come from a recording, are computed, or have an assumed rate.
"""
EXAMPLES = """\
examples:
  python -m distsim.scaling predict --sizes 1000000 --set neuron_model=ignore_and_fire --ranks 64 1024 16384
      --node "cores=128 memory=256G" --machine cluster.toml
  python -m distsim.scaling predict strong.toml --ranks 64,128 --spikes recorded/spikes.h5 --measured strong-results
  python -m distsim.scaling predict weak.toml --ranks 1024 --rate 3.5
"""
MICROSECOND = 1e-6


@dataclass(frozen=True)
class PredictOptions:
    """A command line of ``predict`` taken apart; what it has as others do is ``common``."""

    given: Assumptions
    measured: tuple[Path, ...]
    common: RankOptions


def parse(arguments: list[str]) -> PredictOptions:
    """Take a command line apart; InputError for an unknown option or a value of the wrong form."""
    taken, common = take_apart(arguments, "predict", "prediction", (DESCRIPTION, EXAMPLES), _add_own)
    if common.spikes is not None and taken["rate"] is not None:
        raise InputError("predict: spikes are those of a recording or have an assumed rate; give --spikes or --rate")
    given = Assumptions(
        _this_node() if taken["node"] is None else Node.of(taken["node"]),
        None if taken["machine"] is None else read_machine(Path(taken["machine"])),
        spikes=common.spikes,
        rate=None if taken["rate"] is None else check_number(value_of(taken["rate"]), "option --rate", above=0.0),
        sampled=check_count(value_of(taken["sampled"]), "option --sampled", low=1),
    )
    return PredictOptions(given, tuple(Path(folder) for folder in taken["measured"]), common)


def _add_own(parser: Parser) -> None:
    add = parser.add_argument
    add("--node", metavar="WORDS", help='of the machine: "cores=128 memory=256G watts=700" (default: this one)')
    add("--machine", metavar="FILE", help="machine.toml, which `machine` has written there (default: this one)")
    add("--rate", metavar="RATE", help="spikes of a neuron per second, where they are not known")
    add(
        "--sampled",
        metavar="N",
        default=str(SAMPLED),
        help=f"ranks of each job that are simulated (default: {SAMPLED})",
    )
    add("--measured", nargs="+", default=(), metavar="FOLDER", help="results of the experiment, to be shown beside")


def _this_node() -> Node:
    import os

    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Node(len(surroundings.affinity()), float(pages))


def predict_command(arguments: list[str]) -> int:
    """Run ``predict``; returns its exit code."""
    try:
        options = parse(arguments)
    except SystemExit:  # argparse has printed the help
        return 0
    measured = load_records(*options.measured) if options.measured else []
    plans = list(_plans(options.common))
    given = options.given
    if given.machine is not None:
        given = replace(given, here=this_machine(given.machine.neurons))
    found = []
    for plan in plans:
        for point in plan.points:
            found.append(predict(plan.experiment, point, given))
            print(f"{point}: {', '.join(f'rank {rank}' for rank in found[-1].sampled)} simulated", flush=True)
    factors = [factor_of(prediction, measured) for prediction in found]
    print(f"\n{tables(found, factors)}\n\n{remarks(found, given)}")
    _write(options.common.out, given, found, factors)
    return 0


def _plans(options: RankOptions) -> Iterator[Plan]:
    """The experiment on each number of ranks, whatever grows in it."""
    settings = options.settings
    for ranks in settings.get("ranks", [None]):
        one = settings if ranks is None else {**settings, "ranks": [ranks]}
        yield plan_of(*read_experiment(options.file, one), 1, math.inf)


def _write(out: Path, given: Assumptions, found: Sequence[Prediction], factors: Sequence[float | None]) -> None:
    from distsim.parallel.communicator import alone
    from distsim.scaling.report.figure_style import image
    from distsim.scaling.report.prediction_figure import draw_predictions

    told = [{**p.as_dict(), "measured": factor} for p, factor in zip(found, factors, strict=True)]
    assumed = {
        "node": given.node,
        "machine": None if given.machine is None else given.machine.name,
        "spikes": None if given.spikes is None else str(given.spikes),
        "rate": given.rate,
        "slower": given.slower,
    }
    about = {**surroundings.collect(alone()), "date": surroundings.now()}
    write_json(out, {"predictions": told, "assumed": assumed, **about})
    picture = out.with_suffix(".pdf")
    write_whole(picture, image(draw_predictions(found, factors), "pdf"))
    print(f"written: {out}, {picture}")


def factor_of(prediction: Prediction, records: Sequence[Any]) -> float | None:
    """The mean real-time factor of the repetitions of the same point; None where it was not measured."""
    point = prediction.point.as_dict() | {"repetition": 0}
    same = [
        r["real_time_factor"] for r in records if all({**r, "repetition": 0}[name] == point[name] for name in point)
    ]
    return sum(same) / len(same) if same else None


def tables(found: Sequence[Prediction], factors: Sequence[float | None]) -> str:
    """The predictions for the terminal: what they take of the machine, and where the time goes."""
    measured = any(factor is not None for factor in factors)
    energy = any(p.energy is not None for p in found)
    costs = [
        [
            f"{p.nodes}", in_words(p.memory_per_rank), in_words(p.memory_per_node), "yes" if p.fits else "NO",
            f"{p.build_time:.2f}", f"{p.core_hours:.2g}",
            *(["" if p.energy is None else in_words(p.energy, JOULES)] if energy else []), p.limit,
        ]
        for p in found
    ]  # fmt: skip
    times = [
        [
            *(f"{p.seconds[phase] * MS_PER_S / p.T:.3g}" for phase in PHASES),
            f"{p.real_time_factor:.3g}", f"{max(1.0, 100.0 * p.error):.0f} %",
            *(["" if factor is None else f"{factor:.3g}"] if measured else []),
        ]
        for p, factor in zip(found, factors, strict=True)
    ]  # fmt: skip
    last, spent = ["measured"] if measured else [], ["energy"] if energy else []
    of_memory = "memory\nof a rank", "of a node", "fits"
    return "\n\n".join((
        _table(found, ["nodes", *of_memory, "build\n(s)", "core\nhours", *spent, "limit"], costs),
        _table(found, [*(f"{phase}\n(s per s)" for phase in PHASES), "real-time\nfactor", "error", *last], times),
    ))  # fmt: skip


def _table(found: Sequence[Prediction], header: list[str], rows: list[list[str]]) -> str:
    from distsim.command.fitting_table import fitted

    points = [
        [", ".join(filter(None, (variant_label(dict(p.point.variant)), f"N = {p.point.size}"))), f"{p.point.ranks}"]
        for p in found
    ]
    whole = [[*point, *row] for point, row in zip(points, rows, strict=True)]
    align = ("left", *["right"] * (len(header) + 1))
    return fitted(["network", "ranks", *header], whole, align)


def remarks(found: Sequence[Prediction], given: Assumptions) -> str:
    """What the predictions are made of, and how far they can be trusted."""
    said = [FACTOR_NOTE]
    machine: Machine | None = given.machine
    if machine is None:
        said.append("exchanges: assumed, 1 µs for each doubling of the ranks and 10 GB/s; `machine` measures them")
    else:
        slower = ", ".join(f"{name} {factor:.2f}" for name, factor in given.slower.items())
        said.append(f"machine: {machine.name}, which takes these times what this one does: {slower}")
        beyond = {p.point.ranks: p for p in found if p.point.ranks > machine.most_ranks}
        if beyond:
            most = f"{in_ranks(machine.most_ranks)} of {machine.most_nodes} node{'s' if machine.most_nodes > 1 else ''}"
            said.append(f"exchanges were measured on {most} at most; on more they follow a curve:")
        for ranks, p in beyond.items():
            once, *ends = (f"{seconds / MICROSECOND:.3g}" for seconds in p.exchange)
            said.append(f"    on {ranks} ranks {once} µs, by other curves that fit as well {' to '.join(ends)} µs")
    if given.rate is not None:
        said.append(f"spikes: {given.rate:g} of each neuron per second, as was assumed")
    elif any(p.wrong for p in found):
        said.append("SPIKES OF SAMPLED RANKS ARE NOT THOSE OF THE RECORDING: it is of another run")
    sampled = "that of sampling ranks" + ("" if machine is None else " and of the curve of exchanges")
    said.append(f"error: {sampled}; other jobs on the network are not in it")
    return "\n".join(said)
