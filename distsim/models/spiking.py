"""The run of a spiking network, the same for all models: build, simulate, analyse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.analysis import rates
from distsim.models.outcome import Outcome, Table
from distsim.network.network import Network
from distsim.progress import Progress
from distsim.simulation import Simulation

if TYPE_CHECKING:
    from mpi4py import MPI


def run_spiking(
    comm: MPI.Comm,
    network: Network,
    parameters: Any,
    folder: Path | None,
    progress: Progress,
    *,
    presimulation: float = 0.0,
    precision: str = "double",
    extra: Callable[[Simulation, Any], Outcome] | None = None,
) -> Outcome:
    """Simulate ``network`` for ``parameters.T`` ms after ``presimulation`` ms, which is not analysed; collective.

    ``extra(simulation, activity)`` is called on every rank while the simulation is open and adds tables, summary entries
    and figures, or replaces those of the same title or name.
    """
    file = folder / "spikes.h5" if folder is not None else None
    with Simulation(network, comm, parameters.seed, precision=precision, file=file) as simulation:
        with progress("simulate", parameters.T) as tell:
            simulation.run(parameters.T, tell)
        rows = []
        for recording in network.spike_recordings:
            spikes = simulation.spikes(recording.population)
            times = spikes.times(network.dt)
            rate = rates.mean_rate(times, recording.first, 0.0, parameters.T)
            rows.append((recording.population, recording.first, rate))
        return Outcome((Table("populations", ("population", "neurons", "rate (1/s)"), tuple(rows), ("", "", ".2f")),))
