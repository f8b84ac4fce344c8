"""Binary networks on several ranks beside one: how much faster, and the same flips.

    mpirun -n 2 --bind-to core python benchmarks/binary_ranks.py

The network of binary_large.py, simulated on all ranks and on the first alone, in turn; while that goes on the others
sleep. Printed are the shortest simulation times of either and their ratio, and beside it the ratio of what ranks do
besides exchanging, which waits where other programs use the cores. The exit code is 1 where flips differ, or where the
ratio is below ``--least``.
"""

from __future__ import annotations

import argparse
import time

from binary_large import build
from mpi4py import MPI

from distsim import BinarySimulation


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--neurons", type=int, default=200_000, help="of both populations together")
    options.add_argument("--time", type=float, default=10.0, help="simulated time (ms), with updates every 1 ms")
    options.add_argument("--repeats", type=int, default=5, help="of either, in turn")
    options.add_argument("--least", type=float, default=0.0, help="ratio that is asked for")
    return options


def measured(simulation: BinarySimulation, duration: float) -> tuple[float, float]:
    """Seconds for ``duration`` (ms), of the slowest rank: all of them, and those without exchanges."""
    simulation.forget_times()
    simulation.run(duration)
    work = simulation.sim_time - simulation.phase_times()["exchange"]["min"]
    return tuple(max(times) for times in zip(*simulation.comm.allgather((simulation.sim_time, work)), strict=True))


def sleep_until_all(comm: MPI.Comm) -> None:
    """A barrier that leaves the cores to others."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(0.01)


def main() -> int:
    options = parser().parse_args()
    comm = MPI.COMM_WORLD
    together = BinarySimulation(build(options.neurons), comm, 1)
    alone = BinarySimulation(build(options.neurons), MPI.COMM_SELF, 1) if comm.rank == 0 else None
    times: tuple[list[tuple[float, float]], list[tuple[float, float]]] = [], []
    for _ in range(options.repeats):
        if alone:
            times[0].append(measured(alone, options.time))
        sleep_until_all(comm)
        times[1].append(measured(together, options.time))
    flips = together.flip_hash()
    windows, exchanges = together.window_count()
    failed = False
    if alone:
        (one, one_work), (many, many_work) = ([min(t) for t in zip(*of, strict=True)] for of in times)
        print(f"{'':24}1 rank   {comm.size} ranks   ratio")
        print(f"{'simulate':20}{one:8.3f} s{many:8.3f} s{one / many:8.2f}")
        print(f"{'without exchanges':20}{one_work:8.3f} s{many_work:8.3f} s{one_work / many_work:8.2f}")
        print(f"{windows} windows, {exchanges} exchanges")
        failed = alone.flip_hash() != flips or one / many < options.least
    return int(comm.bcast(failed))


if __name__ == "__main__":
    raise SystemExit(main())
