"""The trajectory of a binary network is that of the sequential algorithm: on any number of ranks, with any window."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mpi4py import MPI

from distsim.binary.couplings import build_couplings
from distsim.binary.window_course import EXCHANGES, WINDOWS
from distsim.binary.window_loop import BinaryLoop
from tests.binary_reference import CASES, build, digest, published, sequential
from tests.on_ranks import found_alone
from tests.programs.binary_trajectories import trajectory
from tests.threads import on_ranks

WINDOWED = {"N": [40, 20], "K": [[20, 10], [20, 10]], "J": [[0.3, -0.7]] * 2, "theta": [-0.5, 0.5], "T": 6.0}
WAYS = [*({"window": w} for w in (1e-3, 0.02, 0.3, 100.0)), {"runs": [0.0, 0.25, 0.125, 0.625]}]


def computed(_: MPI.Comm, case: dict[str, Any]) -> dict[str, Any]:
    flips, state, updates = sequential(build(case), case.get("seed", 1), case["T"])
    return {"digest": digest(flips, state), "updates": updates, "flips": len(flips)}


def expected(comm: MPI.Comm, case: dict[str, Any]) -> dict[str, Any]:
    return found_alone(comm, computed, case)


def test_the_cases_are_worth_comparing():
    """Neurons flip in all of them; the trajectories differ."""
    reference = [expected(MPI.COMM_SELF, case) for case in CASES.values()]
    assert all(result["flips"] > 10 for result in reference), dict(zip(CASES, reference, strict=True))
    assert len({result["digest"] for result in reference}) == len(CASES)


@pytest.mark.mpi(also=(7,))
@pytest.mark.parametrize("name", CASES)
def test_the_trajectory_is_that_of_the_sequential_algorithm(comm, name):
    assert trajectory(comm, CASES[name]) == expected(comm, CASES[name])


@pytest.mark.mpi
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_windows_and_runs_change_nothing(comm, way):
    assert trajectory(comm, {**WINDOWED, **way}) == expected(comm, WINDOWED)


@pytest.mark.mpi
def test_windows_run_in_compiled_code_with_one_exchange_each(comm):
    """But for those at the end of a stretch, until nothing changes any more; the same steps taken by Python agree."""
    case = published(0.5, K=[[15, 20], [35, 20]], T=2.0, seed=2)
    network, found = build(case), []
    for compiled in (True, False):
        loop = BinaryLoop(network, comm, 2, build_couplings(network, comm, 2), window=0.05)
        assert len(loop.windows.handles) == (2 if comm.size > 1 else 0)
        if not compiled:
            loop.windows.handles = np.zeros(0, np.int64)
        while loop.time < case["T"]:
            loop.advance(case["T"])
        windows, exchanges = (int(loop.windows.course[k]) for k in (WINDOWS, EXCHANGES))
        found.append((loop.tally.hash.over_ranks(comm), windows, exchanges))
    assert found[0] == found[1]
    if comm.size > 1:
        assert windows >= 40
        assert exchanges < windows + 20


def test_kernels_as_plain_python_give_the_same_bits(mpirun, pytestconfig):
    """On two ranks, so that all of them run; plain Python warns where the 64-bit integers of streams wrap around."""
    names = ("seven", "weak", "drawn")
    cases = [{**CASES["drawn"], "T": 0.5} if name == "drawn" else CASES[name] for name in names]
    arguments = ["-W", "ignore::RuntimeWarning", "-m", "tests.programs.binary_trajectories", json.dumps(cases)]
    results = json.loads(mpirun(2, arguments, cwd=pytestconfig.rootpath, env={"NUMBA_DISABLE_JIT": "1"}).stdout)
    assert results == [expected(MPI.COMM_SELF, case) for case in cases]


# ---------------------------------------------------------------- properties, with ranks that are threads


def windowed(case: dict[str, Any], ranks: int, window: float | None) -> tuple[list[Any], np.ndarray]:
    """Flips and final states, as found by ``ranks`` threads."""
    network = build(case)

    def one_rank(comm: Any) -> tuple[list[Any], np.ndarray, np.ndarray]:
        loop = BinaryLoop(network, comm, case["seed"], build_couplings(network, comm, case["seed"]), window)
        flips: list[Any] = []
        while loop.time < case["T"]:
            time, index, state = loop.advance(case["T"])
            flips += zip(time.tolist(), loop.neurons.gids[index].tolist(), state.tolist(), strict=True)
        return flips, loop.neurons.gids, loop.neurons.state

    parts = on_ranks(ranks, one_rank)
    states = np.zeros(network.size, np.int64)
    for _, gids, state in parts:
        states[gids] = state
    return sorted(flip for flips, _, _ in parts for flip in flips), states


@st.composite
def cases(draw) -> dict[str, Any]:
    """Small networks of one to three populations with couplings of any sign, dense or sparse, often on a lattice."""
    n = draw(st.integers(1, 3))
    sizes = [draw(st.integers(0, 12)) for _ in range(n)]
    strength = st.sampled_from([-3.0, -1.0, -0.2, 0.1, 0.7, 1.0, 25.0]) | st.floats(-2.0, 2.0).map(
        lambda x: round(x, 3)
    )
    indegree = [[draw(st.integers(0, 9)) if source else 0 for source in sizes] for _ in sizes]
    return {
        "N": sizes,
        "K": indegree,
        "J": [[draw(strength) for _ in sizes] for _ in sizes],
        "theta": [draw(st.sampled_from([-1.0, -0.1, 0.0, 0.3, 1.0])) for _ in sizes],
        "tau": [draw(st.sampled_from([0.3, 1.0])) for _ in sizes],
        "m_0": [draw(st.sampled_from([0.0, 0.5, 1.0])) for _ in sizes],
        "seed": draw(st.integers(-3, 1000)),
        "T": 4.0,
    }


@given(case=cases(), ranks=st.integers(1, 5), window=st.none() | st.floats(0.01, 10.0))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_network_on_any_ranks_with_any_window(case, ranks, window):
    flips, states, _ = sequential(build(case), case["seed"], case["T"])
    found, found_states = windowed(case, ranks, window)
    assert found == flips
    assert (found_states == states).all()


def test_a_window_over_the_whole_run_needs_many_rounds_and_still_agrees():
    """Strong couplings on three ranks, all updates in one window: nearly every guess is wrong at first."""
    case = published(0.5, K=[[150, 200], [350, 200]], J=[[1.0, -2.0]] * 2, theta=[-55.0, 85.0], T=0.5, seed=3)
    flips, states, _ = sequential(build(case), 3, case["T"])
    found, found_states = windowed(case, 3, 10.0)
    assert found == flips
    assert (found_states == states).all()
