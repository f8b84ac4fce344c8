"""What one core of the machine can do at best, as measured by loops compiled in the same way as distsim's kernels.

Memory: arrays read, written, copied and updated in place, for working sets of any size. Arithmetic: loops over arrays
in the L1 cache with as many floating-point operations, or 64-bit multiplications, per element as a kernel needs, in
independent chains so that only the throughput of the processor counts. Also random updates of integers, and calls of
compiled functions from Python. Every loop is measured once and remembered.
"""

import ast
import inspect
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from distsim.core.compiler import use_full_vector_width

use_full_vector_width()

STREAMS = ("read", "write", "copy", "update")
TRAFFIC = {"read": 1, "write": 1, "copy": 2, "update": 2}  # bytes moved per byte of the array: in, out, or both
TRAVERSED = 1 << 22  # bytes per measurement at least: small arrays are gone through several times
IN_L1 = 1024  # float64 of each array in loops over the L1 cache
CHAINS = 4  # independent chains of operations per element


@dataclass(frozen=True)
class Operations:
    """Floating-point operations per element."""

    multiplications: int
    additions: int
    divisions: int = 0

    def __add__(self, other: "Operations") -> "Operations":
        return Operations(
            self.multiplications + other.multiplications,
            self.additions + other.additions,
            self.divisions + other.divisions,
        )

    def __mul__(self, factor: float) -> "Operations":
        return Operations(*(round(factor * n) for n in (self.multiplications, self.additions, self.divisions)))

    def __str__(self) -> str:
        words = [f"{self.multiplications} multiplications", f"{self.additions} additions"]
        if self.divisions:
            words.append("1 division" if self.divisions == 1 else f"{self.divisions} divisions")
        return ", ".join(words)


def operations_of(function: Any) -> Operations:
    """Operations in the source of a straight-line jitted function; those between constants are done by the compiler.

    Additions of integers (to the exponent of a double) count as if they were floating-point additions.
    """
    counts = {ast.Mult: 0, ast.Add: 0, ast.Sub: 0, ast.Div: 0}
    for node in ast.walk(ast.parse(inspect.getsource(function.py_func))):
        if isinstance(node, ast.BinOp) and type(node.op) in counts and not _constant(node):
            counts[type(node.op)] += 1
    return Operations(counts[ast.Mult], counts[ast.Add] + counts[ast.Sub], counts[ast.Div])


def _constant(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return _constant(node.left) and _constant(node.right)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


def cache_sizes() -> dict[str, int]:
    """Bytes of the data caches of one core; common values where the system does not tell."""
    found = {"L1": 32 << 10, "L2": 1 << 20}
    for folder in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction" and f"L{level}" in found and size.endswith("K"):
            found[f"L{level}"] = int(size[:-1]) << 10
    return found


def working_sets() -> dict[str, int]:
    """Name -> bytes: half of L1, half of L2, and much more than L2."""
    caches = cache_sizes()
    return {"L1": caches["L1"] // 2, "L2": caches["L2"] // 2, "beyond L2": max(32 * caches["L2"], 64 << 20)}


@dataclass
class Machine:
    """Limits of this core; times in ns, medians of ``repetitions``."""

    repetitions: int
    known: dict[tuple[Any, ...], float] = field(default_factory=dict)

    def stream(self, kind: str, nbytes: int) -> float:
        """ns per byte of an array of int64 in a working set of ``nbytes``, which a copy shares among two arrays."""
        return self._once(("stream", kind, nbytes), lambda: self._stream(kind, nbytes))

    def bandwidth(self, kind: str, nbytes: int) -> float:
        """Bytes moved per ns (GB/s), counting reading and writing."""
        return TRAFFIC[kind] / self.stream(kind, nbytes)

    def arithmetic(self, operations: Operations) -> float:
        """ns per element of a loop with these operations over arrays in L1."""
        return self._once(("arithmetic", operations), lambda: self._arithmetic(operations))

    def multiplications(self, number: int) -> float:
        """ns per element of a loop with ``number`` 64-bit integer multiplications over arrays in L1."""
        return self._once(("multiplications", number), lambda: self._multiplications(number))

    def random_update(self, entries: int, row: int) -> float:
        """ns per addition to a random one of ``entries`` int64; indices ascend within rows of ``row``, as in tables."""
        return self._once(("random", entries, row), lambda: self._random_update(entries, row))

    def call(self) -> float:
        """ns per call, from Python, of a compiled function that does nothing with the arguments of a kernel."""
        return self._once(("call",), self._call)

    def table(self) -> list[dict[str, Any]]:
        """Bandwidth (GB/s) of every kind of stream for every working set."""
        return [
            {"level": name, "bytes": size, **{kind: self.bandwidth(kind, size) for kind in STREAMS}}
            for name, size in working_sets().items()
        ]

    def peaks(self) -> dict[str, float]:
        """The best of what the loops of arithmetic reach: operations per ns."""
        return {
            "floating_point_per_ns": 64.0 / self.arithmetic(Operations(32, 32)),
            "multiplications_64_bit_per_ns": max(n / self.multiplications(n) for n in (1, 2, 4)),
        }

    def _once(self, key: tuple[Any, ...], measure: Callable[[], float]) -> float:
        if key not in self.known:
            self.known[key] = measure()
        return self.known[key]

    def _median(self, call: Callable[[], Any], elements: int) -> float:
        call()
        times = []
        for _ in range(max(3, self.repetitions)):
            begin = time.perf_counter_ns()
            call()
            times.append(time.perf_counter_ns() - begin)
        return statistics.median(times) / elements

    def _stream(self, kind: str, nbytes: int) -> float:
        n = max(1, nbytes // 8 // (2 if kind == "copy" else 1))
        sweeps = max(1, TRAVERSED // (8 * n))
        x, y = np.ones(n, np.int64), np.ones(n if kind == "copy" else 0, np.int64)
        loop = {"read": read, "write": write, "copy": copy, "update": update}[kind]
        return self._median(lambda: loop(x, y, sweeps), 8 * n * sweeps)

    def _arithmetic(self, operations: Operations) -> float:
        loop = arithmetic_loop(operations)
        x, y = np.linspace(0.5, 1.0, IN_L1), np.empty(IN_L1)
        factors, sweeps = np.linspace(0.9, 0.99, CHAINS), 64
        return self._median(lambda: loop(x, y, factors, 0.125, sweeps), IN_L1 * sweeps)

    def _multiplications(self, number: int) -> float:
        loop = multiplication_loop(number)
        x, y = np.arange(IN_L1, dtype=np.uint64), np.empty(IN_L1, np.uint64)
        factor, other, sweeps = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), 64
        return self._median(lambda: loop(x, y, factor, other, sweeps), IN_L1 * sweeps)

    def _random_update(self, entries: int, row: int) -> float:
        generator = np.random.default_rng(1)
        rows = max(1, (1 << 17) // row)
        smallest = np.uint16 if entries <= 1 << 16 else np.uint32
        index = np.sort(generator.integers(entries, size=(rows, row)), axis=1).astype(smallest).ravel()
        values = np.zeros(entries, np.int64)
        return self._median(lambda: add_at(index, values, 3), index.size)

    def _call(self) -> float:
        arrays, calls = tuple(np.zeros(2) for _ in range(10)), 1000

        def many() -> None:
            for _ in range(calls):
                nothing(*arrays)

        return self._median(many, calls)


@njit(error_model="numpy")
def read(x: npt.NDArray[np.int64], _y: npt.NDArray[np.int64], sweeps: int) -> int:
    """Sum x."""
    total = 0
    for _ in range(sweeps):
        for i in range(x.size):
            total += x[i]
    return total


@njit(error_model="numpy")
def write(x: npt.NDArray[np.int64], _y: npt.NDArray[np.int64], sweeps: int) -> None:
    """Fill x."""
    for sweep in range(sweeps):
        for i in range(x.size):
            x[i] = sweep


@njit(error_model="numpy")
def copy(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64], sweeps: int) -> None:
    """Copy x to y."""
    for _ in range(sweeps):
        for i in range(x.size):
            y[i] = x[i]


@njit(error_model="numpy")
def update(x: npt.NDArray[np.int64], _y: npt.NDArray[np.int64], sweeps: int) -> None:
    """Read, change and write x."""
    for sweep in range(sweeps):
        for i in range(x.size):
            x[i] += sweep


@njit(error_model="numpy")
def add_at(index: npt.NDArray[Any], values: npt.NDArray[np.int64], summand: int) -> None:
    """Deposit into random places, as a spike does into the ring."""
    for i in range(index.size):
        values[index[i]] += summand


@njit(error_model="numpy")
def nothing(a, b, c, d, e, f, g, h, i, j):  # type: ignore[no-untyped-def]
    """A call from Python alone."""
    return 0


def arithmetic_loop(operations: Operations) -> Any:
    """y[i] = a sum of CHAINS chains of multiplications and additions that begin with x[i].

    The numbers of operations are constants of the compiled loop, which therefore is unrolled.
    """
    joining = CHAINS - 1  # additions that join the chains
    multiplications, additions = operations.multiplications, max(0, operations.additions - joining)
    pairs = min(multiplications, additions)
    each, pairs_left = divmod(pairs, CHAINS)
    multiplications_left, additions_left = multiplications - pairs, additions - pairs
    divisions = operations.divisions

    @njit(error_model="numpy")
    def loop(x, y, factors, summand, sweeps):  # type: ignore[no-untyped-def]
        f1, f2, f3, f4 = factors[0], factors[1], factors[2], factors[3]
        for _ in range(sweeps):
            for i in range(x.size):
                a = b = c = d = x[i]
                for _ in range(each):
                    a = a * f1 + summand
                    b = b * f2 + summand
                    c = c * f3 + summand
                    d = d * f4 + summand
                for _ in range(pairs_left):
                    a = a * f2 + summand
                for _ in range(multiplications_left):
                    b = b * f3
                for _ in range(additions_left):
                    c = c + summand
                for _ in range(divisions):
                    d = d / f1
                y[i] = (a + b) + (c + d)

    return loop


def multiplication_loop(number: int) -> Any:
    """y[i] = x[i] multiplied ``number`` times, with an exclusive or in between (else the factors would be joined)."""

    @njit(error_model="numpy")
    def loop(x, y, factor, other, sweeps):  # type: ignore[no-untyped-def]
        for _ in range(sweeps):
            for i in range(x.size):
                z = x[i]
                for _ in range(number):
                    z = (z ^ other) * factor
                y[i] = z

    return loop
