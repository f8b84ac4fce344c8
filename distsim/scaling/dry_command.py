"""``python -m distsim.scaling dry``: ranks of an experiment's points, one after the other, each without the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser, value_of
from distsim.core.errors import InputError
from distsim.core.units import check_count
from distsim.record import surroundings
from distsim.record.jsonable import write_json
from distsim.scaling.dry import DryResult, dry_runs
from distsim.scaling.experiment import Point, read_experiment, variant_label
from distsim.scaling.plan import plan_of
from distsim.scaling.rank_options import RankOptions, take_apart
from distsim.scaling.settings import ranks as number_of_ranks

DESCRIPTION = """\
Build and simulate single ranks of a job of any size, exactly, without MPI and without the other ranks: their memory,
their time to build and to compute. The spikes of all other ranks come from a recording of the same network with the
same seed, on any number of ranks, or, where neurons ignore their input, are computed. In every interval the spikes of
the rank are compared with those of the recording.
"""
EXAMPLES = """\
examples:
  python -m distsim run microcircuit --N-scaling 0.1 --time 300 --record spikes --out recorded
  python -m distsim.scaling dry --ranks 100000 --rank 17 --sizes 100000 --set neuron_model=ignore_and_fire
  python -m distsim.scaling dry microcircuit.toml --ranks 128 --rank 0,64,127 --spikes recorded/spikes.h5

exit codes: 0 all spikes are those of the recording, 1 some are not, 2 wrong input
"""
WRONG = 1
MEGABYTE, MICROSECOND = 1e6, 1e-6
PHASES = ("update", "deliver")


@dataclass(frozen=True)
class DryOptions:
    """A command line of ``dry`` taken apart: of ``ranks`` ranks these; what it has as others do is ``common``."""

    ranks: int
    rank: tuple[int, ...]
    common: RankOptions


def parse(arguments: list[str]) -> DryOptions:
    """Take a command line apart; InputError for an unknown option or a value of the wrong form."""
    taken, common = take_apart(arguments, "dry", "dry", (DESCRIPTION, EXAMPLES), _add_own, ("ranks",))
    ranks = number_of_ranks(value_of(taken["ranks"]), "option --ranks")
    words = [value_of(word) for text in taken["rank"] for word in text.split(",") if word]
    chosen = tuple(check_count(word, "option --rank") for word in words)
    for rank in chosen:
        if rank >= ranks:
            raise InputError(f"option --rank: {rank} is beyond the last of {ranks} ranks, which is {ranks - 1}")
    return DryOptions(ranks, chosen, common)


def _add_own(parser: Parser) -> None:
    add = parser.add_argument
    add("--ranks", required=True, metavar="RANKS", help="how many ranks the job would have")
    add("--rank", required=True, nargs="+", metavar="RANK", help="which of them are simulated, counted from 0")


def dry(arguments: list[str]) -> int:
    """Run ``dry``; returns its exit code."""
    try:
        options = parse(arguments)
    except SystemExit:  # argparse has printed the help
        return 0
    common = options.common
    settings = {**common.settings, "ranks": [options.ranks]}
    plan = plan_of(*read_experiment(common.file, settings), options.ranks, options.ranks)
    results = []
    for point, result in dry_runs(plan.experiment, plan.points, options.rank, common.spikes):
        results.append((point, result))
        print(line_of(point, result), flush=True)
    print("\n" + table(results))
    write_json(common.out, record_of(results, common.spikes))
    print(f"written: {common.out}")
    return WRONG if any(result.wrong for _, result in results) else 0


def record_of(results: Sequence[tuple[Point, DryResult]], spikes: Path | None) -> dict[str, Any]:
    """What was found, and where and with what."""
    from distsim.parallel.communicator import alone

    found = [{**point.as_dict(), **result.as_dict()} for point, result in results]
    replayed = None if spikes is None else str(spikes)
    return {"dry": found, "replayed": replayed, **surroundings.collect(alone()), "date": surroundings.now()}


def line_of(point: Point, result: DryResult) -> str:
    """What came of one rank, and of the comparison."""
    where = f"{point}, rank {result.rank}"
    if result.wrong:
        return (
            f"{where}: WRONG in {result.wrong} of {result.intervals} intervals, first in that which ends at "
            f"{result.first_wrong:g} ms"
        )
    return f"{where}: {result.intervals} intervals, all spikes as they must be"


def table(results: Sequence[tuple[Point, DryResult]]) -> str:
    """The results as a table for the terminal."""
    from distsim.command.fitting_table import fitted

    header = [
        "network", "rank", "neurons", "synapses", "build\n(s)", "memory\n(MB)",
        *(f"{phase}\n(µs/interval)" for phase in PHASES), "spikes\n/interval", "real-time\nfactor", "intervals\nwrong",
    ]  # fmt: skip
    rows = [
        [
            ", ".join(filter(None, (variant_label(dict(point.variant)), f"N = {point.size}", f"seed {point.seed}"))),
            f"{r.rank}", f"{r.neurons:,}", f"{r.synapses:,}", f"{r.build_time:.2f}", f"{r.memory / MEGABYTE:.1f}",
            *(f"{r.per_interval(phase) / MICROSECOND:.1f}" for phase in PHASES),
            f"{r.received.mean() if len(r.received) else 0.0:.1f}", f"{r.real_time_factor:.3g}",
            f"{r.wrong} of {r.intervals}",
        ]
        for point, r in results
    ]  # fmt: skip
    return fitted(header, rows, ("left", *["right"] * 10))
