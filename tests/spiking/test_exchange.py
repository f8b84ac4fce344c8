"""Exchange of spikes: every plan brings each neuron the same spikes, on any number of ranks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mpi4py import MPI

from distsim import InputError
from distsim.spiking.exchange import PLANS, make_exchange
from tests.programs.exchange_plans import CASES

PROGRAM = ["-m", "tests.programs.exchange_plans"]


def exchanged(mpirun, root, ranks, *plans):
    return json.loads(mpirun(ranks, [*PROGRAM, *plans], cwd=root).stdout)


@pytest.fixture(scope="module")
def one_rank(mpirun, pytestconfig):
    """What arrives on a single rank, by case and plan; spikes of 400 and 3000 overflow the first buffers."""
    return exchanged(mpirun, pytestconfig.rootpath, 1)


def test_plans_are_alike_on_one_rank(one_rank):
    assert len(one_rank) == len(CASES)
    for plans in one_rank:
        assert all(result["correct"] and result["in_order"] for result in plans)
        assert len({result["digest"] for result in plans}) == 1
    assert (
        len({plans[0]["digest"] for plans in one_rank}) == len(CASES) - 3 - 2
    )  # 0 neurons are 0 neurons; 1 neuron: ring = all = one


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_plans_are_alike_on_any_number_of_ranks(one_rank, mpirun, pytestconfig, ranks):
    """On 5 ranks some own none of 4 neurons; with the graph "one" a single rank has targets."""
    many = exchanged(mpirun, pytestconfig.rootpath, ranks)
    for case, plans, reference in zip(CASES, many, one_rank, strict=True):
        for result in plans:
            assert result["correct"], case
            assert result["in_order"], case
            assert result["digest"] == reference[0]["digest"], case


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


@pytest.mark.parametrize("plan", PLANS)
def test_the_largest_gid_and_step_travel_unharmed(plan):
    """40 bits of gid, and as many steps within an interval as there are steps in a simulation."""
    gid, step = (1 << 40) - 1, (1 << 24) - 1
    spikes = np.array([(1 << 40) | 3, (step << 40) | 3, (step << 40) | gid], np.uint64)
    needed = np.array([3] if plan in ("auto", "alltoallv") else [3, gid])  # its lists are as long as gids are large
    received = make_exchange(plan, MPI.COMM_SELF, needed)(spikes)
    assert received[np.isin(received & np.uint64(gid), needed)].tolist() == spikes[: 1 + len(needed)].tolist()


def test_an_unknown_plan_is_refused():
    with pytest.raises(InputError, match="unknown exchange plan 'allgathr'; did you mean 'allgather'"):
        make_exchange("allgathr", MPI.COMM_SELF, np.zeros(0, np.int64))
