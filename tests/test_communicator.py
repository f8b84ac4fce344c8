"""Ranks that work together: one speaks for all, some wait for others, a part of them works. On 1, 2, 3 and 4 ranks."""

from __future__ import annotations

import time

import pytest

from distsim.errors import InputError
from distsim.parallel import on_root
from distsim.parallel.communicator import agree, crowded, first_ranks, patient_barrier
from distsim.simulate.timers import over_ranks

pytestmark = pytest.mark.mpi


def test_all_ranks_get_what_rank_0_finds(comm):
    assert on_root(comm, lambda: comm.rank) == 0


def test_an_error_on_rank_0_is_raised_on_all(comm):
    def fail():
        raise InputError("wrong")

    with pytest.raises(InputError, match="wrong"):
        on_root(comm, fail)


def test_the_failure_of_the_lowest_rank_is_raised_on_all(comm):
    agree(comm, None)
    with pytest.raises(InputError, match=f"rank {comm.size // 2}"):
        agree(comm, InputError(f"rank {comm.rank}") if comm.rank >= comm.size // 2 else None)


def test_a_barrier_waits_for_the_slowest(comm):
    begin = time.perf_counter()
    if comm.rank == comm.size - 1:
        time.sleep(0.1)
    patient_barrier(comm)
    assert time.perf_counter() - begin >= 0.05


def test_waiting_ranks_leave_the_cores_to_others(comm):
    """Ranks that have nothing to do take next to none of the processor's time."""
    patient_barrier(comm)
    busy = time.process_time()
    if comm.rank == 0:
        time.sleep(0.5)
    patient_barrier(comm)
    assert time.process_time() - busy < 0.25


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_first_ranks_work_by_themselves(comm, n):
    n = min(n, comm.size)
    with first_ranks(comm, n) as part:
        assert (part is not None) == (comm.rank < n)
        if part is not None:
            assert (part.rank, part.size) == (comm.rank, n)
            assert part.allreduce(1) == n
        patient_barrier(comm)


def test_all_ranks_know_whether_they_are_crowded(comm):
    assert len(set(comm.allgather(crowded(comm)))) == 1


def test_timers_over_ranks(comm):
    found = over_ranks({"update": float(comm.rank)}, comm)["update"]
    assert found == {"min": 0.0, "mean": (comm.size - 1) / 2, "max": comm.size - 1}
