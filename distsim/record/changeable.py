"""Simulations that can be changed between runs: what was changed is told, kept in checkpoints, and made again there."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from distsim.core.kept_changes import neurons_from, neurons_kept, value_from, value_kept
from distsim.core.parts import Neurons
from distsim.core.rng import VERSION
from distsim.core.values import describe
from distsim.parallel.agreement import require_same
from distsim.parallel.job import faults
from distsim.parallel.lone_rank import require_ranks
from distsim.record.checkpoint import Archive
from distsim.record.jsonable import plain
from distsim.record.output import Output
from distsim.record.simulation_base import AnyNetwork, SimulationBase

Change = dict[str, Any]


class Changeable(SimulationBase[AnyNetwork]):
    """A simulation of which a change, that of a wing's ``_make_change``, is requested by ``_change``; collective."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._log: list[Change] = []
        self._requests: list[Change] = []

    @property
    def network_name(self) -> str:
        """A name for all that fixes the results: the network, seed and precision, and what was changed so far."""
        fixed = [getattr(self, name) for name in self.fixed]
        return name_of([self._name, *fixed, self.network.description()], self._log)

    @property
    def changes(self) -> list[Change]:
        """What was changed so far: plain data, each with the step (or time, in ms) after which it holds."""
        return list(self._log)

    def _present(self) -> Change:
        """The last step done, or, where there are no steps, the time (ms), by its name."""
        step = getattr(self, "step", None)
        return {"time": self.time} if step is None else {"step": step}

    @abstractmethod
    def _make_change(
        self, what: str, neurons: list[Neurons], values: dict[str, Any], number: int | None, now: Any
    ) -> dict[str, Any]:
        """Change something after ``now``, or nothing where it raises InputError, the same on all ranks.

        What is told of it: at least ``of``, a name of what was changed.
        """

    def _change(self, what: str, neurons: list[Neurons], values: dict[str, Any], number: int | None = None) -> None:
        """Make a change, the same on all ranks, and tell the file."""
        self._require_open()
        require_ranks(self.comm, "a change")
        request = {"what": what, **self._present(), "number": number}
        request |= {"neurons": [neurons_kept(each) for each in neurons]}
        request |= {"values": {name: value_kept(value) for name, value in values.items()}}
        require_same(self.comm, "change", request=json.dumps(plain(request)))
        with faults(self.comm):
            self._make(request)
            if self._output:
                self._tell_changes(self._output)

    def _make(self, request: Change) -> None:
        """Make a change, given by what is kept of it, and note it."""
        neurons, values = self._read(request)
        present = {name: request[name] for name in self._present()}
        (now,) = present.values()
        told = self._make_change(request["what"], neurons, values, request["number"], now)
        described = {name: describe(value) for name, value in values.items()}
        self._log.append({**present, "what": request["what"], **told, **described})
        self._requests.append(request)

    def _read(self, request: Change) -> tuple[list[Neurons], dict[str, Any]]:
        neurons = [neurons_from(kept, self.network) for kept in request["neurons"]]
        return neurons, {name: value_from(kept) for name, kept in request["values"].items()}

    def requested(self, what: str) -> list[tuple[list[Neurons], dict[str, Any]]]:
        """The changes of one kind so far, one after the other: of which neurons, and their new values."""
        return [self._read(request) for request in self._requests if request["what"] == what]

    def _transfer_changes(self, archive: Archive) -> None:
        """Keep the changes in a checkpoint, or make those of one again, before anything else is brought back."""
        requests = archive.number("changes", self._requests)
        for request in () if archive.saving else requests:
            self._make(request)

    def _write_beside(self, output: Output) -> None:
        self._tell_changes(output)

    def _tell_changes(self, output: Output) -> None:
        """Let the file tell what was changed so far, and the name of the network that came of it."""
        if self._log:
            output.note("changes", json.dumps(plain(self.changes)))
            output.note("network_name", self.network_name)


def name_of(what: Sequence[Any], changes: Sequence[Change]) -> str:
    """A short hash of ``what`` fixes the results of a network, and of ``changes``, if there were any."""
    text = json.dumps([VERSION, *what, *([changes] if changes else [])], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
