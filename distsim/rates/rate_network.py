"""A network of rate neurons: populations, diffusion connections, recordings, checked as they are added. No ranks.

A rate neuron relaxes with time constant tau to its own mean plus the answer to its input:

    tau dr_i/dt = -r_i + mean_i + Phi_i(mu_i, sigma_i),  mu_i = sum_j drift_ij r_j,  sigma_i^2 = sum_j diffusion_ij r_j

Phi is Siegert's function (``distsim.theory.siegert``) for a ``SiegertNeuron`` and 0 for a ``ConstantRate``, which
drives others. With drift = tau_m K J and diffusion = tau_m K J^2 one Siegert neuron stands for a whole population of
spiking ones (``distsim.theory.lif_mean_field.drift_and_diffusion``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from distsim.connect.rule import Connected, Rule, check_of_edges, find_ends
from distsim.core.declared import Declared, check_fits
from distsim.core.errors import InputError, check_arguments
from distsim.core.parts import Neurons, Part
from distsim.core.populations import StateRecording, check_indices
from distsim.core.units import check_number, shown, to_steps
from distsim.core.values import Value, bounds, check_shape, check_value, of_each
from distsim.record.kept_network import KeptNetwork


class SiegertNeuron(Declared):
    """Rate of a leaky integrate-and-fire neuron with white (tau_syn = 0) or exponentially filtered noise.

    Parameters: tau, tau_m, t_ref, tau_syn (ms), V_th, V_reset (mV, relative to the resting potential), mean (1/s). Each
    is a number, an array (size,) or a distribution.
    """

    tau: Value = of_each(1.0, "ms", above=0.0)
    tau_m: Value = of_each(10.0, "ms", above=0.0)
    t_ref: Value = of_each(2.0, "ms", low=0.0)
    V_th: Value = of_each(15.0, "mV")
    V_reset: Value = of_each(0.0, "mV")
    tau_syn: Value = of_each(0.0, "ms", low=0.0)
    mean: Value = of_each(0.0, "1/s", low=0.0)
    siegert: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = bounds(self.V_reset)[1], bounds(self.V_th)[0]
        if low >= high:
            raise InputError(f"SiegertNeuron: V_reset = {low:g} mV must be below V_th = {high:g} mV")


class ConstantRate(Declared):
    """A source that takes no input: its rate relaxes to ``mean`` (1/s) with ``tau`` (ms).

    Each is a number, an array (size,) or a distribution. Its initial rate is 0 unless given, see
    ``RateNetwork.population``.
    """

    mean: Value = of_each(unit="1/s", low=0.0)
    tau: Value = of_each(1.0, "ms", above=0.0)
    siegert: ClassVar[bool] = False


class DiffusionConnection(Declared):
    """Adds ``drift_factor`` (mV s) times the rate of its source to mu, ``diffusion_factor`` (mV^2 s) times to sigma^2.

    Each is a number, an array as for the weights of synapses, or a distribution.
    """

    drift_factor: Value = of_each(unit="mV s")
    diffusion_factor: Value = of_each(unit="mV^2 s", low=0.0)

    def check(self, shape: tuple[int, ...] | None, where: str) -> None:
        """Raise InputError for arrays not of ``shape`` (None: no arrays)."""
        check_of_edges(self.drift_factor, shape, f"{where}: drift_factor")
        check_of_edges(self.diffusion_factor, shape, f"{where}: diffusion_factor")


@dataclass(frozen=True, eq=False)
class RatePopulation(Neurons):
    """``size`` neurons of one model, with global ids from ``first_gid`` on, and their rates at the start (1/s)."""

    name: str
    size: int
    model: SiegertNeuron | ConstantRate
    first_gid: int
    rate: Value


@dataclass(frozen=True, eq=False)
class RateProjection(Connected[Neurons]):
    """Connections like ``connection``."""

    connection: DiffusionConnection


@check_arguments
class RateNetwork(KeptNetwork[RatePopulation]):
    """A network of rate neurons on a grid of step ``dt`` (ms).

    Every method checks what it is given and raises InputError with one sentence that says what would be right.
    """

    def __init__(self, dt: float = 0.1) -> None:
        super().__init__()
        self.dt = check_number(dt, "RateNetwork: dt", above=0.0)
        self.projections: list[RateProjection] = []
        self.recordings: list[StateRecording] = []

    @classmethod
    def _known_classes(cls) -> tuple[type, ...]:
        return (StateRecording,)

    def population(self, name: str, size: int, model: SiegertNeuron | ConstantRate, rate: Any = 0.0) -> RatePopulation:
        """Add ``size`` neurons of ``model`` that start at ``rate`` (1/s): a number, an array, or a distribution."""
        where = self._require_new(name)
        if not isinstance(model, (SiegertNeuron, ConstantRate)):
            raise InputError(f"{where}: {shown(model)} is not a rate neuron; give e.g. SiegertNeuron()")
        size = self._check_size(size, where)
        check_fits(model, (size,), self.dt, where)
        rate = check_value(rate, f"{where}: rate", low=0.0)
        check_shape(rate, (size,), f"{where}: rate")
        population = RatePopulation(name, size, model, self.size, rate)
        self.populations.append(population)
        return population

    def connect(
        self,
        source: Neurons | str,
        target: Neurons | str,
        rule: Rule,
        connection: DiffusionConnection,
    ) -> RateProjection:
        """Connect ``source`` to ``target`` by ``rule`` with connections like ``connection``.

        Each is a population, its name, or a part of one or several populations, among whose neurons the rule draws.
        """
        self._require_open()
        source, target, where = find_ends(self, source, target, rule)
        if not isinstance(connection, DiffusionConnection):
            raise InputError(
                f"{where}: rate neurons are coupled by a DiffusionConnection(...), not by {shown(connection)}"
            )
        for population, _ in target.pieces:
            if not population.model.siegert:
                raise InputError(f"{where}: '{population.name}' is a source of constant rate and receives no input")
        projection = RateProjection(len(self.projections), source, target, rule, connection)
        connection.check(rule.array_shape(projection.ends), where)
        self.projections.append(projection)
        return projection

    def record_rates(
        self,
        population: Neurons | str,
        neurons: Iterable[int] | None = None,
        interval: float | None = None,
    ) -> None:
        """Record the rates of ``neurons`` (default: all) at the end of every ``interval`` ms (default: dt).

        Of a part, those of its neurons, each with those of its own population.
        """
        self._require_open()
        if isinstance(population, Part):
            for own, chosen_ones in self._recorded(population, neurons):
                self.record_rates(own, chosen_ones, interval)
            return
        population = self.find(population)  # type: ignore[arg-type] # which refuses anything else
        where = f"record_rates '{population.name}'"
        if any(recording.population == population.name for recording in self.recordings):
            raise InputError(f"{where}: these rates are recorded already")
        chosen = check_indices(neurons, population, where)
        steps = 1 if interval is None else to_steps(interval, self.dt, f"{where}: interval", low=1)
        self.recordings.append(StateRecording(population.name, "rate", chosen, steps))

    def description(self) -> dict[str, Any]:
        return {"dt": self.dt, **super().description()}
