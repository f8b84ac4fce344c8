"""A job that ends badly, in the way its argument names; LOOP in its environment says what runs its intervals."""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import Any, ClassVar

from mpi4py import MPI

from distsim import EdgeList, IafPscAlpha, InputError, Network, NeuronModel, Simulation, State, Static, of_each
from distsim.parallel import on_root, run_main
from distsim.parallel.communicator import one_per_node_first
from distsim.parallel.job import faults
from distsim.scaling.session import Session, run
from distsim.spiking.recorders import Recorders

LOOP = os.environ.get("LOOP", "compiled")


def build_network(model: type[NeuronModel] = IafPscAlpha, **parameters: Any) -> Network:
    """Five neurons with one synapse."""
    network = Network(dt=0.1)
    network.population("A", 5, model(**parameters))
    network.connect("A", "A", EdgeList([0], [4]), Static(weight=1.0, delay=1.0))
    network.record_spikes("A")
    return network


def misspelt(comm: MPI.Comm) -> None:
    """Wrong input that every rank meets as it builds its network."""
    build_network(C_mm=200.0)


def too_long_interval(comm: MPI.Comm) -> None:
    """Wrong input that is found when the network is built."""
    Simulation(build_network(), comm=comm, interval=1.5)


def existing_file(comm: MPI.Comm) -> None:
    """Wrong input that rank 0 alone can see."""
    Simulation(build_network(), comm=comm, file=sys.argv[2])


def input_of_one_rank(comm: MPI.Comm) -> None:
    """Wrong input that the main program finds on one rank, while the others go on to wait for it."""
    if comm.rank == 1:
        raise InputError("only rank 1 sees this")
    Simulation(build_network(), comm=comm).run(10.0)


def fault_of_one_rank(comm: MPI.Comm) -> None:
    """An exception on rank 1 in the middle of a run."""
    keep, calls = Recorders.add, 0

    def break_down(self: Recorders, *spikes: Any) -> None:
        nonlocal calls
        calls += 1
        if comm.rank == 1 and calls > 5:
            raise OSError("the disk of rank 1 is full")
        keep(self, *spikes)

    Recorders.add = break_down  # type: ignore[method-assign]
    Simulation(build_network(I_e=1000.0), comm=comm, exchange="window", loop=LOOP).run(1e7)


class Breaking(NeuronModel):
    """A neuron that cannot go on beyond ``most`` steps."""

    most: Any = of_each(1e9)
    states: ClassVar[Any] = (State("steps", "1", 0.0),)

    @staticmethod
    def step(state: Any, arrived: Any, injected: Any, constants: Any) -> Any:
        if state[0] > constants[0]:
            raise ValueError("a neuron of rank 1 broke down")
        return (state[0] + 1.0,), False


def fault_of_a_kernel(comm: MPI.Comm) -> None:
    """An exception in compiled code, of neuron 1, which is on rank 1."""
    network = build_network(Breaking, most=[1e9, 1e4, 1e9, 1e9, 1e9])
    Simulation(network, comm=comm, loop=LOOP).run(1e7)


def fault_of_progress(comm: MPI.Comm) -> None:
    """An exception in the user's own function, which rank 0 alone calls."""

    def progress(time: float) -> None:
        raise ZeroDivisionError("no progress")

    Simulation(build_network(), comm=comm, loop=LOOP).run(1e7, progress)


def full_disk(comm: MPI.Comm) -> None:
    """A disk without room for what rank 0 writes in the middle of a run."""
    simulation = Simulation(build_network(I_e=1000.0), comm=comm, file=sys.argv[2], loop=LOOP)
    if comm.rank == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    simulation.run(1e7)


def killed(comm: MPI.Comm) -> None:
    """A rank that vanishes without a word while others wait for what it writes into shared memory."""
    simulation = Simulation(build_network(), comm=comm, exchange="window", loop=LOOP)
    simulation.run(1.0)
    if comm.rank == comm.size - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    simulation.run(1e7)


def spent_budget(comm: MPI.Comm) -> int:
    """An experiment whose budget is spent in the middle of its first point; results go to a folder."""
    left = iter([3600.0] * 3)
    Session.left = lambda session: next(left, 0.0)  # type: ignore[method-assign]
    options = ["--sizes", "50", "--indegree", "20", "--time", "1e6", "--budget", "1h", "--no-plot"]
    return run(comm, [*options, "--loop", LOOP, "--out", sys.argv[2]])


def fault_on_root(comm: MPI.Comm) -> None:
    """An exception in what rank 0 does for all."""

    def read_disk() -> None:
        raise OSError("the disk cannot be read")

    on_root(comm, read_disk)


def fault_of_compiling(comm: MPI.Comm) -> None:
    """An exception on one rank of a node while others wait for it, or it for them."""

    def compile_kernels() -> None:
        if comm.rank == 1:
            raise OSError("no room for kernels")

    with faults(comm):
        one_per_node_first(comm, compile_kernels)


def runs(comm: MPI.Comm) -> None:
    """Nothing goes wrong until somebody stops it."""
    simulation = Simulation(build_network(), comm=comm, exchange="window", loop=LOOP)
    simulation.run(1.0)
    print("pid", comm.rank, os.getpid(), flush=True)
    simulation.run(1e7)


if __name__ == "__main__":
    sys.exit(run_main(globals()[sys.argv[1]], MPI.COMM_WORLD))
