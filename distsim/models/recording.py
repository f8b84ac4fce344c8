"""What a run records, chosen by a few words: on the command line, in an experiment file and in Python alike.

Importable without engine and MPI. ``GRAMMAR`` is what the help pages show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from distsim.core.errors import InputError, nearest
from distsim.core.units import shown

PUBLISHED_SUBSET = 200
"""Sources and targets, the first, between which connectivity is recorded unless it is chosen."""

GRAMMAR = f"""\
  none                        nothing; rates, counts and hashes need no recording
  spikes                      all spikes
  spikes=E,I[:100]            those of population E, and of the first 100 neurons of I
  spikes=E[5,8,10:20]         those of neurons 5, 8 and 10 to 19 of E: indices and slices as in Python, from 0
  states=V_m:E[:10]           a state variable of the first 10 neurons of E in every step
  states=V_m:E[:10],I[:10]@1  the same of two populations, every 1 ms
  connectivity                synapses with weights and delays, before and after the run: those among the first
                              {PUBLISHED_SUBSET} neurons of the first plastic projection
  connectivity=E[:50]->I      those from the first 50 neurons of E to all of I
  rates=E[0]@1                of networks of rate neurons
  flips=E[:9]  activity=E@1   of binary networks: changes of state, mean activities
  updates  couplings=E->I     of binary networks: every update of all neurons; couplings, without =E->I all
Several go together, as in: --record spikes 'states=V_m:E[:10]'. A shell needs quotes around [ ] and >."""
"""All that can be recorded, by examples."""


@dataclass(frozen=True)
class Kind:
    """Something that can be recorded by a network's ``method``, and what may be said of it."""

    method: str
    populations: bool = True
    variable: bool = False
    neurons: bool = True
    interval: bool = False
    pairs: bool = False

    def fits(self, network: Any) -> bool:
        """Whether ``network`` can record it: state variables are those of networks that go in steps."""
        return hasattr(network, self.method) and (not self.variable or hasattr(network, "dt"))


KINDS = {
    "spikes": Kind("record_spikes"),
    "states": Kind("record_states", variable=True, interval=True),
    "connectivity": Kind("record_weights", pairs=True),
    "rates": Kind("record_rates", interval=True),
    "flips": Kind("record_flips"),
    "activity": Kind("record_activity", neurons=False, interval=True),
    "updates": Kind("record_updates", populations=False),
    "couplings": Kind("record_couplings", pairs=True),
}
NOTHING = "none"


@dataclass(frozen=True)
class Chosen:
    """Neurons of a population: indices and slices, None for all of them."""

    population: str
    neurons: tuple[int | slice, ...] | None = None

    @classmethod
    def of(cls, text: str) -> Chosen:
        """From a text such as "E", "E[:100]" or "E[5,8,10:20]"; InputError for one of another form."""
        match = re.fullmatch(r"\s*([^\[\]]+?)\s*(?:\[([^\[\]]*)\])?\s*", text)
        if match is None:
            raise InputError(f"{shown(text)} is not a population and its neurons, such as E, E[:100] or E[5,8,9]")
        inside = match[2]
        return cls(match[1], None if inside is None else tuple(_index(part) for part in inside.split(",")))

    def indices(self, network: Any) -> list[int] | None:
        """The indices within the population of ``network``, None for all; InputError where it has not so many."""
        size = network.find(self.population).size
        if self.neurons is None:
            return None
        for part in self.neurons:
            last = part if isinstance(part, int) else max(part.start or 0, part.stop or 0) - 1
            if last >= size:
                raise InputError(f"'{self.population}' has neurons 0 to {size - 1}, not {last}")
        every = range(size)
        return [i for part in self.neurons for i in ([part] if isinstance(part, int) else every[part])]


@dataclass(frozen=True)
class Choice:
    """What one text asks for: ``ends`` are populations, or (source, target); none where all is meant."""

    text: str
    kind: str
    ends: tuple[tuple[Chosen, ...], ...] = ()
    variable: str | None = None
    interval: float | None = None

    @classmethod
    def of(cls, text: str) -> Choice:
        """From a text as ``GRAMMAR`` has them; InputError for one of another form."""
        with _of(text):
            return cls._parsed(text)

    @classmethod
    def _parsed(cls, text: str) -> Choice:
        word, equals, rest = text.partition("=")
        if word not in KINDS:
            raise InputError(f"there is no such recording{nearest(word, [*KINDS, NOTHING])}")
        kind = KINDS[word]
        interval = variable = None
        if equals and not kind.populations:
            raise InputError(f"{word} are recorded of all neurons, by the word alone")
        if kind.interval and "@" in rest:
            rest, _, after = rest.rpartition("@")
            interval = _milliseconds(after)
        if kind.variable:
            variable, _, rest = rest.partition(":")
            if not variable:
                raise InputError("it says of which state variable, as in states=V_m or states=V_m:E[:10]")
        elif equals and not rest and interval is None:
            raise InputError(f"nothing stands behind the =; without it, {word} is recorded of all populations")
        ends = tuple(_ends(part, word) for part in re.split(r",(?![^\[]*\])", rest)) if rest else ()
        if not kind.neurons and any(chosen.neurons is not None for end in ends for chosen in end):
            raise InputError(f"{word} are recorded of whole populations, as in {word}=E")
        return cls(text, word, ends, variable, interval)

    def apply(self, network: Any) -> None:
        """Add it to the recordings of ``network``; InputError where that has no such thing."""
        kind = KINDS[self.kind]
        with _of(self.text):
            if not kind.fits(network):
                known = [word for word, other in KINDS.items() if other.fits(network)]
                raise InputError(f"a {type(network).__name__} has no {self.kind} to record; it has {', '.join(known)}")
            for arguments, options in self._calls(network, kind):
                getattr(network, kind.method)(*arguments, **options)

    def _calls(self, network: Any, kind: Kind) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        """Arguments and options of the calls of a network's method."""
        if not kind.populations:
            yield (), {}
            return
        if kind.pairs:
            for source, target in self.ends or _pairs(network, self.kind):
                chosen = {"sources": source.indices(network), "targets": target.indices(network)}
                yield (source.population, target.population), chosen
            return
        options = {"interval": self.interval} if kind.interval else {}
        variable = (self.variable,) if kind.variable else ()
        for (chosen_,) in self.ends or self._everywhere(network):
            neurons = {"neurons": chosen_.indices(network)} if kind.neurons else {}
            yield (chosen_.population, *variable), neurons | options

    def _everywhere(self, network: Any) -> list[tuple[Chosen]]:
        """All populations; of a state variable those that have it."""
        populations = network.populations
        if self.variable is not None:
            having = [p for p in populations if self.variable in p.model.state_variables]
            known = {name for p in populations for name in p.model.state_variables}
            if not having:
                raise InputError(f"no population has a state variable '{self.variable}'{nearest(self.variable, known)}")
            populations = having
        return [(Chosen(p.name),) for p in populations]


@dataclass(frozen=True)
class Recording:
    """What is recorded: ``texts`` as they were given, and ``choices``, what they mean."""

    texts: tuple[str, ...]
    choices: tuple[Choice, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Recording:
        """What ``texts`` say, see ``GRAMMAR``; InputError where one of them has another form."""
        if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
            raise InputError(f"record: must be a list of texts such as spikes=E[:100], got {shown(texts)}")
        if not texts:
            raise InputError(f"record: the list is empty; '{NOTHING}' records nothing")
        if NOTHING in texts:
            if len(texts) > 1:
                raise InputError(f"record: '{NOTHING}' stands beside other words; it means that nothing is recorded")
            return cls((NOTHING,), ())
        return cls(tuple(texts), tuple(map(Choice.of, texts)))

    def apply(self, network: Any) -> None:
        """Let ``network`` record this and nothing else.

        Raises InputError for a population, a neuron, a state variable or a projection that it has not.
        """
        network.record_nothing()
        for choice in self.choices:
            choice.apply(network)


@contextmanager
def _of(text: str) -> Iterator[None]:
    """An InputError within says of which text it is."""
    try:
        yield
    except InputError as error:
        raise InputError(f"record {shown(text)}: {error}") from None


def _ends(text: str, word: str) -> tuple[Chosen, ...]:
    if not KINDS[word].pairs:
        return (Chosen.of(text),)
    source, arrow, target = text.partition("->")
    if not arrow:
        raise InputError(f"it goes from sources to targets, as in '{word}=E[:200]->E[:200]', in quotes for the shell")
    return Chosen.of(source), Chosen.of(target)


def _index(text: str) -> int | slice:
    match = re.fullmatch(r"\s*(?:(\d{1,12})|(\d{0,12}):(\d{0,12})(?::(\d{1,12}))?)\s*", text)
    if match is None or (match[4] is not None and int(match[4]) == 0):
        raise InputError(f"{shown(text)} is neither an index nor a slice of the form 10:20 or :100")
    if match[1] is not None:
        return int(match[1])
    return slice(*(int(part) if part else None for part in (match[2], match[3], match[4])))


def _milliseconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{shown(text)} behind the @ is not a number of ms") from None


def _pairs(network: Any, kind: str) -> list[tuple[Chosen, Chosen]]:
    """Without any said: of connectivity the published subset, of couplings all."""
    if kind == "connectivity":
        return [_published(network)]
    projections = [(p.source.by_population(), p.target.by_population()) for p in network.projections]
    ends = [
        (a.population.name, b.population.name) for sources, targets in projections for a in sources for b in targets
    ]
    return [(Chosen(source), Chosen(target)) for source, target in dict.fromkeys(ends)]


def _published(network: Any) -> tuple[Chosen, Chosen]:
    """The first neurons of the first plastic projection; of one between parts those of its first populations."""
    plastic = next((p for p in network.projections if p.synapse.plastic), None)
    if plastic is None:
        names = dict.fromkeys(p.name for p in network.projections)
        raise InputError(f"no projection is plastic; say which one, as in connectivity=A->B; known: {', '.join(names)}")
    return _first(plastic.source), _first(plastic.target)


def _first(neurons: Any) -> Chosen:
    population, chosen = neurons.by_population()[0]
    return Chosen(population.name, tuple(map(int, chosen[:PUBLISHED_SUBSET])))
