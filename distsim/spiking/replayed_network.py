"""What a ``Simulation`` asks where one rank may be simulated without the others: its recording, exchange and proof."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.connect.edge_values import in_steps
from distsim.core.errors import InputError, check_names
from distsim.core.units import MS_PER_S, shown, to_steps
from distsim.core.values import bounds
from distsim.parallel.agreement import leaves_of
from distsim.parallel.communicator import crowded
from distsim.parallel.dry_run import BOUNDS, DryRun, Facts
from distsim.parallel.gather import in_ms
from distsim.record.checkpoint import is_of_recordings
from distsim.record.jsonable import flat, plain
from distsim.record.output import Output
from distsim.record.recorded_spikes import RecordedSpikes, SpikesInTime
from distsim.spiking import exchange
from distsim.spiking.computed_spikes import ComputedSpikes, computable
from distsim.spiking.exchange_plans import Choice, ExchangePlan
from distsim.spiking.local_network import DELAYS, LocalNetwork
from distsim.spiking.loop import SpikingLoop
from distsim.spiking.needed_spikes import Needed
from distsim.spiking.network import Network, Population
from distsim.spiking.replay import Known, Replay, compile_steps
from distsim.spiking.source_filter import filter_of

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]

EXPECTED_RATE = 10.0  # spikes of a neuron per second, with which plans of exchange are compared
DIRECTED = ("alltoall", "alltoallv", "nodes_directed")
NOTE = "over_ranks"
"""The attribute of a file that holds what the ranks found together, and a digest of the network."""


def tell_facts(output: Output, network: Network, facts: Facts) -> None:
    """Let the file of a run say what a dry run of one of its ranks cannot find out alone."""
    output.note(NOTE, json.dumps({"network": digest_of(network), "facts": facts}))


def digest_of(network: Network) -> str:
    """A digest of all of ``network`` but its recordings."""
    leaves = (leaf for leaf in leaves_of("network", network) if not is_of_recordings(leaf[0]))
    return hashlib.sha256(b"".join(label.encode() + digest for label, _, digest in leaves)).hexdigest()


# ---------------------------------------------------------------- before anything is built


def prepare(network: Network, comm: MPI.Comm, seed: int, precision: str) -> None:
    """Where ``comm`` is that of a dry run, look at what is to be replayed, and see what is known of other ranks.

    InputError where it is of another network, or not all spikes are known.
    """
    if not isinstance(comm, DryRun):
        return
    comm.forget()
    names = [population.name for population in network.populations]
    if isinstance(comm.spikes, Mapping):
        check_names(comm.spikes, names, "population", "DryRun: spikes")
    elif comm.spikes is not None:
        comm.recording = RecordedSpikes(comm.spikes)
        comm.facts = _facts_of(comm.recording, network, seed, precision)
    if not comm.facts and network.projections:
        comm.facts, comm.origin = {DELAYS: _delay_bounds(network)}, BOUNDS
    for population in network.populations:
        if not _is_recorded(comm, population) and not computable(population, seed, network.dt):
            raise InputError(
                f"DryRun: the spikes of '{population.name}' are in no recording, and cannot be computed; let a run "
                "record all spikes, as in --record spikes, and give its file, or, to predict, assume a rate"
            )


def _is_recorded(comm: DryRun, population: Population) -> bool:
    if comm.recording is not None:
        return bool(comm.recording.has(population.name))
    return isinstance(comm.spikes, Mapping) and population.name in comm.spikes


def _facts_of(recording: RecordedSpikes, network: Network, seed: int, precision: str) -> dict[str, list[float]]:
    """What the ranks found in the run that was recorded; InputError where it is not the one of this network."""
    made, asked = recording.about, {"seed": seed, "precision": precision, "network": network.description()}
    was, here = (dict(flat(_by_name(plain({name: about.get(name) for name in asked})))) for about in (made, asked))
    wrong = next((name for name in (*was, *here) if was.get(name) != here.get(name)), None)
    if wrong is not None:
        there, ours = shown(was.get(wrong)), shown(here.get(wrong))
        raise InputError(f"'{recording.path}' is of another run: {wrong} is {there} there, but {ours} here")
    if "changes" in recording.notes:
        raise InputError(f"'{recording.path}' is of a run whose network was changed, which cannot be replayed")
    told = json.loads(recording.notes.get(NOTE, "{}"))
    if told and told["network"] != digest_of(network):
        raise InputError(f"'{recording.path}' is of another run: an array of its network has other values")
    facts: dict[str, list[float]] = told.get("facts", {})
    return facts


def _by_name(value: Any) -> Any:
    """Lists as tables, whose entries can be named."""
    if isinstance(value, list):
        return {str(k): _by_name(entry) for k, entry in enumerate(value)}
    return {name: _by_name(entry) for name, entry in value.items()} if isinstance(value, dict) else value


def _delay_bounds(network: Network) -> list[float]:
    """The shortest delay, negative, and the longest (steps) that projections can have; 1 for one without a bound."""
    each = [bounds(value) for p in network.projections if (value := getattr(p.synapse, "delay", None)) is not None]
    shortest, longest = min((low for low, _ in each), default=0.0), max((high for _, high in each), default=0.0)
    steps = [int(in_steps(np.array([end]), network.dt)[0]) if math.isfinite(end) else 1 for end in (shortest, longest)]
    return [-float(max(1, steps[0])), float(steps[1])]


# ---------------------------------------------------------------- the exchange


def kernels_of(plan: str, comm: MPI.Comm) -> Callable[[], object]:
    """What calls the kernels of a plan of exchange with no spikes, so that they are compiled (collective)."""
    return compile_steps if isinstance(comm, DryRun) else exchange.kernels_of(plan, comm)


def exchange_of(
    plan: str, network: Network, seed: int, comm: MPI.Comm, local: LocalNetwork, interval: int
) -> ExchangePlan:
    """The plan of exchange of that name, or, in a dry run, what stands for it; ``interval`` in steps (collective)."""
    expected = round(network.size * interval * network.dt * EXPECTED_RATE / MS_PER_S / comm.size)
    if isinstance(comm, DryRun):
        return _replay(exchange.Plans(comm, local.needed, expected), plan, network, seed, local, interval)
    return exchange.make_exchange(plan, comm, local.needed, expected)


def waits(comm: MPI.Comm) -> bool:
    """Whether ranks wait for each other before every exchange, so that waiting is told from the transfer.

    Where they take turns on the cores it cannot be; and in a dry run there is nobody to wait for.
    """
    return not isinstance(comm, DryRun) and not crowded(comm)


def _replay(
    plans: exchange.Plans, plan: str, network: Network, seed: int, local: LocalNetwork, interval: int
) -> Replay:
    """What stands for ``plan``: as a real rank, this one makes all that "auto" tries, and keeps one."""
    comm: Any = plans.comm
    names, why = [plan], "asked for, but replayed"
    if plan == "auto":
        share = plans.share(plans.lists) if comm.size > 1 else 1.0
        names = plans.of_all_ranks() if comm.size > 1 else ["allgather"]
        why = f"replayed; about {share:.0%} of all neurons have targets on this rank"
    replay = [_blocks(plans, Choice(name, why), local, interval) for name in names][-1]
    if not replay.directed and comm.size > 1:
        replay.filter(filter_of(local.needed))  # as a plan of ranks has it
    for population in network.populations:
        needed = _most_needed(local, population)
        replay.known.append(_known(population, seed, comm, network.dt, replay, needed))
    return replay


def _blocks(plans: exchange.Plans, choice: Choice, local: LocalNetwork, interval: int) -> Replay:
    """With the buffers and lists of that plan, as far as it has one block for each rank."""
    lists = plans.lists if choice.plan in DIRECTED else None
    expected = plans.expected if lists is None else plans.of_each(lists)
    return Replay(choice, plans.comm, local, interval, expected, lists)


def _most_needed(local: LocalNetwork, population: Population) -> int:
    """How many neurons of ``population`` have rows in that table of this rank in which the most have one."""
    first, end = population.first_gid, population.first_gid + population.size
    tables = local.needed.tables
    return max((table.rows_upto(end - 1) - table.rows_upto(first - 1) for table in tables), default=0)


def _known(population: Population, seed: int, comm: DryRun, dt: float, replay: Replay, needed: int) -> Known:
    if not _is_recorded(comm, population):
        share = needed / max(1, population.size) if replay.directed else 1.0
        return ComputedSpikes(population, seed, dt, replay.needed, share)
    if comm.recording is not None:
        return RecordedPopulation(comm.recording.spikes(population.name), population, dt)
    given: Any = comm.spikes
    return RecordedPopulation(_in_time(given[population.name], population, dt), population, dt)


def _in_time(given: Any, population: Population, dt: float) -> SpikesInTime:
    """Spikes that are given as arrays; InputError for what are none of ``population``."""
    columns = (in_ms(given.step, dt), given.neuron) if hasattr(given, "step") else given
    where = f"DryRun: spikes of '{population.name}'"
    try:
        times, neurons = np.asarray(columns[0], np.float64), np.asarray(columns[1], np.int64)
    except (TypeError, ValueError, LookupError):
        raise InputError(f"{where} must be (times, neurons), got {shown(given)}") from None
    if times.ndim != 1 or times.shape != neurons.shape:
        raise InputError(f"{where}: times and neurons must be two arrays (n,) of one length")
    if len(neurons) and (neurons.min() < 0 or neurons.max() >= population.size):
        raise InputError(f"{where}: its neurons are 0 to {population.size - 1}, not {neurons.min()} to {neurons.max()}")
    order = np.argsort(times, kind="stable")
    return SpikesInTime(times[order], neurons[order])


class RecordedPopulation:
    """The recorded spikes of a population."""

    def __init__(self, spikes: SpikesInTime, population: Population, dt: float) -> None:
        self._spikes, self._first_gid, self._dt = spikes, population.first_gid, dt

    def pieces(self, start: int, end: int) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Steps and gids of all spikes up to step ``end`` that were not taken before, in pieces."""
        for times, neurons in self._spikes.until((end + 0.5) * self._dt):
            yield np.rint(times / self._dt).astype(np.int64), neurons + self._first_gid


@contextmanager
def replayed(plan: ExchangePlan, step: int, duration: Any, dt: float) -> Iterator[None]:
    """A run of ``duration`` (ms) after ``step``, in which spikes may be replayed.

    Raises InputError where the recording ends before, and DryRunError where own spikes are not those recorded.
    """
    if not isinstance(plan, Replay):
        yield
        return
    end = step + to_steps(duration, dt, "duration")
    recording = plan.comm.recording
    if recording is not None and end * dt > recording.end + 0.5 * dt:
        raise InputError(
            f"'{recording.path}' ends at {recording.end:g} ms, before the run, which ends at {end * dt:g} ms"
        )
    plan.until(end, dt)
    yield
    plan.check(dt)


def events_of(loop: SpikingLoop, needed: Needed, size: int, since: int) -> int:
    """Spikes at the synapses of this rank after step ``since``; size: neurons of the network (collective)."""
    if isinstance(loop.exchange, Replay):
        return int(loop.exchange.counts(since)[3].sum())
    return loop.counts.events(needed, size, loop.comm)
