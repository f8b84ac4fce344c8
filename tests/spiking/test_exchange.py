"""Exchange of spikes: every plan brings each neuron the same spikes, on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import InputError, Network, Simulation
from distsim.spiking.choices import EXCHANGES
from distsim.spiking.exchange import make_exchange
from tests.on_ranks import found_alone
from tests.programs.exchange_plans import CASES, exchange_all


@pytest.mark.mpi(also=(2, 7))
@pytest.mark.parametrize(("n", "graph"), CASES)
def test_plans_are_alike_on_any_number_of_ranks(comm, n, graph):
    """On 7 ranks some own none of 4 neurons; with the graph "one" a single rank has targets.

    Spikes of 400 and 3000 overflow the first buffers.
    """
    reference = found_alone(comm, exchange_all, "allgather", n, graph)
    for plan in EXCHANGES:
        result = exchange_all(comm, plan, n, graph)
        assert result["correct"], plan
        assert result["in_order"], plan
        assert result["digest"] == reference["digest"], plan


def test_the_cases_differ():
    found = [exchange_all(MPI.COMM_SELF, "allgather", *case)["digest"] for case in CASES]
    assert len(set(found)) == len(CASES) - 3 - 2  # 0 neurons are 0 neurons; 1 neuron: ring = all = one


class ManyRanks:
    """What choosing a plan asks of a communicator: ``size`` ranks which all need what this one needs."""

    rank = 0

    def __init__(self, size):
        self.size = size

    def allreduce(self, value):
        return value * self.size

    def allgather(self, value):
        return [value] * self.size

    def Alltoall(self, outgoing, incoming):  # noqa: N802
        incoming[:] = 0

    def Alltoallv(self, outgoing, incoming):  # noqa: N802
        pass


@pytest.mark.parametrize(
    ("ranks", "n_needed", "plan"),
    [
        (1, 1000, "allgather"),
        (3, 10, "allgather"),
        (64, 10, "alltoallv"),
        (64, 900, "allgather"),
        (2048, 2, "alltoallv"),
    ],
)
def test_directed_exchange_is_chosen_where_ranks_far_outnumber_the_targets_of_a_neuron(ranks, n_needed, plan):
    """Of 1000 neurons each rank needs ``n_needed``: each neuron has targets on ranks * n_needed / 1000 ranks."""
    needed = np.linspace(0, 999, n_needed).astype(np.int64)
    assert make_exchange("auto", ManyRanks(ranks), needed).name == plan


@pytest.mark.parametrize("plan", EXCHANGES)
def test_the_largest_gid_and_step_travel_unharmed(plan):
    """40 bits of gid, and as many steps within an interval as there are steps in a simulation."""
    gid, step = (1 << 40) - 1, (1 << 24) - 1
    spikes = np.array([(1 << 40) | 3, (step << 40) | 3, (step << 40) | gid], np.uint64)
    needed = np.array([3] if plan in ("auto", "alltoallv") else [3, gid])  # its lists are as long as gids are large
    received = make_exchange(plan, MPI.COMM_SELF, needed)(spikes)
    assert received[np.isin(received & np.uint64(gid), needed)].tolist() == spikes[: 1 + len(needed)].tolist()


def test_an_unknown_plan_is_refused():
    with pytest.raises(InputError, match="unknown exchange plan 'allgathr'; did you mean 'allgather'"):
        Simulation(Network(), MPI.COMM_SELF, exchange="allgathr")
