"""Microseconds per exchange of spikes by each plan, as Python and as compiled code call it.

    mpirun -n 2 --bind-to core python benchmarks/exchange.py --spikes 0 10 100 1000

Every rank sends so many spikes to all ranks, again and again; of five rows of exchanges the fastest counts, on the
slowest rank. Plans that are directed send to all ranks, too, so that all do the same. "-" is a plan that only Python
takes, or that cannot be had here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from mpi4py import MPI
from numba import njit

from distsim import InputError
from distsim.parallel.communicator import largest
from distsim.spiking.choices import EXCHANGES
from distsim.spiking.exchange import GID_BITS, Exchange, make_exchange
from distsim.spiking.needed_spikes import Needed

ROWS = 5
MICRO = 1e6


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--spikes", type=int, nargs="+", default=[0, 10, 100, 1000], help="of each rank, several")
    options.add_argument("--exchanges", type=int, default=2000, help="in a row, default 2000")
    options.add_argument("--plans", nargs="+", choices=EXCHANGES[1:], default=EXCHANGES[1:], help="default: all")
    return options


def fastest(exchange: Callable[[int], object], n: int, comm: MPI.Comm) -> float:
    """Microseconds of one of ``n`` exchanges."""
    found = []
    for _ in range(ROWS):
        comm.Barrier()
        begin = time.perf_counter()
        exchange(n)
        found.append(largest(comm, [time.perf_counter() - begin])[0] / n)
    return MICRO * min(found)


def by_python(plan: Exchange, spikes: np.ndarray) -> Callable[[int], object]:
    def run(n: int) -> None:
        for _ in range(n):
            plan(spikes)

    return run


@cache
def compiled_loop(step: Any) -> Any:
    """A compiled function that takes ``step`` as often as it is told."""

    @njit(nogil=True)
    def exchange(n: int, own: np.ndarray, sent: np.ndarray, received: np.ndarray) -> int:
        found = 0
        for _ in range(n):
            found = step(own, sent, sent.size, received)
        return found

    return exchange


def by_compiled_code(plan: Exchange, spikes: np.ndarray, ranks: int) -> Callable[[int], object]:
    """The step of the plan, called in a compiled loop."""
    exchange = compiled_loop(plan.step)
    received = np.empty(len(spikes) * ranks, np.uint64)
    arguments = plan.own, spikes, received
    if exchange(1, *arguments) != len(received):
        raise RuntimeError(f"{plan.name}: spikes were lost")
    return lambda n: exchange(n, *arguments)


def main() -> None:
    options = parser().parse_args()
    comm = MPI.COMM_WORLD
    columns = [f"{way} {n}" for n in options.spikes for way in ("Python", "compiled")]
    if comm.rank == 0:
        print(f"{'plan':15}" + "".join(f"{column:>15}" for column in columns))
    for name in options.plans:
        times: list[float | None] = []
        for n in options.spikes:
            spikes = (np.arange(1, n + 1, dtype=np.uint64) << GID_BITS) | np.uint64(comm.rank)
            try:
                plan = make_exchange(name, comm, Needed.of_first(comm.size), n)
            except InputError:  # no memory is shared, or there are several nodes
                times += [None, None]
                continue
            plan(spikes)
            times.append(fastest(by_python(plan, spikes), options.exchanges, comm))
            if name.endswith("v"):
                times.append(None)
                continue
            times.append(fastest(by_compiled_code(plan, spikes, comm.size), options.exchanges, comm))
        if comm.rank == 0:
            shown = ("-" if taken is None else f"{taken:.2f}" for taken in times)
            print(f"{name:15}" + "".join(f"{text:>15}" for text in shown), flush=True)


if __name__ == "__main__":
    main()
