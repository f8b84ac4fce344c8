"""The run of a spiking network, the same for all models: build, simulate, analyse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from distsim.core.units import MS_PER_S
from distsim.models.activity import Activity, observe
from distsim.models.outcome import Outcome, Table
from distsim.parallel.progress import Progress
from distsim.spiking.network import Network
from distsim.spiking.simulation import Simulation

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpi4py import MPI

SPIKES_FILE = "spikes.h5"
SHOWN_TIME = 1000.0  # ms at the end of a run that its raster shows
MEGABYTE = 1e6


class Extra(Protocol):
    """What a model adds to its run: called on every rank while the simulation is open, so it may ask for anything.

    Tables, summary entries and figures of the outcome replace those of the same title or name, or are added to them.
    """

    def __call__(self, simulation: Simulation, activity: Activity) -> Outcome: ...


def run_spiking(
    comm: MPI.Comm,
    network: Network,
    parameters: Any,
    folder: Path | None,
    progress: Progress,
    *,
    presimulation: float = 0.0,
    precision: str = "double",
    extra: Extra | None = None,
    colours: Mapping[str, str] | None = None,
) -> Outcome:
    """Simulate ``network`` for ``parameters.T`` ms with the seed ``parameters.seed``; collective, complete on rank 0.

    The ``presimulation`` (ms) before is in the file of spikes and in the spike hash, but in no statistic, figure or
    time. ``folder``: where spikes.h5 is written. ``colours`` of populations in figures. Raises InputError before
    anything is simulated.
    """
    file = folder / SPIKES_FILE if folder is not None else None
    with progress("compile and build", 0.0):
        simulation = Simulation(network, comm, parameters.seed, precision=precision, file=file)
    with simulation:
        discarded = _advance(simulation, presimulation, "discard", progress)
        _advance(simulation, parameters.T, "simulate", progress)
        totals = _totals(simulation, parameters.T, discarded)
        activity = observe(simulation, simulation.time - parameters.T, simulation.time)
        added = extra(simulation, activity) if extra is not None else Outcome()
    tables = {table.title: table for table in (activity.table(), *added.tables, _totals_table(totals))}
    return Outcome(
        tables=tuple(tables.values()),
        summary={
            "precision": precision,
            "presimulation": presimulation,
            "populations": activity.summary(),
            **totals,
            **added.summary,
        },
        figures={**_figures(activity, colours), **added.figures},
    )


def _advance(simulation: Simulation, time: float, label: str, progress: Progress) -> float:
    """Simulate ``time`` ms; returns the wall time (s) that all simulation took this rank so far."""
    if time > 0.0:
        with progress(label, time) as tell:
            simulation.run(time, tell)
    return simulation.sim_time


def _totals(simulation: Simulation, time: float, discarded: float) -> dict[str, Any]:
    """Sizes, costs and hashes of a run of ``time`` ms after one that took ``discarded`` s; collective.

    Times (s) are those of the slowest rank, memory (bytes) of each rank.
    """
    slowest = simulation.slowest()
    sim_time = max(simulation.comm.allgather(simulation.sim_time - discarded))
    memory = simulation.memory()
    plastic = any(projection.synapse.plastic for projection in simulation.network.projections)
    return {
        "ranks": simulation.comm.size,
        "n_neurons": simulation.network.size,
        "n_synapses": simulation.synapse_count(),
        "n_spikes": simulation.spike_count(),
        "build_time": slowest["build_time"],
        "compile_time": slowest["compile_time"],
        "sim_time": sim_time,
        "real_time_factor": sim_time / (time / MS_PER_S),
        "phase_times": simulation.phase_times(),
        "memory_built": [rank["built"] for rank in memory],
        "memory_peak": [rank["peak"] for rank in memory],
        "spike_hash": simulation.spike_hash(),
        "weight_hash": simulation.weight_hash() if plastic else None,
    }


def _totals_table(totals: Mapping[str, Any]) -> Table:
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
    if totals["weight_hash"] is not None:
        rows.append(("weight hash", totals["weight_hash"]))
    return Table("run", ("quantity", "value"), tuple(rows))


def _figures(activity: Activity, colours: Mapping[str, str] | None) -> dict[str, Callable[[], Figure]]:
    sizes = {name: size for name, size in activity.sizes.items() if size}
    if not sizes:
        return {}
    return {
        "raster": partial(_draw_raster, activity, sizes, colours),
        "distributions": partial(_draw_distributions, activity, list(sizes), colours),
    }


def _draw_raster(activity: Activity, sizes: Mapping[str, int], colours: Mapping[str, str] | None) -> Figure:
    """The last second of the run."""
    from distsim.analysis.plots import FEW, plot_raster

    start = max(activity.start, activity.stop - SHOWN_TIME)
    spikes = {name: activity.spikes[name] for name in sizes}
    window = activity.stop - start
    bin_width = min(5.0, max(window / 100.0, min(1.0, window / 10.0)))
    shown = 500 if len(sizes) <= FEW else 1000
    return plot_raster(spikes, sizes, start, activity.stop, bin_width=bin_width, shown=shown, colours=colours)


def _draw_distributions(activity: Activity, names: list[str], colours: Mapping[str, str] | None) -> Figure:
    """Rates of the neurons, CV of their intervals, correlation of pairs."""
    from distsim.analysis.plots import plot_distributions

    panels = {
        "rate (1/s)": {name: activity.rates(name) for name in names},
        "CV of inter-spike intervals": {name: activity.cvs(name) for name in names},
        "correlation of spike counts": {name: activity.correlations(name) for name in names},
    }
    return plot_distributions(panels, colours=colours)
