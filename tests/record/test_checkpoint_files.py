"""Files of checkpoints: which are refused, what a full disk and a kill leave, and what is not replaced."""

from __future__ import annotations

import errno
import json
import os
import zlib

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    ConstantRate,
    FixedIndegree,
    IafPscDelta,
    InputError,
    Network,
    Poisson,
    RateNetwork,
    RateSimulation,
    Simulation,
    StdpPowerLaw,
    StorageError,
    Uniform,
)
from distsim.record import checkpoint_files, disk, read_ahead, restored_checkpoint, saved_checkpoint
from distsim.spiking import spiking_checkpoint
from distsim.spiking.neurons.neuron_group import NeuronGroup
from distsim.spiking.protocols import Group
from distsim.spiking.synapses.plastic_delivery import PlasticDelivery
from distsim.spiking.synapses.static import StaticDelivery
from distsim.spiking.synapses.synapse_model import Delivery
from tests.checkpointing import durations, in_parts, look
from tests.threads import on_ranks


def small_network(n=5, weight=3.0):
    network = Network(dt=0.25)
    network.population("A", n, IafPscDelta(), V_m=Uniform(-70.0, -55.0))
    network.connect("A", "A", FixedIndegree(3), StdpPowerLaw(weight, 1.0))
    network.stimulate("A", Poisson(rate=9000.0, weight=1.0))
    return network


@pytest.fixture
def saved(tmp_path):
    """A checkpoint at 10 ms, the one before at 5 ms."""
    with Simulation(small_network(), MPI.COMM_SELF) as simulation:
        for _ in range(2):
            simulation.run(5.0)
            simulation.save(tmp_path / "c")
    return tmp_path / "c"


def restored(path, network=None, **options):
    return Simulation.restore(network or small_network(), path, MPI.COMM_SELF, **options)


def test_the_last_two_are_kept(saved):
    assert restored(saved).time == 10.0
    assert restored(saved.with_name("c.before")).time == 5.0
    assert sorted(path.name for path in saved.parent.iterdir()) == ["c", "c.before"]


def rate_network_of_one():
    network = RateNetwork(dt=0.1)
    network.population("A", 1, ConstantRate(mean=1.0))
    return network


@pytest.mark.parametrize(
    ("restore", "message"),
    [
        (lambda path: restored(path, small_network(n=6)), r"another network: size of 'A' .* is 5 there, but 6 here"),
        (lambda path: restored(path, small_network(weight=3.5)), r"weight of .* is 3 there, but 3\.5 here"),
        (lambda path: restored(path, seed=2), "a checkpoint with seed = 1, not 2"),
        (lambda path: restored(path, precision="single"), "a checkpoint with precision = double, not single"),
        (lambda path: restored(path, exchange="x"), "unknown exchange plan 'x'"),
        (lambda path: restored(path, speed=1), "unknown parameter 'speed'"),
        (lambda path: restored(path.with_name("d")), "there is no checkpoint '.*d'"),
        (lambda path: restored(path.parent), "is no checkpoint, or it is damaged: it is no file"),
        (lambda path: RateSimulation.restore(rate_network_of_one(), path, MPI.COMM_SELF), "not of a RateSimulation"),
    ],
    ids=["size", "weight", "seed", "precision", "exchange", "option", "path", "folder", "kind"],
)
def test_what_does_not_fit_is_refused_in_a_sentence(saved, restore, message):
    with pytest.raises(InputError, match=message) as error:
        restore(saved)
    assert "\n" not in str(error.value)


def test_another_version_of_the_format_is_refused(saved, monkeypatch):
    monkeypatch.setattr(checkpoint_files, "VERSION", 4)
    with pytest.raises(InputError, match="a checkpoint of format 3, but this version of distsim reads 4"):
        restored(saved)


def test_a_damaged_checkpoint_is_refused_wherever_the_damage_is(saved):
    """In the head, in data, or at the end; the one before is named. What does no harm is no damage."""
    whole = saved.read_bytes()
    reference = restored(saved).spike_hash()
    refused = 0
    places = np.linspace(0, len(whole) - 1, 30).astype(int).tolist()
    for damaged in [whole[:place] for place in places[::5]] + [
        whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :] for place in places
    ]:
        saved.write_bytes(damaged)
        try:
            found = restored(saved).spike_hash()
        except InputError as error:
            found = str(error)
            refused += 1
        if found != reference:
            assert "is no checkpoint, or it is damaged" in found
            assert found.endswith(f"the one before it is '{saved}.before'")
    assert refused > 20


def test_a_part_that_is_missing_or_of_another_checkpoint_is_found_out(tmp_path):
    def save(comm):
        with Simulation(small_network(), comm) as simulation:
            for _ in range(2):
                simulation.run(5.0)
                simulation.save(tmp_path / "c", files=2)

    on_ranks(2, save)
    part, before = (tmp_path / checkpoint_files.read_head(tmp_path / name)["parts"][0] for name in ("c", "c.before"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["c", "c.before", part.name, before.name])
    part.write_bytes(before.read_bytes())
    with pytest.raises(
        InputError, match=r"c\.\w+\.1' is no checkpoint, or it is damaged: '.*' does not have its checksum"
    ):
        restored(tmp_path / "c")
    part.unlink()
    for ranks in (1, 3):
        with pytest.raises(InputError, match=r"c\.\w+\.1' is no checkpoint, or it is damaged"):
            on_ranks(ranks, lambda comm: Simulation.restore(small_network(), tmp_path / "c", comm))


@pytest.mark.parametrize("call", range(0, 40, 6))
def test_a_full_disk_leaves_the_checkpoint_before(saved, call, monkeypatch):
    class Full:
        """The system, on which the calls that write fail from number ``call`` on."""

        calls = 0

        def __getattr__(self, name):
            return self.write if name in ("pwrite", "fsync") else getattr(os, name)

        def write(self, *arguments):
            self.calls += 1
            if self.calls > call:
                raise OSError(28, "No space left on device")
            return (os.pwrite if len(arguments) == 3 else os.fsync)(*arguments)

    simulation = restored(saved)
    simulation.run(5.0)
    monkeypatch.setattr(disk, "os", Full())
    try:
        simulation.save(saved)
        said = ""
    except StorageError as error:
        said = str(error)
    assert "cannot be written (No space left on device)" in said or call > 20
    assert restored(saved).time == (10.0 if said else 15.0)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["c", "c.before"]
    simulation.run(1.0)


def test_a_disk_that_is_full_for_one_of_several_ranks(saved, monkeypatch):
    """They write one file together: all are told, and the checkpoint before stays."""
    begun = []

    class Full(disk.Region):
        def __init__(self, path):
            super().__init__(path)
            begun.append(self)
            self.error = OSError(errno.ENOSPC, "No space left on device") if len(begun) == 2 else None

    monkeypatch.setattr(checkpoint_files, "Region", Full)

    def save(comm):
        simulation = Simulation.restore(small_network(), saved, comm)
        simulation.run(5.0)
        with pytest.raises(StorageError, match=r"cannot be written \(No space left on device\)"):
            simulation.save(saved, files=1)

    on_ranks(3, save)
    assert len(begun) == 3
    assert restored(saved).time == 10.0
    assert sorted(path.name for path in saved.parent.iterdir()) == ["c", "c.before"]


def test_what_ranks_found_is_found_again_where_a_checkpoint_does_not_tell(saved):
    told = restored(saved)
    assert told.found == told.local.facts
    assert list(told.found) == ["delays", "input of 'A'"]
    with h5py.File(saved, "r+") as file:
        head = json.loads(file["head"][()].tobytes())
        assert head.pop("found") == told.found
        del file["head"]
        text = json.dumps(head).encode()
        file.create_dataset("head", data=np.frombuffer(text, np.uint8)).attrs["crc32"] = zlib.crc32(text)
    found = restored(saved)
    assert found.found == told.found
    assert [group.grid for group in found.local.groups] == [group.grid for group in told.local.groups]


def test_what_is_no_checkpoint_is_not_replaced(tmp_path):
    (tmp_path / "data").write_text("precious")
    with Simulation(small_network(), MPI.COMM_SELF) as simulation:
        for path, message in (
            (tmp_path / "data", "exists and is no checkpoint that could be replaced"),
            (tmp_path / "nowhere" / "c", "cannot be written: No such file or directory"),
            (3, "save: path must be a path"),
        ):
            with pytest.raises(InputError, match=message):
                simulation.save(path)
        with pytest.raises(InputError, match="save: files must be at most 1"):
            simulation.save(tmp_path / "c", files=2)
        assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (tmp_path / "data").read_text() == "precious"


# ---------------------------------------------------------------- pieces, and users' own


def test_columns_are_written_and_read_in_pieces(tmp_path, monkeypatch):
    """And synapses in tiles, some of them in one column."""
    for module, name, value in (
        (saved_checkpoint, "PIECE", 64),
        (saved_checkpoint, "SMALL", 8),
        (restored_checkpoint, "PIECE", 64),
        (restored_checkpoint, "SMALL", 8),
        (read_ahead, "AHEAD", 1 << 14),
        (spiking_checkpoint, "ROW", 4),
        (spiking_checkpoint, "COLUMN", 80),
    ):
        monkeypatch.setattr(module, name, value)
    whole = in_parts(Simulation, small_network, [(1, 30.0)], tmp_path, look)
    parts = durations(30.0, 0.25, (1, 3, 7, 2))  # there are 5 neurons
    assert in_parts(Simulation, small_network, parts, tmp_path / "c", look) == whole
    head = checkpoint_files.read_head(tmp_path / "c")
    assert head["numbers"]["synapses/0 A/0/weights tiles"] == [5, 2]


def test_what_a_checkpoint_would_not_know_of_is_refused(tmp_path):
    class Own(Group):
        def update(self, *arguments):
            return 0

    class Remembers(StaticDelivery):
        def __init__(self, table):
            super().__init__(table)
            self.memory = np.zeros(3)

    network = small_network()
    network.phase_recordings = ["A"]
    with (
        Simulation(network, MPI.COMM_SELF) as simulation,
        pytest.raises(InputError, match="a checkpoint of a Simulation cannot keep phase_recordings"),
    ):
        simulation.save(tmp_path / "c")
    with pytest.raises(InputError, match="Own: 'remembered' is missing"):
        Own().remembered()
    with pytest.raises(InputError, match=r"Remembers: 'transfer' is missing, which says .* of memory"):
        Remembers(None).transfer(None)
    StaticDelivery(None).transfer(None)
    assert {NeuronGroup.remembered, PlasticDelivery.transfer} & {Group.remembered, Delivery.transfer} == set()


@pytest.mark.parametrize("linked", [True, False], ids=["links", "no links"])
def test_the_one_before_is_there_whatever_the_file_system_has(linked, saved, monkeypatch):
    """So it is where the oldest cannot be held open, and what a kill between two names has left is no obstacle."""
    path, simulation = saved, restored(saved)

    def refused(*_):
        raise OSError(errno.EPERM, "no links here")

    if not linked:
        monkeypatch.setattr(os, "link", refused)
    for k in range(3):
        before = path.read_bytes()
        path.with_name(f".{path.name}.before").write_bytes(b"left by a kill")
        simulation.run(1.0 + k)
        simulation.save(path)
        assert checkpoint_files.before_it(path).read_bytes() == before != path.read_bytes()
    path.with_name(f".{path.name}.before").write_bytes(b"left by a kill")
    checkpoint_files.remove(path)
    assert not list(path.parent.glob(f"*{path.name}*"))
