"""Small networks of every kind that together use every kernel; prints what they give, and which kernels ran.

With NUMBA_DISABLE_JIT=1 the kernels run as plain Python. ``kernels()`` finds them all by their decorators.
"""

from __future__ import annotations

import ast
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from mpi4py import MPI

import distsim
from distsim import (
    AllToAll,
    DryRun,
    Gamma,
    IafPscAlpha,
    IgnoreAndFire,
    Network,
    PoissonSource,
    Simulation,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
)
from distsim.analysis.filtered_trains import KERNELS, liquid_states
from distsim.connect.binomial import split_total
from distsim.spiking.choices import EXCHANGES
from tests.binary_reference import CASES
from tests.programs import clusters, devices_network, every_kernel, liquid, own_synapse, plasticity, rate_network
from tests.programs.binary_trajectories import trajectory
from tests.programs.fingerprint import digest, fingerprint
from tests.threads import on_ranks

PACKAGE = Path(distsim.__file__).parent
DECORATORS = {"jit", "jit_beside", "inline"}
SHAPES = (0.5, 3.0, 2000.0)  # of gamma distributions, small to large


def kernels() -> set[str]:
    """Every function of the package that is compiled, as "file function"."""
    return {
        f"{path.relative_to(PACKAGE)} {name}"
        for path in PACKAGE.rglob("*.py")
        for name in _decorated(ast.parse(path.read_text(encoding="utf-8")), "")
    }


def _decorated(node: ast.AST, within: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            if any(isinstance(d, ast.Name) and d.id in DECORATORS for d in child.decorator_list):
                yield within + child.name
            yield from _decorated(child, f"{within}{child.name}.{'<locals>.' * isinstance(child, ast.FunctionDef)}")
        else:
            yield from _decorated(child, within)


class Called:
    """Notes the functions of the package that are called while it is in force."""

    def __init__(self) -> None:
        self.codes: set[Any] = set()

    def __enter__(self) -> Called:
        threading.settrace(self._call)
        sys.settrace(self._call)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def _call(self, frame: FrameType, event: str, argument: Any) -> None:
        self.codes.add(frame.f_code)

    def names(self) -> set[str]:
        """As ``kernels`` names them."""
        paths = {code: Path(code.co_filename) for code in self.codes}
        inside = {code: path for code, path in paths.items() if path.is_relative_to(PACKAGE)}
        return {f"{path.relative_to(PACKAGE)} {code.co_qualname}" for code, path in inside.items()}


def sources(comm: MPI.Comm) -> dict[str, Any]:
    """Poisson sources that drive short-term synapses, whose states are asked for."""
    network = Network(dt=0.25)
    network.population("X", 3, PoissonSource(rate=500.0))
    network.population("E", 2, IafPscAlpha())
    network.connect("X", "E", AllToAll(), TsodyksMarkram(weight=100.0, delay=1.0))
    network.record_spikes("X")
    with Simulation(network, comm=comm) as simulation:
        simulation.run(20.0)
        states = simulation.synapse_states("X", "E", [5.0, 20.0])
        return {"spikes": len(simulation.spikes("X").step), "states": digest(states.x, states.y, states.u)}


def every_plan() -> list[str]:
    """What neurons that drive each other give with every plan of exchange, on two ranks."""
    network = Network(dt=0.25)
    network.population("E", 4, IafPscAlpha(I_e=1600.0))
    network.connect("E", "E", AllToAll(), Static(100.0, 1.0))

    def simulate(comm: Any, plan: str) -> str:
        with Simulation(network, comm, exchange=plan) as simulation:
            simulation.run(10.0)
            return simulation.spike_hash()

    found = []
    for plan in EXCHANGES:
        found += on_ranks(2, partial(simulate, plan=plan))
    return found


def dry() -> list[int]:
    """In how many intervals the second of three ranks has been compared, and was wrong, alone."""
    network = Network(dt=0.25)
    network.population("E", 4, IgnoreAndFire(rate=200.0, phase=0.5))
    network.connect("E", "E", AllToAll(), Static(100.0, 1.0))
    comm = DryRun(1, 3)
    with Simulation(network, comm) as simulation:
        simulation.run(20.0)
    return [comm.intervals, comm.wrong]


def devices(comm: MPI.Comm) -> dict[str, Any]:
    """Neurons, generators and synapses that other simulators have, each with another."""
    network = devices_network.build_network()
    with Simulation(network, comm=comm, seed=3) as simulation:
        simulation.run(20.0)
        return fingerprint(simulation)


def restored() -> list[str]:
    """What plastic weights come to on three ranks, after a checkpoint and on one rank."""
    network = Network(dt=0.25)
    network.population("E", 4, IafPscAlpha(I_e=600.0))
    network.connect("E", "E", AllToAll(), StdpPowerLaw(100.0, 1.0))

    def first(comm: Any) -> None:
        with Simulation(network, comm) as simulation:
            simulation.run(10.0)
            simulation.save(Path(folder) / "checkpoint")

    with tempfile.TemporaryDirectory() as folder:
        on_ranks(3, first)
        with Simulation.restore(network, Path(folder) / "checkpoint", MPI.COMM_SELF) as simulation:
            simulation.run(10.0)
            return [simulation.spike_hash(), simulation.weight_hash()]


def results(comm: MPI.Comm) -> dict[str, Any]:
    """What the networks give."""
    return {
        "spiking": every_kernel.result(comm),
        "plasticity": plasticity.simulate(comm, 0.05, 0.1),
        "liquid": liquid.experiment_of(comm, 2, pairs=1, T=12.0, N_z=5),
        "filtered": [liquid_states([1.0, 4.5], [0, 0], 1, [2.0, 5.0], 3.0, kernel).tolist() for kernel in KERNELS],
        "clusters": clusters.outcome(comm, 3.0),
        "own synapses": own_synapse.outcome(comm, 8.0),
        "silent source": own_synapse.silent_source(comm),
        "sources": sources(comm),
        "plans": every_plan(),
        "devices": devices(comm),
        "restored": restored(),
        "dry": dry(),
        "gamma": [Gamma(shape, 1.0).quantile(np.linspace(1e-9, 1.0, 9)[:8]).tolist() for shape in SHAPES],
        "totals": split_total(1500, 64, 1, np.arange(64)).tolist(),
        "binary": [on_ranks(2, partial(trajectory, case=CASES[name])) for name in ("seven", "weak", "external")],
        "binary, alone": trajectory(MPI.COMM_SELF, CASES["weak"]),
        "rates": rate_network.simulate(comm, {"E": 8, "I": 4, "runs": [0.5]}),
    }


if __name__ == "__main__":
    with Called() as called:
        found = results(MPI.COMM_SELF)
    print(json.dumps({"results": found, "called": sorted(called.names() & kernels())}))
