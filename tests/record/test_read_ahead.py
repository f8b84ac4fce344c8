"""Columns that are read before they are asked for: those that come, that do not, that are too large, or elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import InputError
from distsim.core.reused_memory import BLOCK, Ring
from distsim.record import read_ahead
from distsim.record.checksum import checksum
from distsim.record.read_ahead import PartReader, ReadAhead, Stretch


def test_a_ring_gives_what_was_given_back():
    ring = Ring(10)
    first, second = ring.take(4), ring.take(4)
    assert ring.take(4) is None
    ring.give_back()
    assert ring.take(4).ctypes.data == first.ctypes.data
    assert ring.take(1) is None  # behind it are bytes that were passed over
    ring.give_back()
    assert ring.take(4).ctypes.data == second.ctypes.data
    assert ring.take(11) is None
    ring.give_back()
    ring.give_back()
    assert len(ring.take(10)) == 10


@pytest.mark.parametrize("room", [1 << 20, 4 * BLOCK, 1], ids=["all", "one", "none"])
def test_what_is_read_ahead_is_what_is_there(tmp_path, monkeypatch, room):
    monkeypatch.setattr(read_ahead, "AHEAD", room)
    columns = {name: np.arange(begin, begin + 500, dtype=np.int64) for name, begin in (("a", 0), ("b", 7), ("c", 9))}
    (tmp_path / "c").write_bytes(columns["a"][:300].tobytes() + columns["b"].tobytes() + columns["c"].tobytes()[:-8])
    (tmp_path / "c.1").write_bytes(columns["a"][300:].tobytes())
    parts = {
        "a": [(300, checksum(columns["a"][:300]), 0), (200, checksum(columns["a"][300:]), 0)],
        "b": [(500, checksum(columns["b"]), 2400), (0, 0, 0)],
        "c": [(500, checksum(columns["c"]), 6400), (0, 0, 0)],
    }
    head = {"parts": ["c.1"], "columns": {name: {"kind": "<i8", "parts": of_parts} for name, of_parts in parts.items()}}
    reader = PartReader(tmp_path / "c", head)
    ahead = ReadAhead(
        reader, [Stretch("a", 100, 400), Stretch("a", 400, 450), Stretch("b", 0, 500), Stretch("c", 0, 500)]
    )
    assert (ahead.read("a", 120, 390) == columns["a"][120:390]).all()
    assert (ahead.read("a", 0, 500) == columns["a"]).all()  # more than was expected
    assert (ahead.read("b", 0, 500) == columns["b"]).all()
    reader.check("a", (reader.sums("a", 0, columns["a"][:150]) + reader.sums("a", 150, columns["a"][150:])).tolist())
    with pytest.raises(InputError, match="is no checkpoint, or it is damaged: it ends too early"):
        ahead.read("c", 0, 500)
    with pytest.raises(InputError, match="'b' does not have its checksum"):
        reader.check("b", [parts["b"][0][1] + 1, 0])
    ahead.close()
    reader.close()
