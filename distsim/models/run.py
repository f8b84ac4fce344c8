"""The one way in which the network of a model is simulated, for the command line and for the scaling harness alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.units import MS_PER_S, beside_real_time
from distsim.models.branch import Branch
from distsim.models.course import Course, Keeping, course_of, dt_of
from distsim.models.model import ExperimentModel, Model, NetworkModel, RunSettings
from distsim.models.outcome import Outcome, Table
from distsim.models.recording import Recording
from distsim.models.wings import Wing, wing_of
from distsim.parallel.agreement import require_same
from distsim.parallel.progress import Progress
from distsim.parallel.shared_modules import import_together

if TYPE_CHECKING:
    from mpi4py import MPI

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
    keeping: Keeping | None = None,
    branch: Branch | None = None,
    leave: Path | None = None,
    measuring: AbstractContextManager[object] | None = None,
) -> Iterator[Measured]:
    """Build the network of ``parameters`` and simulate it; collective. It is open as long as the context lasts.

    What is recorded, ``recording`` or, without it, what the model itself records, goes to a file in ``folder``.
    ``check`` is called on all ranks between the parts of the run and may raise; ``measuring`` is entered for the
    measured time. ``keeping``: the run is saved so often, and, for a signal, once more before it ends with
    SuspendedError; it goes on from there to the same bits, and its times are added up. ``branch``: it begins with
    the checkpoint of another run; ``leave``: a checkpoint for branches is left there at the end. Raises InputError
    before anything is simulated.
    """
    require_same(comm, f"model '{model.name}'", file=model.digest, parameters=parameters.as_dict())
    network = model.build_network(model.load(branch.made["parameters"]) if branch else parameters)
    began = replace(settings, seed=branch.made["seed"]) if branch else settings
    wing = wing_of(network)
    settings.check(dt_of(network))
    wing.check(settings)
    import_together(comm, wing.used)
    if recording is not None:
        recording.apply(network)
    file = folder and folder / wing.file
    identity = model.identity(parameters, settings, recording, branch.digest if branch else None)
    with course_of(comm, identity, keeping, check) as course:
        make = partial(wing.simulation, network, comm, began, file)
        begin = None
        if branch:
            course.origin = branch.made
            begin = partial(branch.begin, make, model, parameters, settings, recording, file)
        with progress("compile and build", 0.0):
            simulation = course.open(make, file, begin)
        with simulation:
            start = course.start
            if start is None:
                course.advance(simulation, branch.time if branch else 0.0, settings.presimulation, "discard", progress)
                simulation.forget_times()
                start = course.begin(simulation, wing.events(simulation))
            with measuring or nullcontext():
                course.advance(simulation, start, settings.time, "simulate", progress)
            if leave is not None:
                course.leave(simulation, leave)
            events = {name: number - course.before[name] for name, number in wing.events(simulation).items()}
            totals = _totals(wing, simulation, settings.time, events, course)
            yield Measured(wing, simulation, settings, wing.observe(simulation, start), totals)


def run(
    model: Model,
    comm: MPI.Comm,
    parameters: Any,
    folder: Path | None,
    progress: Progress,
    settings: Mapping[str, Any] | None = None,
    recording: Recording | None = None,
    keeping: Keeping | None = None,
    branch: Branch | None = None,
    leave: Path | None = None,
) -> Outcome:
    """What the command line shows of a model: its own experiment, or the simulation of its network; collective.

    ``settings`` are those that no parameter stands for. What is recorded, see ``simulate``, goes to a file in
    ``folder``, if there is one; ``keeping``, ``branch`` and ``leave`` as there.
    """
    if isinstance(model, ExperimentModel):
        return model.run(comm, parameters, folder, progress, keeping)
    if not isinstance(model, NetworkModel):
        raise TypeError(f"{type(model).__name__} is neither a network nor an experiment of its own")
    chosen = model.settings_of(parameters, settings or {})
    with simulate(
        model, parameters, comm, chosen, progress,
        folder=folder, recording=recording, keeping=keeping, branch=branch, leave=leave,
    ) as measured:  # fmt: skip
        added = model.extra(measured.simulation, measured.activity, parameters) or Outcome()
    activity, wing, network = measured.activity, measured.wing, measured.simulation.network
    of_file = {} if folder is None else wing.figures(network, folder / wing.file, model.weight_style)
    branched = [branch.table(measured.simulation)] if branch else []
    own_tables = (*branched, activity.table(), *added.tables, _totals_table(measured))
    tables = {table.title: table for table in own_tables}
    return Outcome(
        tables=tuple(tables.values()),
        summary={
            **{name: getattr(chosen, name) for name in model.chosen},
            "record": recording and recording.texts,
            "populations": activity.summary(),
            "network": measured.simulation.network_name,
            **measured.totals,
            **(branch.told(measured.simulation, chosen) if branch else {}),
            **added.summary,
        },
        figures={**activity.figures(model.colours), **of_file, **added.figures},
        files={**wing.files(activity), **added.files},
    )


def _totals(wing: Wing, simulation: Any, time: float, events: Mapping[str, int], course: Course) -> dict[str, Any]:
    """Sizes, costs and hashes of a run in which ``time`` ms were measured; collective."""
    slowest = simulation.slowest()
    memory = simulation.memory(everywhere=False)
    totals = {
        "ranks": simulation.comm.size,
        "n_neurons": simulation.network.size,
        "n_synapses": wing.connections(simulation),
        **events,
        **{name: slowest[name] for name in ("build_time", "compile_time", "sim_time")},
        "phase_times": simulation.phase_times(),
        "memory_built": [rank["built"] for rank in memory],
        "memory_peak": [rank["peak"] for rank in memory],
        **wing.hashes(simulation),
        **wing.choices(simulation),
    }
    totals = course.added_up(totals, simulation)
    return {**totals, "real_time_factor": totals["sim_time"] / (time / MS_PER_S)}


def _totals_table(measured: Measured) -> Table:
    totals = measured.totals
    factor = totals["real_time_factor"]
    rows = [
        ("ranks", f"{totals['ranks']}"),
        ("neurons", f"{totals['n_neurons']:,}"),
        (measured.simulation.connections, f"{totals['n_synapses']:,}"),
        *((name, f"{totals[f'n_{name}']:,}") for name in ("spikes", "updates", "flips") if f"n_{name}" in totals),
        ("build time (s)", f"{totals['build_time']:.2f}"),
        ("simulation time (s)", f"{totals['sim_time']:.2f}"),
        ("real-time factor", f"{factor:.3g} ({beside_real_time(factor)})"),
        *((("parts", f"{len(totals['parts'])}"),) if len(totals["parts"]) > 1 else ()),
        ("memory (MB)", f"{sum(totals['memory_peak']) / MEGABYTE:.0f}"),
        *((f"{name} hash", totals[f"{name}_hash"]) for name in ("spike", "rate", "flip") if f"{name}_hash" in totals),
    ]
    if measured.wing.plastic(measured.simulation.network) is not None:
        rows.append(("weight hash", totals["weight_hash"]))
    return Table("run", ("quantity", "value"), tuple(rows))
