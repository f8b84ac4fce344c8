"""An experiment: read from file and options, checked, and the points it consists of. Errors name file, line, setting.

Used on rank 0 only; the checked experiment is broadcast as plain data.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError, nearest
from distsim.core.units import MAX_NEURONS, shown
from distsim.models.recording import NOTHING
from distsim.models.registry import is_path
from distsim.parallel.communicator import in_ranks
from distsim.record.storage import read_file
from distsim.scaling import settings as known
from distsim.scaling.settings import LISTS, SETTINGS, TABLES, Experiment, Scalar, require

MOST_BYTES = 10_000_000
"""The largest file of settings that is read."""

Origins = Mapping[str, str]
"""Where a setting was given: "strong.toml, line 3" or "option --ranks", by name ("vary.g" for an entry of a table)."""


@dataclass(frozen=True)
class Point:
    """One simulation of an experiment.

    ``size`` is the number of neurons asked for, ``indegree`` the number of inputs per neuron (None: the model's own
    rule), ``variant`` the varied parameters and their values, ``repetition`` counts runs of the same network from 1.
    """

    variant: tuple[tuple[str, Scalar], ...]
    size: int
    indegree: int | None
    ranks: int
    seed: int
    repetition: int = 1

    def __str__(self) -> str:
        again = f", repetition {self.repetition}" if self.repetition > 1 else ""
        words = [
            variant_label(dict(self.variant)),
            f"N = {self.size}",
            f"seed {self.seed}{again}",
            in_ranks(self.ranks),
        ]
        return ", ".join(word for word in words if word)

    def as_dict(self) -> dict[str, Any]:
        """The fields of ``KEY`` as plain data."""
        return {**asdict(self), "variant": dict(self.variant)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Point:
        """The point that ``as_dict`` gave ``record`` for, or that a record is of."""
        return cls(**{**{name: record[name] for name in KEY}, "variant": tuple(record["variant"].items())})

    def key(self) -> str:
        """What ``key_of`` gives for the record of this point."""
        return key_of(self.as_dict())


KEY = tuple(entry.name for entry in fields(Point))
"""The fields of a record that tell which point of its folder it is."""


def key_of(record: Mapping[str, Any]) -> str:
    """The point that a record is of, as a text to compare; KeyError where a field is missing."""
    return json.dumps([record[name] for name in KEY], sort_keys=True)


def variant_label(variant: Mapping[str, Any]) -> str:
    """A name for varied parameters: a text stands for itself, ``g = 5`` for a number; empty where nothing varies."""
    return ", ".join(value if isinstance(value, str) else f"{name} = {value}" for name, value in variant.items())


def points_of(experiment: Experiment, job_ranks: int) -> list[Point]:
    """All points, small networks and few ranks first, so that early points cost little.

    ``job_ranks`` is the number of ranks where the experiment names none.
    """
    vary = experiment.vary
    variants = [tuple(zip(vary, values, strict=True)) for values in itertools.product(*vary.values())]
    runs = [(seed, again) for seed in experiment.seeds for again in range(1, experiment.repetitions + 1)]
    return [
        Point(variant, size, indegree, ranks, seed, again)
        for size, indegree, ranks in _networks(experiment, experiment.ranks or (job_ranks,))
        for variant in variants
        for seed, again in runs
    ]


def _networks(experiment: Experiment, all_ranks: tuple[int, ...]) -> Iterator[tuple[int, int | None, int]]:
    """Number of neurons, in-degree and number of ranks of every point."""
    indegree, per_rank = experiment.indegree, experiment.size_per_rank
    if experiment.kind != "weak" or per_rank is None:
        yield from ((size, indegree, ranks) for size in experiment.sizes for ranks in all_ranks)
        return
    for ranks in all_ranks:
        grown = indegree * ranks if indegree is not None and experiment.indegree_grows else indegree
        yield per_rank * ranks, grown, ranks


# Reading


def named_option(name: str) -> str:
    """The option of a setting, as messages name it."""
    return "option --set" if name == "parameters" else f"option --{name.replace('_', '-')}"


def read_experiment(
    file: Path | None, options: Mapping[str, Any], named: Callable[[str], str] = named_option
) -> tuple[Experiment, dict[str, str]]:
    """The experiment of ``file`` (TOML) with ``options`` in place of its own settings, and where each was given.

    ``named`` tells the place of a setting among ``options``. Raises InputError where the file cannot be read, a setting
    is unknown or has a value it cannot have.
    """
    values, origins = _read_toml(file) if file is not None else ({}, {})
    for name, value in options.items():
        option = named(name)
        if name in TABLES and isinstance(values.get(name, {}), dict):
            values[name] = {**values.get(name, {}), **value}
            origins |= {f"{name}.{entry}": option for entry in value} | {name: origins.get(name, option)}
        else:
            values[name], origins[name] = value, option
    if is_path(str(values.get("model"))):
        folder = Path() if file is None or "model" in options else file.parent
        values["model"] = str((folder / values["model"]).absolute())
    given = _checked(values, origins)
    experiment = Experiment(**{**_defaults(given), **given})
    _check_together(experiment, given, origins)
    return experiment, origins


def points_in(settings: Mapping[str, Any], place: str) -> list[Point]:
    """The points of the experiment that ``Experiment.settings`` gave ``settings`` for.

    Raises InputError, with ``place``, where they are wrong.
    """
    values = {n: v for n, v in settings.items() if n in SETTINGS and SETTINGS[n].points and v not in (None, [], {})}
    origins = dict.fromkeys(values, place)
    given = _checked(values, origins)
    experiment = Experiment(**given)
    _check_together(experiment, given, origins)
    return points_of(experiment, 1)


def _defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults that depend on what is given: those of the published experiment belong to its model."""
    if given.get("model", known.DEFAULT_MODEL) != known.DEFAULT_MODEL:
        return {}
    defaults: dict[str, Any] = {"indegree": known.DEFAULT_INDEGREE}
    if "neuron_model" not in given.get("parameters", {}):
        defaults["vary"] = known.DEFAULT_VARY
    if given.get("kind", "size") == "size":
        defaults["sizes"] = known.DEFAULT_SIZES
    return defaults


def _checked(values: Mapping[str, Any], origins: Origins) -> dict[str, Any]:
    """The values as those of ``Experiment``; InputError for the first that is unknown or wrong."""

    def checked(name: str, value: Any, check: known.Check) -> Any:
        try:
            return check(value, name)
        except InputError as error:
            table = name.partition(".")[0]
            raise InputError(f"{origins.get(name, origins.get(table, 'experiment'))}: {error}") from None

    given: dict[str, Any] = {}
    for name, value in values.items():
        if name not in SETTINGS:
            raise InputError(f"{origins[name]}: unknown setting '{name}'{nearest(name, SETTINGS)}")
        if name in TABLES:
            checked(name, value, _table)
            entries = {entry: checked(f"{name}.{entry}", held, SETTINGS[name].check) for entry, held in value.items()}
            given[name] = entries
        else:
            given[name] = checked(name, value, SETTINGS[name].check)
    return given


def _table(value: Any, name: str) -> None:
    require(isinstance(value, dict), name, f"be a table, as in [{name}]", value)


def placed(name: str, origins: Origins) -> str:
    """The setting ``name`` with the place where it was given."""
    return f"{origins[name]}: {name}" if name in origins else name


def _check_together(experiment: Experiment, given: Mapping[str, Any], origins: Origins) -> None:
    """InputError where a list holds a value twice, or settings do not go together."""
    lists = {name: getattr(experiment, name) for name in LISTS}
    lists |= {f"vary.{name}": values for name, values in experiment.vary.items()}
    for name, values in lists.items():
        seen = set()
        for value in values:
            if value in seen:
                raise InputError(f"{placed(name, origins)} holds {shown(value)} twice")
            seen.add(value)
    for name in ("record", "keep"):
        if NOTHING in lists[name] and len(lists[name]) > 1:
            raise InputError(f"{placed(name, origins)} holds '{NOTHING}' beside other words; leave one of them out")
    _check_kind(experiment, given, origins)
    _check_extent(experiment, origins)
    for name in experiment.vary:
        if name in experiment.parameters:
            raise InputError(f"{placed(f'vary.{name}', origins)} is in parameters as well; keep one of them")


NEEDED = {
    "sizes": "the numbers of neurons, as in sizes = [12500]",
    "ranks": "as in ranks = [1, 2, 4]",
    "size_per_rank": "the number of neurons per rank, as in size_per_rank = 12500",
    "indegree_grows": "whether the inputs per neuron grow with N: indegree_grows = false keeps indegree fixed",
}
NEEDS = {"size": ("sizes",), "strong": ("sizes", "ranks"), "weak": ("size_per_rank", "ranks", "indegree_grows")}
EXCLUDES = {kind: ("sizes",) if kind == "weak" else ("size_per_rank", "indegree_grows") for kind in known.KINDS}


def _check_kind(experiment: Experiment, given: Mapping[str, Any], origins: Origins) -> None:
    """Every kind has settings that it needs and such that have no meaning in it."""
    for name in EXCLUDES[experiment.kind]:
        if name in given:
            where = placed(name, origins)
            raise InputError(f"{where} has no meaning in an experiment of kind '{experiment.kind}'; leave it out")
    for name in NEEDS[experiment.kind]:
        if getattr(experiment, name) in (None, ()):
            raise InputError(f"{placed('kind', origins)} = '{experiment.kind}' needs {name}, {NEEDED[name]}")
    if experiment.kind == "size" and len(experiment.ranks) > 1:
        where = placed("ranks", origins)
        raise InputError(f"{where}: an experiment of kind 'size' has one number of ranks; 'strong' has several")
    if experiment.indegree_grows and experiment.indegree is None:
        where = placed("indegree_grows", origins)
        raise InputError(f"{where} = true needs indegree, the inputs per neuron on one rank")


def _check_extent(experiment: Experiment, origins: Origins) -> None:
    """InputError where there are more points, networks or neurons than any machine will see."""
    ranks, weak = max(1, len(experiment.ranks)), experiment.kind == "weak"
    sizes = ranks if weak else max(1, len(experiment.sizes))
    networks = sizes * math.prod(len(values) for values in experiment.vary.values())
    points = networks * len(experiment.seeds) * experiment.repetitions * (1 if weak else ranks)
    for number, most, what, names in (
        (points, known.MOST_POINTS, "points", "repetitions, seeds, vary, sizes, ranks"),
        (networks, known.MOST_NETWORKS, "networks", "vary, sizes, ranks"),
    ):
        if number > most:
            raise InputError(f"the experiment has {number} {what}, more than {most}; write fewer of {names}")
    largest = (experiment.size_per_rank or 0) * max(experiment.ranks, default=1)
    if weak and largest > MAX_NEURONS:
        where = placed("size_per_rank", origins)
        raise InputError(f"{where}: {largest} neurons on the most ranks are more than {MAX_NEURONS}")


# Files

_NAME = r"""(?:"([^"]+)"|'([^']+)'|([\w-]+))"""
_KEY = re.compile(rf"""\s*{_NAME}\s*(?:=|\.\s*{_NAME})""")
_HEADER = re.compile(r"""\s*\[+\s*["']?([\w-]+)["']?\s*[\].]""")


def _read_toml(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings of a file, and the lines in which they and the entries of tables stand, as ``Origins``.

    tomllib keeps no line numbers. Raises InputError where the file is missing (with the nearest other one), no text or
    not TOML.
    """
    import tomllib

    try:
        lines = read_file(path, MOST_BYTES).decode()
        values = tomllib.loads(lines.replace("\r\n", "\n"))
    except FileNotFoundError:
        others = [str(other) for other in path.parent.glob("*.toml")]
        hint = nearest(str(path), others) or "; python -m distsim.scaling init FOLDER writes some that are ready to run"
        raise InputError(f"there is no experiment file '{path}'{hint}") from None
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(f"experiment file '{path}' cannot be read: {error}") from error
    except RecursionError:
        raise InputError(f"{path}: not valid TOML: lists or tables lie too deep within each other") from None
    except ValueError as error:  # TOMLDecodeError, and numbers of more digits than Python reads
        raise InputError(f"{path}: not valid TOML: {error}") from error
    found: dict[str, str] = {}
    table = ""
    for line_number, line in enumerate(lines.splitlines(), start=1):
        names = [table] if table else []
        if header := _HEADER.match(line):
            table, names = header[1], [header[1]]
        elif key := _KEY.match(line):
            names += [name for name in key.groups() if name]
        for length in (1, 2):
            found.setdefault(".".join(names[:length]), f"{path}, line {line_number}")
    return values, {**dict.fromkeys(values, str(path)), **found}
