"""A network as it is kept in the file of a run, from which ``Network.from_file`` builds it again.

The attribute ``description`` of /network is JSON: populations, projections, stimuli and recordings, with all that was
given. Arrays of parameters, edges, positions and trains are datasets, see record/kept_network.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.kept_objects import FindClass, Keep, Load, class_finder, object_from, object_kept
from distsim.core.parts import Neurons, Part, Piece
from distsim.record.jsonable import plain
from distsim.record.kept_network import KeptArrays, read_network
from distsim.record.sonata_columns import StoredColumn
from distsim.spiking.explicit_edges import kind_between
from distsim.spiking.sonata_rule import SonataEdges

Recordings = Mapping[str, Any]
"""Classes of recordings by the attribute of a network that lists those that it has."""


def described(network: Any, recordings: Recordings, arrays: KeptArrays) -> dict[str, Any]:
    """All that was given to ``network``, as JSON can hold it."""
    keep = arrays.keep
    return {
        "dt": network.dt,
        "populations": [
            {
                "name": population.name,
                "size": population.size,
                "model": object_kept(population.model, keep),
                "positions": object_kept(population.positions, keep),
                "initial": {name: object_kept(value, keep) for name, value in population.initial.items()},
            }
            for population in network.populations
        ],
        "projections": [
            {
                "source": _neurons_kept(projection.source, keep),
                "target": _neurons_kept(projection.target, keep),
                "collected": hasattr(projection, "edges"),
                "rule": object_kept(projection.rule, keep),
                "synapse": object_kept(projection.synapse, keep),
            }
            for projection in network.projections
        ],
        "stimulations": [
            {"target": _neurons_kept(each.target, keep), "stimulus": object_kept(each.stimulus, keep)}
            for each in network.stimulations
        ],
        **{name: [_recording_kept(each, keep) for each in getattr(network, name)] for name in recordings},
    }


def network_from_file(
    network_class: Any, recordings: Recordings, path: str | os.PathLike[str], own: tuple[Any, ...]
) -> Any:
    """See ``Network.from_file``."""
    find_class = class_finder((*own, SonataEdges, StoredColumn), f"'{path}'")

    def build(kept: dict[str, Any], load: Load) -> Any:
        return _built(network_class(kept["dt"]), kept, recordings, load, find_class)

    network, about = read_network(path, build)
    if plain(network.description()) != about["network"]:
        raise InputError(
            f"'{path}' was written by another version of distsim, or of a class that was given: the "
            "network that it describes is another one here"
        )
    return network


def _built(network: Any, kept: dict[str, Any], recordings: Recordings, load: Load, find_class: FindClass) -> Any:
    """``network`` with all that was kept."""

    def found(value: Any) -> Any:
        return object_from(value, load, find_class)

    for of in kept["populations"]:
        initial = {name: found(value) for name, value in of["initial"].items()}
        network.population(of["name"], of["size"], found(of["model"]), positions=found(of["positions"]), **initial)
    for of in kept["projections"]:
        source, target = (_neurons_from(of[end], network, load) for end in ("source", "target"))
        rule, synapse = found(of["rule"]), found(of["synapse"])
        if of["collected"]:
            network.collect(kind_between(source, target, synapse), source, target, rule, synapse)
        else:
            network.connect(source, target, rule, synapse)
    for of in kept["stimulations"]:
        network.stimulate(_neurons_from(of["target"], network, load), found(of["stimulus"]))
    for name, kind in recordings.items():
        for of in kept[name]:
            given = {field: _part_from(value, network, load) for field, value in of.items()}
            getattr(network, name).append(kind(**given))
    return network


def _chosen_kept(chosen: range | npt.NDArray[np.int64], keep: Keep) -> Any:
    """Indices of neurons: a range where they follow each other."""
    index = np.asarray(chosen, np.int64)
    if isinstance(chosen, range) or (len(index) and np.array_equal(index, np.arange(index[0], index[0] + len(index)))):
        first = chosen if isinstance(chosen, range) else range(int(index[0]), int(index[-1]) + 1)
        return {"range": [first.start, first.stop, first.step]}
    return {"array": keep(index)}


def _chosen_from(kept: Any, load: Load) -> range | npt.NDArray[np.int64]:
    return range(*kept["range"]) if "range" in kept else load(kept["array"])


def _neurons_kept(neurons: Neurons, keep: Keep) -> list[Any]:
    return [[piece.population.name, _chosen_kept(piece.chosen, keep)] for piece in neurons.pieces]


def _neurons_from(kept: list[Any], network: Any, load: Load) -> Neurons:
    if len(kept) == 1 and kept[0][1] == {"range": [0, network.find(kept[0][0]).size, 1]}:  # which may be empty
        return network.find(kept[0][0])
    return network.neurons(Part([Piece(network.find(name), _chosen_from(chosen, load)) for name, chosen in kept]))


def _recording_kept(recording: Any, keep: Keep) -> dict[str, Any]:
    """The fields of a recording: names, numbers, neurons and lists of indices."""
    return {f.name: _part_kept(getattr(recording, f.name), keep) for f in fields(recording)}


def _part_kept(value: Any, keep: Keep) -> Any:
    if isinstance(value, Neurons):
        return {"neurons": _neurons_kept(value, keep)}
    if isinstance(value, np.ndarray):
        return {"chosen": {"array": keep(value)}}  # never as a range, which is of another kind
    return {"chosen": _chosen_kept(value, keep)} if isinstance(value, range) else value


def _part_from(kept: Any, network: Any, load: Load) -> Any:
    if not isinstance(kept, dict):
        return kept
    if "neurons" in kept:
        return _neurons_from(kept["neurons"], network, load)
    return _chosen_from(kept["chosen"], load)
