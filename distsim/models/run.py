"""The one way in which the network of a model is simulated, for the command line and for the scaling harness alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.units import MS_PER_S, to_steps
from distsim.models.model import ExperimentModel, Model, NetworkModel, RunSettings
from distsim.models.outcome import Outcome, Table
from distsim.models.recording import Recording
from distsim.models.wings import Wing, wing_of
from distsim.parallel.agreement import require_same
from distsim.parallel.progress import Progress

if TYPE_CHECKING:
    from mpi4py import MPI

SLICES = 20
"""Parts of a run between which somebody may end it."""
MEGABYTE = 1e6


@dataclass(frozen=True)
class Measured:
    """A network that has run, and can still be asked for more; all methods are collective.

    ``wing`` is that of its neurons; ``activity`` is that of the measured time; ``totals`` are sizes, events in that
    time, costs and hashes, see ``docs/scaling.md``: times (s) of the slowest rank and by phase, without
    pre-simulation, memory (bytes) by rank.
    """

    wing: Wing
    simulation: Any
    settings: RunSettings
    activity: Any
    totals: Mapping[str, Any]


@contextmanager
def simulate(
    model: NetworkModel,
    parameters: Any,
    comm: MPI.Comm,
    settings: RunSettings,
    progress: Progress,
    *,
    folder: Path | None = None,
    recording: Recording | None = None,
    check: Callable[[], None] | None = None,
    measuring: AbstractContextManager[object] | None = None,
) -> Iterator[Measured]:
    """Build the network of ``parameters`` and simulate it; collective. It is open as long as the context lasts.

    What is recorded, ``recording`` or, without it, what the model itself records, goes to a file in ``folder``.
    ``check`` is called on all ranks between the parts of the run and may raise; ``measuring`` is entered for the
    measured time. Raises InputError before anything is simulated.
    """
    require_same(comm, f"model '{model.name}'", file=model.digest, parameters=parameters.as_dict())
    network = model.build_network(parameters)
    wing = wing_of(network)
    settings.check(dt_of(network))
    wing.check(settings)
    if recording is not None:
        recording.apply(network)
    with progress("compile and build", 0.0):
        simulation = wing.simulation(network, comm, settings, folder and folder / wing.file)
    with simulation:
        _advance(simulation, settings.presimulation, "discard", progress, check)
        simulation.forget_times()
        before, start = wing.events(simulation), simulation.time
        with measuring or nullcontext():
            _advance(simulation, settings.time, "simulate", progress, check)
        events = {name: number - before[name] for name, number in wing.events(simulation).items()}
        totals = _totals(wing, simulation, settings.time, events)
        yield Measured(wing, simulation, settings, wing.observe(simulation, start), totals)


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

    ``settings`` are those that no parameter stands for. What is recorded, see ``simulate``, goes to a file in
    ``folder``, if there is one.
    """
    if isinstance(model, ExperimentModel):
        return model.run(comm, parameters, folder, progress)
    if not isinstance(model, NetworkModel):
        raise TypeError(f"{type(model).__name__} is neither a network nor an experiment of its own")
    chosen = model.settings_of(parameters, settings or {})
    with simulate(model, parameters, comm, chosen, progress, folder=folder, recording=recording) as measured:
        added = model.extra(measured.simulation, measured.activity, parameters) or Outcome()
    activity, wing, network = measured.activity, measured.wing, measured.simulation.network
    of_file = {} if folder is None else wing.figures(network, folder / wing.file, model.weight_style)
    tables = {table.title: table for table in (activity.table(), *added.tables, _totals_table(measured))}
    return Outcome(
        tables=tuple(tables.values()),
        summary={
            **{name: getattr(chosen, name) for name in model.chosen},
            "record": recording and recording.texts,
            "populations": activity.summary(),
            **measured.totals,
            **added.summary,
        },
        figures={**activity.figures(model.colours), **of_file, **added.figures},
        files={**wing.files(activity), **added.files},
    )


def dt_of(network: Any) -> float | None:
    """The time step (ms) of a network; None where time is continuous."""
    return getattr(network, "dt", None)


def _advance(simulation: Any, time: float, label: str, progress: Progress, check: Callable[[], None] | None) -> None:
    """Simulate ``time`` ms, in parts where ``check`` is to be called between them."""
    if not time:
        return
    parts = [time] if check is None else _parts(time, dt_of(simulation.network))
    start = simulation.time
    with progress(label, time) as tell:
        for number, part in enumerate(parts, start=1):
            if check is not None:
                check()
            simulation.run(part, _after(simulation.time - start, tell), goes_on=number < len(parts))


def _parts(time: float, dt: float | None) -> list[float]:
    """``time`` (ms) in about SLICES parts: whole steps of ``dt``, or, without one, what adds up without rounding."""
    if dt is None:
        part = 2.0 ** math.floor(math.log2(time / SLICES))
        whole, rest = divmod(time, part)
        return [part] * int(whole) + [rest] * (rest > 0.0)
    steps = to_steps(time, dt, "time")
    part_steps = -(-steps // SLICES)
    return [min(part_steps, steps - done) * dt for done in range(0, steps, part_steps)]


def _after(offset: float, tell: Callable[[float], None]) -> Callable[[float], None]:
    """Tells the time of a part of the run as that of the whole."""
    return lambda time: tell(offset + time)


def _totals(wing: Wing, simulation: Any, time: float, events: Mapping[str, int]) -> dict[str, Any]:
    """Sizes, costs and hashes of a run in which ``time`` ms were measured; collective."""
    slowest = simulation.slowest()
    memory = simulation.memory()
    return {
        "ranks": simulation.comm.size,
        "n_neurons": simulation.network.size,
        "n_synapses": wing.connections(simulation),
        **events,
        **{name: slowest[name] for name in ("build_time", "compile_time", "sim_time")},
        "real_time_factor": slowest["sim_time"] / (time / MS_PER_S),
        "phase_times": simulation.phase_times(),
        "memory_built": [rank["built"] for rank in memory],
        "memory_peak": [rank["peak"] for rank in memory],
        **wing.hashes(simulation),
    }


def _totals_table(measured: Measured) -> Table:
    totals = measured.totals
    rows = [
        ("ranks", f"{totals['ranks']}"),
        ("neurons", f"{totals['n_neurons']:,}"),
        (measured.simulation.connections, f"{totals['n_synapses']:,}"),
        *((name, f"{totals[f'n_{name}']:,}") for name in ("spikes", "updates", "flips") if f"n_{name}" in totals),
        ("build time (s)", f"{totals['build_time']:.2f}"),
        ("simulation time (s)", f"{totals['sim_time']:.2f}"),
        ("real-time factor", f"{totals['real_time_factor']:.3g}"),
        ("memory (MB)", f"{sum(totals['memory_peak']) / MEGABYTE:.0f}"),
        *((f"{name} hash", totals[f"{name}_hash"]) for name in ("spike", "rate", "flip") if f"{name}_hash" in totals),
    ]
    if measured.wing.plastic(measured.simulation.network) is not None:
        rows.append(("weight hash", totals["weight_hash"]))
    return Table("run", ("quantity", "value"), tuple(rows))
