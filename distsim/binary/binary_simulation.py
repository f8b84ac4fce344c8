"""``BinarySimulation``: what users call to simulate a network of binary neurons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.binary import coupled_pairs, flip_file
from distsim.binary import couplings as building
from distsim.binary.binary_checkpoint import RECORDINGS, transfer
from distsim.binary.binary_memory import memory_of_binary
from distsim.binary.binary_network import BinaryNetwork, BinaryPopulation
from distsim.binary.changed_binary import ChangedBinary
from distsim.binary.coupled_pairs import CoupledPairs
from distsim.binary.flip_recorder import BinaryRecorder, Flips, MeanActivity
from distsim.binary.state_sampler import BinaryStates
from distsim.binary.update_recorder import Updates
from distsim.binary.window_course import EXCHANGES, WINDOWS
from distsim.binary.window_loop import BinaryLoop, call_kernels
from distsim.core.errors import InputError, check_arguments
from distsim.core.parts import Neurons, Part
from distsim.core.units import MAX_STEPS, check_number, check_seed
from distsim.parallel.array_collectives import gather_array
from distsim.record.changeable import Changeable
from distsim.record.checkpoint import Archive
from distsim.record.output import FLUSH_TIME, Output
from distsim.record.recorded_parts import columns_of_part, events_of_part
from distsim.record.simulation_base import Tick

if TYPE_CHECKING:
    from mpi4py import MPI

LEAST_IN_WINDOW = 1e-3  # updates, on average: shorter windows are nearly all empty
SHORTEST_WINDOW = 1e-6  # ms; windows much shorter would not come to an end
MOST_KEPT = 1 << 23  # updates of all ranks, on average, after which what they gave goes to the file


@check_arguments
class BinarySimulation(Changeable[BinaryNetwork]):
    """Simulate a ``BinaryNetwork`` on the ranks of ``comm``, by default those of the job; every method is collective.

    A run takes in all updates up to and including its end: several runs equal one that ends at the same time, to the
    last bit of the sum of their durations.

    seed: any integer; with the network it fixes every bit of the result, on any number of ranks. window (ms, at least
    1e-6): settle the updates of so long a time together, instead of a length that adapts; it changes no result. file:
    write what is recorded to this HDF5 file, which must not exist, instead of keeping it in memory.

    Raises InputError for wrong input, and StorageError where the file can no longer be written, on all ranks alike; any
    other error on one rank ends the whole job.
    """

    simulates = BinaryNetwork
    connections = "couplings"
    build_phases = ("connect",)
    kept_recordings = RECORDINGS
    can_record_anew = False
    run_phases = ("draw", "speculate", "exchange", "correct", "settle", "record")

    def __init__(
        self,
        network: BinaryNetwork,
        comm: MPI.Comm | None = None,
        seed: int = 1,
        *,
        window: float | None = None,
        file: str | Path | None = None,
    ) -> None:
        super().__init__(network, comm, seed, window=window, file=file)
        self.window = None if window is None else check_number(window, "window", low=SHORTEST_WINDOW)
        self._start(file, flip_file.lay_out)

    def _build(self) -> int:
        network, comm, seed = self.network, self.comm, self.seed
        self._check_memory(lambda: memory_of_binary(network, comm.size).total)
        self._compile(lambda: building.call_kernels(network, comm, seed))
        with self._building(), self._built.phase("connect"):
            couplings = building.build_couplings(network, comm, seed)
        self._compile(lambda: call_kernels(network, comm, seed, couplings))
        with self._building():
            self._couplings = couplings
            self._loop = BinaryLoop(network, comm, seed, couplings, self.window)
            self._recorder = BinaryRecorder(network, self._loop.neurons)
            self._changed = ChangedBinary(network, self._loop, couplings, seed)
            self._forgotten, self._active_before = 0.0, np.zeros(len(network.populations))
        self._timers = self._loop.timers
        if self._output:
            flip_file.append_records(self._output, self._recorder, 0.0)
            self._write_beside(self._output)
            self._output.flush(0.0)
        return len(couplings.targets)

    def _table_bytes(self) -> int:
        return self._couplings.nbytes()

    def _write_beside(self, output: Output) -> None:
        super()._write_beside(output)
        for population in self.network.populations:
            output.replace(f"states/{population.name}/initial", self.initial_states(population, everywhere=False))
            output.replace(f"states/{population.name}/final", self.states(population, everywhere=False))
        for recording in self.network.coupling_recordings if output.new else []:
            kept = coupled_pairs.of_recording(self.network, self._couplings, self.comm, recording)
            for pairs in kept.pieces():
                flip_file.append_couplings(output, recording.source, recording.target, pairs)

    def _transfer(self, archive: Archive) -> None:
        self._changed.again = not archive.saving
        self._transfer_changes(archive)
        self._changed.again = False
        self._forgotten = archive.number("time at which times were forgotten", self._forgotten)
        self._active_before[:] = archive.number("time active before", self._active_before.tolist())
        transfer(archive, self._loop, self._recorder)

    def _write_records(self, output: Output, at_end: bool) -> None:
        flip_file.append_records(output, self._recorder, self.time)
        for population in self.network.populations if at_end else []:
            output.replace(f"states/{population.name}/final", self.states(population, everywhere=False))

    @property
    def time(self) -> float:
        """Simulated time so far (ms)."""
        return self._loop.time

    def _advance(self, duration: Any, tick: Tick) -> None:
        loop = self._loop
        stop = loop.time + check_number(duration, "duration", low=0.0)
        self._check_updates(stop)
        longest = min(FLUSH_TIME, MOST_KEPT / loop.rate) if loop.rate else FLUSH_TIME
        due = loop.time + longest
        while loop.time < stop:
            flips = loop.advance(stop)
            self._recorder.add(loop.stretch, flips, loop.time)
            loop.timers.lap("record")
            if due <= loop.time < stop:
                self._write()
                due = loop.time + longest
            tick(loop.time)

    def _check_updates(self, stop: float) -> None:
        """InputError where there are too many updates up to ``stop`` (ms), or too few in a window."""
        rate = self._loop.rate  # of all neurons
        if rate * stop > MAX_STEPS * self.network.size:
            longest = MAX_STEPS * self.network.size / rate
            raise InputError(f"a simulation ends after {MAX_STEPS} updates per neuron on average, {longest:g} ms")
        if self.window is not None and 0.0 < self.window * rate < LEAST_IN_WINDOW:
            raise InputError(
                f"window = {self.window:g} ms must be at least {LEAST_IN_WINDOW / rate:.3g} ms: neurons are updated "
                f"every {1.0 / rate:.3g} ms"
            )

    def set(self, neurons: Neurons | str, **values: Any) -> None:
        """Change neurons from now on: ``set("E", theta=1.5, tau=5.0, state=0)``.

        neurons: a population, its name, or a part. theta: thresholds; tau: mean intervals (ms) between updates, also of
        what is left until the next; m: of external neurons; state: the chance of being active now, 0 or 1 to be exact.
        A number, an array (size,) or a distribution each. Neurons whose state changes flip just after the present.
        """
        self._change("neurons", [self.network.neurons(neurons)], values)

    def set_couplings(self, source: Neurons | str, target: Neurons | str, J: Any, number: int | None = None) -> None:
        """Change the strength of couplings from now on: ``set_couplings("E", "I", 0.2)``.

        source, target: as they were given to ``BinaryNetwork.connect``. J: a number, an array or a distribution, as
        there. number: which of several projections between them, counted from 0; None: all. Which neurons are coupled
        stays. Couplings that are recorded in a file are those of its beginning.
        """
        ends = [self.network.neurons(source), self.network.neurons(target)]
        self._change("couplings", ends, {"J": J}, number)

    def draw_anew(self, seed: int) -> None:
        """Draw with another seed, from now on, intervals between updates and what external neurons decide.

        The next update of each neuron stays; so does all else: couplings, thresholds, states that were drawn.
        """
        self._change("seed", [], {}, check_seed(seed))

    def _make_change(
        self, what: str, neurons: list[Neurons], values: dict[str, Any], number: int | None, now: Any
    ) -> dict[str, Any]:
        if what == "seed":
            self._loop.neurons.draw_from(int(number or 0))
            return {"of": "updates and external neurons", "seed": number}
        if what == "couplings":
            self._changed.couple(neurons[0], neurons[1], number, values["J"])
            self._couplings = self._changed.couplings
            self._compile(lambda: call_kernels(self.network, self.comm, self.seed, self._couplings))
            self._loop.couple(self._couplings)
            return {"of": f"{neurons[0].name}->{neurons[1].name}"}
        flips = self._changed.set(neurons[0], values, len(self._requests))
        self._loop.add_flips(flips)
        self._recorder.add_flips(flips, self.time)
        return {"of": neurons[0].name}

    def activity(self, population: BinaryPopulation | str, *, everywhere: bool = True) -> MeanActivity:
        """The recorded mean activity of ``population`` so far; not ``everywhere``: on rank 0 alone."""
        self._require_open()
        name = self.network.find(population).name
        if name not in self.network.activity_recordings:
            raise InputError(f"the activity of '{name}' is not recorded; call network.record_activity('{name}')")
        if self._output:
            time, value = self._output.read(f"activity/{name}", "time", "value", everywhere=everywhere)
            return MeanActivity(time, value, self.time)
        return self._recorder.activity(name, self.time, self.comm, everywhere)

    def flips(self, population: Neurons | str, *, everywhere: bool = True) -> Flips:
        """The recorded changes of state in ``population`` so far; not ``everywhere``: on rank 0 alone.

        Of a part: those of its neurons, which are counted within it.
        """
        self._require_open()
        neurons = self.network.neurons(population)
        if isinstance(neurons, Part):
            return Flips(*events_of_part(neurons, lambda whole: self.flips(whole, everywhere=everywhere)))
        name = neurons.name
        if name not in self.network.flip_recordings:
            raise InputError(f"the flips of '{name}' are not recorded; call network.record_flips('{name}')")
        if self._output:
            return Flips(*self._output.read(f"flips/{name}", "time", "neuron", "state", everywhere=everywhere))
        return self._recorder.flips(name, self.comm, everywhere)

    def updates(self, *, everywhere: bool = True) -> Updates:
        """All updates so far, and the mean activities just after each; not ``everywhere``: on rank 0 alone."""
        self._require_open()
        if self._recorder.updates is None:
            raise InputError("updates are not recorded; call network.record_updates()")
        if self._output:
            return flip_file.read_updates(self._output, self.network, everywhere)
        return self._recorder.updates.all(self.comm, everywhere)

    def updates_in_pieces(self) -> Iterator[Updates]:
        """All updates so far, some at a time, where they go to a file; for rank 0 alone, not collective."""
        self._require_open()
        if self._output is None or self._recorder.updates is None:
            raise InputError("updates are not recorded in a file; call network.record_updates(), and give a file")
        return flip_file.updates_in_pieces(self._output, self.network)

    def recorded_states(self, population: Neurons | str, *, everywhere: bool = True) -> BinaryStates:
        """The states recorded of ``population`` so far; of a part of one, those of its neurons, in its order.

        Not ``everywhere``: on rank 0 alone.
        """
        self._require_open()
        neurons = self.network.neurons(population)
        if isinstance(neurons, Part):
            whole = self.recorded_states(neurons.pieces[0].population, everywhere=everywhere)
            columns = columns_of_part(neurons, "the state", whole.neuron)
            return BinaryStates(whole.time, np.arange(neurons.size), whole.value[:, columns])
        name = neurons.name
        if name not in self._recorder.states:
            raise InputError(f"states of '{name}' are not recorded; call network.record_states(times, '{name}')")
        if self._output:
            return flip_file.read_states(self._output, name, everywhere)
        return self._recorder.states[name].all(self.comm, everywhere)

    def couplings(
        self,
        source: Neurons | str,
        target: Neurons | str,
        sources: Iterable[int] | None = None,
        targets: Iterable[int] | None = None,
        *,
        everywhere: bool = True,
    ) -> CoupledPairs:
        """The couplings from ``source`` to ``target``, or between chosen neurons of theirs.

        Each is a population, its name or a part; neurons are counted within it. Not ``everywhere``: on rank 0 alone.
        """
        ends = self.network.neurons(source), self.network.neurons(target)
        where = f"couplings '{ends[0].name}->{ends[1].name}'"
        chosen = self.network.chosen_ends(*ends, sources, targets, where)
        return coupled_pairs.between(self.network, self._couplings, self.comm, ends, chosen, everywhere)

    def states(self, population: Neurons | str, *, everywhere: bool = True) -> npt.NDArray[np.uint8]:
        """The states (size,), 0 or 1, of the neurons of ``population`` now; not ``everywhere``: on rank 0 alone."""
        return self._gather(population, self._loop.neurons.state, everywhere)

    def initial_states(self, population: Neurons | str, *, everywhere: bool = True) -> npt.NDArray[np.uint8]:
        """The states (size,) at the start; not ``everywhere``: on rank 0 alone."""
        return self._gather(population, self._loop.neurons.initial, everywhere)

    def inputs(self, population: Neurons | str) -> npt.NDArray[np.float64]:
        """The inputs h (size,) of the neurons of ``population`` now: whole numbers of units (binary/couplings.py)."""
        units = self._gather(population, self._loop.neurons.h.astype(np.int64) >> 1)  # half units
        unit = self._loop.unit
        inputs: npt.NDArray[np.float64] = np.multiply(units, unit.numerator, dtype=np.float64)
        return inputs / np.float64(unit.denominator)

    def _gather(self, population: Neurons | str, local: npt.NDArray[Any], everywhere: bool = True) -> npt.NDArray[Any]:
        """Of the numbers ``local`` (n,) of all neurons of this rank those of ``population`` (size,), of all ranks."""
        place = self.network.neurons(population).index_of(self._loop.neurons.gids)
        mine = place >= 0
        places = gather_array(place[mine], self.comm, everywhere)
        values = np.empty(len(places), local.dtype)
        values[places] = gather_array(local[mine], self.comm, everywhere)
        return values

    def update_count(self) -> int:
        """Number of updates of all neurons so far."""
        return int(self.comm.allreduce(self._loop.n_updates))

    def flip_count(self) -> int:
        """Number of changes of state of all neurons so far, recorded or not."""
        return int(self.comm.allreduce(self._loop.n_flips))

    def flip_hash(self) -> str:
        """Hash of the times of all changes of state of all neurons so far, recorded or not (``parallel.event_hash``).

        The counter of a flip is its time (ms), as the bits of a float64.
        """
        return self._loop.tally.hash.over_ranks(self.comm)

    def mean_activities(self) -> dict[str, float]:
        """Mean share of active neurons by population since ``forget_times()``, recorded or not; NaN where none is."""
        neurons = np.array([population.size for population in self.network.populations], np.float64)
        passed = self._loop.tally.active_time(self.time, self.comm) - self._active_before
        with np.errstate(invalid="ignore"):
            means = passed / (neurons * (self.time - self._forgotten))
        return {p.name: float(mean) for p, mean in zip(self.network.populations, means, strict=True)}

    def forget_times(self) -> None:
        """Start the times of the run anew, and what ``mean_activities`` tells, as after a pre-simulation."""
        super().forget_times()
        self._forgotten, self._active_before = self.time, self._loop.tally.active_time(self.time, self.comm)

    def coupling_count(self) -> int:
        """Number of couplings on all ranks."""
        return self._n_connections

    def window_count(self) -> tuple[int, int]:
        """Number of windows so far, and of exchanges."""
        course = self._loop.windows.course
        return int(course[WINDOWS]), int(course[EXCHANGES])
