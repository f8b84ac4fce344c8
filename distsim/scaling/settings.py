"""The settings of a scaling experiment: one table, from which options, help, checks, identity and curves follow.

Checks are functions of a value and its name: they return the value, or raise InputError, "NAME must ..., got VALUE".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Any, NamedTuple

from distsim.core.durations import Every
from distsim.core.errors import InputError
from distsim.core.units import LARGEST_COUNT, MAX_NEURONS, check_count, check_number, shown
from distsim.models.defaults import Default
from distsim.models.model import SETTINGS as OF_RUN
from distsim.models.recording import NOTHING, Recording
from distsim.parallel.dry_run import MOST_RANKS

Scalar = bool | int | float | str
Check = Callable[[Any, str], Any]

KINDS = ("size", "strong", "weak")
DEFAULT_MODEL = "two_population"
DEFAULT_SIZES = (1250, 2500, 3750, 5000)
DEFAULT_INDEGREE = 1250
DEFAULT_VARY = {"neuron_model": ("iaf_psc_alpha", "ignore_and_fire")}

MOST_POINTS = 100_000
MOST_NETWORKS = 10_000
"""Beyond what any experiment needs; far more would fill the memory before one of them is run."""
LONGEST_TEXT = 1000


def require(fine: bool, name: str, demand: str, value: Any) -> None:
    """InputError unless ``fine``."""
    if not fine:
        raise InputError(f"{name} must {demand}, got {shown(value)}")


def text(value: Any, name: str) -> str:
    """A text that files and messages can hold."""
    require(isinstance(value, str), name, "be a text", value)
    require(len(value) <= LONGEST_TEXT, name, f"have at most {LONGEST_TEXT} characters", value)
    require(value == value.encode(errors="replace").decode(), name, "be a text that UTF-8 can hold", value)
    return str(value)


def scalar(value: Any, name: str) -> Scalar:
    """A value of a parameter."""
    require(isinstance(value, (bool, int, float, str)), name, "be a number, a text, true or false", value)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value, name)
    return check_number(value, name) if isinstance(value, float) else check_count(value, name, low=-LARGEST_COUNT)


def several(check: Check, example: str = "[1, 2]") -> Check:
    """The check of a list of at least one value, such as ``example``."""

    def check_all(value: Any, name: str) -> tuple[Any, ...]:
        require(isinstance(value, (list, tuple)), name, f"be a list, as in {example}", value)
        require(len(value) > 0, name, "hold at least one value", value)
        require(len(value) <= MOST_RANKS, name, f"hold at most {MOST_RANKS} values", value)
        return tuple(check(item, f"{name}[{index}]") for index, item in enumerate(value))

    return check_all


def model(value: Any, name: str) -> str:
    """A model that can be found."""
    from distsim.models.registry import find

    find(text(value, name))
    return str(value)


class Setting(NamedTuple):
    """What is known of a setting; a table's ``check`` is that of its entries.

    ``points``: it makes up the list of points, and experiments that differ in it may share a folder; so may those that
    differ in one that says what is ``kept``, on which no result depends. ``record``: its name in records, which lie on
    different curves where they differ in it. ``models_own``: left out, it is what the model has for it. ``later``: the
    records and folders of earlier versions are without it, and go on where it has its default.
    """

    default: Any
    check: Check
    metavar: str
    meaning: str
    points: bool = False
    kept: bool = False
    record: str | None = None
    models_own: bool = False
    choices: tuple[str, ...] = ()
    unit: str = ""
    later: bool = False

    @property
    def is_of_points(self) -> bool:
        """Whether experiments that differ in it may share a folder."""
        return self.points or self.kept

    @property
    def help(self) -> str:
        """Meaning, choices, unit and default, as ``--help`` shows them."""
        choices = f": {', '.join(self.choices)}" if self.choices else ""
        default = ", ".join(map(str, self.default)) if isinstance(self.default, tuple) else self.default
        if self.models_own:
            default = "the model's own"
        remarks = [self.unit, "" if default in (None, "", {}) else f"default: {default}"]
        remark = "; ".join(filter(None, remarks))
        return self.meaning + choices + (f" ({remark})" if remark else "")


def setting(default: Any, check: Check, metavar: str, meaning: str, example: str = "[1, 2]", **known: Any) -> Any:
    """A field of ``Experiment``; a tuple as default makes it a list, such as ``example``, a dictionary a table."""
    checked = several(check, example) if isinstance(default, tuple) else check
    held = Setting(default, checked, metavar, meaning, **known)
    return field(default_factory=lambda: default, metadata={"setting": held})


def of_run(name: str, record: str, *, later: bool = False) -> Any:
    """A setting of a run, for which the model has its own value."""
    known = OF_RUN[name]
    return setting(
        None, known.check, known.unit.upper() or "KIND", known.meaning,
        record=record, models_own=True, choices=known.choices, unit=known.unit, later=later,
    )  # fmt: skip


KEPT = ("spikes", "connectivity", "parameters", NOTHING)
"""What may be kept of a point, in a few words; the first two are such of ``Recording``, the last stands alone."""


def often(value: Any, name: str) -> str:
    """A text that says how often something is done."""
    Every.of(text(value, name), name)
    return str(value)


def recorded(value: Any, name: str) -> str:
    """A text that says what to record."""
    Recording.of([text(value, name)])
    return str(value)


neurons = partial(check_count, low=1, high=MAX_NEURONS)
ranks = partial(check_count, low=1, high=MOST_RANKS)
duration = partial(check_number, above=0.0)
flag = Default(False, "", "true or false", "").check
kind = Default("size", "", "what grows", "", choices=KINDS).check
kept = Default("spikes", "", "what is kept", "", choices=KEPT).check


@dataclass(frozen=True)
class Experiment:
    """A scaling experiment with a model, or a user's own, whose ``model`` is the path of its file.

    kind: "size" (fixed ranks, N = ``sizes`` grows), "strong" (fixed N = ``sizes``, ``ranks`` grow) or "weak" (N is
    ``size_per_rank`` times ``ranks``). ``indegree`` is fixed, None leaves it to the model; where ``indegree_grows`` in
    weak scaling it is that of one rank and grows with N. ``vary`` holds values of parameters of the model whose
    combinations are run, ``parameters`` one value for further ones. What the model has its own values for is None until
    it is asked (``plan.py``); an ``interval`` of None after that is the minimum delay.
    """

    model: str = setting(DEFAULT_MODEL, model, "NAME", "a model, or a file of your own", record="model")
    kind: str = setting("size", kind, "KIND", "what grows", points=True, record="kind", choices=KINDS)
    sizes: tuple[int, ...] = setting(
        (), neurons, "N", f"numbers of neurons (default: {str(DEFAULT_SIZES)[1:-1]})", points=True
    )
    size_per_rank: int | None = setting(None, neurons, "N", "weak scaling: number of neurons per rank", points=True)
    ranks: tuple[int, ...] = setting((), ranks, "RANKS", "numbers of ranks (default: those of the job)", points=True)
    indegree: int | None = setting(None, neurons, "K", "inputs per neuron (default: the model's own rule)", points=True)
    indegree_grows: bool | None = setting(
        None, flag, "BOOL", "weak scaling: true where the inputs per neuron grow with N", points=True
    )
    vary: Mapping[str, tuple[Scalar, ...]] = setting(
        {}, several(scalar), "NAME=A,B", "a parameter of the model and its values", points=True
    )
    parameters: Mapping[str, Any] = setting({}, scalar, "NAME=VALUE", "other parameters of the model")
    seeds: tuple[int, ...] = setting((1,), check_count, "SEED", "seeds", points=True)
    repetitions: int = setting(
        1, partial(check_count, low=1, high=MOST_POINTS), "N", "runs of every network", points=True
    )
    time: float = of_run("time", "T_ms")
    presimulation: float = of_run("presimulation", "presimulation_ms")
    precision: str = of_run("precision", "precision")
    interval: float | None = of_run("interval", "interval_ms")
    exchange: str = of_run("exchange", "exchange")
    loop: str = of_run("loop", "loop", later=True)
    keep: tuple[str, ...] = setting(
        (), kept, "WHAT", "data of each point that stay in a folder of its own", '["spikes", "parameters"]',
        kept=True, choices=KEPT,
    )  # fmt: skip
    record: tuple[str, ...] = setting(
        (),
        recorded,
        "WHAT",
        "what is recorded, and kept: words as in run MODEL --help (default: none)",
        '["spikes=E[:100]", "connectivity"]',
        kept=True,
    )
    checkpoint: str | None = setting(
        None,
        often,
        "TIME",
        "save a point that runs so often, as 10m, or 500ms of simulated time (default: never)",
        kept=True,
    )

    def settings(self) -> dict[str, Any]:
        """All settings as plain data."""
        return asdict(self)

    def identity(self) -> dict[str, Any]:
        """The settings common to all points, as plain data: equal for experiments whose points belong together."""
        common = {name: value for name, value in self.settings().items() if not SETTINGS[name].is_of_points}
        return {
            name: value for name, value in common.items() if not SETTINGS[name].later or value != OF_RUN[name].value
        }

    def recording(self) -> Recording:
        """What is recorded: ``record``, and what is to be kept and is not in it."""
        texts = [chosen for chosen in self.record if chosen != NOTHING]
        said = {chosen.partition("=")[0] for chosen in texts}
        texts += [word for word in KEPT[:2] if word in self.keep and word not in said]
        return Recording.of(texts or [NOTHING])

    def keeps(self) -> bool:
        """Whether anything is kept of a point beside its record."""
        return self.keep not in ((), (NOTHING,)) or bool(self.recording().choices)

    def every(self) -> Every | None:
        """How often a point that runs is saved; None for never."""
        return None if self.checkpoint is None else Every.of(self.checkpoint, "checkpoint")

    def run_settings(self) -> dict[str, Any]:
        """How a network is simulated: the settings that the model has its own values for."""
        return {name: getattr(self, name) for name, setting in SETTINGS.items() if setting.models_own}

    def fields(self) -> dict[str, Any]:
        """The settings that records hold, under the names that they have there."""
        return {s.record: getattr(self, name) for name, s in SETTINGS.items() if s.record is not None}


SETTINGS: dict[str, Setting] = {entry.name: entry.metadata["setting"] for entry in fields(Experiment)}
TABLES = tuple(name for name, held in SETTINGS.items() if isinstance(held.default, dict))
LISTS = tuple(name for name, held in SETTINGS.items() if isinstance(held.default, tuple))
CURVE = tuple(held.record for held in SETTINGS.values() if held.record is not None)
"""The fields of records by which curves are told apart, beside what varies."""
