"""The one way in which the network of a model is simulated, for the command line and for the scaling harness alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.units import MS_PER_S, to_steps
from distsim.models.activity import Activity, figures_of, observe
from distsim.models.model import ExperimentModel, Model, RunSettings, SpikingModel
from distsim.models.outcome import Outcome, Table
from distsim.models.recording import Recording
from distsim.parallel.agreement import require_same
from distsim.parallel.progress import Progress
from distsim.spiking.simulation import Simulation

if TYPE_CHECKING:
    from mpi4py import MPI

SPIKES_FILE = "spikes.h5"
SLICES = 20
"""Parts of a run between which somebody may end it."""
MEGABYTE = 1e6


@dataclass(frozen=True)
class Measured:
    """A network that has run, and can still be asked for more; all methods are collective.

    ``activity`` is that of the measured time; ``totals`` are sizes, spikes in that time, costs and hashes, see
    ``docs/scaling.md``: times (s) of the slowest rank and by phase, without pre-simulation, memory (bytes) by rank.
    """

    simulation: Simulation
    settings: RunSettings
    activity: Activity
    totals: Mapping[str, Any]


@contextmanager
def simulate(
    model: SpikingModel,
    parameters: Any,
    comm: MPI.Comm,
    settings: RunSettings,
    progress: Progress,
    *,
    file: Path | None = None,
    recording: Recording | None = None,
    check: Callable[[], None] | None = None,
    measuring: AbstractContextManager[object] | None = None,
) -> Iterator[Measured]:
    """Build the network of ``parameters`` and simulate it; collective. It is open as long as the context lasts.

    What is recorded, ``recording`` or, without it, what the model itself records, goes to ``file``. ``check`` is called
    on all ranks between the parts of the run and may raise; ``measuring`` is entered for the measured time. Raises
    InputError before anything is simulated.
    """
    require_same(comm, f"model '{model.name}'", file=model.digest, parameters=parameters.as_dict())
    network = model.build_network(parameters)
    settings.check(network.dt)
    if recording is not None:
        recording.apply(network)
    own = {name: getattr(settings, name) for name in ("seed", "precision", "interval", "exchange")}
    with progress("compile and build", 0.0):
        simulation = Simulation(network, comm, file=file, **own)
    with simulation:
        _advance(simulation, settings.presimulation, "discard", progress, check)
        simulation.forget_times()
        with measuring or nullcontext():
            _advance(simulation, settings.time, "simulate", progress, check)
        activity = observe(simulation)
        totals = _totals(simulation, activity, settings.time)
        yield Measured(simulation, settings, activity, totals)


def run(
    model: Model,
    comm: MPI.Comm,
    parameters: Any,
    folder: Path | None,
    progress: Progress,
    settings: Mapping[str, Any] | None = None,
    recording: Recording | None = None,
) -> Outcome:
    """What the command line shows of a model: its own experiment, or the simulation of its network; collective.

    ``settings`` are those that no parameter stands for. What is recorded, see ``simulate``, is written to spikes.h5 in
    ``folder``, if there is one.
    """
    if isinstance(model, ExperimentModel):
        return model.run(comm, parameters, folder, progress)
    if not isinstance(model, SpikingModel):
        raise TypeError(f"{type(model).__name__} is neither a spiking model nor an experiment of its own")
    chosen = model.settings_of(parameters, settings or {})
    file = folder / SPIKES_FILE if folder is not None else None
    with simulate(model, parameters, comm, chosen, progress, file=file, recording=recording) as measured:
        added = model.extra(measured.simulation, measured.activity, parameters) or Outcome()
    activity = measured.activity
    tables = {table.title: table for table in (activity.table(), *added.tables, _totals_table(measured))}
    return Outcome(
        tables=tuple(tables.values()),
        summary={
            **asdict(chosen),
            "record": recording and recording.texts,
            "populations": activity.summary(),
            **measured.totals,
            **added.summary,
        },
        figures={**figures_of(activity, model.colours), **added.figures},
    )


def _advance(
    simulation: Simulation, time: float, label: str, progress: Progress, check: Callable[[], None] | None
) -> None:
    """Simulate ``time`` ms, in parts where ``check`` is to be called between them."""
    steps = to_steps(time, simulation.dt, "time")
    if not steps:
        return
    part = steps if check is None else -(-steps // SLICES)
    with progress(label, time) as tell:
        for done in range(0, steps, part):
            if check is not None:
                check()
            duration, goes_on = min(part, steps - done) * simulation.dt, done + part < steps
            simulation.run(duration, _after(done * simulation.dt, tell), goes_on=goes_on)


def _after(offset: float, tell: Callable[[float], None]) -> Callable[[float], None]:
    """Tells the time of a part of the run as that of the whole."""
    return lambda time: tell(offset + time)


def _totals(simulation: Simulation, activity: Activity, time: float) -> dict[str, Any]:
    """Sizes, costs and hashes of a run in which ``time`` ms were measured; collective."""
    network, slowest = simulation.network, simulation.slowest()
    memory = simulation.memory()
    return {
        "ranks": simulation.comm.size,
        "n_neurons": network.size,
        "n_synapses": simulation.synapse_count(),
        "n_spikes": sum(activity.statistics[p.name].spikes for p in network.populations if p.model.receives),
        **{name: slowest[name] for name in ("build_time", "compile_time", "sim_time")},
        "real_time_factor": slowest["sim_time"] / (time / MS_PER_S),
        "phase_times": simulation.phase_times(),
        "memory_built": [rank["built"] for rank in memory],
        "memory_peak": [rank["peak"] for rank in memory],
        "spike_hash": simulation.spike_hash(),
        "weight_hash": simulation.weight_hash(),
    }


def _totals_table(measured: Measured) -> Table:
    totals = measured.totals
    rows = [
        ("ranks", f"{totals['ranks']}"),
        ("neurons", f"{totals['n_neurons']:,}"),
        ("synapses", f"{totals['n_synapses']:,}"),
        ("spikes", f"{totals['n_spikes']:,}"),
        ("build time (s)", f"{totals['build_time']:.2f}"),
        ("simulation time (s)", f"{totals['sim_time']:.2f}"),
        ("real-time factor", f"{totals['real_time_factor']:.3g}"),
        ("memory (MB)", f"{sum(totals['memory_peak']) / MEGABYTE:.0f}"),
        ("spike hash", totals["spike_hash"]),
    ]
    if any(projection.synapse.plastic for projection in measured.simulation.network.projections):
        rows.append(("weight hash", totals["weight_hash"]))
    return Table("run", ("quantity", "value"), tuple(rows))
