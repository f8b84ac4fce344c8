"""``RateSimulation``: what users call to simulate a network of rate neurons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_arguments
from distsim.core.parts import Neurons, Part
from distsim.parallel.gather import States
from distsim.rates.changed_rates import ChangedRates
from distsim.rates.rate_checkpoint import RECORDINGS, transfer
from distsim.rates.rate_loop import RateLoop, call_kernels
from distsim.rates.rate_memory import memory_of_rates
from distsim.rates.rate_network import RateNetwork
from distsim.record.changeable import Changeable
from distsim.record.checkpoint import Archive
from distsim.record.kept_network import keep_network
from distsim.record.output import Output, lay_out_states
from distsim.record.recorded_parts import states_of_part
from distsim.record.simulation_base import GridSimulation
from distsim.record.store import Store

if TYPE_CHECKING:
    from mpi4py import MPI


@check_arguments
class RateSimulation(GridSimulation[RateNetwork], Changeable[RateNetwork]):
    """Simulate ``network`` on the ranks of ``comm``, by default those of the job.

    Every method is collective unless it says otherwise.

    seed: any integer; with the network it fixes every bit of the result, on any number of ranks. file: write what is
    recorded to this HDF5 file, which must not exist, instead of keeping it in memory: /rates/<population>/{neuron,
    time, value}, value (T, n) in 1/s at time (T,) in ms, of the neurons (n,) counted within their population; and
    /network, from which ``RateNetwork.from_file`` builds the network again.

    Raises InputError for wrong input, and StorageError where the file can no longer be written, on all ranks alike; any
    other error on one rank ends the whole job.
    """

    _loop: RateLoop
    simulates = RateNetwork
    connections = "connections"
    build_phases = ()
    kept_recordings = RECORDINGS
    run_phases = ("communicate", "update", "record")

    def __init__(
        self, network: RateNetwork, comm: MPI.Comm | None = None, seed: int = 1, *, file: str | Path | None = None
    ) -> None:
        super().__init__(network, comm, seed, file=file)
        self.dt = network.dt
        self._start(file, lay_out, dt=self.dt)

    def _build(self) -> int:
        network, comm = self.network, self.comm
        self._check_memory(lambda: memory_of_rates(network, comm.size).total)
        self._compile(lambda: call_kernels(network, self.seed))
        with self._building():
            self._loop = RateLoop(network, comm, self.seed)
        self._timers = self._loop.timers
        self._changed = ChangedRates(network, self._loop, self.seed)
        return self._loop.n_connections

    def _table_bytes(self) -> int:
        return self._loop.table_bytes

    def _write_records(self, output: Output, at_end: bool) -> None:
        for name, (recorder, _) in self._loop.recorders.items():
            for piece in recorder.take(self.comm):
                output.append_states(f"rates/{name}", piece, self.dt)

    def _transfer(self, archive: Archive) -> None:
        self._transfer_changes(archive)
        transfer(archive, self._loop)

    def set(self, neurons: Neurons | str, **values: Any) -> None:
        """Change parameters of neurons, and their ``rate`` (1/s), from now on: ``set("E", mean=5.0, rate=0.0)``.

        neurons: a population, its name, or a part. A value is a number, an array (size,) or a distribution.
        """
        self._change("neurons", [self.network.neurons(neurons)], values)

    def set_factors(
        self, source: Neurons | str, target: Neurons | str, number: int | None = None, **values: Any
    ) -> None:
        """Change factors of connections from now on: ``set_factors("E", "I", drift_factor=0.002)``.

        source, target: as they were given to ``RateNetwork.connect``. values: of ``drift_factor`` (mV s) and
        ``diffusion_factor`` (mV^2 s), each a number, an array or a distribution, as there. number: which of several
        projections between them, counted from 0; None: all. Which neurons are connected stays.
        """
        ends = [self.network.neurons(source), self.network.neurons(target)]
        self._change("connections", ends, values, number)

    def draw_anew(self, seed: int) -> None:
        """Raise InputError: rate neurons draw nothing while they run, so that no continuation differs by its seed."""
        raise InputError("draw_anew: rate neurons draw nothing while they run; another seed is another network")

    def _make_change(
        self, what: str, neurons: list[Neurons], values: dict[str, Any], number: int | None, now: Any
    ) -> dict[str, Any]:
        if what == "connections":
            self._changed.connect(neurons[0], neurons[1], number, values)
            return {"of": f"{neurons[0].name}->{neurons[1].name}"}
        self._changed.set(neurons[0], values, len(self._requests))
        return {"of": neurons[0].name}

    def rates(self, population: Neurons | str, everywhere: bool = True) -> States:
        """The recorded rates (1/s) of ``population`` so far; of a part of one, those of its neurons, in its order.

        On every rank, or, unless ``everywhere``, on rank 0 alone, and at no times on the others.
        """
        neurons = self.network.neurons(population)
        if isinstance(neurons, Part):
            return states_of_part(neurons, "the rate", lambda whole, _: self.rates(whole, everywhere))
        name = neurons.name
        if name not in self._loop.recorders:
            raise InputError(f"the rates of '{name}' are not recorded; call network.record_rates('{name}')")
        self._require_open()
        if self._output:
            return self._output.read_states(f"rates/{name}", self.dt, everywhere)
        return self._loop.recorders[name][0].all(self.comm, everywhere)

    def current_rates(self, population: Neurons | str) -> npt.NDArray[np.float64]:
        """The rates (size,) (1/s) of ``population``, or a part, now, recorded or not, the same on every rank."""
        return self._loop.rates(self.network.neurons(population))

    def rate_hash(self) -> str:
        """SHA-256 of the rates of all neurons now, in the order of gids, as little-endian float64."""
        return self._loop.hash()

    def connection_count(self) -> int:
        """Number of connections on all ranks. Not collective."""
        return self._n_connections


def lay_out(store: Store, network: RateNetwork) -> None:
    """Add all groups and datasets that the recordings of ``network`` need, and keep the network itself."""
    keep_network(store, network)
    for recording in network.recordings:
        lay_out_states(store, f"rates/{recording.population}", recording.neurons, "1/s")
