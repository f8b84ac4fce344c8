"""Machine code on disk: shared by any number of processes, compiled anew where it is damaged or no longer right."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest

import distsim
from distsim.core import kernel_cache
from distsim.core.argument_kinds import kinds_of
from distsim.core.compiler import spelled_type
from distsim.core.jit import COMPILED, inline, jit
from distsim.core.kernel_cache import Store, is_own, private_folder
from distsim.core.kernel_key import spelled

pytestmark = pytest.mark.skipif(not COMPILED, reason="without a compiler nothing is kept")

FACTOR = 3


@inline
def scaled(x):
    return FACTOR * x


def total(values):
    result = values[0] * 0
    for x in values:
        result += scaled(x)
    return result


def doubled(x):
    return x + x


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder of kernels, and a process that has not looked at it yet."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_cache, "store", Store())
    return tmp_path / "distsim"


def hits_and_sum(values):
    """How often ``total`` of another process was found on the disk, and its result."""
    kernel = jit(total)
    result = kernel(values)
    return kernel.hits, float(result)


INTEGERS, REALS = np.arange(4, dtype=np.int32), np.arange(4, dtype=np.float32)


def files(folder):
    return sorted(path.name for path in folder.glob("*.kernel"))


def test_kernels_are_kept_for_other_processes(folder):
    assert hits_and_sum(INTEGERS) == (0, 18.0)
    assert hits_and_sum(INTEGERS) == (1, 18.0)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.kernel")] == [0o600]


def test_processes_that_save_at_one_moment_do_not_mix_their_kernels(folder, monkeypatch):
    """Another process saves kernels of other arguments, and of the same, while this one is about to."""
    write = Store.write

    def write_in_between(self, name, payload):
        monkeypatch.setattr(Store, "write", write)
        for values in (REALS, INTEGERS):
            assert hits_and_sum(values) == (0, 18.0)
        write(self, name, payload)

    monkeypatch.setattr(Store, "write", write_in_between)
    assert hits_and_sum(INTEGERS) == (0, 18.0)
    assert len(files(folder)) == 2
    for values in (INTEGERS, REALS):
        assert hits_and_sum(values) == (1, 18.0)


PROCESS = """
import sys, numpy as np
from distsim.connect.edge_kernels import add_by_target
for kind in sys.argv[1:]:
    totals = np.zeros(4)
    add_by_target(np.array([0, 1, 2, 3], np.uint16), np.array([1, 2, 3, 4], kind), 1.0, totals)
    assert totals.tolist() == [1.0, 2.0, 3.0, 4.0], (kind, totals)
print(add_by_target.hits)
"""


def process(folder, *arguments, **variables):
    """Start a process that compiles or loads a kernel of the package."""
    paths = {"PYTHONPATH": os.pathsep.join([str(Path(distsim.__file__).parents[1]), *sys.path])}
    environment = {**os.environ, **paths, "NUMBA_CACHE_DIR": str(folder), **variables}
    command = [sys.executable, "-c", PROCESS, *arguments]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_processes_share_a_folder(tmp_path):
    """Two at one time, from an empty folder, compile each kernel once; a third, with another order of hashes, none."""
    two = [process(tmp_path, *kinds) for kinds in (("float32", "int32"), ("int32", "float32"))]
    (one, said), (other, heard) = (job.communicate() for job in two)
    assert (said, heard, int(one) + int(other)) == ("", "", 2)
    assert process(tmp_path, "float32", "int32", PYTHONHASHSEED="7").communicate() == ("2\n", "")
    assert len(files(tmp_path / "distsim")) == 2


CLAIM = """
import sys
from distsim.core.kernel_cache import store
with store.claimed("some kernel"):
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_nobody_waits_for_a_process_that_is_gone_or_takes_too_long(folder, monkeypatch):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NUMBA_CACHE_DIR": str(folder.parent)}
    other = subprocess.Popen(
        [sys.executable, "-c", CLAIM], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == "claimed\n"
    looked = []
    monkeypatch.setattr(kernel_cache.time, "sleep", looked.append)
    monkeypatch.setattr(kernel_cache, "PATIENCE", 0.05)

    def looks_before(name):
        looked.clear()
        with kernel_cache.store.claimed(name):
            return len(looked)

    assert looks_before("some kernel") > 0
    assert looks_before("another") == 0
    other.kill()
    other.communicate()
    assert looks_before("some kernel") == 0


@pytest.mark.parametrize("size", [0, 10, 40, 3000, -1])
def test_a_truncated_file_is_mended(folder, size):
    hits_and_sum(INTEGERS)
    (path,) = folder.glob("*.kernel")
    whole = path.read_bytes()
    path.write_bytes(whole[:size])
    assert hits_and_sum(INTEGERS) == (0, 18.0)
    assert hits_and_sum(INTEGERS) == (1, 18.0)


def test_a_damaged_or_exchanged_file_is_mended(folder):
    hits_and_sum(INTEGERS)
    (path,) = folder.glob("*.kernel")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert hits_and_sum(INTEGERS) == (0, 18.0)
    hits_and_sum(REALS)
    (other,) = set(folder.glob("*.kernel")) - {path}
    other.write_bytes(path.read_bytes())
    assert hits_and_sum(REALS) == (0, 18.0)
    assert hits_and_sum(REALS) == (1, 18.0)


def test_a_full_disk_costs_only_time(folder, monkeypatch, capfd):
    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        assert hits_and_sum(INTEGERS) == (0, 18.0)
        assert hits_and_sum(REALS) == (0, 18.0)
    assert files(folder) == []
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert f"'{folder}' cannot be written: No space left on device" in told


def test_no_folder_at_all_costs_only_time():
    job = process("/dev/null/cache", "float32", "int32")
    out, err = job.communicate()
    assert (job.returncode, out) == (0, "0\n")
    assert err == (
        "distsim: compiled kernels are not kept for other jobs, which takes time: "
        "'/dev/null/cache/distsim' cannot be made: Not a directory\n"
    )


def test_one_rank_speaks_for_the_job():
    assert process("/dev/null/cache", "float32", PMIX_RANK="1").communicate() == ("0\n", "")


def test_a_folder_that_others_can_write_is_refused(folder, capfd):
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(OSError, match="can be written by others; it must be yours alone"):
        private_folder(folder)
    assert hits_and_sum(INTEGERS) == (0, 18.0)
    assert files(folder) == []
    assert "it must be yours alone" in capfd.readouterr().err


def test_a_planted_file_is_not_read(folder, tmp_path):
    """It is right in all but that others can write it, or that it is somebody else's."""
    hits_and_sum(INTEGERS)
    (path,) = folder.glob("*.kernel")
    path.chmod(0o666)
    assert hits_and_sum(INTEGERS) == (0, 18.0)
    mine = list(path.stat())
    mine[stat.ST_UID] = os.geteuid() + 1
    assert is_own(path.stat())
    assert not is_own(os.stat_result(mine))


def test_what_nobody_reads_is_removed(folder):
    hits_and_sum(INTEGERS)
    (path,) = folder.glob("*.kernel")
    os.utime(path, (0, 0))
    (folder / "notes.txt").touch()
    os.utime(folder / "notes.txt", (0, 0))
    kernel_cache.store = Store()
    hits_and_sum(REALS)
    assert not path.exists()
    assert (folder / "notes.txt").exists()
    assert len(files(folder)) == 1


# ---------------------------------------------------------------- what loading takes

KERNELS = """
import sys, numpy as np
from distsim.core.jit import jit

@jit
def inner(values):
    if values.shape[0] > 9:
        raise ValueError("too many")
    return np.sort(values).sum()

@jit
def outer(values):
    return 2.0 * inner(values)

@jit
def product(a, b):
    return np.dot(a, b)

given = np.arange(4.0)
"""
COMPILES = ("numba.np.arraymath", "scipy.linalg")


def hits_in_a_process(folder, program):
    """What ``program`` prints, run beside the kernels above as a module of their own."""
    (folder / "kernels.py").write_text(KERNELS)
    tells = f"print(*[name in sys.modules for name in {COMPILES}])"
    paths = os.pathsep.join([str(folder), str(Path(distsim.__file__).parents[1]), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", f"from kernels import *\n{program}\n{tells}"]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_kernel_is_loaded_without_what_compiles_it(tmp_path):
    program = """
print(inner(given), "numba" in sys.modules)
try:
    inner(np.arange(10.0))
except ValueError as error:
    print(error)
print(inner.hits)
"""
    assert hits_in_a_process(tmp_path, program) == ["6.0 True", "too many", "0", "True True"]
    assert hits_in_a_process(tmp_path, program) == ["6.0 False", "too many", "1", "False False"]


def test_a_kernel_is_compiled_that_calls_a_loaded_one(tmp_path):
    assert hits_in_a_process(tmp_path, "print(inner(given))")[0] == "6.0"
    program = "print(inner(given), outer(given), inner.hits)"
    assert hits_in_a_process(tmp_path, program) == ["6.0 12.0 1", "True True"]
    assert hits_in_a_process(tmp_path, program) == ["6.0 12.0 1", "False False"]


def test_a_kernel_that_another_one_calls_is_kept_too(tmp_path):
    assert hits_in_a_process(tmp_path, "print(outer(given))")[0] == "12.0"
    assert hits_in_a_process(tmp_path, "print(inner(given), inner.hits)") == ["6.0 1", "False False"]


def test_a_kernel_that_calls_a_library_finds_it(tmp_path):
    """numba names the functions of BLAS when it imports what compiles calls of them."""
    program = "print(product(given, given), product.hits)"
    assert hits_in_a_process(tmp_path, program) == ["14.0 0", "True True"]
    assert hits_in_a_process(tmp_path, program)[0] == "14.0 1"


# ---------------------------------------------------------------- which machine code is called


class Pair(NamedTuple):
    a: Any
    b: Any


class Couple(NamedTuple):
    a: Any
    b: Any


ROWS = np.zeros((3, 2))
READ_ONLY = np.zeros(3)
READ_ONLY.flags.writeable = False
ARGUMENTS = {
    "None": None, "bool": True, "int": 1, "int64": np.int64(1), "int32": np.int32(1), "large": 1 << 63,
    "uint64": np.uint64(1), "float": 1.0, "float64": np.float64(1.0), "float32": np.float32(1.0), "complex": 1j,
    "array": np.zeros(3), "another": np.ones(7), "single": np.zeros(3, np.float32), "every other": np.zeros(6)[::2],
    "read only": READ_ONLY, "rows": ROWS, "columns": ROWS.T, "tuple": (1, 2.0), "reversed": (2.0, 1),
    "nested": ((1,), 2.0),
    "pair": Pair(1, 2.0), "couple": Couple(1, 2.0), "pair of pairs": Pair(Pair(1, 2), 3), "part": scaled, "nothing": (),
}  # fmt: skip


def test_arguments_are_told_apart_as_numba_does():
    kinds = {name: kinds_of((value,)) for name, value in ARGUMENTS.items()}
    for (one, value), (other, second) in itertools.combinations(ARGUMENTS.items(), 2):
        same = numba.typeof(value) == numba.typeof(second)
        assert (spelled(*kinds[one]) == spelled(*kinds[other])) == same, (one, other)
        assert kinds[one] != kinds[other] or same, (one, other)
    for name, value in ARGUMENTS.items():
        assert spelled_type(numba.typeof(value)) == spelled(*kinds[name])


def test_what_no_kernel_takes_is_refused():
    with pytest.raises(TypeError, match="kernels take numbers, arrays, and tuples of them, not str"):
        jit(total)("text")


def test_a_kernel_that_is_called_often_finds_the_same_machine_code(folder):
    """Whole numbers do not become others, although numba could convert them."""
    kernel = jit(doubled)
    for _ in range(3):  # numba calls it from the second time on
        assert [kernel(2.5), kernel(2), kernel(np.float32(0.1))] == [5.0, 4, np.float32(0.2)]
        assert [type(kernel(x)) for x in (2.5, 2, True)] == [float, int, int]
    assert len(files(folder)) == 4


def test_settings_of_numba_are_part_of_the_key(tmp_path):
    for level in ("1", "3"):  # as it is by default
        assert process(tmp_path, "float32", NUMBA_OPT=level).communicate() == ("0\n", "")
    assert process(tmp_path, "float32").communicate() == ("1\n", "")
    assert len(files(tmp_path / "distsim")) == 2
