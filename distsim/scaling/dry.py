"""One rank of a point of an experiment, built and simulated without the others; no MPI job is needed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S
from distsim.scaling.experiment import Point
from distsim.scaling.settings import Experiment

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.models.model import RunSettings
    from distsim.parallel.dry_run import DryRun
    from distsim.spiking.simulation import Simulation

Spikes = str | os.PathLike[str] | Mapping[str, Any] | None
REPLAY = ("communicate", "wait", "other")
"""Phases that say nothing of a rank whose spikes are replayed."""


@dataclass(frozen=True)
class DryResult:
    """What one rank of a point took: times in s, without compilation, memory in bytes.

    neurons, synapses: those of the rank; table_bytes: of its synapses. memory_start: of the process before anything was
    built, after first calls of MPI, without what the library takes that reads recordings, which a rank has no need of;
    memory_built: after building, memory_peak: the most, without the spikes that are held to be replayed. computing:
    the measured time without that in which spikes were replayed; seconds: by phase of building and of the measured
    time. spikes: of the rank's neurons in the measured time. interval (ms); received, targeted, events: in each
    interval of the measured time (intervals,) int64, spikes that came, those of them with targets on the rank, and
    the synapses that these met. intervals, wrong, first_wrong (ms), known: see ``DryRun``, the pre-simulation
    included.
    """

    rank: int
    ranks: int
    neurons: int
    synapses: int
    table_bytes: int
    compile_time: float
    build_time: float
    computing: float
    seconds: dict[str, float]
    memory_start: int
    memory_built: int
    memory_peak: int
    time: float
    interval: float
    spikes: int
    intervals: int
    wrong: int
    first_wrong: float | None
    known: dict[str, str]
    exchange_plan: dict[str, Any]
    loop: str
    received: npt.NDArray[np.int64] = field(repr=False)
    targeted: npt.NDArray[np.int64] = field(repr=False)
    events: npt.NDArray[np.int64] = field(repr=False)

    @property
    def memory(self) -> int:
        """The most that building and simulating added to the memory of the process."""
        return self.memory_peak - self.memory_start

    @property
    def real_time_factor(self) -> float:
        """That of computing."""
        return self.computing * MS_PER_S / self.time

    def per_interval(self, phase: str) -> float:
        """Seconds of a phase of the run in each interval."""
        return self.seconds[phase] / max(1, math.ceil(self.time / self.interval))

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain data: of counts in intervals the sums and the largest."""
        told = asdict(self) | {"memory": self.memory}
        for name in ("received", "targeted", "events"):
            every = told.pop(name)
            told |= {f"n_{name}": int(every.sum()), f"most_{name}": int(every.max(initial=0))}
        return told | {"real_time_factor": self.real_time_factor}


def dry_run(experiment: Experiment, point: Point, rank: int, spikes: Spikes = None) -> DryResult:
    """Build and simulate rank ``rank`` of the ``point.ranks`` ranks of a point, alone, in this process.

    ``experiment`` is one whose models' own values are known, that of a ``Plan``. spikes: as for ``DryRun``. Memory is
    that of this process: only in a new one does it tell what the rank takes, see ``dry_runs``. Raises InputError for
    wrong input, before anything is built.
    """
    from distsim.parallel import world
    from distsim.parallel.dry_run import DryRun

    world()  # as a rank has it
    comm = DryRun(rank, point.ranks, spikes, refuses=False)
    return measure(experiment, point, comm)


def measure(experiment: Experiment, point: Point, comm: MPI.Comm | DryRun) -> DryResult:
    """As ``dry_run``; on the communicator of a real job (collective) each rank tells of itself what it can."""
    from distsim.models.wings import wing_of
    from distsim.parallel.communicator import alone
    from distsim.parallel.dry_run import DryRun
    from distsim.parallel.machine import peak_bytes, resident_bytes
    from distsim.parallel.nodes import first_calls
    from distsim.record.recorded_spikes import RecordedSpikes
    from distsim.scaling.plan import load_point, model_of, seeded
    from distsim.scaling.point import reset_peak_memory
    from distsim.spiking.network import Network
    from distsim.spiking.simulation import Simulation

    model = model_of(experiment)
    parameters, settings = seeded(experiment, point, load_point(experiment, point))
    network = model.build_network(parameters)
    if not isinstance(network, Network):
        kind = type(wing_of(network)).__name__.lower().removesuffix("s")
        raise InputError(
            f"'{model.name}' has {kind} neurons: only of spiking neurons can one rank be simulated without the others"
        )
    network.record_nothing()
    first_calls(alone() if isinstance(comm, DryRun) else comm)
    reading = -resident_bytes()
    if isinstance(comm, DryRun) and isinstance(comm.spikes, (str, os.PathLike)):
        RecordedSpikes(comm.spikes).look()
    reading += resident_bytes()
    reset_peak_memory()
    start = resident_bytes()
    options = {name: getattr(settings, name) for name in ("seed", "precision", "interval", "exchange", "loop")}
    with Simulation(network, comm, **options) as simulation:
        built = resident_bytes()
        simulation.run(settings.presimulation)
        simulation.forget_times()
        before = simulation.spike_count()
        simulation.run(settings.time)
        held = comm.held if isinstance(comm, DryRun) else 0
        memory = start - reading, built - reading, peak_bytes() - reading - held
        return _told(simulation, comm, settings, memory, before)


def _told(
    simulation: Simulation, comm: MPI.Comm | DryRun, settings: RunSettings, memory: tuple[int, int, int], before: int
) -> DryResult:
    """What there is to tell after a run; before: spikes before the measured time."""
    from distsim.parallel.dry_run import DryRun

    told = comm if isinstance(comm, DryRun) else DryRun(comm.rank, comm.size)
    loads = simulation.loads()
    own = loads[comm.rank if len(loads) > 1 else 0]
    counts = told.counts[:, told.counts[0] >= round(settings.presimulation / simulation.dt)]
    return DryResult(
        rank=comm.rank,
        ranks=comm.size,
        neurons=int(own["neurons"]),
        synapses=int(own["synapses"]),
        table_bytes=int(own["bytes"]),
        compile_time=simulation.compile_time,
        build_time=simulation.build_time,
        computing=own["busy"],
        seconds={name: found["mean"] for name, found in simulation.phase_times().items() if name not in REPLAY},
        memory_start=memory[0],
        memory_built=memory[1],
        memory_peak=memory[2],
        time=settings.time,
        interval=simulation.interval,
        spikes=simulation.spike_count() - before,
        intervals=told.intervals,
        wrong=told.wrong,
        first_wrong=told.first_wrong,
        known=told.known,
        exchange_plan=simulation.exchange_plan,
        loop=simulation.loop,
        received=counts[1],
        targeted=counts[2],
        events=counts[3],
    )


def dry_runs(
    experiment: Experiment, points: Sequence[Point], ranks: Sequence[int], spikes: Spikes = None
) -> Iterator[tuple[Point, DryResult]]:
    """``dry_run`` of these ranks of each point, one after the other, each in a process of its own."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    for point in points:
        for rank in ranks:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                yield point, process.submit(dry_run, experiment, point, rank, spikes).result()
