"""Arrays that are given by the path of a file are those that it holds, and stay there."""

from __future__ import annotations

import re
import tracemalloc

import h5py
import numpy as np
import pytest

from distsim import AllToAll, EdgeList, IafPscAlpha, InputError, Network, NonZero, SpatialBernoulli, Static
from tests.connections import built, stored


@pytest.fixture(params=["npy", "h5"])
def kept(request, tmp_path):
    """Puts an array into a file, and says where it is."""

    def keep(name, array):
        if request.param == "npy":
            np.save(tmp_path / name, array)
            return tmp_path / f"{name}.npy"
        with h5py.File(tmp_path / "given.h5", "a") as store:
            if f"network/{name}" not in store:
                store.create_dataset(f"network/{name}", data=array)
        return tmp_path / "given.h5" / "network" / name

    return keep


def networks(given):
    """Two networks of the same arrays, those of the second as ``given`` makes them."""
    random = np.random.default_rng(1)
    source, target = random.integers(0, 30, 500), random.integers(0, 20, 500)
    matrix = np.where(random.random((20, 30)) < 0.2, random.normal(size=(20, 30)), 0.0)
    arrays = {
        "source": source, "target": target, "matrix": matrix, "weight": random.normal(size=500),
        "delay": random.integers(1, 9, 500) * 0.5, "each": random.normal(size=(20, 30)), "V_m": random.random(20),
        "A": random.random((30, 2)), "B": random.random((20, 2)), "C_m": 200.0 + random.random(20),
    }  # fmt: skip
    for make in (lambda name: arrays[name], lambda name: given(name, arrays[name])):
        network = Network(dt=0.5)
        network.population("A", 30, IafPscAlpha(), positions=make("A"))
        network.population("B", 20, IafPscAlpha(C_m=make("C_m")), positions=make("B"), V_m=make("V_m"))
        network.connect("A", "B", EdgeList(make("source"), make("target")), Static(make("weight"), make("delay")))
        network.connect("A", "B", NonZero(make("matrix")), Static(make("matrix"), 1.0))
        network.connect("A", "B", AllToAll(), Static(make("each"), 1.0))
        network.connect("A", "B", SpatialBernoulli(1.0, 0.5), Static(1.0, 1.0))
        yield network


def test_a_network_of_files_is_the_network_of_their_arrays(kept):
    one, other = networks(kept)
    assert one.description() == other.description()
    for expected, found in zip(stored(one, 3), stored(other, 3), strict=True):
        for name in ("source", "target", "weight", "delay"):
            assert np.array_equal(getattr(expected, name), getattr(found, name))
    of_each = [built(network, 1, 3).groups[-1].neurons.constants for network in (one, other)]
    assert str(of_each[0]) == str(of_each[1])


def test_no_rank_takes_the_memory_of_the_whole_file(tmp_path):
    size, n_edges = 1_000_000, 3_000_000
    random = np.random.default_rng(1)
    for name in ("source", "target"):
        np.save(tmp_path / name, random.integers(0, size, n_edges))
    np.save(tmp_path / "V_m", random.random(size))
    np.save(tmp_path / "weight", random.random(n_edges))
    tracemalloc.start()
    network = Network()
    network.population("A", size, IafPscAlpha(), V_m=tmp_path / "V_m.npy")
    edges = EdgeList(tmp_path / "source.npy", tmp_path / "target.npy")
    network.connect("A", "A", edges, Static(tmp_path / "weight.npy", 1.0))
    assert sum(local.table.n_edges for local in built(network, 5, 1000).tables) == pytest.approx(3000, abs=300)
    assert tracemalloc.get_traced_memory()[1] < 4 * n_edges  # of 24 bytes an edge
    tracemalloc.stop()


def test_what_is_no_array_is_refused_in_a_sentence(tmp_path):
    np.save(tmp_path / "single.npy", np.ones(3, np.float32))
    np.save(tmp_path / "wrong.npy", np.array([1.0, 2.0, np.nan]))
    (tmp_path / "text.npy").write_text("1.0 2.0")
    with h5py.File(tmp_path / "given.h5", "w") as store:
        store.create_dataset("weights", data=np.ones(3))
        store.create_dataset("packed", data=np.ones(3), chunks=(2,))
    for path, wrong in {
        "missing.npy": "weight: there is no file '.*missing.npy'$",
        "single.npy": "weight: '.*single.npy' holds float32, but must hold float64$",
        "wrong.npy": r"weight\[2\] must be finite, got nan$",
        "text.npy": "'.*text.npy' is neither a .npy file nor a dataset, as in 'values.h5/weights': ",
        "text.npy/weights": "'.*text.npy/weights' is neither a .npy file nor a dataset",
        "given.h5/weight": "'.*given.h5' has no dataset 'weight'; did you mean 'weights'",
        "given.h5/packed": "dataset 'packed' of '.*given.h5' is in chunks; write it without chunks",
    }.items():
        with pytest.raises(InputError) as error:
            Static(weight=tmp_path / path, delay=1.0)
        assert re.search(wrong, str(error.value)), str(error.value)
