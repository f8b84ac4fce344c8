"""What recorders of NEST hold: events of the log that are theirs, and the files that they write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.connection_calls import Call
from distsim.nest.edges_of_calls import ports_between
from distsim.nest.event_log import OF_WEIGHTS, Events
from distsim.nest.kernel import Kernel
from distsim.nest.kernel_attributes import VERSION
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import NEVER, Values
from distsim.nest.node_blocks import Block, blocks_of

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BACKENDS = ("ascii", "memory", "screen")


@dataclass
class Past:
    """What holds for the events of a recorder up to now: those up to ``forgotten`` are none of its any more.

    windows: (until, after, last): of the events up to step ``until`` those after ``after``, not later than ``last``.
    written: the step up to which they are in its file. connected: by each call of Connect, the nodes (which of their
    block) of which it records.
    """

    forgotten: int = 0
    written: int = 0
    windows: list[tuple[int, int, int]] = field(default_factory=list)
    connected: dict[int, list[tuple[Block, Int64Array]]] = field(default_factory=dict)


class Recorders:
    """All recorders of a kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.epoch, self.pasts = kernel.epoch, dict[int, Past]()

    def past(self, block: Block) -> Past:
        """The past of a recorder."""
        if self.epoch != self.kernel.epoch:
            self.epoch, self.pasts = self.kernel.epoch, {}
        return self.pasts.setdefault(block.first, Past())

    def forget_old(self) -> None:
        """Take out of the log what no recorder holds any more."""
        recorders = [block for block in self.kernel.blocks if block.kind == "recorder"]
        self.kernel.log.forget(min((self.past(block).forgotten for block in recorders), default=0))

    def set(self, block: Block, values: Values) -> None:
        """Take note of values that a recorder is given, before it has them."""
        if self.kernel.prepared:
            raise NESTErrors.BadProperty(
                f"Setting status of a '{block.model.name}' with node ID {block.first}: Recorder parameters cannot be "
                "changed while inside a Prepare/Run/Cleanup context."
            )
        if values.get("record_to", "memory") not in BACKENDS:
            raise NESTErrors.BadProperty(
                f"Setting status of a '{block.model.name}' with node ID {block.first}: Unknown recording backend "
                f"'{values['record_to']}'; known: {', '.join(BACKENDS)}"
            )
        step = self.kernel.clock.step
        if {"start", "stop", "origin"} & set(values) and step:
            self.past(block).windows.append((step, *self._window(block)))

    def forget(self, block: Block, n_events: Any) -> None:
        """Forget all events so far: n_events = 0."""
        if n_events != 0:
            raise NESTErrors.BadProperty(
                f"Setting status of a '{block.model.name}' with node ID {block.first}: Property n_events can only be "
                "set to 0 (which clears all stored events)."
            )
        self.past(block).forgotten = self._until(block)

    def _window(self, block: Block) -> tuple[int, int]:
        """The step after which, and the last for which, a recorder records."""
        clock, values = self.kernel.clock, block.values
        stop = values["stop"] + values["origin"]
        return clock.steps(values["start"] + values["origin"]), 2**62 if stop >= NEVER else clock.steps(stop)

    def _until(self, block: Block) -> int:
        """The step up to which events have come: of samples and weights, up to the beginning of the last interval."""
        step, together = self.kernel.clock.step, self.kernel.min_delay
        at_once = is_spike_recorder(block) and block.spec.name != "weight_recorder"
        return step if at_once else max(step - 1, 0) // together * together

    def events(self, block: Block, after: int = 0) -> Events:
        """All events of a recorder on this rank after that step, in NEST's order."""
        names = names_of(block)
        events = Events.joined(list(self._held(block, names, after)), names).in_order(self.kernel.min_delay)
        if "ports" in names:
            events.values["ports"] = self._ports(events)
        return events

    def _held(self, block: Block, names: list[str], after: int = 0) -> Iterator[Events]:
        """Events of a recorder after that step, in the order in which they came."""
        past, until = self.past(block), self._until(block)
        for since, events in self._sent(block, names):
            step = events.steps
            chosen = (step > max(since, past.forgotten, after)) & (step <= until)
            begin = 0
            for end, start, last in [*past.windows, (until, *self._window(block))]:
                chosen &= ~((step > begin) & (step <= end)) | ((step > start) & (step <= last))
                begin = end
            yield events if chosen.all() else events.take(chosen)

    def _ports(self, events: Events) -> FloatArray:
        """The ports (n,) of the synapses of a weight recorder, whose calls stand in their place."""
        calls, targets = (events.values[name].astype(np.int64) for name in ("ports", "targets"))
        ports = np.zeros(len(calls))
        for number in np.unique(calls).tolist():
            own = calls == number
            ends = events.senders[own], targets[own]
            ports[own] = ports_between(self.kernel.calls[number].kind, calls[own], *ends)
        return ports

    def _sent(self, block: Block, names: list[str]) -> Iterator[tuple[int, Events]]:
        """What every connection of a recorder has brought, and the step after which it holds."""
        if block.spec.name == "weight_recorder":
            yield 0, self.kernel.log.weights_of(block.first)
        for call in self.kernel.of_recorder.get(block.first, ()):
            for nodes, places in self._connected(block, call):
                if call.way == "record":
                    yield call.since, _of(self.kernel.log.spikes_of(nodes.first), nodes, places)
                elif names:
                    yield call.since, self._sampled(block, nodes, places, names, call.since)

    def _connected(self, block: Block, call: Call) -> list[tuple[Block, Int64Array]]:
        """The nodes of which a recorder records by a call, run by run in ascending order."""
        known = self.past(block).connected
        if call.number not in known:
            every, own = np.arange(len(call.target)), np.array([block.first])
            index, sources = (np.flatnonzero(call.target == own), None) if call.way == "record" else (every, own)
            edges = call.batches(call.stand_in(), 0, self.kernel.clock, index, sources)
            ids = [batch.source if call.way == "record" else batch.target for batch in edges]
            known[call.number] = [run for some in ids for run in blocks_of(self.kernel.blocks, np.sort(some))]
        return known[call.number]

    def _sampled(self, block: Block, neurons: Block, places: Int64Array, names: list[str], since: int) -> Events:
        """Samples of some nodes of a block at the times of a multimeter that was connected at the step ``since``."""
        clock = self.kernel.clock
        interval, offset = clock.steps(block.values["interval"]), clock.steps(block.values["offset"])
        first = max(offset, since + 2 if offset else 0)  # with an offset NEST leaves out the first step
        columns: list[Events] = []
        values: dict[str, FloatArray] = {}
        for name in names:
            states = neurons.spec.recorded(neurons.values)[name]
            every = [_of(self.kernel.log.samples_of(neurons.first, state), neurons, places) for state in states]
            on_time = [each.take((each.steps >= first) & ((each.steps - offset) % interval == 0)) for each in every]
            values[name] = np.sum([events.values[state] for events, state in zip(on_time, states, strict=True)], axis=0)
            values[name] *= -1.0 if name in neurons.spec.opposite else 1.0
            if name in neurons.spec.from_rest:
                values[name] -= (np.zeros(neurons.n) + neurons.values["E_L"])[on_time[0].senders - neurons.first]
            columns += on_time
        return Events(columns[0].senders, columns[0].steps, columns[0].offsets, values)

    def told(self, block: Block, names: list[str] | None) -> Values:
        """What ``get`` tells of a recorder beside its parameters: of ``names``, or all."""
        told: Values = {}
        if names is None or "n_events" in names:
            told["n_events"] = sum(len(events.steps) for events in self._held(block, names_of(block)))
        if block.values["record_to"] == "ascii":
            told["filenames"] = [self.file_name(block)]
        elif block.values["record_to"] == "memory" and (names is None or "events" in names):
            told["events"] = self._columns(block, self.events(block))
        return told

    def _columns(self, block: Block, events: Events) -> Values:
        clock = self.kernel.clock
        columns: Values = {"senders": events.senders}
        if block.values["time_in_steps"]:
            columns |= {"times": events.steps, "offsets": events.offsets}
        else:
            columns["times"] = events.steps * clock.tics_per_step / clock.tics_per_ms - events.offsets
        whole = {name: value.astype(np.int64) for name, value in events.values.items() if name in OF_WEIGHTS[1:]}
        return columns | events.values | whole

    # ------------------------------------------------------------ files

    def file_name(self, block: Block) -> str:
        """The file of a recorder on this rank."""
        status, values = self.kernel.status, block.values
        digits = len(str(self.kernel.size))
        label = values["label"] or block.model.name
        rank, most = self.kernel.comm.rank, self.kernel.comm.size - 1
        name = f"{label}-{block.first:0{digits}d}-{rank:0{len(str(most))}d}.{values['file_extension']}"
        name = f"{status['data_prefix']}{name}"
        return str(Path(status["data_path"]) / name) if status["data_path"] else name

    def _writing(self) -> Iterator[Block]:
        for block in self.kernel.blocks:
            if block.kind == "recorder" and block.values["record_to"] != "memory":
                yield block

    def open_files(self) -> None:
        """Begin the files of all recorders, as NEST does whenever it prepares."""
        for block in self._writing():
            self.past(block).written = self._until(block)
            if block.values["record_to"] == "screen":
                continue
            name = Path(self.file_name(block))
            if name.exists() and not self.kernel.status["overwrite_files"]:
                raise NESTErrors.IOError(
                    f"The file '{name}' exists already; set overwrite_files to True, or data_path, data_prefix or "
                    "label to something else"
                )
            names = names_of(block)
            times = ["time_step", "time_offset"] if block.values["time_in_steps"] else ["time_ms"]
            head = f"# NEST version: {VERSION}\n# RecordingBackendASCII version: 2\n"
            try:
                name.write_text(head + "\t".join(["sender", *times, *names]) + "\n", encoding="utf-8")
            except OSError as error:
                raise NESTErrors.IOError(f"'{name}' cannot be written: {error.strerror}") from error

    def write_files(self) -> None:
        """Add to the files what has come since they were written."""
        for block in self._writing():
            past = self.past(block)
            events, past.written = self.events(block, past.written), self._until(block)
            columns = self._columns(block, events)
            kept = [columns["senders"].tolist(), columns["times"].tolist()]
            digits = f"%.{block.values['precision']}f"
            further = [name for name in columns if name not in ("senders", "times")]
            shown = ["%d" if columns[name].dtype.kind == "i" else digits for name in ("senders", "times", *further)]
            lines = "\t".join(shown) + "\n"
            text = "".join([lines % row for row in zip(*kept, *(columns[n].tolist() for n in further), strict=True)])
            if block.values["record_to"] == "screen":
                print(text, end="")
            elif text:
                with Path(self.file_name(block)).open("a", encoding="utf-8") as file:
                    file.write(text)


def is_spike_recorder(block: Block) -> bool:
    """Whether it records spikes, and not states."""
    return not block.spec.samples


def _of(events: Events, block: Block, places: Int64Array) -> Events:
    """The events of some nodes of a block."""
    if len(places) == block.n:
        return events
    wanted = np.zeros(block.n, np.bool_)
    wanted[places] = True
    return events.take(wanted[events.senders - block.first])


def names_of(block: Block) -> list[str]:
    """The columns of a recorder beside sender and time."""
    if block.spec.name == "weight_recorder":
        return list(OF_WEIGHTS)
    return [] if is_spike_recorder(block) else list(block.values["record_from"])
