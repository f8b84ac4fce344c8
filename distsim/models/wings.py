"""What the one driver asks of networks of each kind of neuron: how they are simulated, and what is told of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.binary_simulation import BinarySimulation
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, shown
from distsim.models import activity as spiking_activity
from distsim.models import binary_activity, connectivity_figures, rate_activity
from distsim.models.model import OF_ALL_NEURONS, SETTINGS, RunSettings
from distsim.rates.rate_network import RateNetwork
from distsim.rates.rate_simulation import RateSimulation
from distsim.spiking.network import Network
from distsim.spiking.simulation import Simulation

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpi4py import MPI

    from distsim.record.storage import Contents


class Wing(ABC):
    """How networks of the class ``network`` are run; what is recorded goes to ``file`` in the folder of a run."""

    network: ClassVar[type]
    file: ClassVar[str]

    def neurons(self, network: Any) -> list[Any]:
        """The populations that are neurons, not sources."""
        return list(network.populations)

    def plastic(self, network: Any) -> Any:
        """The first plastic projection, if there is one."""
        return None

    def check(self, settings: RunSettings) -> None:
        """InputError for settings that these networks do not have."""
        for name in SETTINGS:
            if name not in OF_ALL_NEURONS and getattr(settings, name) != getattr(RunSettings(), name):
                raise InputError(f"{name} = {shown(getattr(settings, name))} is of spikes; a run without has none")

    @abstractmethod
    def simulation(
        self, network: Any, comm: MPI.Comm, settings: RunSettings, file: Path | None, checkpoint: Path | None = None
    ) -> Any:
        """Build ``network``, to begin, or to go on from a ``checkpoint``; collective."""

    @abstractmethod
    def connections(self, simulation: Any) -> int:
        """Number of synapses, connections or couplings of all ranks."""

    def events(self, simulation: Any) -> dict[str, int]:
        """How many of what happened so far; collective."""
        return {}

    @abstractmethod
    def hashes(self, simulation: Any) -> dict[str, str]:
        """What runs of one network have in common on any number of ranks; collective."""

    def choices(self, simulation: Any) -> dict[str, Any]:
        """What the simulation has chosen on the spot, and why; no result depends on it."""
        return {}

    @abstractmethod
    def observe(self, simulation: Any, start: float) -> Any:
        """The activity after ``start`` (ms), when times were forgotten, up to now; collective."""

    def figures(self, network: Any, file: Path, style: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        """Figures of what is in the file of a run, as functions that draw them; ``style`` of weights, by the model."""
        return {}

    def files(self, activity: Any) -> Mapping[str, Callable[[], Contents]]:
        """Further files of a run by name, as functions that make them."""
        return {}

    @abstractmethod
    def means(self, network: Any, activity: Any, totals: Mapping[str, Any], time: float) -> dict[str, Any]:
        """What records hold of the activity in ``time`` ms: means over all neurons, and by population."""


class Spiking(Wing):
    """Networks of spiking neurons."""

    network = Network
    file = "spikes.h5"

    def neurons(self, network: Network) -> list[Any]:
        return [population for population in network.populations if population.model.receives]

    def plastic(self, network: Network) -> Any:
        return next((projection for projection in network.projections if projection.synapse.plastic), None)

    def check(self, settings: RunSettings) -> None:
        """They have all."""

    def simulation(
        self, network: Network, comm: MPI.Comm, settings: RunSettings, file: Path | None, checkpoint: Path | None = None
    ) -> Simulation:
        own = {name: getattr(settings, name) for name in ("seed", "precision", "interval", "exchange", "loop")}
        return _begun(Simulation, network, comm, checkpoint, file=file, **own)

    def connections(self, simulation: Simulation) -> int:
        return simulation.synapse_count()

    def events(self, simulation: Simulation) -> dict[str, int]:
        return {"n_spikes": simulation.spike_count()}

    def hashes(self, simulation: Simulation) -> dict[str, str]:
        return {"spike_hash": simulation.spike_hash(), "weight_hash": simulation.weight_hash()}

    def choices(self, simulation: Simulation) -> dict[str, Any]:
        return {"exchange_plan": simulation.exchange_plan, "loop_used": simulation.loop}

    def observe(self, simulation: Simulation, start: float) -> spiking_activity.Activity:
        return spiking_activity.observe(simulation)

    def figures(self, network: Network, file: Path, style: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        return connectivity_figures.figures_of(network, file, style)

    def means(self, network: Network, activity: Any, totals: Mapping[str, Any], time: float) -> dict[str, Any]:
        neurons = self.neurons(network)
        size = sum(population.size for population in neurons)
        rates = {population.name: activity.statistics[population.name].rate for population in neurons}
        return {"rate": totals["n_spikes"] / (size * (time / MS_PER_S)), "rates": rates}


class Rates(Wing):
    """Networks of rate neurons: what is told of their activity are the rates at the end."""

    network = RateNetwork
    file = "rates.h5"

    def neurons(self, network: RateNetwork) -> list[Any]:
        return [population for population in network.populations if population.model.siegert]

    def simulation(
        self,
        network: RateNetwork,
        comm: MPI.Comm,
        settings: RunSettings,
        file: Path | None,
        checkpoint: Path | None = None,
    ) -> RateSimulation:
        return _begun(RateSimulation, network, comm, checkpoint, seed=settings.seed, file=file)

    def connections(self, simulation: RateSimulation) -> int:
        return simulation.connection_count()

    def hashes(self, simulation: RateSimulation) -> dict[str, str]:
        return {"rate_hash": simulation.rate_hash()}

    def observe(self, simulation: RateSimulation, start: float) -> rate_activity.RateActivity:
        return rate_activity.observe(simulation)

    def files(self, activity: rate_activity.RateActivity) -> Mapping[str, Callable[[], Contents]]:
        return {"rates.csv": activity.csv} if activity.recorded else {}

    def means(self, network: RateNetwork, activity: Any, totals: Mapping[str, Any], time: float) -> dict[str, Any]:
        found = activity.statistics
        return {
            "rate": _over_all((s.neurons, s.rate) for s in found.values()),
            "rates": {name: s.rate for name, s in found.items()},
        }


class Binary(Wing):
    """Networks of binary neurons."""

    network = BinaryNetwork
    file = "activity.h5"

    def neurons(self, network: BinaryNetwork) -> list[Any]:
        return [population for population in network.populations if population.m_ext is None]

    def simulation(
        self,
        network: BinaryNetwork,
        comm: MPI.Comm,
        settings: RunSettings,
        file: Path | None,
        checkpoint: Path | None = None,
    ) -> BinarySimulation:
        return _begun(BinarySimulation, network, comm, checkpoint, seed=settings.seed, file=file)

    def connections(self, simulation: BinarySimulation) -> int:
        return simulation.coupling_count()

    def events(self, simulation: BinarySimulation) -> dict[str, int]:
        return {"n_updates": simulation.update_count(), "n_flips": simulation.flip_count()}

    def hashes(self, simulation: BinarySimulation) -> dict[str, str]:
        return {"flip_hash": simulation.flip_hash()}

    def observe(self, simulation: BinarySimulation, start: float) -> binary_activity.BinaryActivity:
        return binary_activity.observe(simulation, start)

    def means(self, network: BinaryNetwork, activity: Any, totals: Mapping[str, Any], time: float) -> dict[str, Any]:
        found = {p.name: activity.statistics[p.name] for p in self.neurons(network) if p.size}
        return {
            "activity": _over_all((s.neurons, s.activity) for s in found.values()),
            "activities": {name: s.activity for name, s in found.items()},
        }


def _begun(kind: Any, network: Any, comm: MPI.Comm, checkpoint: Path | None, **options: Any) -> Any:
    """A new simulation, or the one of a checkpoint."""
    if checkpoint is None:
        return kind(network, comm, **options)
    return kind.restore(network, checkpoint, comm, **options)


def _over_all(means: Iterable[tuple[int, float]]) -> float | None:
    """The mean over all neurons of the means of populations, given with their sizes; None without neurons."""
    known = list(means)
    neurons = sum(size for size, _ in known)
    return sum(size * mean for size, mean in known) / neurons if neurons else None


WINGS: tuple[Wing, ...] = (Spiking(), Rates(), Binary())
NETWORKS = tuple(wing.network for wing in WINGS)


def wing_of(network: Any) -> Wing:
    """The wing that simulates ``network``."""
    return next(wing for wing in WINGS if isinstance(network, wing.network))
