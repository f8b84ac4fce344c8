"""The models that the command line knows.

A model is a folder of this package with

- ``defaults.toml``: its parameters, see ``models/defaults.py``
- ``parameters.py``: MODEL, DERIVED, SHORTCUTS, ``defaults()``, ``load(overrides)``; importable without engine and MPI,
  so that help is quick. SHORTCUTS has the parameters that have an option of their own: {"pairs": "pairs"} makes
  ``--pairs 20`` of ``--set pairs=20``. (``--time`` and ``--seed`` are there for every model with ``T`` and ``seed``.)
- ``experiment.py``: all of these again; ``run(comm, parameters, folder, progress) -> Outcome``, collective; and for a
  spiking network ``build_network(parameters)`` and ``resized(neurons, indegree)``, the overrides that give a network of
  so many neurons
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from distsim.core.errors import InputError, nearest

MODELS = {
    "two_population": "balanced random network, excitatory and inhibitory, with spike-timing dependent plasticity",
    "brunel": "sparsely connected excitatory and inhibitory delta neurons, and the mean field that predicts rates",
    "binary_ei": "asynchronous binary neurons, excitatory and inhibitory or any number of populations, and mean field",
    "liquid_state": "liquid state machine: how far apart two stimuli drive a column with short-term plasticity",
    "microcircuit": "1 mm^2 of cortex at full density: eight populations in four layers (Potjans & Diesmann 2014)",
}
"""One line on each model by name."""


def find(name: str) -> ModuleType:
    """The experiment of a model; InputError with the nearest name where there is none."""
    return import_module(f"distsim.models.{_known(name)}.experiment")


def find_parameters(name: str) -> ModuleType:
    """The parameters of a model, without loading the engine; InputError as ``find``."""
    return import_module(f"distsim.models.{_known(name)}.parameters")


def shortcuts(name: str) -> dict[str, str]:
    """Options that a model has beside --time and --seed, and the parameters they set."""
    found: dict[str, str] = find_parameters(name).SHORTCUTS
    return found


def _known(name: str) -> str:
    if name not in MODELS:
        raise InputError(f"unknown model '{name}'{nearest(name, MODELS)}")
    return name
