"""The file of a run is enough to repeat it: the network that it holds gives the same spikes, states and weights."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distsim import (
    BinaryNetwork,
    BinarySimulation,
    EdgeList,
    FixedIndegree,
    IafPscAlpha,
    InputError,
    Network,
    Normal,
    RateSimulation,
    Simulation,
    SpikeTrains,
    Static,
    Uniform,
    lattice,
    read_parameters,
)  # fmt: skip
from distsim.binary import flip_file
from distsim.parallel.agreement import first_difference, leaves_of
from distsim.rates import rate_simulation
from distsim.record import kept_network
from distsim.record.store import Store
from distsim.spiking import spike_file
from docs.own.izhikevich import Izhikevich
from docs.own.ring import Ring
from docs.own.triangle_current import TriangleCurrent
from tests.on_ranks import found_alone
from tests.programs import everything, mixed_network, rate_network
from tests.programs.fingerprint import fingerprint
from tests.programs.own_synapse import Tsodyks2
from tests.spiking.test_parts_of_populations import of_parts

OWN = (Izhikevich, Ring, TriangleCurrent, Tsodyks2)


LAYOUT = {"Network": spike_file.lay_out, "BinaryNetwork": flip_file.lay_out, "RateNetwork": rate_simulation.lay_out}


def kept(network: Any, path: Path) -> Path:
    """A file that holds ``network``, as a run would leave it."""
    about = {"network": network.description(), "seed": 3}
    Store(path, about, lambda store: LAYOUT[type(network).__name__](store, network)).close()
    return path


def of_arrays() -> Network:
    """Arrays of every kind that a network may be given: also empty ones, of many trains, and equal ones."""
    network = Network(dt=0.1)
    network.population("E", 20, IafPscAlpha(I_e=np.linspace(0.0, 9.0, 20)), positions=lattice((4, 5)), V_m=range(20))
    network.population("S", 20, SpikeTrains([np.arange(1.0, 1.0 + n) for n in range(20)]))
    network.population("none", 0, IafPscAlpha())
    network.connect("S", "E", EdgeList([0, 5, 5], [1, 2, 2]), Static(weight=[1.0, -2.0, 3.0], delay=[0.1, 0.2, 0.3]))
    network.connect("S", "none", EdgeList([], []), Static(weight=1.0, delay=1.0))
    network.connect(network.find("E")[[3, 1, 8]], "E", EdgeList([0, 2], [3, 4]), Static(delay=0.5))
    network.record_weights("S", "E", sources=[5, 0, 7])
    network.record_transmissions("S", "E")
    return network


def binary() -> BinaryNetwork:
    """Numbers, arrays, distributions, parts, an external population, matrices of two kinds, every recording."""
    network = BinaryNetwork()
    e = network.population("E", 30, theta=Normal(0.5, 0.1), tau=10.0, m_0=Uniform(0.0, 0.4))
    i = network.population("I", 10, theta=0.4, tau=np.linspace(5.0, 9.0, 10))
    network.external_population("X", 5, m=0.3, tau=2.0)
    network.connect(e[:20] + i, "E", FixedIndegree(5), Normal(0.2, 0.05))
    network.connect("X", i[[7, 1, 2]], FixedIndegree(2), 0.5)
    network.connect_matrix((np.arange(400).reshape(10, 40) % 3 - 1).astype(np.int8)[:, :30], e, i)
    network.connect_matrix(np.eye(30, 10) * -0.3, i, e)
    network.record_activity("E", 5.0)
    network.record_activity("X")
    network.record_flips(e[3:9])
    network.record_flips("I", [4, 2])
    network.record_states([0.0, 7.5, 20.0], "E", neurons=[8, 1])
    network.record_couplings("I", "E", sources=[3])
    network.record_updates()
    return network


def rates() -> Any:
    return rate_network.build_network(40, 10)


OTHERS = {"binary": (binary, BinarySimulation), "rates": (rates, RateSimulation)}


@pytest.mark.parametrize(
    "build", [of_arrays, of_parts, mixed_network.build_network, everything.build_network, binary, rates]
)
def test_all_of_a_network_comes_back(build, tmp_path):
    network = build()
    found = type(network).from_file(kept(network, tmp_path / "run.h5"), *OWN)
    before, after = ([*leaves_of("network", each)] for each in (network, found))
    place = first_difference(before, after)
    assert place is None, (before[place], after[place])
    assert len(before) > 50


@pytest.mark.mpi
def test_the_network_of_a_file_gives_the_same_bits_on_any_ranks(comm, tmp_path):
    path = Path(comm.bcast(str(tmp_path))) / f"run of {comm.size}.h5"
    with Simulation(mixed_network.build_network(), comm=comm, seed=3, file=path) as simulation:
        simulation.run(mixed_network.T)
    network = Network.from_file(path)
    with Simulation(network, comm=comm, seed=read_parameters(path)["seed"]) as again:
        again.run(read_parameters(path)["T"])
        assert fingerprint(again) == found_alone(comm, mixed_network.simulate, {})


@pytest.mark.mpi
@pytest.mark.parametrize("kind", OTHERS)
def test_so_does_that_of_binary_and_of_rate_neurons(comm, tmp_path, kind):
    build, simulation_of = OTHERS[kind]
    path = Path(comm.bcast(str(tmp_path))) / f"{kind} on {comm.size}.h5"

    def run(network: Any, **options: Any) -> Any:
        with simulation_of(network, comm, seed=3, **options) as simulation:
            simulation.run(20.0)
            return [simulation.states(p).tolist() for p in "EIX"] if kind == "binary" else simulation.rate_hash()

    assert run(build(), file=path) == run(type(build()).from_file(path))
    assert read_parameters(path)["T"] == 20.0


def test_what_cannot_be_built_again_is_said(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there is no file"):
        Network.from_file(tmp_path / "missing.h5")
    path = kept(everything.build_network(), tmp_path / "own.h5")
    with pytest.raises(InputError, match=r"'Izhikevich' is no class of distsim; give the class itself, too|'Ring'"):
        Network.from_file(path, Tsodyks2)
    with pytest.raises(InputError, match=r"holds a BinaryNetwork: BinaryNetwork.from_file builds it, not Network"):
        Network.from_file(kept(binary(), tmp_path / "binary.h5"))
    monkeypatch.setattr(kept_network, "MOST_BYTES", 100)
    with pytest.raises(InputError, match=r"only the hash of an array of shape \(20,\)"):
        Network.from_file(kept(of_arrays(), tmp_path / "large.h5"))


class Strange(Ring):
    """A rule of a user that holds what no file can."""

    seen: Any = field(default_factory=lambda: {1: "by number"})


def test_a_network_that_cannot_be_kept_is_recorded_all_the_same(tmp_path):
    network = Network(dt=0.1)
    network.population("E", 3, IafPscAlpha())
    network.connect("E", "E", Strange(1), Static())
    with pytest.raises(InputError, match=r"does not hold all of its network: .* cannot be kept in a file"):
        Network.from_file(kept(network, tmp_path / "run.h5"))


def test_another_network_than_the_one_that_is_described_is_refused(tmp_path):
    network = Network(dt=0.1)
    network.population("E", 3, IafPscAlpha())
    path = tmp_path / "run.h5"
    Store(path, {"network": {}}, lambda store: spike_file.lay_out(store, network)).close()
    with pytest.raises(InputError, match="another version of distsim"):
        Network.from_file(path)
