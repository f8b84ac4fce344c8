"""The harness without the engine: the output folder, its records, its lock; statistics and provenance of a point."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from distsim.core.errors import InputError, StorageError
from distsim.record import lock, surroundings
from distsim.record.jsonable import plain
from distsim.record.lock import Lock
from distsim.scaling import store
from distsim.scaling.point import EnergyMeter, Hosts, balance, ranges
from distsim.scaling.report.command import show
from distsim.scaling.store import Folder, read_header
from tests.scaling_records import make_experiment, make_point, make_record

IDENTITY = make_experiment().identity()


def opened(path: Path, *, identity=IDENTITY, settings=None, resume=False) -> list[dict]:
    """The records that a folder holds when it is opened; it is closed again."""
    folder = Folder(path, identity, settings or make_experiment().settings(), resume=resume)
    folder.close()
    return folder.records


# The output folder


def test_a_fresh_folder_gets_a_header(tmp_path):
    folder = tmp_path / "a" / "b"
    assert opened(folder) == []
    header = read_header(folder)
    assert header["identity"]["time"] == 1000.0
    assert "sizes" not in header["identity"]
    assert "sizes" in header["settings"]


def test_results_are_kept_unless_resumed(tmp_path):
    folder = Folder(tmp_path, IDENTITY, {}, resume=False)
    folder.add(make_record())
    folder.close()
    with pytest.raises(InputError, match=r"already holds runs\.jsonl; --resume goes on"):
        opened(tmp_path)
    assert opened(tmp_path, resume=True) == [make_record()]


def test_resume_refuses_another_experiment(tmp_path):
    opened(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for other, difference in [
        (make_experiment(time=2000.0), "there time = 1000.0, here 2000.0"),
        (make_experiment(model="brunel"), 'there model = "two_population", here "brunel"'),
        (make_experiment(parameters={"g": 8}), r"there parameters.g = null, here 8"),
    ]:
        with pytest.raises(InputError, match=f"holds another experiment: {difference}"):
            opened(tmp_path, identity=other.identity(), resume=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    opened(tmp_path, identity=make_experiment(sizes=(9999,), seeds=(5,), kind="strong").identity(), resume=True)


def test_resume_refuses_results_without_header(tmp_path):
    store.append(tmp_path / "runs.jsonl", make_record())
    with pytest.raises(InputError, match=r"holds results, but no experiment\.json"):
        opened(tmp_path, resume=True)


def test_foreign_figure_is_not_overwritten(tmp_path):
    (tmp_path / "scaling.png").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"already holds scaling\.png"):
        opened(tmp_path)


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (tmp_path / "file" / "out", tmp_path / "file"):
        with pytest.raises(InputError, match="cannot be written"):
            opened(path)


def test_a_failure_counts_until_the_point_is_done(tmp_path, capsys):
    experiment = make_experiment(sizes=(1250,), indegree=1250, vary={"neuron_model": ("iaf_psc_alpha",)})
    folder = Folder(tmp_path, IDENTITY, experiment.settings(), resume=False)
    for reason in ("first", "second"):
        folder.add_failure(make_point(), reason)
    show([str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[1].endswith("second")
    folder.add(make_record())
    folder.close()
    show([str(tmp_path)])
    assert "done" in capsys.readouterr().out.splitlines()[1]


# Records


def test_records_survive_a_kill_at_any_byte(tmp_path):
    """Whatever part of the last line a killed job leaves, the earlier points stay and the next line is whole."""
    path = tmp_path / "runs.jsonl"
    first, second, third = (make_record(make_point(seed=seed)) for seed in (1, 2, 3))
    store.append(path, first)
    start = path.stat().st_size
    store.append(path, second)
    whole = path.read_bytes()
    for length in [*range(start, len(whole), 97), *range(len(whole) - 5, len(whole) + 1)]:
        path.write_bytes(whole[:length])
        kept = [first, second] if length >= len(whole) - 1 else [first]
        assert store.read(tmp_path) == kept
        store.repair(path)
        store.append(path, third)
        assert store.read(tmp_path) == [*kept, third]
        assert path.read_bytes().endswith(b"\n")
        assert len(path.read_bytes().splitlines()) == len(kept) + 1


def test_torn_line_is_kept_aside(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"variant": {"neu')
    store.repair(path)
    assert path.read_bytes() == b""
    assert (tmp_path / "runs.jsonl.torn").read_bytes() == b'{"variant": {"neu\n'


def test_broken_line_elsewhere_is_an_error(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1: not a JSON object of a record"):
        store.read(tmp_path)
    path.write_text('{"N": 1250}\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 1: the record lacks the field 'variant'"):
        store.read(tmp_path)


def test_points_are_told_apart_by_ranks_and_counted_once(tmp_path):
    path = tmp_path / "runs.jsonl"
    for ranks in (1, 2, 2):
        store.append(path, make_record(make_point(ranks=ranks)))
    assert [record["ranks"] for record in store.read(tmp_path)] == [1, 2]


def append_with_limit(path: str, limit: int) -> None:
    """Append a record while no file may grow beyond ``limit`` bytes, as on a full disk; exit code 5 on StorageError."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        store.append(Path(path), make_record())
    except StorageError as error:
        sys.exit(5 if "earlier ones are safe" in str(error) else 6)


def test_what_a_full_disk_cuts_off_is_taken_back(tmp_path):
    """The system writes what still fits and then refuses: the earlier line must be left as it was."""
    path = tmp_path / "runs.jsonl"
    store.append(path, make_record(make_point(seed=7)))
    whole = path.read_bytes()
    job = multiprocessing.get_context("spawn").Process(target=append_with_limit, args=(str(path), len(whole) + 100))
    job.start()
    job.join()
    assert job.exitcode == 5
    assert path.read_bytes() == whole


def test_records_hold_plain_data(tmp_path):
    import numpy as np

    values = {
        "a": np.float64(1.5),
        "b": np.arange(2),
        "c": float("nan"),
        "d": (np.int64(3),),
        "e": True,
        "f": Path("x"),
    }
    assert plain(values) == {"a": 1.5, "b": [0, 1], "c": None, "d": [3], "e": True, "f": "x"}


# The lock


def test_two_jobs_do_not_share_a_folder(tmp_path):
    first = Lock(tmp_path)
    with pytest.raises(InputError, match=rf"another job works in output folder .* \(process {os.getpid()} on "):
        Lock(tmp_path)
    first.release()
    Lock(tmp_path).release()


def test_a_killed_job_leaves_no_lock(tmp_path):
    code = (
        f"import os, pathlib; from distsim.record.lock import Lock; Lock(pathlib.Path({str(tmp_path)!r})); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert (tmp_path / "lock").read_text(encoding="utf-8") != ""
    Lock(tmp_path).release()


def test_without_file_locks_the_file_is_the_lock(tmp_path, monkeypatch):
    """As on file systems that know no flock: then the text decides, and whether that process still lives."""

    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    held = Lock(tmp_path)
    with pytest.raises(InputError, match=r"remove '.*lock' if that job is gone"):
        Lock(tmp_path)
    held.release()
    Lock(tmp_path)  # not released: as if killed
    monkeypatch.setattr(lock, "_gone", lambda holder: True)
    Lock(tmp_path).release()


def test_a_process_of_another_machine_is_never_taken_for_gone():
    assert not lock._gone({"host": "elsewhere", "pid": 1})
    assert not lock._gone({"host": os.uname().nodename, "pid": os.getpid()})
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert lock._gone({"host": os.uname().nodename, "pid": ended.pid})


# Statistics of a point


def test_load_balance_is_largest_over_mean():
    assert balance([3.0, 1.0]) == 1.5
    assert balance([2.0, 2.0, 2.0]) == 1.0
    assert balance([0.0, 0.0]) is None


# Provenance


def test_environment_is_a_chosen_part():
    variables = {"NUMBA_CACHE_DIR": "a", "OMP_NUM_THREADS": "1", "HOME": "b", "OMP_NUM_THREADS_X": "c", "TOKEN": "d"}
    variables["OMPI_MCA_initial_wdir"] = "/home"
    assert surroundings.environment(variables) == {"NUMBA_CACHE_DIR": "a", "OMP_NUM_THREADS": "1"}


def test_versions_and_machine():
    assert surroundings.versions()["numpy"]
    assert surroundings.cpu_model()
    assert surroundings.affinity()
    assert "python" in surroundings.launch_line()


def test_cores_are_written_as_ranges():
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
    assert ranges([]) == ""


class Ranks:
    """Stands for a communicator whose ranks are at ``places``: (node, cores)."""

    def __init__(self, places):
        self.places = places

    def gather(self, mine):
        return self.places


def test_more_ranks_than_cores_are_told():
    pinned = Hosts.of(Ranks([("a", [0]), ("a", [1]), ("b", [0])]))
    assert (pinned.oversubscribed, pinned.cores_used) == (False, 3)
    crowded = Hosts.of(Ranks([("a", [0, 1]), ("a", [0, 1]), ("a", [0, 1])]))
    assert (crowded.oversubscribed, crowded.cores_used, crowded.pinning) == (True, 2, ["0-1"] * 3)


def test_energy_is_that_of_all_packages(tmp_path):
    """Two packages, the counter of one goes around; a zone within a package is not counted twice."""

    def zone(name, microjoule):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "energy_uj").write_text(str(microjoule), encoding="ascii")
        (folder / "max_energy_range_uj").write_text("10000000", encoding="ascii")

    zone("intel-rapl:0", 1_000_000)
    zone("intel-rapl:1", 9_000_000)
    zone("intel-rapl:0:0", 0)
    meters = [EnergyMeter(tmp_path), EnergyMeter(tmp_path, counts=False), EnergyMeter(tmp_path / "none")]
    with meters[0], meters[1], meters[2]:
        zone("intel-rapl:0", 3_000_000)
        zone("intel-rapl:1", 1_000_000)
        zone("intel-rapl:0:0", 5_000_000)
    assert [meter.joules for meter in meters] == [pytest.approx(2.0 + 2.0), 0.0, None]


def test_experiment_header_is_json(tmp_path):
    opened(tmp_path, settings=make_experiment(sizes=(1, 2)).settings())
    header = json.loads((tmp_path / "experiment.json").read_text(encoding="utf-8"))
    assert header["settings"]["sizes"] == [1, 2]
