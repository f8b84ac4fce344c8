"""A run that goes on from a checkpoint as another one: with other parameters, or another seed for what is then drawn.

The network is built as it was when it began, and what differs from what it was at the checkpoint is changed there, as a
user would do it between two runs of a simulation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError
from distsim.models.model import NetworkModel, RunSettings
from distsim.models.outcome import Table
from distsim.models.recording import Recording
from distsim.parallel.communicator import on_root
from distsim.record import checkpoint_files
from distsim.record.jsonable import plain

OF_RUN = ("time", "seed", "precision")
SHOWN = ("step", "time", "what", "of")


@dataclass(frozen=True)
class Branch:
    """The checkpoint at ``path``, saved at ``time`` (ms), and a digest of all that it holds.

    made: parameters, without those that follow from others, and seed of the network as it began; identity: what fixed
    the results of the run that was saved, whose parameters and seed hold now.
    """

    path: Path
    digest: str
    time: float
    made: dict[str, Any]
    identity: dict[str, Any]

    @classmethod
    def of(cls, path: Path, model: NetworkModel) -> Branch:
        """That of a checkpoint that a run of ``model`` has left; InputError for any other. Not collective."""
        head = checkpoint_files.read_head(path)
        note = head["note"] or {}
        identity = note.get("identity")
        if not isinstance(identity, dict):
            raise InputError(f"'{path}' is a checkpoint, but not of 'run'; what a script saves, a script restores")
        for name, own in (("model", model.name), ("file", model.digest)):
            if identity[name] != own:
                raise InputError(f"'{path}' is of another model: {name} is {identity[name]} there, but {own} here")
        digest = hashlib.blake2b(json.dumps(head, sort_keys=True).encode(), digest_size=16).hexdigest()
        now = {name: value for name, value in identity["parameters"].items() if name not in model.parameters.DERIVED}
        made = note.get("origin") or {"parameters": now, "seed": identity["seed"]}
        return cls(path, digest, head["time"], made, {**identity, "parameters": now})

    def given(
        self, model: NetworkModel, overrides: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Overrides and settings of the continuation: those that are given, and else those of the run that was saved.

        There is no pre-simulation unless it is asked for.
        """
        own, rest = model.divided({name: self.identity[name] for name in OF_RUN} | {"presimulation": 0.0})
        return {**self.identity["parameters"], **own, **overrides}, {**rest, **settings}

    def recording(self, given: Recording | None) -> Recording | None:
        """What is recorded: what is ``given``, else that of the run that was saved."""
        record = self.identity["record"]
        return given or (None if record is None else Recording.of(record))

    def begin(
        self,
        make: Callable[..., Any],
        model: NetworkModel,
        parameters: Any,
        settings: RunSettings,
        recording: Recording | None,
        file: Path | None,
    ) -> Any:
        """The simulation that ``make`` makes of the checkpoint, with all that differs changed; collective.

        Raises InputError where something differs that cannot change between runs; then there is no ``file``.
        """
        from distsim.models.network_differences import differences

        was, is_now = (model.build_network(p) for p in (model.load(self.identity["parameters"]), parameters))
        for network in (was, is_now) if recording is not None else ():
            recording.apply(network)  # type: ignore[union-attr]
        changes = differences(was, is_now)
        simulation = make(self.path, **self._recorded(recording))
        try:
            for change in changes:
                change(simulation)
            if settings.seed != self.identity["seed"]:
                simulation.draw_anew(settings.seed)
        except InputError:
            simulation.close()
            on_root(simulation.comm, lambda: file.unlink(missing_ok=True) if file else None)
            raise
        return simulation

    def _recorded(self, recording: Recording | None) -> dict[str, bool]:
        """Where other things are recorded than by the run that was saved, they are so from the branch on."""
        return {"record_anew": True} if plain(recording and recording.texts) != self.identity["record"] else {}

    def told(self, simulation: Any, settings: RunSettings) -> dict[str, Any]:
        """What a summary says of it."""
        seeds = {"seed_of_network": self.made["seed"], "seed_from_there_on": settings.seed}
        made = {"branch": self.digest, "branch_file": str(self.path), "branch_time": self.time}
        return {**made, **seeds, "changes": simulation.changes}

    def table(self, simulation: Any) -> Table:
        """What was changed in ``simulation``, whose random numbers differ from those of the run that was saved."""
        rows = []
        for change in simulation.changes:
            values = ", ".join(f"{k} = {_brief(v)}" for k, v in change.items() if k not in SHOWN)
            rows.append((change["what"], change["of"], values))
        drawn = f"all else that is drawn: of seed {self.made['seed']}"
        return Table(f"branch of {self.path} at {self.time:g} ms; {drawn}", ("changed", "of", "to"), tuple(rows))


def _brief(value: Any) -> str:
    """A value as it is described, short enough for a table."""
    if isinstance(value, dict) and "shape" in value:
        return f"{' x '.join(map(str, value['shape']))} values"
    return f"{value:g}" if isinstance(value, float) else str(value)
