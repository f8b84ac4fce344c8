"""Exchange of spikes: every plan brings each neuron the same spikes, on any number of ranks and nodes."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from mpi4py import MPI

from distsim import AllToAll, IafPscAlpha, InputError, Network, Simulation, Static
from distsim.parallel import nodes
from distsim.parallel.compiled_collectives import NEEDS_PYTHON
from distsim.parallel.nodes import VARIABLE, nodes_of
from distsim.spiking import exchange_plans
from distsim.spiking.choices import EXCHANGES
from distsim.spiking.exchange import GID_BITS, Plans, make_exchange
from distsim.spiking.exchange_steps import ALLOCATED
from tests.on_ranks import found_alone
from tests.programs.exchange_plans import CASES, exchange_all, needing
from tests.threads import on_ranks

FEW_CASES = [(4, "ring"), (100, "one"), (100, "ring")]
PLANS = [plan for plan in EXCHANGES if plan != "auto"]


def plans_of(n_nodes):
    """All plans there are for ranks on so many nodes."""
    return [plan for plan in EXCHANGES if plan != "window" or n_nodes == 1]


@pytest.mark.mpi(also=(2, 7))
@pytest.mark.parametrize("per_node", [0, 1, 2, 3])
def test_plans_are_alike_on_any_number_of_ranks_and_nodes(comm, per_node, monkeypatch):
    """On 7 ranks some own none of 4 neurons; with the graph "one" a single rank has targets.

    Spikes of 400 and 3000 overflow the first buffers.
    """
    monkeypatch.setenv(VARIABLE, str(per_node))
    for n, graph in CASES if per_node == 0 else FEW_CASES:
        reference = found_alone(comm, exchange_all, "allgather", n, graph)
        for plan in plans_of(nodes_of(comm).n) if comm.size > 1 else EXCHANGES:
            result = exchange_all(comm, plan, n, graph)
            assert result["correct"], (n, graph, plan)
            assert result["in_order"], (n, graph, plan)
            assert result["digest"] == reference["digest"], (n, graph, plan)


@pytest.mark.parametrize("per_node", [0, 1, 2, 3])
def test_plans_are_alike_on_sixteen_ranks(per_node, monkeypatch):
    """Ranks as threads, for which mpi4py's part is played in Python."""
    monkeypatch.setenv(VARIABLE, str(per_node))
    (alone,) = on_ranks(1, partial(exchange_all, plan="allgather", n=100, graph="ring"))
    for plan in plans_of(1 if per_node == 0 else 16 // per_node):
        found = on_ranks(16, partial(exchange_all, plan=plan, n=100, graph="ring"))
        assert {rank["digest"] for rank in found} == {alone["digest"]}, plan
        assert all(rank["correct"] and rank["in_order"] for rank in found), plan


@pytest.mark.mpi(min_size=2, also=(2, 7))
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "mpi4py"])
def test_collectives_are_called_by_compiled_code_or_by_mpi4py(comm, compiled, monkeypatch):
    monkeypatch.setenv(VARIABLE, "2")
    if not compiled:
        monkeypatch.setattr(exchange_plans, "can_be_compiled", lambda comm: False)
    reference = found_alone(comm, exchange_all, "allgather", 100, "ring")
    for plan in ("allgather", "alltoall", "nodes", "nodes_directed"):
        assert exchange_all(comm, plan, 100, "ring")["digest"] == reference["digest"], plan


def test_the_cases_differ():
    found = [exchange_all(MPI.COMM_SELF, "allgather", *case)["digest"] for case in CASES]
    assert len(set(found)) == len(CASES) - 3 - 2  # 0 neurons are 0 neurons; 1 neuron: ring = all = one


# ---------------------------------------------------------------- steps, as compiled code takes them


@pytest.mark.mpi(also=(2,))
@pytest.mark.parametrize("plan", [plan for plan in PLANS if not plan.endswith("v")])
def test_an_exchange_that_compiled_code_leaves_is_ended_in_python(comm, plan):
    """Buffers are too small, first to receive, then to send; the spikes of this exchange come, and not twice."""
    exchange = make_exchange(plan, comm, needing(np.arange(comm.size)), 5)
    for n in (5, 300, 2):
        sent = (np.arange(n, dtype=np.uint64) + np.uint64(1) << GID_BITS) | np.uint64(comm.rank)
        everything = np.sort(np.concatenate(comm.allgather(sent)))
        assert exchange.step(exchange.own, sent, n, np.empty(1, np.uint64)) == NEEDS_PYTHON
        assert exchange(sent).tolist() == everything.tolist()
        received = np.empty(len(everything), np.uint64)
        assert exchange.step(exchange.own, sent, n, received) == len(everything)
        assert received.tolist() == everything.tolist()


@pytest.mark.parametrize("ranks", [2, 3])
def test_spikes_that_are_posted_come_once(ranks):
    """Also where memory does not hold them, or is given back: then Python ends the exchange."""

    def exchanged(comm):
        exchange, received = make_exchange("window", comm, needing(np.arange(comm.size)), 5), np.empty(500, np.uint64)
        posted, allocated = [], []
        for n in (3, 20_000, *[3] * 600):
            sent = (np.arange(n, dtype=np.uint64) << GID_BITS) | np.uint64(comm.rank)
            posted.append(exchange.post(exchange.own, sent, n))
            exchange.wait(exchange.own)
            came = exchange.step(exchange.own, sent, n, received)
            every = exchange(sent) if came == NEEDS_PYTHON else received[:came]
            allocated.append(int(exchange.own[ALLOCATED]))
            assert every.tolist() == sorted(gid | step << GID_BITS for gid in range(comm.size) for step in range(n))
        return posted[:2], set(posted), max(allocated) > 20_000, allocated[-1] < 100

    assert on_ranks(ranks, exchanged) == [([1, 1], {0, 1}, True, True)] * ranks


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("plan", ["allgather", "alltoall", "nodes", "nodes_directed"])
def test_a_burst_does_not_make_all_later_exchanges_dear(plan, ranks):
    """What is sent between ranks becomes as small again as before."""

    def words_sent(comm):
        exchange = make_exchange(plan, comm, needing(np.arange(comm.size)), 5)
        found = []
        for n in (1, 4000, *[3] * 600):
            exchange((np.arange(n, dtype=np.uint64) << GID_BITS) | np.uint64(comm.rank))
            found.append(int(exchange.own[exchange_plans.CAPACITY]))
        return found[0], max(found), found[-1]

    for before, most, after in on_ranks(ranks, words_sent):
        assert ranks == 1 or (before < 100 and most >= 4000 and after <= 14), (before, most, after)


@pytest.mark.parametrize("plan", EXCHANGES)
@pytest.mark.parametrize("ranks", [1, 2])
def test_the_largest_gid_and_step_travel_unharmed(plan, ranks):
    """40 bits of gid, and as many steps within an interval as there are steps in a simulation."""
    gid, step = (1 << 40) - 2, (1 << 24) - 1
    spikes = np.array([(1 << 40) | 4, (step << 40) | 4, (step << 40) | gid], np.uint64)
    directed = plan not in ("allgather", "allgatherv", "window", "nodes")
    needed = np.array([4] if directed else [4, gid])  # lists are as long as gids are large

    def exchanged(comm):
        received = make_exchange(plan, comm, needing(needed))(spikes[: 3 if comm.rank == 0 else 0])
        return received[np.isin(received & np.uint64((1 << 40) - 1), needed)].tolist()

    assert on_ranks(ranks, exchanged) == [spikes[: 1 + len(needed)].tolist()] * ranks


# ---------------------------------------------------------------- which plan


@pytest.mark.parametrize(
    ("ranks", "per_node", "needed", "sensible"),
    [
        (2, 0, range(20), ["allgather", "window"]),
        (4, 1, range(20), ["allgather"]),
        (4, 2, range(20), ["allgather", "nodes"]),
        (4, 1, [], ["allgather", "alltoall"]),
        (8, 2, None, ["allgather", "nodes", "alltoall", "nodes_directed"]),
    ],
)
def test_plans_that_make_sense_are_tried(ranks, per_node, needed, sensible, monkeypatch):
    """needed: neurons with targets on every rank; None: each rank's own, and those of the next."""
    monkeypatch.setenv(VARIABLE, str(per_node))

    def tried(comm):
        own = range(comm.rank, 80, comm.size), range((comm.rank + 1) % comm.size, 80, comm.size)
        wanted = np.array(sorted({*own[0], *own[1]} if needed is None else needed), np.int64)
        choice = make_exchange("auto", comm, needing(wanted)).choice
        return Plans(comm, needing(wanted)).sensible(), choice

    for found, choice in on_ranks(ranks, tried):
        assert found == sensible
        assert list(choice.microseconds) == sensible
        assert choice.plan == min(choice.microseconds, key=choice.microseconds.get)
        assert choice.why == "the fastest here with 48 spikes of each rank"


@pytest.mark.mpi(also=(2,))
def test_a_simulation_tells_its_plan(comm):
    """Whatever is chosen, it is the same on all ranks."""
    network = Network(dt=0.5)
    network.population("E", 4, IafPscAlpha())
    network.connect("E", "E", AllToAll(), Static(1.0, 1.0))
    chosen = Simulation(network, comm).exchange_plan
    asked = Simulation(network, comm, exchange="allgatherv").exchange_plan
    assert comm.allgather(chosen) == [chosen] * comm.size
    if comm.size == 1:
        assert chosen == asked | {"plan": "allgather"}
        assert chosen["why"] == "one rank sends nothing"
    else:
        assert {"allgather", "window"} <= set(chosen["microseconds"])
        assert asked == {"plan": "allgatherv", "why": "asked for", "microseconds": {}}


def test_ranks_that_cannot_share_memory_are_told(monkeypatch, tmp_path):
    """A window is refused on all of them, and not chosen."""

    def full(path, n, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nodes.os, "posix_fallocate", full, raising=False)
    monkeypatch.setattr(nodes, "SHARED", tmp_path)

    def refused(comm):
        with pytest.raises(InputError, match=r"cannot share memory: .*No space left on device"):
            make_exchange("window", comm, needing(np.arange(4)))
        return list(make_exchange("auto", comm, needing(np.arange(4))).choice.microseconds)

    assert on_ranks(3, refused) == [["allgather"]] * 3
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_left_of_shared_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(nodes, "SHARED", tmp_path)
    assert (
        len(on_ranks(2, lambda comm: make_exchange("window", comm, needing(np.arange(4)))(np.zeros(0, np.uint64)))) == 2
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["two", "-1", "1.5", ""])
def test_a_wrong_number_of_ranks_per_node_is_refused(monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(InputError, match=f"{VARIABLE} must be a number of ranks, .*'{value}'"):
        on_ranks(2, nodes_of)


def test_a_window_is_of_one_node(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(InputError, match="'window' is of ranks on one node, and these are on 2; choose 'nodes'"):
        on_ranks(2, lambda comm: make_exchange("window", comm, needing(np.arange(4))))


def test_an_unknown_plan_is_refused():
    with pytest.raises(InputError, match="unknown exchange plan 'allgathr'; did you mean 'allgather'"):
        Simulation(Network(), MPI.COMM_SELF, exchange="allgathr")
