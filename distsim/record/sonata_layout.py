"""What SONATA's configuration and files say of a circuit: populations of nodes and edges, and their types."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from distsim.core.errors import InputError
from distsim.record.storage import read_text
from distsim.record.taken_back import UNREADABLE

Types = dict[int, dict[str, Any]]
"""Attributes of each type of nodes or edges, by its number: of a table of types, and of the file that it names."""


@dataclass(frozen=True)
class SonataPopulation:
    """A population of nodes or edges: the ``group`` of the file at ``path`` that has it.

    columns: the datasets of what each has of its own, by name; words: what all of them have in common, such as
    model_template; own: what distsim has written there, if it did; ends: populations that edges are between. indexed:
    whether the edges onto each target are known.
    """

    name: str
    path: str
    group: str
    size: int
    columns: dict[str, str]
    words: dict[str, str]
    types: Types
    own: dict[str, Any] | None
    ends: tuple[str, str] = ("", "")
    indexed: bool = False


@dataclass(frozen=True)
class Circuit:
    """A circuit; dt (ms) and inputs (the file of spikes of a population by its name), where they are told."""

    nodes: list[SonataPopulation] = field(default_factory=list)
    edges: list[SonataPopulation] = field(default_factory=list)
    dt: float | None = None
    inputs: dict[str, str] = field(default_factory=dict)


def read_circuit(path: str | os.PathLike[str]) -> Circuit:
    """The circuit of a configuration, of a circuit or of a simulation; InputError where it cannot be read."""
    config = _config(Path(path))
    if "networks" in config or "network" not in config:
        return _circuit(path, config, Circuit())
    inputs = {
        str(given["node_set"]): str(given["input_file"])
        for given in config.get("inputs", {}).values()
        if "input_file" in given and "node_set" in given
    }
    circuit = Path(path).parent / config["network"]
    return _circuit(circuit, _config(circuit), Circuit(dt=config.get("run", {}).get("dt"), inputs=inputs))


def _circuit(path: Any, config: dict[str, Any], circuit: Circuit) -> Circuit:
    networks = config.get("networks")
    if not isinstance(networks, dict) or "nodes" not in networks:
        raise InputError(f"'{path}' is no configuration of SONATA: it names no networks with nodes")
    folders = [Path(folder) for folder in config.get("components", {}).values() if isinstance(folder, str)]
    for kind, found in (("nodes", circuit.nodes), ("edges", circuit.edges)):
        for entry in networks.get(kind, ()):
            types = _types(entry.get(f"{kind[:-1]}_types_file"), f"{kind[:-1]}_type_id", folders)
            found += _populations(entry[f"{kind}_file"], kind, types, list(entry.get("populations", ())))
    return circuit


def _config(path: Path) -> dict[str, Any]:
    """A configuration, the variables of its manifest put in, and paths counted from its folder."""
    try:
        config = json.loads(read_text(path))
        manifest = {name: str(value) for name, value in config.get("manifest", {}).items()}
    except (ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"'{path}' is no configuration of SONATA: {error}") from None
    for name, value in manifest.items():
        for other, folder in manifest.items():
            value = value.replace(other, folder) if other != name else value
        manifest[name] = str((path.parent / value).absolute())
    return _put_in(config, manifest)


def _put_in(value: Any, manifest: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _put_in(item, manifest) for name, item in value.items()}
    if isinstance(value, list):
        return [_put_in(item, manifest) for item in value]
    for name in sorted(manifest, key=len, reverse=True):
        value = value.replace(name, manifest[name]) if isinstance(value, str) else value
    return value


def _types(path: Any, key: str, folders: list[Path]) -> Types:
    """The table of types at ``path``, if there is one, with the parameters in the files that it names."""
    if path in (None, "", "null", "NULL"):
        return {}
    lines = read_text(Path(path)).splitlines()
    rows = csv.DictReader(lines, delimiter=" " if lines and "," not in lines[0] else ",", skipinitialspace=True)
    types: Types = {}
    for row in rows:
        given: dict[str, Any] = {name: value for name, value in row.items() if name and value not in (None, "NULL", "")}
        if key not in given:
            raise InputError(f"'{path}' has no column {key}")
        named = given.get("dynamics_params", "")
        found = next(
            (folder / named for folder in folders if named.endswith(".json") and (folder / named).exists()), None
        )
        parameters = json.loads(read_text(found)) if found else {}
        types[int(given[key])] = given | parameters
    return types


def _populations(path: Any, kind: str, types: Types, order: list[str]) -> list[SonataPopulation]:
    """The populations of nodes or edges in an HDF5 file, those that the configuration names in its order."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            names = dict.fromkeys([*order, *file[kind]])
            return [_population(str(path), f"{kind}/{name}", file[kind][name], types) for name in names]
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"there is no file '{path}'") from None
    except UNREADABLE as error:
        raise InputError(f"'{path}' cannot be read as {kind} of SONATA: {' '.join(str(error).split())}") from error


def _population(path: str, place: str, group: Any, types: Types) -> SonataPopulation:
    kind, name = place.split("/")
    of_type = group[f"{kind[:-1]}_type_id"]
    if "1" in group:
        raise InputError(f"'{path}': {place} has several groups of attributes; only one, 0, can be read")
    columns: dict[str, str] = {}
    words: dict[str, str] = {}
    for prefix in ("0", "0/dynamics_params"):
        for entry, found in group[prefix].items() if prefix in group else ():
            library = f"0/@library/{entry}"
            if library in group:
                texts = group[library].asstr()[()].tolist()
                if len(texts) == 1:
                    words[entry] = texts[0]
            elif hasattr(found, "dtype") and found.dtype.kind in "iuf" and found.ndim == 1:
                columns[entry] = f"{place}/{prefix}/{entry}"
    columns["type"] = f"{place}/{kind[:-1]}_type_id"
    used = set(np.unique(of_type[: 1 << 20]).tolist()) if types else set()
    shared = [row for number, row in types.items() if number in used]
    for word in ("model_type", "model_template"):
        if shared and len({row.get(word) for row in shared}) == 1 and shared[0].get(word):
            words.setdefault(word, str(shared[0][word]))
    own = json.loads(group.attrs["distsim"]) if "distsim" in group.attrs else None
    ends = "", ""
    if kind == "edges":
        source, target = (str(group[f"{end}_node_id"].attrs["node_population"]) for end in ("source", "target"))
        ends = source, target
    indexed = "indices/target_to_source/range_to_edge_id" in group
    return SonataPopulation(name, path, place, len(of_type), columns, words, types, own, ends, indexed)
