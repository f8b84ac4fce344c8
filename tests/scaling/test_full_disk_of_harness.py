"""The harness on a disk that is full at any moment, or takes no files; what it writes replaces links."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distsim.core.errors import InputError, StorageError
from distsim.record import storage
from distsim.record.csv_pieces import LINES, csv_pieces
from distsim.record.lock import Lock
from distsim.record.storage import write_whole
from distsim.scaling import jobs, process
from distsim.scaling.__main__ import main
from distsim.scaling.experiment import Point
from distsim.scaling.jobs import RESULT, TASK
from distsim.scaling.report import command, figures
from tests.scaling.test_faults import TINY, lines
from tests.scaling.test_report import save
from tests.scaling_records import make_record, strong_records


class Disk:
    """Counts all that takes room on a disk, and refuses it at the ``moment``-th time, or from then on ``for_ever``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment, self.for_ever, self.count = 0, False, 0
        for name in ("open", "write", "fsync", "mkdir"):
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def full_at(self, moment: int, *, for_ever: bool) -> None:
        self.moment, self.for_ever, self.count = moment, for_ever, 0

    @property
    def was_full(self) -> bool:
        return self.count >= self.moment

    def _watched(self, name: str, call: Any) -> Any:
        def watched(first: Any, *others: Any, **named: Any) -> Any:
            if self.moment and self._takes_room(name, first, *others):
                self.count += 1
                if self.count == self.moment or (self.for_ever and self.was_full):
                    if name == "write" and len(others[0]) > 1:
                        call(first, others[0][: len(others[0]) // 2])  # what still found room
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(first, *others, **named)

        return watched

    @staticmethod
    def _takes_room(name: str, first: Any, *others: Any) -> bool:
        if name == "open":
            return bool(others and others[0] & os.O_CREAT) and not os.path.lexists(first)
        return not os.path.lexists(first) if name == "mkdir" else stat.S_ISREG(os.fstat(first).st_mode)


class Figure:
    """A figure that is quickly drawn."""

    def savefig(self, file: Any, **settings: Any) -> None:
        file.write(b"a figure")

    def set_layout_engine(self, layout: str) -> None:
        """It has none."""


@pytest.fixture
def disk(monkeypatch, tmp_path) -> Iterator[Disk]:
    """A disk that can be full, a launcher whose points are done at once, and figures that cost nothing."""

    def run(words: list[str], *others: Any) -> process.Ended:
        folder = Path(words[-1])
        point = Point.from_dict(json.loads((folder / TASK).read_text(encoding="utf-8"))["point"])
        try:
            write_whole(folder / RESULT, json.dumps(make_record(point)).encode())
        except StorageError:
            return process.Ended(jobs.NOT_STORED, "")
        return process.Ended(0, "")

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(figures, "draw_overview", lambda records: Figure())
    monkeypatch.setattr(figures, "draw_all", lambda records, **options: {})
    monkeypatch.chdir(tmp_path)
    yield Disk(monkeypatch)
    monkeypatch.undo()


@pytest.mark.parametrize("for_ever", [False, True])
def test_a_disk_that_is_full_at_any_moment_of_an_experiment(for_ever, disk, tmp_path, capsys):
    """Exit code 4 and one sentence; what was stored is whole, and --resume does the rest once there is room."""
    arguments = [*TINY, "--launcher", f"{sys.executable} {{ranks}}"]
    moments = 0
    while True:
        out = f"out-{moments}"
        disk.full_at(moments + 1, for_ever=for_ever)
        code = main([*arguments, "--out", out])
        was_full = disk.was_full
        disk.full_at(0, for_ever=False)
        printed = capsys.readouterr().err
        if not was_full:
            break
        moments += 1
        assert code == 4, f"moment {moments}: {printed}"
        assert printed.startswith("distsim: error: ")
        assert printed.count("\n") == 1
        kept = lines(tmp_path / out / "runs.jsonl")
        assert all(json.loads(line)["n_spikes"] for line in kept)
        assert main([*arguments, "--out", out, "--resume"]) == 0
        done = lines(tmp_path / out / "runs.jsonl")
        assert done[: len(kept)] == kept
        assert [json.loads(line)["size"] for line in done] == [60, 80]
        assert {path.name for path in (tmp_path / out).iterdir()} == {
            "experiment.json", "runs.jsonl", "scaling.png", "scaling.pdf",
        }  # fmt: skip
        capsys.readouterr()
    assert code == 0
    assert moments >= 20


@pytest.mark.parametrize("for_ever", [False, True])
def test_a_disk_that_is_full_at_any_moment_of_a_report(for_ever, disk, tmp_path, capsys):
    """The report that was there stays as it was, all of its files."""
    folder = Path(save(tmp_path / "out", strong_records()[:4]))
    assert main(["report", str(folder)]) == 0
    for record in strong_records()[4:]:
        with (folder / "runs.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    capsys.readouterr()
    for moment in range(1, 100):
        disk.full_at(moment, for_ever=for_ever)
        code = main(["report", str(folder)])
        if not disk.was_full:
            break
        assert code == 4
        assert capsys.readouterr().err.count("\n") == 1
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert moment > 10
    assert code == 0
    assert (folder / "report.html").read_bytes() != before[folder / "report.html"]


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_report_where_nothing_can_be_written(number, tmp_path, monkeypatch):
    folder = save(tmp_path / "out", strong_records())
    monkeypatch.setattr(figures, "draw_all", lambda records, **options: {})
    for out in ("/dev/null", "/dev/null/out", str(tmp_path / ("a" * 300)), "a\0b"):
        with pytest.raises(InputError, match="cannot be written"):
            command.report([folder, "--out", out])

    def refuse(descriptor: int, data: bytes) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(storage, "write_fully", refuse)
    with pytest.raises(InputError, match=os.strerror(number)):
        command.report([folder])
    assert {path.name for path in Path(folder).iterdir()} == {"experiment.json", "runs.jsonl"}


def test_files_that_are_written_replace_links(tmp_path):
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to("precious")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").read_bytes() == b"new"
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "mine"


def test_files_in_pieces_are_whole_or_not_there(tmp_path):
    write_whole(tmp_path / "new", iter([b"a", b"", b"bc"]))
    assert (tmp_path / "new").read_bytes() == b"abc"

    def pieces():
        yield b"half"
        raise StorageError("the disk is faulty")

    with pytest.raises(StorageError, match="faulty"):
        write_whole(tmp_path / "new", pieces())
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert (tmp_path / "new").read_bytes() == b"abc"


def test_a_table_is_made_as_it_is_written():
    made = []
    pieces = csv_pieces(("neuron", "time_ms"), ((made.append(k), 0.125) for k in range(3 * LINES)))
    first = next(pieces)
    assert (first.count(b"\n"), len(made)) == (LINES, LINES - 1)
    assert first.startswith(b"neuron,time_ms\n,0.125\n")
    assert sum(piece.count(b"\n") for piece in pieces) == 2 * LINES + 1


def test_only_locks_are_taken_for_locks(tmp_path):
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    lock = tmp_path / "lock"
    for make in (
        lambda: lock.symlink_to("precious"),
        lambda: lock.hardlink_to(tmp_path / "precious"),
        lambda: os.mkfifo(lock),
        lock.mkdir,
    ):
        make()
        with pytest.raises(InputError, match="is not the lock of an output folder"):
            Lock(tmp_path)
        assert (tmp_path / "precious").read_text(encoding="utf-8") == "mine"
        lock.rmdir() if lock.is_dir() and not lock.is_symlink() else lock.unlink()
