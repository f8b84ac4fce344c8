"""Measure all that ``scaling/results`` holds: ``python scaling/publish.py``, or ``make results``.

Every experiment runs in ``build/results/NAME``, by the commands that its page then shows. What goes to
``scaling/results/NAME`` is its settings, its records without names and paths of the machine, a summary, the figure, and
a page with tables, hashes and commands. What was measured before is measured anew, unless ``--resume`` is given.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distsim.record.jsonable import write_json
from distsim.record.storage import write_all
from distsim.scaling import store
from distsim.scaling.experiment import variant_label
from distsim.scaling.report import figures, page
from distsim.scaling.report.command import read_all
from distsim.scaling.report.summary import disagreements, summarize

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "scaling" / "results"
MEASURED = Path("build") / "results"
EXPERIMENTS = {"network_size": (2,), "strong": (1, 2, 4, 8), "weak": (1, 2, 4, 8)}
"""Experiment file -> the ranks it is run on; one job for each number, so that compiled kernels are loaded once."""
LAUNCHER = ("mpirun", "--oversubscribe", "--bind-to", "core:overload-allowed")
"""One core for each rank, and ranks that take turns where there are more of them (Open MPI)."""
OPEN = "_NUM_THREADS"
"""End of the names of the variables that are published: others may hold paths and names of machines."""
DIGITS = 16  # of a hash, on a page; records have all


def measure(name: str, options: Sequence[str], ranks: Sequence[int]) -> None:
    """Run an experiment with further ``options``; SystemExit where a point of it fails."""
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    for n in ranks:
        experiment = [f"scaling/{name}.toml", "--ranks", str(n), "--no-plot", "--resume", "--out", str(MEASURED / name)]
        command = [*LAUNCHER, "-n", str(n), "python", "-m", "distsim.scaling", *experiment, *options]
        print(f"\n$ {shlex.join(command)}", flush=True)
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: exit code {done.returncode}; --resume goes on")


def publish(measured: Path, results: Path) -> None:
    """Write what is published of the experiment in ``measured`` to the folder ``results``, and nothing else."""
    header = store.read_header(measured)
    records = [without_names(record) for record in read_all([measured])]
    header["settings"]["ranks"] = sorted({record["ranks"] for record in records})  # of all jobs, not of the last
    if errors := disagreements(records):
        raise SystemExit("\n".join(errors))
    contents = {
        results / f"{overview_of(records)}.png": figures.image(figures.draw_overview(records), "png"),
        results / "summary.csv": page.summary_csv(summarize(records)).encode(),
        results / "README.md": readme(results.name, records).encode(),
    }
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    write_json(results / store.HEADER, header)
    for record in records:
        store.append(results / store.RUNS, record)
    write_all(contents)
    print(f"written: {results}")


def without_names(record: store.Record) -> store.Record:
    """A record that tells processors and versions, and neither names of machines nor paths."""
    hosts = {f"node{number}": ranks for number, ranks in enumerate(record["hosts"].values(), start=1)}
    environment = {name: value for name, value in record["environment"].items() if name.endswith(OPEN)}
    return {**record, "hosts": hosts, "environment": environment}


def overview_of(records: Sequence[store.Record]) -> str:
    """The name that the report gives the figure."""
    return f"{records[0]['kind']}_overview"


def readme(name: str, records: Sequence[store.Record]) -> str:
    """The page of an experiment: its report, the commands, and the hashes of its networks."""
    lines = dict.fromkeys(record["launch_line"] for record in records)
    records = [{**record, "launch_line": None} for record in records]
    report = page.markdown(name, [], summarize(records), records, [overview_of(records)])
    typed = "\n".join(f"    {line}" for line in lines)
    return f"{report}\n## Commands\n\n{typed}\n\n## Hashes\n\n{hash_table(records)}\n"


def hash_table(records: Sequence[store.Record]) -> str:
    """Every network with the ranks that it was simulated on, its spikes and the beginnings of its hashes."""
    from tabulate import tabulate

    header = ["network", "N", "seed", "ranks", "spikes", "hash of spikes", "hash of plastic weights"]
    return str(tabulate(list(_networks(records)), header, tablefmt="github", disable_numparse=True))


def _networks(records: Sequence[store.Record]) -> Iterator[list[Any]]:
    for network in dict.fromkeys(record["network"] for record in records):
        own = [record for record in records if record["network"] == network]
        first = own[0]
        ranks = ", ".join(map(str, sorted({record["ranks"] for record in own})))
        hashes = (str(first[hashed])[:DIGITS] for hashed in ("spike_hash", "weight_hash"))
        yield [variant_label(first["variant"]), first["N"], first["seed"], ranks, first["n_spikes"], *hashes]


def main() -> None:
    """Measure and publish the experiments that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(EXPERIMENTS)}; all where none is given"
    )
    parser.add_argument("--resume", action="store_true", help="go on with what an earlier call has left")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: pages and figures of published records")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results (default: scaling/results)")
    parser.add_argument("--options", default="", help="options of distsim.scaling on top, in one word, for a trial")
    given = parser.parse_args()
    if unknown := set(given.names) - set(EXPERIMENTS):
        parser.error(f"there is no experiment {', '.join(sorted(unknown))} among {', '.join(EXPERIMENTS)}")
    for name in given.names or EXPERIMENTS:
        if given.redraw:
            publish(given.out / name, given.out / name)
            continue
        if not given.resume:
            shutil.rmtree(ROOT / MEASURED / name, ignore_errors=True)
        measure(name, shlex.split(given.options), EXPERIMENTS[name])
        publish(ROOT / MEASURED / name, given.out / name)


if __name__ == "__main__":
    main()
