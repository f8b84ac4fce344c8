"""One point of an experiment: the network built and simulated, and the record of it."""

from __future__ import annotations

import contextlib
import math
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.analysis.published_statistics import STATISTICS, sample_statistics
from distsim.core.format_versions import RECORDS
from distsim.models.course import Keeping
from distsim.models.model import NetworkModel, RunSettings
from distsim.models.recording import PUBLISHED_SUBSET
from distsim.parallel.progress import Progress
from distsim.record.surroundings import affinity, now
from distsim.scaling.disturbance import CoreMeter, disturbance
from distsim.scaling.experiment import Point
from distsim.scaling.record_fields import HASHES
from distsim.scaling.settings import Experiment
from distsim.scaling.store import begin_folder

if TYPE_CHECKING:
    from distsim.models.run import Measured

RAPL = Path("/sys/class/powercap")
"""Where Linux tells the energy, readable by root on most systems."""
JOULE = 1e6  # RAPL counts microjoules
OF_ACTIVITY = ("n_spikes", *HASHES, "rate", "rates", "activity", "activities", "exchange_plan")
"""Fields of a record that not all neurons have."""

Check = Callable[[], None]
"""Called between the parts of a run; collective; raises to end the point."""


@dataclass(frozen=True)
class Task:
    """A point and all that it takes to run it; ``parameters`` are those of the model, ``folder`` is for its data.

    ``checkpoint``: where it is saved as often as the experiment says, and goes on if it was.
    """

    experiment: Experiment
    point: Point
    parameters: Any
    folder: Path | None = None
    checkpoint: Path | None = None

    def keeping(self) -> Keeping | None:
        """What the run keeps of itself to go on."""
        every = self.experiment.every()
        if self.checkpoint is None or every is None:
            return None
        return Keeping(self.checkpoint, every, resume=True, onward="")


def run_point(comm: Any, task: Task, progress: Progress, check: Check | None = None) -> dict[str, Any]:
    """Build and simulate the network of ``task`` on all ranks of ``comm``; collective.

    What is recorded goes to the folder of the task, which is begun anew, unless the point goes on from a checkpoint,
    and can be read at any moment.

    Returns the record, complete on rank 0: times in s, compilation excluded, weights in pA, rates in 1/s, memory in
    bytes, energy in J, which is not known of a point that was interrupted.
    """
    from distsim.models.run import simulate
    from distsim.parallel import on_root
    from distsim.parallel.communicator import first_of_node
    from distsim.parallel.gather import gather_numbers
    from distsim.parallel.machine import resident_bytes
    from distsim.scaling.plan import model_of, seeded

    begin = time.perf_counter()
    hosts = Hosts.of(comm)
    model = model_of(task.experiment)
    parameters, settings = seeded(task.experiment, task.point, task.parameters)
    recording = task.experiment.recording()
    if task.folder is not None:
        on_root(comm, partial(_begin_folder, task.folder, task, model, parameters, settings))
    keeping = task.keeping()
    reset_peak_memory()
    memory_start = [rank["start"] for rank in gather_numbers({"start": resident_bytes()}, comm, everywhere=False)]
    meter = EnergyMeter(counts=first_of_node(comm))
    cores = CoreMeter()
    with simulate(
        model, parameters, comm, settings, _of_point(progress, task.point),
        folder=task.folder if recording.choices else None, recording=recording, check=check, keeping=keeping,
        measuring=_both(meter, cores),
    ) as measured:  # fmt: skip
        unknown, joules = math.nan, meter.joules
        energy = comm.allreduce(unknown if joules is None else joules)
        record = {
            "format": RECORDS,
            **_settings(task, model, parameters, measured),
            **_measured(measured),
            **_weights(measured),
            "memory_start": memory_start,
            "energy": None if math.isnan(energy) or len(measured.totals["parts"]) > 1 else energy,
        }
        record |= _derived(record, measured.simulation.loads(everywhere=False), hosts)
        record |= disturbance(comm, cores, oversubscribed=hosts.oversubscribed)
    return {**record, "wall_time": time.perf_counter() - begin + earlier_wall_time(record)}


@contextlib.contextmanager
def _both(energy: EnergyMeter, cores: CoreMeter) -> Iterator[None]:
    with energy, cores:
        yield


def earlier_wall_time(record: dict[str, Any]) -> float:
    """Seconds of the jobs before the last one that had a part in the point."""
    return sum(part["wall_time"] for part in record.get("parts", ())[:-1])


def _begin_folder(folder: Path, task: Task, model: NetworkModel, parameters: Any, settings: RunSettings) -> None:
    """Begin the folder of a point that is not half done, with enough to run it again, and to know what is recorded."""
    if task.checkpoint is not None and task.checkpoint.exists():
        return  # what was recorded goes on
    about = {"model": model.name, "source": task.experiment.model, "date": now(), "parameters": parameters.as_dict()}
    chosen = {name: getattr(settings, name) for name in model.chosen}
    begin_folder(folder, {**about, **chosen, "record": task.experiment.recording().texts})


def _of_point(progress: Progress, point: Point) -> Progress:
    """Progress that names the point."""
    return lambda label, total, unit="ms": progress(f"{point}: {label}", total, unit)


def _settings(task: Task, model: NetworkModel, parameters: Any, measured: Measured) -> dict[str, Any]:
    from distsim.models.course import dt_of

    network = measured.simulation.network
    fields = {
        **task.experiment.fields(),
        "model": model.name,
        **task.point.as_dict(),
        "dt_ms": dt_of(network),
        "N": sum(population.size for population in measured.wing.neurons(network)),
        "parameters": {**parameters.as_dict(), "seed": task.point.seed},
    }
    return {
        **fields,
        "ranks": measured.totals["ranks"],
        "network": network_name(network, fields, measured.simulation.changes),
    }


def network_name(network: Any, fields: dict[str, Any], changes: Sequence[Any] = ()) -> str:
    """A name for all that fixes the bits of the result: records with the same one must have the same hashes."""
    what = [fields[name] for name in ("model", "parameters", "presimulation_ms", "T_ms", "precision")]
    from distsim.record.changeable import name_of  # numba, with which records that are only read have nothing to do

    return name_of([*what, network.description()], changes)


def _measured(measured: Measured) -> dict[str, Any]:
    """Costs, hashes, events, and means of all neurons and by population; None for what such neurons do not have."""
    totals = {name: value for name, value in measured.totals.items() if name not in ("ranks", "n_neurons")}
    network, activity = measured.simulation.network, measured.activity
    means = measured.wing.means(network, activity, totals, measured.settings.time)
    return {**dict.fromkeys(OF_ACTIVITY), **totals, **means}


def _weights(measured: Measured) -> dict[str, Any]:
    """Statistics (pA) of the weights among the first neurons of a plastic projection, and of all; on rank 0."""
    subset: Any = ()
    every: Any = None
    simulation = measured.simulation
    plastic = measured.wing.plastic(simulation.network)
    if plastic is not None:
        first = [range(min(PUBLISHED_SUBSET, end.size)) for end in (plastic.source, plastic.target)]
        chosen = dict(zip(("sources", "targets"), first, strict=True))
        subset = simulation.weights(plastic.source, plastic.target, **chosen, everywhere=False).weight
        every = simulation.plastic_weight_statistics()
    every = every or dict.fromkeys((*STATISTICS, "count"))
    return {
        **{f"weight_{name}": value for name, value in sample_statistics(subset).items()},
        **{f"plastic_weight_{name}": every[name] for name in (*STATISTICS, "count")},
    }


def _derived(record: dict[str, Any], loads: list[dict[str, float]], hosts: Hosts) -> dict[str, Any]:
    """What follows from the measurements: events, speeds per core, bytes per synapse, balance, energy per event."""
    names = loads[0] if loads else {}
    events, table_bytes = (_total(loads, name) if name in names else None for name in ("events", "bytes"))
    synapses = record["n_synapses"]
    return {
        "n_events": events,
        "pinning": hosts.pinning,
        "cores_used": hosts.cores_used,
        "oversubscribed": hosts.oversubscribed,
        "events_per_second_and_core": _ratio(events, record["sim_time"] * hosts.cores_used),
        "synapses_built_per_second_and_core": _ratio(synapses, record["build_time"] * hosts.cores_used),
        "bytes_per_synapse": _ratio(table_bytes, synapses),
        "load_balance": {name: balance([rank[name] for rank in loads]) for name in names if name != "bytes"},
        "energy_per_event": _ratio(record["energy"], events),
    }


def _total(loads: list[dict[str, float]], name: str) -> int:
    """The sum over ranks."""
    return int(sum(rank[name] for rank in loads))


def balance(values: list[float]) -> float | None:
    """Largest over mean value: 1 where all ranks have the same; None where all are 0."""
    return _ratio(max(values) * len(values), sum(values))


def _ratio(value: float | None, by: float | None) -> float | None:
    return value / by if value is not None and by else None


def reset_peak_memory() -> None:
    """Start the peak of the resident memory anew (Linux), so that a point does not show the peak of an earlier one."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


# Where the ranks are, and the energy that the processors of a node use


@dataclass(frozen=True)
class Hosts:
    """The nodes and cores of the ranks of a communicator.

    pinning: the cores that each rank may run on, as "0-3,6"; cores_used: cores that can be busy at once;
    oversubscribed: whether some node has more ranks than cores for them.
    """

    pinning: list[str]
    cores_used: int
    oversubscribed: bool

    @classmethod
    def of(cls, comm: Any) -> Hosts:
        """Those of ``comm``, on rank 0; no node on the others (collective)."""
        places = comm.gather((platform.node(), affinity())) or []
        ranks: dict[str, list[int]] = {}
        cores: dict[str, set[int]] = {}
        for rank, (host, allowed) in enumerate(places):
            ranks.setdefault(host, []).append(rank)
            cores.setdefault(host, set()).update(allowed)
        return cls(
            pinning=[ranges(allowed) for _, allowed in places],
            cores_used=sum(min(len(ranks[host]), len(cores[host])) for host in ranks),
            oversubscribed=any(len(ranks[host]) > len(cores[host]) for host in ranks),
        )


def ranges(numbers: list[int]) -> str:
    """Ascending numbers as in "0-3,6"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


class EnergyMeter:
    """The energy of all processor packages of this node while its context lasts: ``joules``, None where none is told.

    What lies below a package (cores, memory) is part of its count or not offered. ``counts`` is true on one rank of
    each node; the energy is 0 on the others.
    """

    joules: float | None = 0.0

    def __init__(self, folder: Path = RAPL, *, counts: bool = True) -> None:
        zones = sorted(folder.glob("intel-rapl:*")) if counts else []
        self._packages = [zone for zone in zones if zone.name.count(":") == 1]
        self._counts = counts

    def __enter__(self) -> None:
        self._before = [_read(zone / "energy_uj") for zone in self._packages]

    def __exit__(self, *error: object) -> None:
        if self._counts:
            self.joules = self._used()

    def _used(self) -> float | None:
        total = 0
        for zone, before in zip(self._packages, self._before, strict=True):
            now, limit = _read(zone / "energy_uj"), _read(zone / "max_energy_range_uj")
            if before is None or now is None:
                return None
            total += now - before if now >= before else now - before + (limit or 0)  # the counter went around once
        return total / JOULE if self._packages else None


def _read(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None
