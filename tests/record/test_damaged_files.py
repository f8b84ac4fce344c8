"""Files that are truncated, damaged or of another kind: one sentence, or exactly what was written; never a hang."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
from mpi4py import MPI

from distsim import InputError, Simulation
from distsim.analysis import read
from tests.programs import recording

READERS = {
    "spikes": lambda path: read.read_spikes(path, "E"),
    "states": lambda path: read.read_states(path, "E", "V_m"),
    "connections": lambda path: read.read_connections(path, "E", "E"),
    "parameters": lambda path: (read.read_parameters(path),),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The bytes of a file of a run, and what the readers make of it."""
    path = tmp_path_factory.mktemp("damaged") / "run.h5"
    with Simulation(recording.build_network(), MPI.COMM_WORLD, 5, file=path) as simulation:
        simulation.run(100.0)
    return path.read_bytes(), {name: reader(path) for name, reader in READERS.items()}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def refusals(path, expected):
    """How many readers refuse the file; the others must give what was written."""
    sentences = []
    for name, reader in READERS.items():
        try:
            assert same(reader(path), expected[name])
        except InputError as error:
            sentences.append(str(error))
    assert all("cannot be read as HDF5" in sentence and "\n" not in sentence for sentence in sentences)
    return len(sentences)


@pytest.mark.parametrize("part", range(40))
def test_truncated_files(file, tmp_path, part):
    data, expected = file
    length = len(data) * part // 40 if part % 2 else 97 * part  # all through the file, and through its beginning
    (tmp_path / "run.h5").write_bytes(data[:length])
    assert refusals(tmp_path / "run.h5", expected) == len(READERS)


def test_the_last_byte_is_missed(file, tmp_path):
    data, expected = file
    (tmp_path / "run.h5").write_bytes(data[:-1])
    assert refusals(tmp_path / "run.h5", expected) == len(READERS)
    (tmp_path / "run.h5").write_bytes(data)
    assert refusals(tmp_path / "run.h5", expected) == 0


@pytest.mark.parametrize("seed", range(120))
def test_flipped_bits_and_zeroed_blocks(file, tmp_path, seed):
    data, expected = file
    generator = random.Random(seed)
    damaged = bytearray(data)
    place = generator.randrange(4096 if seed % 2 else len(data))
    if seed % 3:
        damaged[place] ^= 1 << generator.randrange(8)
    else:
        end = min(place + 512, len(damaged))
        damaged[place:end] = bytes(end - place)
    (tmp_path / "run.h5").write_bytes(damaged)
    refusals(tmp_path / "run.h5", expected)


def test_a_flipped_bit_of_a_time_is_seen(file, tmp_path):
    import h5py

    data, expected = file
    path = tmp_path / "run.h5"
    path.write_bytes(data)
    with h5py.File(path) as opened:
        place = opened["spikes/E/timestamps"].id.get_chunk_info(0).byte_offset
    damaged = bytearray(data)
    damaged[place + 6] ^= 1
    path.write_bytes(damaged)
    assert refusals(path, expected) == 1
    with pytest.raises(InputError, match="'/spikes/E/timestamps' does not have its checksum"):
        read.read_spikes(path, "E")


def test_other_kinds_of_file(tmp_path):
    import h5py

    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no HDF5")
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "other", "w") as other:
        other.create_group("spikes/E/timestamps")
        other["states"] = 3.0
    for path, message in [
        (tmp_path / "empty", "cannot be read as HDF5"),
        (tmp_path / "text", "cannot be read as HDF5"),
        (tmp_path / "other", "cannot be read as HDF5"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "is a device or pipe"),
        ("/dev/zero", "is a device or pipe"),
        (tmp_path / ("x" * 300), "cannot be read: File name too long"),
        ("a\0b", "cannot be read: embedded null byte"),
        (tmp_path / "none", "there is no file"),
        (5, "needs the path of a file, got 5"),
    ]:
        with pytest.raises(InputError, match=message):
            read.read_spikes(path, "E")
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        read.read_states(tmp_path / "other", "E", "V_m")
