"""Networks of users' own: a Python file outside of the package, or a module of an installed one.

The file holds ``build_network``, which returns a ``Network``, a ``RateNetwork`` or a ``BinaryNetwork``. Its arguments
are the parameters of the model: every one has a default, whose type all values have, and may say what it is:
``rate: Annotated[float, "of the input (1/s)"] = 8``.
The file may hold as well

- ``resized(neurons, indegree)``: the parameters (a dict) that give so many neurons and inputs, for experiments of size
- ``SETTINGS``: a ``RunSettings``, the defaults of a run
- ``Parameters``: a ``ModelParameters`` with its table of units and limits; ``build_network`` then takes one such object
- ``extra(simulation, activity, parameters)``: see ``NetworkModel.extra``
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType, new_class
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from distsim.core.errors import InputError, nearest
from distsim.core.units import shown
from distsim.models.defaults import Default
from distsim.models.model import SETTINGS, NetworkModel, RunSettings
from distsim.models.model_parameters import TABLE, ModelParameters
from distsim.record.storage import read_text

if TYPE_CHECKING:
    from distsim.models.outcome import Outcome

BUILD = "build_network"
PREFIX = "own_network_"
"""How the module of a user's file is called, before its stem: kernels that it holds are cached under this name."""
WITH_UNIT = re.compile(r"(.*?)\s*\(([^()]*)\)")
SHOWN = 12  # digits of a digest


@cache
def of_file(path: Path) -> OwnNetwork:
    """The model that the Python file at ``path`` makes, as it is when this process asks for the first time.

    Raises InputError, with file and line, for all that is wrong in it.
    """
    place = path.absolute()
    name = re.sub(r"\W", "_", path.stem)
    module = _execute(place, f"{PREFIX}{name}", read_text(path))
    return OwnNetwork(name, module, files_of(place), (of_file, (path,)))


@cache
def of_module(name: str, module: str) -> OwnNetwork:
    """The model ``name`` that an installed module makes; InputError for all that is wrong in it."""
    try:
        found = import_module(module)
    except Exception as error:
        raise InputError(f"model '{name}': {module} cannot be imported: {type(error).__name__}: {error}") from error
    return OwnNetwork(name, found, files_of(Path(str(found.__file__))), (of_module, (name, module)))


def files_of(path: Path) -> list[Path]:
    """``path`` and the modules beside it that it imports, with those that they import."""
    found = [path]
    for file in found:  # grows meanwhile
        try:
            tree = ast.parse(read_text(file))
        except (SyntaxError, ValueError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            continue
        imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        words = [alias.name for node in imports for alias in node.names]
        words += [node.module for node in imports if isinstance(node, ast.ImportFrom) and node.module]
        for part in dict.fromkeys(part for word in words for part in word.split(".")):
            beside = path.with_name(f"{part}.py")
            if beside not in found and beside.is_file():
                found.append(beside)
    return found


class OwnNetwork(NetworkModel):
    """The model ``name`` of a user's ``module``, which was read from ``files``, the first of which holds its functions.

    ``origin`` is a function, and its arguments, that find it again on another rank.
    """

    chosen = tuple(SETTINGS)
    """All: which neurons it has is known only once it is built."""

    def __init__(self, name: str, module: ModuleType, files: list[Path], origin: tuple[Any, tuple[Any, ...]]) -> None:
        self.name = name
        self.path = files[0]
        self.line = (module.__doc__ or f"of {self.path}").strip().partition("\n")[0].rstrip(".")
        self._build = _function(module, BUILD, self.path)
        self._resized = getattr(module, "resized", None)
        self._extra = getattr(module, "extra", None)
        self.resizes = self._resized is not None
        self.settings = getattr(module, "SETTINGS", RunSettings())
        if not isinstance(self.settings, RunSettings):
            raise InputError(f"'{self.path}': SETTINGS must be a RunSettings, not {shown(self.settings)}")
        own = getattr(module, "Parameters", None)
        self._of_class = isinstance(own, type) and issubclass(own, ModelParameters)
        self.parameters: type[ModelParameters] = (
            own if self._of_class else parameters_of(self._build, name, self.path)  # type: ignore[assignment]
        )
        self.files = [*files, *([self.path.with_name(TABLE)] if self._of_class else [])]
        self.digest = digest_of(self.files)
        _make_portable(self.parameters, (*origin, self.digest))

    def build_network(self, parameters: Any) -> Any:
        from distsim.models.wings import WINGS

        with in_sentences(self.path):
            network = self._build(parameters) if self._of_class else self._build(**parameters.values())
        if not any(wing.has(network) for wing in WINGS):
            kinds = " or ".join(f"a {wing.network}" for wing in WINGS)
            raise InputError(f"'{self.path}': {BUILD} must return {kinds}, not {shown(network)}")
        return network

    def resized(self, neurons: int, indegree: int | None) -> dict[str, Any]:
        """What the file's own ``resized`` gives; without one nothing, for the network's own size."""
        if self._resized is None:
            if indegree is not None:
                raise InputError(f"'{self.path}': to choose the in-degree needs a function resized(neurons, indegree)")
            return {}
        with in_sentences(self.path):
            found = self._resized(neurons, indegree)
        if not isinstance(found, Mapping):
            raise InputError(f"'{self.path}': resized must return a dict of parameters, not {shown(found)}")
        return dict(found)

    def extra(self, simulation: Any, activity: Any, parameters: Any) -> Outcome | None:
        if self._extra is None:
            return None
        with in_sentences(self.path):
            found: Outcome | None = self._extra(simulation, activity, parameters)
        return found


def _make_portable(parameters: type[ModelParameters], home: tuple[Any, ...]) -> None:
    """Let ``parameters`` travel to other ranks as values: their class does not, for it is the file that makes it."""

    def reduced(self: ModelParameters) -> tuple[Any, ...]:
        return _remade, (*home, self.values())

    parameters.__reduce__ = reduced  # type: ignore[assignment]


def _remade(find: Callable[..., OwnNetwork], arguments: tuple[Any, ...], digest: str, values: dict[str, Any]) -> Any:
    """Parameters that come from another rank; every rank reads the file by itself."""
    model = find(*arguments)
    if model.digest != digest:
        raise InputError(f"model '{model.name}': '{model.path}' is not the same file on all ranks")
    return model.parameters(**values)


def digest_of(files: list[Path]) -> str:
    """Of the content of all ``files``; InputError where one cannot be read."""
    texts = [read_text(file) for file in files]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:SHOWN]


@contextmanager
def in_sentences(path: Path) -> Iterator[None]:
    """Whatever goes wrong in a user's file is an InputError that names its line."""
    try:
        yield
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        if isinstance(error, SyntaxError) and error.filename == str(path):
            lines, text = [error.lineno], f"{error.msg}"
        where = f", line {lines[-1]}" if lines else ""
        raise InputError(f"'{path}'{where}: {text}") from error


def _execute(path: Path, name: str, source: str) -> ModuleType:
    """The module ``name`` that ``source`` makes; modules beside it can be imported, as by a script."""
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    with in_sentences(path):
        exec(compile(source, str(path), "exec"), vars(module))
    return module


def _function(module: ModuleType, name: str, path: Path) -> Callable[..., Any]:
    """A function of ``module``; InputError where it has none."""
    found = getattr(module, name, None)
    if not inspect.isfunction(found):
        known = [
            n for n, value in vars(module).items() if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        raise InputError(f"'{path}' has no function {name} that makes the network{nearest(name, known)}")
    return found


def parameters_of(function: Callable[..., Any], model: str, path: Path) -> type[ModelParameters]:
    """The parameters that the arguments of ``function`` are: names, defaults, and types and meanings by annotation."""
    place = f"'{path}', line {function.__code__.co_firstlineno}: {function.__name__}"
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception:  # annotations for type checkers alone
        hints = {}
    defaults = {}
    for name, argument in inspect.signature(function).parameters.items():
        if argument.kind not in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY):
            raise InputError(f"{place}: the argument '{argument}' has no name by which it can be set; name them all")
        if argument.default is argument.empty:
            raise InputError(
                f"{place}: the argument '{name}' has no default; write {name}=..., the value it has if none is set"
            )
        if hasattr(ModelParameters, name):
            raise InputError(f"{place}: the argument '{name}' needs another name")
        defaults[name] = _default(argument.default, hints.get(name), name, place)
    options = {"model": model, "defaults": defaults}
    made: type[ModelParameters] = new_class("Parameters", (ModelParameters,), options)
    return made


def _default(value: Any, hint: Any, name: str, place: str) -> Default:
    """What an argument may be: like its default, a float where it is annotated as one, or one of the texts named."""
    meaning, unit = "", ""
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        meaning = next((note for note in notes if isinstance(note, str)), "")
        if found := WITH_UNIT.fullmatch(meaning):
            meaning, unit = found.groups()
    plain, depth = _plain(value, f"{place}: the argument '{name}'")
    if hint is float and isinstance(plain, int) and not isinstance(plain, bool):
        plain = float(plain)
    choices = get_args(hint) if get_origin(hint) is Literal and isinstance(plain, str) else ()
    axes = tuple(f"entry of {name}{'[0]' * level}" for level in range(depth))
    return Default(plain, unit, meaning, "", choices=choices, axes=axes)


def _plain(value: Any, place: str) -> tuple[Any, int]:
    """``value`` with lists as tuples, and how deep they go; InputError where it is nothing that can be set."""
    if hasattr(value, "tolist"):  # of numpy
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        entries = [_plain(entry, place) for entry in value]
        return tuple(entry for entry, _ in entries), 1 + max((depth for _, depth in entries), default=0)
    if not isinstance(value, (bool, int, float, str)):
        raise InputError(f"{place} = {shown(value)} must be a number, a text, true or false, or a list of them")
    return value, 0
