"""SONATA: what distsim writes libsonata reads, and networks of nodes and edges come back, on any number of ranks."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import h5py
import libsonata
import numpy as np
import pytest

from distsim import (
    EdgeList,
    IafPscAlpha,
    InputError,
    Network,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    mend_file,
    read_sonata,
    read_spikes,
    write_sonata,
)  # fmt: skip
from distsim.parallel import array_collectives
from distsim.record import sonata_columns
from distsim.spiking import edge_populations, sonata_index, sonata_nodes, sonata_rule
from tests.on_ranks import found_alone
from tests.programs import mixed_network, recording
from tests.programs.fingerprint import fingerprint
from tests.simulating import simulate
from tests.spiking.test_parts_of_populations import of_parts


@pytest.fixture
def in_small_pieces(monkeypatch):
    """Many pieces, of which each rank makes some."""
    for module, size in {sonata_columns: 64, edge_populations: 50, sonata_nodes: 7, sonata_rule: 64}.items():
        monkeypatch.setattr(module, "PIECE", size)
    monkeypatch.setattr(sonata_index, "ROWS", 30)
    monkeypatch.setattr(array_collectives, "MOST", 160)
    monkeypatch.setattr(array_collectives, "ROWS", 20)


def undriven() -> Network:
    """A network of everything but stimuli, for which SONATA has no word."""
    network = mixed_network.build_network()
    network.stimulations.clear()
    return network


def read_anew(comm, path: str) -> dict[str, Any]:
    """The fingerprint of a run of the network at ``path``, with another seed: nothing is drawn any more."""
    network = read_sonata(path, comm)
    asked = undriven()
    network.state_recordings += asked.state_recordings
    with Simulation(network, comm=comm, seed=77) as simulation:
        simulation.run(60.0)
        return fingerprint(simulation)


def run_of(comm) -> dict[str, Any]:
    with Simulation(undriven(), comm=comm, seed=3) as simulation:
        simulation.run(60.0)
        return fingerprint(simulation)


@pytest.mark.mpi
def test_a_network_comes_back_on_any_number_of_ranks(comm, tmp_path, in_small_pieces):
    folder = comm.bcast(str(tmp_path))
    with Simulation(undriven(), comm=comm, seed=3) as simulation:
        write_sonata(simulation, folder)
    assert read_anew(comm, f"{folder}/simulation_config.json") == found_alone(comm, run_of)


@pytest.mark.mpi
@pytest.mark.parametrize("to_file", [False, True])
def test_libsonata_reads_what_was_recorded(comm, tmp_path, in_small_pieces, to_file):
    """A driven network with plastic synapses, its recordings in memory or in the file of the run; weights as of now."""
    folder = Path(comm.bcast(str(tmp_path)))
    file = {"file": folder / "run.h5"} if to_file else {}
    with Simulation(recording.build_network(), comm=comm, seed=5, **file) as simulation:
        simulation.run(150.0)
        simulation.set_weights(simulation.network.find("E")[:20], "I", 55.0)
        write_sonata(simulation, folder / "circuit")
        spikes, states = simulation.spikes("E"), simulation.states("E", "V_m")
        weights = {ends: simulation.weights(*ends) for ends in (("E", "E"), ("E", "I"), ("I", "E"))}
    if comm.rank > 0:
        return
    told = libsonata.SimulationConfig.from_file(str(folder / "circuit" / "simulation_config.json"))
    assert (told.run.dt, told.run.tstop, told.run.random_seed) == (0.1, 150.0, 5)
    assert told.list_report_names == {"E_V_m", "E_I_syn_in", "I_V_m"}
    found = libsonata.SpikeReader(told.output.spikes_file)["E"]
    assert (str(found.sorting), found.time_units) == ("by_time", "ms")
    assert found.get() == list(zip(spikes.neuron.tolist(), spikes.times(0.1).tolist(), strict=True))
    report = libsonata.SomaReportReader(told.report("E_V_m").file_name)["E"]
    frame = report.get()
    assert (report.data_units, report.time_units, report.sorted) == ("mV", "ms", True)
    assert report.times == (0.7, 150.5, 0.7)
    assert frame.ids.tolist() == [2, 17, 30]
    assert np.allclose(frame.times, states.times(0.1))
    assert (frame.data == states.value[:, [1, 2, 0]].astype(np.float32)).all()
    circuit = libsonata.CircuitConfig.from_file(str(folder / "circuit" / "circuit_config.json"))
    nodes = circuit.node_population("E")
    every = nodes.select_all()
    assert nodes.get_dynamics_attribute("tau_syn_in", every).tolist() == [4.0] * 50
    assert nodes.get_attribute("model_template", every)[0] == "distsim:IafPscAlpha"
    assert -70.0 < nodes.get_attribute("initial_V_m", every).min() < nodes.get_attribute("initial_V_m", every).max()
    sizes = {"E": 50, "I": 13}
    for (source, target), known in weights.items():
        edges = circuit.edge_population(f"{source}_to_{target}")
        every = edges.select_all()
        columns = edges.source_nodes(every), edges.target_nodes(every), edges.get_attribute("syn_weight", every)
        wanted = zip(known.source.tolist(), known.target.tolist(), known.weight.tolist(), strict=True)
        assert sorted(zip(*(column.tolist() for column in columns), strict=True)) == sorted(wanted)
        for name, ends, edges_of in (
            ("source", source, edges.efferent_edges),
            ("target", target, edges.afferent_edges),
        ):
            for node in range(sizes[ends]):
                assert (edges_of([node]).flatten() == np.flatnonzero(columns[name == "target"] == node)).all()
    assert len(np.unique(weights["E", "E"].weight)) > 300
    assert set(weights["E", "I"].weight) == {40.0, 55.0}


def test_parts_of_populations_are_edges_between_populations(tmp_path):
    network = of_parts()
    simulation = simulate(network)
    write_sonata(simulation, tmp_path / "circuit")
    again = simulate(read_sonata(tmp_path / "circuit" / "simulation_config.json", dt=0.1))
    for source, target in (("E", "X"), ("noise", "E"), ("X", "I"), ("C", "E")):
        before, after = (each.weights(source, target) for each in (simulation, again))
        assert len(before.weight) > 2
        for name, column in vars(before).items():
            assert (column == getattr(after, name)).all(), (source, target, name)


def foreign(folder: Path, chunks: bool) -> Path:
    """Files as other programs write them: types in tables, edges in no order, compressed, without an index."""
    options: dict[str, Any] = {"chunks": (5,), "compression": "gzip"} if chunks else {}
    random = np.random.default_rng(1)
    with h5py.File(folder / "nodes.h5", "w") as file:
        for name, types in (("cells", [100, 101] * 10), ("input", [200] * 5)):
            file.create_dataset(f"nodes/{name}/node_type_id", data=types, **options)
            file.create_dataset(f"nodes/{name}/node_group_id", data=np.zeros(len(types), int))
            file.create_group(f"nodes/{name}/0")
        file.create_dataset("nodes/cells/0/dynamics_params/I_e", data=np.linspace(300.0, 500.0, 20), **options)
    with h5py.File(folder / "edges.h5", "w") as file:
        for name, source, n, kind in (("recurrent", "cells", 300, [7, 8]), ("driving", "input", 40, [9])):
            group = file.create_group(f"edges/{name}")
            sizes = {"source": 20 if source == "cells" else 5, "target": 20}
            for end, of in (("source", source), ("target", "cells")):
                ids = group.create_dataset(f"{end}_node_id", data=random.integers(0, sizes[end], n), **options)
                ids.attrs["node_population"] = of
            group.create_dataset("edge_type_id", data=random.choice(kind, n), **options)
            group.create_dataset("0/delay", data=random.integers(1, 30, n) * 0.1, **options)
    with h5py.File(folder / "input.h5", "w") as file:
        file["spikes/input/timestamps"], file["spikes/input/node_ids"] = [3.04, 1.0, 0.001, 9.0], [0, 4, 4, 2]
    (folder / "node_types.csv").write_text(
        "node_type_id model_type model_template dynamics_params\n"
        "100 point_neuron nest:iaf_psc_alpha a.json\n"
        '101 point_neuron "nest:iaf_psc_alpha" b.json\n'
        "200 virtual NULL NULL\n"
    )
    for name, C_m in (("a", 250.0), ("b", 200.0)):
        (folder / f"{name}.json").write_text(json.dumps({"C_m": C_m, "E_L": 0.0, "V_th": 15.0, "V_reset": 0.0}))
    (folder / "edge_types.csv").write_text("edge_type_id syn_weight\n7 40.0\n8 -60.0\n9 700.0\n")
    networks = {
        "nodes": [{"nodes_file": "$HERE/nodes.h5", "node_types_file": "$HERE/node_types.csv"}],
        "edges": [{"edges_file": "$HERE/edges.h5", "edge_types_file": "$HERE/edge_types.csv"}],
    }
    circuit = {"manifest": {"$HERE": "."}, "components": {"point_neuron_models_dir": "$HERE"}, "networks": networks}
    (folder / "circuit.json").write_text(json.dumps(circuit))
    inputs = {"lgn": {"input_type": "spikes", "module": "sonata", "input_file": "$HERE/input.h5", "node_set": "input"}}
    simulation = {"manifest": {"$HERE": "."}, "network": "$HERE/circuit.json", "run": {"dt": 0.1}, "inputs": inputs}
    (folder / "simulation.json").write_text(json.dumps(simulation))
    return folder / "simulation.json"


def by_hand(folder: Path) -> Network:
    """The network of ``foreign``, given edge by edge."""
    network = Network(dt=0.1)
    C_m = np.tile([250.0, 200.0], 10)
    cell = IafPscAlpha(C_m=C_m, E_L=0.0, V_th=15.0, V_reset=0.0, I_e=np.linspace(300.0, 500.0, 20))
    network.population("cells", 20, cell)
    network.population("input", 5, SpikeTrains([[3.0], [], [9.0], [], [0.1, 1.0]]))
    weight_of = {7: 40.0, 8: -60.0, 9: 700.0}
    with h5py.File(folder / "edges.h5") as file:
        for name, group in file["edges"].items():
            source, target = (group[f"{end}_node_id"][()] for end in ("source", "target"))
            weight = [weight_of[kind] for kind in group["edge_type_id"][()].tolist()]
            delay = group["0/delay"][()]
            network.connect("input" if name == "driving" else "cells", "cells", EdgeList(source, target),
                            Static(weight, delay))  # fmt: skip
    return network


@pytest.mark.parametrize("chunks", [False, True])
def test_files_of_other_programs(tmp_path, in_small_pieces, chunks):
    path = foreign(tmp_path, chunks)
    found, known = (simulate(network, 100.0) for network in (read_sonata(path), by_hand(tmp_path)))
    assert found.spike_count() > 20
    assert found.spike_hash() == known.spike_hash()
    for source in ("cells", "input"):
        ours, given = (each.weights(source, "cells") for each in (found, known))
        assert all((column == getattr(ours, name)).all() for name, column in vars(given).items())


def test_models_and_synapses_of_ones_own(tmp_path):
    path = foreign(tmp_path, chunks=False)
    plastic = StdpPowerLaw(alpha=0.1, lambda_=0.1, mu=0.4, tau_plus=15.0, tau_minus=30.0)
    models = {"input": SpikeTrains([[2.0]]), "cells": IafPscAlpha(I_e=500.0)}
    network = read_sonata(tmp_path / "circuit.json", dt=0.1, models=models, synapses={"driving": plastic})
    simulation = simulate(network, 50.0)
    assert network.find("cells").model is models["cells"]
    assert simulation.plastic_weight_statistics()["count"] == 40
    assert read_sonata(path).description() == read_sonata(path).description()


def test_a_file_of_a_run_of_such_a_network_builds_it_again(tmp_path):
    network = read_sonata(foreign(tmp_path, chunks=False))
    network.record_spikes("cells")
    first = simulate(network, 50.0, file=tmp_path / "run.h5")
    again = simulate(Network.from_file(tmp_path / "run.h5"), 50.0)
    assert first.spike_hash() == again.spike_hash()
    first.close()


def test_what_cannot_be_read_or_written_is_said(tmp_path):
    path = foreign(tmp_path, chunks=False)
    with pytest.raises(InputError, match=r"missing.json' cannot be read"):
        read_sonata(tmp_path / "missing.json")
    with pytest.raises(InputError, match="does not tell the time step; give dt"):
        read_sonata(tmp_path / "circuit.json")
    with pytest.raises(InputError, match="no spikes are given to the virtual nodes 'input'"):
        read_sonata(tmp_path / "circuit.json", dt=0.1)
    with pytest.raises(InputError, match="there is no population 'cell'; did you mean 'cells'"):
        read_sonata(path, models={"cell": IafPscAlpha()})
    (tmp_path / "nothing.json").write_text("[]")
    with pytest.raises(InputError, match="no configuration of SONATA"):
        read_sonata(tmp_path / "nothing.json")
    with h5py.File(tmp_path / "edges.h5", "r+") as file:
        file["edges/recurrent/source_node_id"][3] = 20
    with pytest.raises(InputError, match="recurrent has neuron 20, but 'cells' has 20"):
        read_sonata(path)
    with h5py.File(tmp_path / "edges.h5", "r+") as file:
        file["edges/recurrent/0/delay"][3] = np.nan
        file["edges/recurrent/source_node_id"][3] = 19
    with pytest.raises(InputError, match="0/delay holds what is no number"):
        read_sonata(path)
    (tmp_path / "edges.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="cannot be read as edges of SONATA"):
        read_sonata(path)
    simulation = simulate(recording.build_network())
    write_sonata(simulation, tmp_path / "twice")
    with pytest.raises(InputError, match=r"nodes.h5 exists already"):
        write_sonata(simulation, tmp_path / "twice")


def test_a_file_of_a_killed_run_is_mended(tmp_path):
    """It was killed between two headers: one column has more rows than the other, and than are there for sure."""
    path = tmp_path / "run.h5"
    simulate(recording.build_network(), 100.0, file=path).close()
    whole = path.read_bytes()
    before = libsonata.SpikeReader(str(path))["E"].get()
    mend_file(path)
    assert path.read_bytes() == whole
    with h5py.File(path, "r+") as file:
        file["spikes/E/timestamps"].resize(len(before) + 3, axis=0)
        crc = zlib.crc32(file["spikes/E/node_ids"][: len(before) - 2].data)
        file["spikes/E/node_ids"].attrs.modify("checked", np.array([len(before) - 2, crc], np.uint64))
    mend_file(path)
    assert libsonata.SpikeReader(str(path))["E"].get() == before[:-2]
    times, neurons = read_spikes(path, "E")
    assert list(zip(neurons.tolist(), times.tolist(), strict=True)) == before[:-2]
    with pytest.raises(InputError, match="there is no file"):
        mend_file(tmp_path / "missing.h5")
    path.write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="cannot be mended"):
        mend_file(path)
