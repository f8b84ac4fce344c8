"""What was recorded, in the objects of other tools: Neo's trains and signals, pandas' tables, plain trains by neuron.

Both what a simulation gives and what is read from a file can be exported; the tools are imported when they are asked
for.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
REGULAR = 1e-6  # parts of an interval by which times may differ from a regular grid


@dataclass(frozen=True)
class About:
    """Of what something was recorded: a population, its recorded ``neurons`` (n,), from ``start`` to ``stop`` (ms).

    variable and unit are those of a state variable.
    """

    population: str
    neurons: IntArray
    start: float
    stop: float
    variable: str = ""
    unit: str = "1"


class Exported:
    """Base of what was recorded."""

    __slots__ = ()

    @abstractmethod
    def _about(self) -> About | None:
        """Of what it was recorded; None where nobody said."""

    @property
    def about(self) -> About:
        """Of what it was recorded: population, neurons, times (ms). InputError for what was put together by hand."""
        found = self._about()
        if found is None:
            raise InputError(f"{type(self).__name__}: only what a simulation or a file gave can be exported")
        return found


class ExportedSpikes(Exported):
    """Spikes that can be given to other tools."""

    __slots__ = ()

    @abstractmethod
    def _times_and_neurons(self) -> tuple[FloatArray, IntArray]:
        """Times (n,) in ms, ascending, and neurons (n,)."""

    def spike_trains(self) -> dict[int, FloatArray]:
        """Spike times (n,) (ms) of each recorded neuron, by its index; silent ones have none."""
        (times, neurons), recorded = self._times_and_neurons(), self.about.neurons
        order = np.argsort(neurons, kind="stable")
        ends = np.searchsorted(neurons[order], recorded, side="right")
        begins = np.searchsorted(neurons[order], recorded)
        sorted_times = times[order]
        spans = zip(recorded.tolist(), begins.tolist(), ends.tolist(), strict=True)
        return {neuron: sorted_times[begin:end] for neuron, begin, end in spans}

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with a row for each spike: time (ms), neuron, population."""
        times, neurons = self._times_and_neurons()
        columns = {"time": times, "neuron": neurons, "population": self.about.population}
        return tool("pandas").DataFrame(columns)

    def to_neo(self) -> list[Any]:
        """A ``neo.SpikeTrain`` (ms) of each recorded neuron, silent ones too: what Elephant's functions take.

        Named "E 3", and annotated with population and neuron.
        """
        neo, about = tool("neo"), self.about
        return [
            neo.SpikeTrain(
                times,
                units="ms",
                t_start=about.start,
                t_stop=about.stop,
                name=f"{about.population} {neuron}",
                population=about.population,
                neuron=neuron,
            )
            for neuron, times in self.spike_trains().items()
        ]


class ExportedStates(Exported):
    """Values of a state variable that can be given to other tools."""

    __slots__ = ()

    @abstractmethod
    def _times_and_values(self) -> tuple[FloatArray, FloatArray]:
        """Times (T,) in ms, and values (T, n)."""

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with a row for each time (ms), its index, and a column for each neuron."""
        pandas = tool("pandas")
        times, values = self._times_and_values()
        neurons = pandas.Index(self.about.neurons, name="neuron")
        return pandas.DataFrame(values, index=pandas.Index(times, name="time"), columns=neurons)

    def to_neo(self) -> Any:
        """A ``neo.AnalogSignal``, or, where times are not regular, a ``neo.IrregularlySampledSignal``, of all neurons.

        Annotated with population and neurons.
        """
        neo, about = tool("neo"), self.about
        times, values = self._times_and_values()
        unit = about.unit if about.unit not in ("", "1") else "dimensionless"
        told = {"units": unit, "name": about.variable, "population": about.population, "neurons": about.neurons}
        steps = np.diff(times)
        if len(steps) and np.ptp(steps) <= REGULAR * steps[0]:
            period = tool("quantities").Quantity((times[-1] - times[0]) / len(steps), "ms")
            start = tool("quantities").Quantity(times[0], "ms")
            return neo.AnalogSignal(values, sampling_period=period, t_start=start, **told)
        return neo.IrregularlySampledSignal(times, values, time_units="ms", **told)


def tool(name: str, otherwise: str = "") -> Any:
    """A package that is no requirement; InputError that says how to install it, or what to do ``otherwise``."""
    try:
        return import_module(name)
    except ImportError:
        raise InputError(f"{name} is not installed; install it (python -m pip install {name}){otherwise}") from None
