"""What a checkpoint of the reference network costs: bytes; saving, and writing as many bytes; restoring, and building.

    mpirun -n 2 python benchmarks/checkpoints.py --folder DISK

With --overhead instead: one run goes on for pieces of --time ms, in turn without checkpoints, with such as are not due
before it ends, and with such, asking 50 times as often whether they are. Then the medians of so many pieces of each,
which wander by more than the first two differ; and what that should be by the third. --time should be so long that a
piece takes a second or two.

Prints the smallest of each of so many repetitions, which alternate: saving, writing as many bytes to a file as plain
as can be, forced to the disk like a checkpoint, and building and restoring, as the slowest rank has them. Then three
ratios, each with the most that it should be. JSON. Where other programs run beside it, they say nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import Simulation
from distsim.core.durations import Every
from distsim.models import course, registry
from distsim.models.course import Keeping
from distsim.parallel.progress import silent
from distsim.parallel.signals import Watch

PIECE = 1 << 25  # bytes that are written together
LIMITS = {
    "bytes / plastic weights": 1.1,
    "save / write": 2.0,
    "restore / build": 1.3,
    "with / without": 1.01,
    "of finer parts": 1.01,
}
NOT_DUE = 1e5  # s
FINER = 50


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    found.add_argument("--neurons", type=int, default=50_000, help="of two_population (default: %(default)s)")
    found.add_argument("--time", type=float, default=100.0, help="ms simulated before (default: %(default)s)")
    found.add_argument("--precision", default="single", choices=("single", "double"))
    found.add_argument("--repetitions", type=int, default=5)
    found.add_argument(
        "--overhead", action="store_true", help="measure pieces of that time in which nothing is written"
    )
    found.add_argument("--folder", type=Path, default=Path(), help="on the disk that is measured")
    return found


def timed(comm: MPI.Comm, action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds until the last rank has done it, and what it gives on this one."""
    gc.collect()
    comm.Barrier()
    begin = time.perf_counter()
    found = action()
    return max(comm.allgather(time.perf_counter() - begin)), found


def write(path: Path, n: int, piece: memoryview) -> None:
    """Write ``n`` bytes, each time those of ``piece``, and force them to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for begin in range(0, n, PIECE):
        os.write(descriptor, piece[: n - begin])
    os.fsync(descriptor)
    os.close(descriptor)


def measure(comm: MPI.Comm, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    model: Any = registry.find("two_population")
    parameters = model.load({"N": arguments.neurons})
    path, options = folder / "checkpoint", {"precision": arguments.precision}
    piece = np.random.default_rng(1).integers(0, 256, PIECE, np.uint8).data
    seconds: dict[str, list[float]] = {name: [] for name in ("build", "save", "write", "restore")}
    for k in range(arguments.repetitions):
        network = model.build_network(parameters)
        taken, simulation = timed(comm, lambda network=network: Simulation(network, comm, **options))
        seconds["build"].append(taken)
        if k == 0:
            simulation.run(arguments.time)
            plastic = sum(local.table.n_edges for local in simulation._local.tables if local.plastic)
        else:
            del simulation
            taken, simulation = timed(comm, lambda network=network: Simulation.restore(network, path, comm))
            seconds["restore"].append(taken)
        for _ in range(2):  # the second one has one of its size to replace
            seconds["save"].append(timed(comm, lambda simulation=simulation: simulation.save(path, files=1))[0])
            n = path.stat().st_size
            raw = timed(comm, lambda n=n: write(folder / "plain", n, piece) if comm.rank == 0 else None)
            seconds["write"].append(raw[0])
        del simulation
    least = {name: min(values) for name, values in seconds.items()}
    synapses = comm.allreduce(plastic)
    ratios = {
        "bytes / plastic weights": n / (synapses * (4 if arguments.precision == "single" else 8)),
        "save / write": least["save"] / least["write"],
        "restore / build": least["restore"] / least["build"],
    }
    return {"plastic synapses": synapses, "bytes": n, **shown(comm, least, ratios)}


def overhead(comm: MPI.Comm, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    model: Any = registry.find("two_population")
    network = model.build_network(model.load({"N": arguments.neurons}))
    keeping = Keeping(folder / "checkpoint", Every(wall=NOT_DUE))
    kinds = {"without": (None, course.PART), "with": (keeping, course.PART), "finer": (keeping, course.PART / FINER)}
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    with Simulation(network, comm, precision=arguments.precision) as simulation:
        simulation.run(arguments.time)
        for k in range(arguments.repetitions):
            for name in sorted(kinds, reverse=bool(k % 2)):
                kept, course.PART = kinds[name]
                way = course.Course(comm, {}, kept, None, Watch() if kept else None)
                piece = partial(way.advance, simulation, simulation.time, arguments.time, "", silent)
                seconds[name].append(timed(comm, piece)[0])
    middle = {name: median(taken) for name, taken in seconds.items()}
    more = (middle["finer"] / middle["without"] - 1.0) / FINER
    return shown(comm, middle, {"with / without": middle["with"] / middle["without"], "of finer parts": 1.0 + more})


def shown(comm: MPI.Comm, seconds: dict[str, float], ratios: dict[str, float]) -> dict[str, Any]:
    return {
        "ranks": comm.size,
        "seconds": {name: round(taken, 4) for name, taken in seconds.items()},
        "ratios": {name: {"found": round(found, 4), "at most": LIMITS[name]} for name, found in ratios.items()},
    }


def main() -> None:
    comm, arguments = MPI.COMM_WORLD, parser().parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as own:
        measured = overhead if arguments.overhead else measure
        found = measured(comm, arguments, Path(comm.bcast(own)))
        comm.Barrier()
    if comm.rank == 0:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
