"""The settings of a scaling experiment: one table, from which options, help, checks, identity and curves follow.

Checks are functions of a value and its name: they return the value, or raise InputError, "NAME must ..., not VALUE".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from distsim.core.errors import InputError, nearest

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
MOST_NEURONS = 2**31 - 1
LARGEST_COUNT = 2**63 - 1
LONGEST_TIME = 1e12  # ms: thirty years
LARGEST, SMALLEST = 1e18, 1e-18
"""Of all that is measured, in s, bytes, pA, J: beyond it, means and ratios would leave the range of numbers."""
LONGEST_TEXT = 1000
LONGEST_QUOTE = 80


def require(fine: bool, name: str, demand: str, value: Any) -> None:
    """InputError unless ``fine``."""
    if not fine:
        raise InputError(f"{name} must {demand}, not {shown(value)}")


def shown(value: Any) -> str:
    """``value`` as a message quotes it: short, whatever it is."""
    try:
        quote = repr(value)
    except (ValueError, RecursionError):  # a number of more digits than Python writes
        return f"a {type(value).__name__} too long to be shown"
    return quote if len(quote) <= LONGEST_QUOTE else f"{quote[: LONGEST_QUOTE - 3]}..."


def whole(low: int = 1, most: int = LARGEST_COUNT) -> Check:
    """Whole numbers from ``low`` to ``most``."""

    def check(value: Any, name: str) -> int:
        require(type(value) is int, name, "be a whole number", value)
        require(value >= low, name, f"be at least {low}", value)
        require(value <= most, name, f"be at most {most}", value)
        return int(value)

    return check


def number(low: float = 0.0, most: float = LARGEST, *, positive: bool = False) -> Check:
    """Numbers from ``low`` to ``most``, 0 only unless ``positive``; none but 0 nearer to it than ``SMALLEST``."""

    def check(value: Any, name: str) -> float:
        require(type(value) in (int, float), name, "be a number", value)
        require(-math.inf < value < math.inf, name, "be finite", value)
        require(not positive or value > 0, name, "be larger than 0", value)
        require(value >= low, name, f"be at least {low:g}", value)
        require(value <= most, name, f"be at most {most:.0f}", value)
        require(low < 0.0 or value == 0 or value >= SMALLEST, name, f"be 0 or at least {SMALLEST:g}", value)
        return float(value)

    return check


def flag(value: Any, name: str) -> bool:
    """True or false."""
    require(isinstance(value, bool), name, "be true or false", value)
    return bool(value)


def text(value: Any, name: str) -> str:
    """A text that files and messages can hold."""
    require(isinstance(value, str), name, "be a text", value)
    require(len(value) <= LONGEST_TEXT, name, f"have at most {LONGEST_TEXT} characters", value)
    require(value == value.encode(errors="replace").decode(), name, "be a text that UTF-8 can hold", value)
    return str(value)


def scalar(value: Any, name: str) -> Scalar:
    """A value of a parameter."""
    require(isinstance(value, (bool, int, float, str)), name, "be a number, a text, true or false", value)
    if isinstance(value, str):
        return text(value, name)
    require(not isinstance(value, int) or abs(value) <= LARGEST_COUNT, name, "be smaller than 2^63", value)
    require(not isinstance(value, float) or math.isfinite(value), name, "be finite", value)
    return value


@dataclass(frozen=True)
class OneOf:
    """The check of a choice among ``names``, which are looked up when they are needed."""

    names: Callable[[], Iterable[str]]

    def __call__(self, value: Any, name: str) -> str:
        known = tuple(self.names())
        if isinstance(value, str) and value in known:
            return value
        hint = nearest(value, known) if isinstance(value, str) else ""
        meant = hint if "did you mean" in hint else ""
        raise InputError(f"{name} = {shown(value)} is not one of {', '.join(known)}{meant}")


def several(check: Check, most: int = MOST_POINTS) -> Check:
    """A list of at least one value."""

    def check_all(value: Any, name: str) -> tuple[Any, ...]:
        require(isinstance(value, (list, tuple)), name, "be a list, as in [1, 2]", value)
        require(len(value) > 0, name, "hold at least one value", value)
        require(len(value) <= most, name, f"hold at most {most} values", value)
        return tuple(check(item, f"{name}[{index}]") for index, item in enumerate(value))

    return check_all


def model(value: Any, name: str) -> str:
    """A model that can be found."""
    from distsim.models.registry import find_parameters

    find_parameters(text(value, name))
    return str(value)


def plans() -> Iterable[str]:
    """The engine's plans of spike exchange."""
    from distsim.spiking.exchange import PLANS

    return PLANS


def precisions() -> Iterable[str]:
    """The engine's precisions."""
    from distsim.spiking.precision import PRECISIONS

    return PRECISIONS


class Setting(NamedTuple):
    """What is known of a setting; a table's ``check`` is that of its entries.

    ``points``: it makes up the list of points, and experiments that differ in it may share a folder. ``record``: its
    name in records, which lie on different curves where they differ in it. ``models_own``: left out, it is what the
    model has for it.
    """

    check: Check
    metavar: str
    meaning: str
    points: bool
    record: str | None
    models_own: bool
    default: Any

    @property
    def help(self) -> str:
        """Meaning, choices and default, as ``--help`` shows them."""
        choices = f": {', '.join(self.check.names())}" if isinstance(self.check, OneOf) else ""
        default = ", ".join(map(str, self.default)) if isinstance(self.default, tuple) else self.default
        if self.models_own:
            default = "the model's own"
        return self.meaning + choices + (f" (default: {default})" if default not in (None, "", {}) else "")


def setting(
    default: Any,
    check: Check,
    metavar: str,
    meaning: str,
    *,
    points: bool = False,
    record: str | None = None,
    models_own: bool = False,
) -> Any:
    """A field of ``Experiment``; a tuple as default makes it a list, a dictionary a table."""
    held = Setting(
        several(check) if isinstance(default, tuple) else check, metavar, meaning, points, record, models_own, default
    )
    return field(default_factory=lambda: default, metadata={"setting": held})


@dataclass(frozen=True)
class Experiment:
    """A scaling experiment with a spiking model.

    kind: "size" (fixed ranks, N = ``sizes`` grows), "strong" (fixed N = ``sizes``, ``ranks`` grow) or "weak" (N is
    ``size_per_rank`` times ``ranks``). ``indegree`` is fixed, None leaves it to the model; where ``indegree_grows`` in
    weak scaling it is that of one rank and grows with N. ``vary`` holds values of parameters of the model whose
    combinations are run, ``parameters`` one value for further ones. What the model has its own values for is None until
    it is asked (``plan.py``); an ``interval`` of None after that is the minimum delay.
    """

    model: str = setting(DEFAULT_MODEL, model, "NAME", "a spiking model", record="model")
    kind: str = setting("size", OneOf(lambda: KINDS), "KIND", "what grows", points=True, record="kind")
    sizes: tuple[int, ...] = setting(
        (), whole(1, MOST_NEURONS), "N", f"numbers of neurons (default: {str(DEFAULT_SIZES)[1:-1]})", points=True
    )
    size_per_rank: int | None = setting(
        None, whole(1, MOST_NEURONS), "N", "weak scaling: number of neurons per rank", points=True
    )
    ranks: tuple[int, ...] = setting(
        (), whole(1, MOST_RANKS), "RANKS", "numbers of ranks (default: those of the job)", points=True
    )
    indegree: int | None = setting(
        None, whole(1, MOST_NEURONS), "K", "inputs per neuron (default: the model's own rule)", points=True
    )
    indegree_grows: bool | None = setting(
        None, flag, "BOOL", "weak scaling: true where the inputs per neuron grow with N", points=True
    )
    vary: Mapping[str, tuple[Scalar, ...]] = setting(
        {}, several(scalar), "NAME=A,B", "a parameter of the model and its values", points=True
    )
    parameters: Mapping[str, Any] = setting({}, scalar, "NAME=VALUE", "other parameters of the model")
    seeds: tuple[int, ...] = setting((1,), whole(0), "SEED", "seeds", points=True)
    repetitions: int = setting(1, whole(1, MOST_POINTS), "N", "runs of every network", points=True)
    time: float = setting(
        None, number(most=LONGEST_TIME, positive=True), "MS", "simulated time in ms", record="T_ms", models_own=True
    )
    presimulation: float = setting(
        None, number(most=LONGEST_TIME), "MS", "simulated before that in ms, not measured",
        record="presimulation_ms", models_own=True,
    )  # fmt: skip
    precision: str = setting(None, OneOf(precisions), "KIND", "of stored weights", record="precision", models_own=True)
    interval: float | None = setting(
        None, number(most=LONGEST_TIME, positive=True), "MS", "interval of spike exchange in ms",
        record="interval_ms", models_own=True,
    )  # fmt: skip
    exchange: str = setting(None, OneOf(plans), "KIND", "plan of spike exchange", record="exchange", models_own=True)

    def settings(self) -> dict[str, Any]:
        """All settings as plain data."""
        return asdict(self)

    def identity(self) -> dict[str, Any]:
        """The settings common to all points, as plain data: equal for experiments whose points belong together."""
        return {name: value for name, value in self.settings().items() if not SETTINGS[name].points}

    def fields(self) -> dict[str, Any]:
        """The settings that records hold, under the names that they have there."""
        return {s.record: getattr(self, name) for name, s in SETTINGS.items() if s.record is not None}


SETTINGS: dict[str, Setting] = {entry.name: entry.metadata["setting"] for entry in fields(Experiment)}
TABLES = tuple(name for name, held in SETTINGS.items() if isinstance(held.default, dict))
LISTS = tuple(name for name, held in SETTINGS.items() if isinstance(held.default, tuple))
CURVE = tuple(held.record for held in SETTINGS.values() if held.record is not None)
"""The fields of records by which curves are told apart, beside what varies."""
