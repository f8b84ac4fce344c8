"""How kernels are compiled: one decorator, so that every kernel obeys the same rules of arithmetic.

No fastmath: LLVM may then neither reorder nor fuse floating-point operations, and the vector body and the scalar
remainder of a loop give the same bits. ``error_model="numpy"`` keeps the branch for division by zero out of the loops.

Nothing here imports numba: machine code that is kept runs without it, see ``machine_code``. It is imported, and told of
all that kernels may call, when the first of them is compiled, see ``compiler``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property, update_wrapper
from importlib import import_module
from typing import Any, NamedTuple, SupportsIndex

import numpy as np

from distsim.core import kernel_cache
from distsim.core.argument_kinds import kinds_of
from distsim.core.kernel_key import IN_KERNELS, dependencies, key_of, spelled
from distsim.core.lasting_imports import uncollected
from distsim.core.machine_code import Code, unpacked

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
"""Whether kernels are compiled; else they are the plain functions."""

PLAIN = {"nopython": True, "boundscheck": None, "error_model": "numpy"}
"""Options of every function."""
PART = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options of a function that only kernels call: without those that convert its arguments for Python and for C."""
INLINED = {**PART, "forceinline": True}
"""Options of a function that always becomes part of its callers."""

REGISTER = 8  # numbers that a vector register holds at most
MANY = 100_000  # calls of kernels from Python that take longer, without numba, than it takes to import

_LOCK = threading.RLock()


class CompilationError(Exception):
    """A kernel cannot be compiled for its arguments; the text is numba's."""


class CFunction(NamedTuple):
    """A function of C that kernels call by its name; numba's names of the types that it returns and takes."""

    symbol: str
    returned: str
    taken: tuple[str, ...] = ()

    def __call__(self, *arguments: Any) -> Any:
        """What Python calls."""
        raise TypeError(f"{self.symbol} is called in compiled code alone")


class Compilation:
    """Of this process: ``core.compiler``, once it is needed, and what it is told before anything is compiled."""

    def __init__(self) -> None:
        self._told: list[Callable[[Any], object]] = []
        self._begun: Any = None
        self._calls = 0
        self.shown: Callable[[str], AbstractContextManager[None]] = lambda name: nullcontext()
        """What is entered while a kernel of this name is compiled."""

    def is_worth_it(self) -> bool:
        """Whether numba, which tells arguments apart in a tenth of the time, is there, or kernels were called often."""
        self._calls += 1
        return self._begun is not None or self._calls > MANY

    @property
    def compiler(self) -> Any:
        """The module, which imports numba."""
        with uncollected():
            return import_module("distsim.core.compiler")

    def tell(self, what: Callable[[Any], object]) -> None:
        """Call ``what``, of the compiler, before anything is compiled."""
        if self._begun is None:
            self._told.append(what)
        else:
            what(self._begun)

    def begin(self, compiler: Any) -> None:
        """Tell the compiler, which has just been imported, all that there is to tell."""
        self._begun = compiler
        for what in self._told:
            what(compiler)
        self._told.clear()


compilation = Compilation()


def jit(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on its first call and keep the machine code on disk, see ``kernel_cache``."""
    return _kept(function)


def jit_beside(function: Callable[..., Any]) -> Any:
    """As ``jit``, of a function while which runs other threads go on."""
    return _kept(function, nogil=True)


def _kept(function: Callable[..., Any], **options: bool) -> Any:
    return Kernel(function, {**PLAIN, "no_cfunc_wrapper": True, **options}) if COMPILED else function


class Compiled:
    """A function that is compiled, with the ``targetoptions`` of its compilation."""

    def __init__(self, function: Callable[..., Any], targetoptions: dict[str, Any]) -> None:
        update_wrapper(self, function)  # type: ignore[arg-type]
        self.py_func = function
        self.targetoptions = targetoptions

    @cached_property
    def dispatcher(self) -> Any:
        """What numba compiles, and what it knows the function by where others call it."""
        return compilation.compiler.dispatcher_of(self)

    @property
    def _numba_type_(self) -> Any:
        """What numba asks for where compiled functions, also those of others, reach this one."""
        return compilation.compiler.types.Dispatcher(self.dispatcher)


class Kernel(Compiled):
    """A function that Python calls, whose machine code is kept."""

    def __init__(self, function: Callable[..., Any], targetoptions: dict[str, Any]) -> None:
        super().__init__(function, targetoptions)
        self._call: Callable[..., Any] = self._looked_up
        self._codes: dict[Any, Code] = {}
        self._by_file: dict[str, Code] = {}
        self.hits = 0
        """How often it was loaded."""

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def _looked_up(self, *arguments: Any) -> Any:
        """Call the machine code for these arguments; from now on as numba does, where that is worth its import."""
        if compilation.is_worth_it():
            self._call = compilation.compiler.Caller(self)
        code = self._codes.get(kinds_of(arguments))
        return (code or self.code(arguments)).call(*arguments)

    def code(self, arguments: tuple[Any, ...]) -> Code:
        """The machine code for ``arguments`` of these kinds, loaded or compiled."""
        kinds = kinds_of(arguments)
        with _LOCK:
            if kinds not in self._codes:
                file = self.file([spelled(kind) for kind in kinds])
                if file not in self._by_file:
                    self._by_file[file] = self._loaded(file) or self._made(file, arguments)
                self._codes[kinds] = self._by_file[file]
        return self._codes[kinds]

    def file(self, kinds: list[str]) -> str:
        """That of the machine code for arguments of ``kinds``, see ``spelled``."""
        function = self.py_func
        kernel = f"{function.__module__}.{function.__qualname__}".replace("<locals>", "local")
        return f"{kernel}-{key_of(dependencies(function, self.targetoptions), kinds)}{kernel_cache.KIND}"

    def _loaded(self, file: str) -> Code | None:
        """What ``file`` holds; None where it is to be compiled."""
        payload = kernel_cache.store.read(file)
        with suppress(ImportError):  # it reaches functions of a module that this process knows by no name
            if payload is not None:
                found = unpacked(payload, lambda symbols: compilation.compiler.name_functions(symbols))
                self.hits += 1
                return found
        return None

    def _made(self, file: str, arguments: tuple[Any, ...]) -> Code:
        """What is compiled by this process, or by another one meanwhile."""
        with kernel_cache.store.claimed(file):
            found = self._loaded(file)
            if found is None:
                with compilation.shown(self.py_func.__name__):
                    found = compilation.compiler.compiled(self, arguments)
        return found

    def forget(self) -> None:
        """Begin as in a process that has neither loaded nor compiled it."""
        self._call = self._looked_up
        self._codes.clear()
        self._by_file.clear()


class Part(Compiled):
    """A function of kernels, compiled without what converts arguments of Python, which takes longer than the function.

    Where Python calls it all the same, it is compiled anew.
    """

    def __call__(self, *arguments: Any) -> Any:
        return self._for_python(*arguments)

    @cached_property
    def _for_python(self) -> Any:
        return compilation.compiler.njit(error_model="numpy")(self.py_func)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a small function so that it always becomes part of its callers (loops over it can then vectorise)."""
    return Part(function, {**PLAIN, **INLINED}) if COMPILED else function


def native(function: Callable[..., Any]) -> Any:
    """As ``jit_beside``, of a function that plain Python cannot run: it calls others by address, or a library's."""
    return jit_beside(function)


def native_inline(function: Callable[..., Any]) -> Any:
    """As ``inline``, of a function that plain Python cannot run."""
    return inline(function)


def part_of_kernels(function: Callable[..., Any], options: Mapping[str, Any] = INLINED) -> Callable[..., Any]:
    """Let kernels call ``function``, which stays the plain one for Python."""
    compilation.tell(lambda compiler: compiler.register_jitable(**options)(function))
    return function


def in_kernels(function: Callable[..., Any], **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let kernels call, for ``function``, what the decorated function returns of numba's types of the arguments."""

    def decorate(choose: Callable[..., Any]) -> Callable[..., Any]:
        compilation.tell(lambda compiler: compiler.overload(function, **{"jit_options": INLINED, **options})(choose))
        IN_KERNELS[function] = choose
        return choose

    return decorate


def prefetch(array: Any, index: int) -> None:
    """Start to load array[index] (one-dimensional, contiguous) into the cache; in Python it does nothing."""


def scratch(size: int, kind: Any) -> Any:
    """An array (size,) of any values that a kernel needs while it runs: on its stack, without references to be counted.

    size is a constant of the module.
    """
    return np.empty(size, kind)


def prefetch_between(array: Any, begin: SupportsIndex, end: SupportsIndex) -> None:
    """Start to load array[begin:end] (one-dimensional, contiguous), which is not empty, into the cache."""


def gather(into: Any, source: Any, places: Any) -> None:
    """into (n,) = source[places (n,) int64], none of them negative: float64, one-dimensional and contiguous.

    In whole vector registers, which a loop does not get: for all that the compiler knows, ``into`` may be ``source``.
    """
    into[:] = source[places]
