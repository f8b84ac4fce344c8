"""Ranks that work together: one speaks for all, some wait for others, a part of them works."""

from __future__ import annotations

import time
import traceback

import pytest

from distsim.core.errors import DistsimError, InputError
from distsim.parallel import on_root
from distsim.parallel.communicator import agree, crowded, first_ranks, is_copy, one_per_node_first, patient_barrier
from distsim.parallel.timers import over_ranks

pytestmark = pytest.mark.mpi(also=(2,))


def test_all_ranks_get_what_rank_0_finds(comm):
    assert on_root(comm, lambda: comm.rank) == 0


def test_an_error_on_rank_0_is_raised_on_all(comm):
    def fail():
        raise InputError("wrong")

    with pytest.raises(InputError, match="wrong"):
        on_root(comm, fail)


def test_an_error_on_rank_0_keeps_its_origin(comm):
    """Rank 0 has the traceback, the others a note of it."""

    def open_the_file():
        raise OSError(13, "Permission denied", "results.h5")

    with pytest.raises(PermissionError) as caught:
        on_root(comm, open_the_file)
    assert caught.value.filename == "results.h5"
    assert is_copy(caught.value) == (comm.rank != 0)
    assert "in open_the_file" in "".join(traceback.format_exception(caught.value))


class StubbornError(Exception):
    """Cannot be made again from its pickle."""

    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


class LostError(Exception):
    """Cannot be pickled."""

    def __reduce__(self):
        raise TypeError("never")


@pytest.mark.parametrize("error", [StubbornError("this", "that"), LostError("this and that")])
def test_an_error_that_cannot_be_sent_is_told_in_words(comm, error):
    def fail():
        raise error

    kind = type(error) if comm.rank == 0 else DistsimError
    with pytest.raises(kind, match="this and that"):
        on_root(comm, fail)
    with pytest.raises(kind, match="this and that"):
        agree(comm, error if comm.rank == 0 else None)


def test_wrong_input_found_by_the_first_of_a_node_is_raised_on_all(comm):
    def fail():
        raise InputError("wrong")

    with pytest.raises(InputError, match="wrong"):
        one_per_node_first(comm, fail)


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
