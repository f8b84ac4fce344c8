"""The settings of a scaling experiment: one table, from which options, help, checks, identity and curves follow.

And the fields of its records, most of which are settings or checked alike; a record may hold more.

Checks are functions of a value and its name: they return the value, or raise InputError, "NAME must ..., got VALUE".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Any, NamedTuple

from distsim.analysis.published_statistics import STATISTICS
from distsim.core.errors import InputError
from distsim.core.units import LARGEST_COUNT, MAX_NEURONS, check_count, check_number, shown
from distsim.models.defaults import Default
from distsim.models.model import SETTINGS as OF_RUN
from distsim.models.recording import NOTHING, Recording

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
MOST_RANKS = 10_000_000
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


def several(check: Check) -> Check:
    """The check of a list of at least one value."""

    def check_all(value: Any, name: str) -> tuple[Any, ...]:
        require(isinstance(value, (list, tuple)), name, "be a list, as in [1, 2]", value)
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
    different curves where they differ in it. ``models_own``: left out, it is what the model has for it.
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


def setting(default: Any, check: Check, metavar: str, meaning: str, **known: Any) -> Any:
    """A field of ``Experiment``; a tuple as default makes it a list, a dictionary a table."""
    held = Setting(default, several(check) if isinstance(default, tuple) else check, metavar, meaning, **known)
    return field(default_factory=lambda: default, metadata={"setting": held})


def of_run(name: str, record: str) -> Any:
    """A setting of a run, for which the model has its own value."""
    known = OF_RUN[name]
    return setting(
        None, known.check, known.unit.upper() or "KIND", known.meaning,
        record=record, models_own=True, choices=known.choices, unit=known.unit,
    )  # fmt: skip


KEPT = ("spikes", "connectivity", "parameters")
"""What may be kept of a point, in a few words; the first two are such of ``Recording``."""


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
    keep: tuple[str, ...] = setting(
        (), kept, "WHAT", "data of each point that stay in a folder of its own", kept=True, choices=KEPT
    )
    record: tuple[str, ...] = setting(
        (), recorded, "WHAT", "what is recorded, and kept, in the words of run --record (default: none)", kept=True
    )

    def settings(self) -> dict[str, Any]:
        """All settings as plain data."""
        return asdict(self)

    def identity(self) -> dict[str, Any]:
        """The settings common to all points, as plain data: equal for experiments whose points belong together."""
        settings = self.settings().items()
        return {name: value for name, value in settings if not SETTINGS[name].points and not SETTINGS[name].kept}

    def recording(self) -> Recording:
        """What is recorded: ``record``, and what is to be kept and is not in it."""
        texts = [chosen for chosen in self.record if chosen != NOTHING]
        said = {chosen.partition("=")[0] for chosen in texts}
        texts += [word for word in KEPT[:2] if word in self.keep and word not in said]
        return Recording.of(texts or [NOTHING])

    def keeps(self) -> bool:
        """Whether anything is kept of a point beside its record."""
        return bool(self.keep or self.recording().choices)

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


# Records: what a line of runs.jsonl and of failed.jsonl must hold, so that tables and figures can be made of it

BUILD_PHASES = ("create", "connect", "index")
RUN_PHASES = (
    "update", "deliver", "communicate", "wait", "draw", "speculate", "exchange", "correct", "settle", "record",
)  # fmt: skip
PHASES = (*BUILD_PHASES, *RUN_PHASES, "other")
"""Of all kinds of neurons; each has some of them."""
HASHES = ("spike_hash", "weight_hash", "rate_hash", "flip_hash")


def _or_null(check: Check) -> Check:
    return lambda value, name: None if value is None else check(value, name)


def _object_of(checks: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object that has these fields, and may have the ``optional`` ones."""

    def check(value: Any, name: str) -> None:
        _any_object(value, name)
        for entry, check_entry in checks.items():
            path = f"{name}.{entry}" if name else entry
            if entry not in value:
                raise InputError(
                    f"the record lacks the field '{path}': another version of the harness wrote it, or it was changed"
                )
            check_entry(value[entry], path)
        for entry, check_entry in (optional or {}).items():
            check_entry(value.get(entry), f"{name}.{entry}" if name else entry)

    return check


def _any_object(value: Any, name: str) -> None:
    require(isinstance(value, dict), name, "be an object", value)


def _variant(value: Any, name: str) -> None:
    _any_object(value, name)
    for parameter, held in value.items():
        scalar(held, f"{name}.{parameter}")


def _any_text(value: Any, name: str) -> None:
    require(isinstance(value, str), name, "be a text", value)


def _phases(value: Any, name: str) -> None:
    _any_object(value, name)
    for phase, held in value.items():
        _PHASE(held, f"{name}.{phase}")


def _fields(names: str, check: Check | Callable[[Any, str], None]) -> dict[str, Check]:
    return dict.fromkeys(names.split(), check)


def _cost(value: Any, name: str) -> float:
    """What ratios are taken of: 0, or not so small that they would leave the range of numbers."""
    return 0.0 if value == 0.0 else check_number(value, name, above=0.0)


_POINT: dict[str, Check] = {
    "variant": _variant,
    **_fields("size repetition", neurons),
    "indegree": _or_null(neurons),
    "ranks": ranks,
    "seed": check_count,
    "date": text,
}
_FAILURE = _object_of({**_POINT, "reason": _any_text})
_PHASE = _object_of(_fields("min mean max", partial(check_number, low=0.0)))
_RECORD = _object_of(
    {
        **_POINT,
        **{  # names that another version knew may be unknown to this one
            held.record: _or_null(text) if held.choices else text if held.metavar == "NAME" else held.check
            for held in SETTINGS.values()
            if held.record is not None
        },
        "kind": SETTINGS["kind"].check,
        **_fields("interval_ms dt_ms", _or_null(duration)),
        "N": neurons,
        "network": text,
        **_fields("build_time sim_time compile_time real_time_factor wall_time", _cost),
        "n_synapses": check_count,
        "n_spikes": _or_null(check_count),
        **_fields("spike_hash weight_hash", _or_null(text)),
        "rate": _or_null(_cost),
        **_fields("bytes_per_synapse energy_per_event events_per_second_and_core", _or_null(_cost)),
        "synapses_built_per_second_and_core": _or_null(_cost),
        "oversubscribed": flag,
        "memory_peak": several(check_count),
        "phase_times": _phases,
        "load_balance": _object_of({"busy": _or_null(_cost)}),
        **_fields("versions environment", _any_object),
    },
    optional={
        f"{which}_{name}": _or_null(check_number) for which in ("weight", "plastic_weight") for name in STATISTICS
    },
)


def check_record(record: Mapping[str, Any], place: str, *, failure: bool = False) -> None:
    """InputError, beginning with ``place``, where ``record`` is no record of a finished point, or of a ``failure``."""
    try:
        (_FAILURE if failure else _RECORD)(record, "")
    except InputError as error:
        raise InputError(f"{place}: {error}; mend or remove the line") from None
