"""What a user imports from ``distsim``, and what the two further doors hold."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from mpi4py import MPI

import distsim
from distsim import (
    BinaryNetwork,
    BinarySimulation,
    ConstantRate,
    IafPscAlpha,
    LifMultisynapse,
    Network,
    RateNetwork,
    RateSimulation,
    Simulation,
    Trials,
)
from distsim.analysis import read
from distsim.models.registry import MODELS

STUB = Path(distsim.__file__).with_suffix(".pyi")


def test_every_name_stands_once_and_is_what_it_says():
    lines = [line.split() for line in STUB.read_text(encoding="utf-8").splitlines() if line.startswith("from")]
    names = [words[3] for words in lines]
    assert len(lines) == len(set(names)) == len(distsim.__all__) - 1 > 50
    for _, module, _, name, _, again in lines:
        assert name == again
        thing = getattr(distsim, name)
        alias = "types" if name == "Value" else module  # a union knows no module
        assert getattr(thing, "__module__", module) == alias, f"{name} is defined elsewhere"


def test_simulations_and_their_results_and_readers_are_public():
    for kind in (Simulation, BinarySimulation, RateSimulation):
        assert kind.__name__ in distsim.__all__
        for _, method in inspect.getmembers(kind, inspect.isfunction):
            result = str(inspect.signature(method).return_annotation).rpartition(".")[2]
            result = result.removeprefix("Iterator[").removesuffix("]")
            if result[:1].isupper() and method.__name__[0] != "_":
                assert result in (*distsim.__all__, "None"), f"{kind.__name__}.{method.__name__} gives {result}"
    readers = inspect.getmembers(read, inspect.isfunction)
    assert {name for name, _ in readers if name.startswith("read_")} <= set(distsim.__all__)


@pytest.mark.parametrize("door", ["analysis", "models"])
def test_a_further_door_lists_what_is_behind_it(door):
    package = __import__(f"distsim.{door}", fromlist=["x"])
    folder = Path(package.__file__).parent
    behind = MODELS if door == "models" else [path.stem for path in folder.glob("[a-z]*.py")]
    listed = {line.split()[0] for line in package.__doc__.splitlines() if "   " in line}
    assert listed == set(behind)


# ---------------------------------------------------------------- networks and simulations tell what they are


def spiking():
    network = Network(dt=0.1)
    network.population("A", 1200, LifMultisynapse())
    return network


def binary():
    network = BinaryNetwork()
    network.population("A", 3, theta=0.5)
    return network


def rates():
    network = RateNetwork()
    for k in range(10):
        network.population(f"P{k}", 1, ConstantRate(mean=1.0))
    return network


def test_networks_tell_what_they_are():
    assert repr(spiking()) == "Network of 1,200 neurons\n  populations: A (1,200 LifMultisynapse)"
    assert repr(BinaryNetwork()) == "BinaryNetwork of 0 neurons\n  populations: none"
    network = binary()
    network.connect("A", "A", distsim.AllToAll(), 1.0)
    assert repr(network) == "BinaryNetwork of 3 neurons\n  populations: A (3)\n  projections: A->A"
    assert repr(rates()).endswith("P7 (1 ConstantRate) and 2 more")


def test_simulations_tell_what_they_are(tmp_path):
    network = Network(dt=0.1)
    network.population("A", 1200, IafPscAlpha())
    network.connect("A", "A", distsim.FixedIndegree(2), distsim.Static())
    with Simulation(network, MPI.COMM_SELF, file=tmp_path / "run.h5") as simulation:
        simulation.run(1.0)
        assert repr(simulation) == "Simulation at 1 ms: 1,200 neurons, 2,400 synapses, on 1 rank"
    assert repr(simulation).startswith("Simulation at 1 ms, closed: ")
    assert repr(RateSimulation(rates(), MPI.COMM_SELF)).startswith("RateSimulation at 0 ms: 10 neurons, 0 connections")
    assert repr(Trials(spiking(), MPI.COMM_SELF)) == "Trials of 1,200 neurons, 0 synapses, on each of 1 rank"


# ---------------------------------------------------------------- the communicator may be left out


@pytest.mark.parametrize(
    ("kind", "network"), [(Simulation, spiking), (BinarySimulation, binary), (RateSimulation, rates), (Trials, spiking)]
)
def test_without_a_communicator_it_is_that_of_the_job(kind, network):
    assert kind(network(), seed=2).comm == distsim.world() == MPI.COMM_WORLD


def test_a_script_needs_no_mpi4py_of_its_own():
    """And importing names starts no MPI."""
    code = (
        "import sys; from distsim import *; assert 'mpi4py' not in sys.modules; network = RateNetwork();"
        "network.population('A', 2, ConstantRate(mean=1.0)); simulation = RateSimulation(network, seed=3);"
        "simulation.run(1.0); print(simulation.comm.size, simulation.current_rates('A').round(3).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1 [0.632, 0.632]\n"
