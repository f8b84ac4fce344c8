"""``mpirun -n RANKS python -m distsim.scaling machine``: what a prediction must know of a machine, measured on it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.command.arguments import Parser, value_of
from distsim.core.errors import InputError
from distsim.core.units import check_count
from distsim.parallel import on_root
from distsim.parallel.communicator import first_of_node, first_ranks, largest, patient_barrier
from distsim.parallel.machine import in_words, resident_bytes
from distsim.parallel.nodes import first_calls
from distsim.parallel.progress import bars
from distsim.record.storage import make_folder
from distsim.record.surroundings import cpu_model
from distsim.scaling.machine_file import COSTS, LEAST_NEURONS, Exchanged, Machine, written
from distsim.scaling.point import EnergyMeter

if TYPE_CHECKING:
    from mpi4py import MPI

DESCRIPTION = """\
Measure what `predict` must know of a machine: what a core computes for each synapse, neuron and event while all others
compute too, and what an exchange of few and of many spikes takes on 2, 4, 8, ... ranks and on all of the job, by the
fastest plan. Start as many ranks as a job on that machine has, or those of a few of its nodes: what more ranks take
follows from the curve. The reference is the two-population network with iaf_psc_alpha
neurons, one of its own on each rank.
"""
EXAMPLES = """\
example:
  mpirun -n 128 python -m distsim.scaling machine --out cluster.toml
"""
NEURONS, INDEGREE, TIME = 12_500, 1_250, 500.0
SPIKES = (1, 10, 100, 1000)
"""Of each rank, in the exchanges that are measured."""
REPETITIONS = 3
NANO = 1e-9


def machine(comm: MPI.Comm, arguments: list[str]) -> int:
    """Run ``machine``; collective; returns the exit code."""
    options = on_root(comm, partial(_parsed, arguments))
    if options is None:
        return 0
    path, neurons = options
    if comm.size == 1:
        raise InputError("machine: exchanges take ranks; start it by mpirun -n RANKS, with at least 2")
    with bars(comm)("machine", 2.0, "parts") as tell:
        memory = memory_of_ranks(comm)
        compute, watts = compute_costs(comm, neurons)
        tell(1.0)
        exchange = tuple(exchanges(comm))
        tell(2.0)
    found = Machine(cpu_model() or "unknown", comm.size, neurons, compute, exchange, watts, memory)
    on_root(comm, lambda: _told(found, path))
    return 0


def _parsed(arguments: list[str]) -> tuple[Path, int] | None:
    parser = Parser(
        usage="mpirun -n RANKS python -m distsim.scaling machine [options]", description=DESCRIPTION, epilog=EXAMPLES
    )
    parser.add_argument("--out", default="machine.toml", metavar="FILE", help="what is written (default: machine.toml)")
    parser.add_argument(
        "--neurons", default=str(NEURONS), metavar="N", help=f"of the reference on each rank (default: {NEURONS})"
    )
    try:
        taken = parser.take_apart(arguments, "there are options alone")
    except SystemExit:  # argparse has printed the help
        return None
    path = Path(taken.out)
    if path.exists():
        raise InputError(f"{path} exists already; remove it or choose another --out")
    make_folder(path.parent, "folder")
    return path, check_count(value_of(taken.neurons), "option --neurons", low=LEAST_NEURONS)


def memory_of_ranks(comm: MPI.Comm) -> float:
    """The least bytes that a rank takes before it builds anything: rank 0 has more, to write records (collective)."""
    import distsim.models.wings
    import distsim.scaling.session
    import distsim.spiking.simulation  # noqa: F401 # what a rank has in memory

    first_calls(comm)
    return -largest(comm, [-float(resident_bytes())])[0]


def compute_costs(comm: MPI.Comm, neurons: int) -> tuple[dict[str, float], float | None]:
    """What computing takes on the slowest rank while all compute (see ``COSTS``), and the watts of a node (collective).

    The least of some repetitions: what a busy machine adds is no property of the machine.
    """
    costs, watts = [], []
    for _ in range(REPETITIONS):
        meter = EnergyMeter(counts=first_of_node(comm))
        patient_barrier(comm)
        begin = time.perf_counter()
        with meter:
            own = _reference(neurons)
            patient_barrier(comm)
        costs.append(largest(comm, own))
        watts.append([None if j is None else j / (time.perf_counter() - begin) for j in comm.allgather(meter.joules)])
    told = [max(found) for found in zip(*watts, strict=True) if None not in found]
    return dict(zip(COSTS, np.min(costs, axis=0).tolist(), strict=True)), max(told, default=0.0) or None


def _reference(neurons: int) -> list[float]:
    """ns of a synapse that is built, of a neuron and step, and of an event, in a network of this rank alone."""
    from distsim.models.registry import find
    from distsim.parallel.communicator import alone
    from distsim.spiking.simulation import Simulation

    model: Any = find("two_population")
    parameters = model.load({"N": neurons, "K": min(INDEGREE, neurons // 10)})
    with Simulation(model.build_network(parameters), alone(), seed=1) as simulation:
        simulation.run(TIME / 10)  # memory is touched, caches are warm
        simulation.forget_times()
        simulation.run(TIME)
        took = {name: phase["mean"] for name, phase in simulation.phase_times().items()}
        (load,) = simulation.loads()
        done = load["synapses"], neurons * TIME / simulation.dt, load["events"]
        seconds = simulation.build_time, took["update"], took["deliver"]
    return [spent / n / NANO for spent, n in zip(seconds, done, strict=True)]


def exchanges(comm: MPI.Comm) -> Iterator[Exchanged]:
    """What exchanges take on 2, 4, 8 ... and on all ranks of ``comm``, by the fastest plan each; collective."""
    from distsim.parallel.nodes import nodes_of
    from distsim.spiking.exchange import make_exchange
    from distsim.spiking.needed_spikes import Needed

    numbers = sorted({*(2**k for k in range(1, int(math.log2(comm.size)) + 1)), comm.size})
    for ranks in numbers:
        found: list[Exchanged] = []
        with first_ranks(comm, ranks) as active:
            if active is not None:
                needed = Needed.of_first(ranks * max(SPIKES))
                for spikes in SPIKES:
                    tried = [make_exchange("auto", active, needed, spikes).choice for _ in range(REPETITIONS)]
                    least, plan = min((min(choice.microseconds.values()), choice.plan) for choice in tried)
                    found.append(Exchanged(ranks, nodes_of(active).n, spikes, least, plan))
            patient_barrier(comm)
        yield from comm.bcast(found)


def _told(found: Machine, path: Path) -> None:
    from tabulate import tabulate

    written(found, path)
    told = [f"{found.watts:.0f} W"] if found.watts else []
    told += [f"{in_words(found.memory)} of each before it builds anything"] if found.memory else []
    print(", ".join([f"{found.name}, {found.cores} ranks side by side", *told]))
    print(tabulate([[n, f"{found.compute[n]:.3g}", unit] for n, unit in COSTS.items()], tablefmt="plain"))
    rows = [[e.ranks, e.nodes, e.spikes, e.plan, f"{e.microseconds:.2f}"] for e in found.exchange]
    print("\n" + tabulate(rows, ["ranks", "nodes", "spikes of each", "plan", "µs"], "simple"))
    print(f"\nwritten: {path}; the curve through these exchanges is off by {found.exchange_error:.0%}")
