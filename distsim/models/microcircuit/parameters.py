"""Parameters of the cortical microcircuit, and what follows from them: numbers, weights, currents.

Matrices have targets in rows and sources in columns. Scaling (van Albada, Helias & Diesmann 2015): with K_scaling < 1
weights grow by 1 / sqrt(K_scaling), which keeps the variance of the input, and a constant current replaces the mean
input that is lost.
"""

from __future__ import annotations

import math
from functools import cached_property

from distsim.core.accurate import log
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S
from distsim.models.model_parameters import ModelParameters, derived
from distsim.theory.psp import exponential_psp_amplitude

MODEL = "microcircuit"
POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")

Row = tuple[float, ...]
Counts = tuple[int, ...]


def is_excitatory(population: int) -> bool:
    """Whether population number ``population`` is excitatory; they alternate."""
    return population % 2 == 0


class Parameters(ModelParameters, model=MODEL):
    """All parameters, whose values, units, meanings and sources stand in defaults.toml, and what follows."""

    def check(self) -> None:
        self.check_steps("delay_ext", "T", low=1)
        self.check_steps("t_ref", "T_presim", "thalamic_start", "thalamic_duration")
        self.check_below("V_reset", "V_th")
        if min(self.N) < 1:
            name = POPULATIONS[self.N.index(min(self.N))]
            raise InputError(f"{MODEL}: N_scaling = {self.N_scaling:g} leaves no neuron of {name}; increase it")

    @derived
    def N(self) -> Counts:
        """Number of neurons of each population: N_full times N_scaling, rounded."""
        return tuple(round(n * self.N_scaling) for n in self.N_full)

    @derived
    def n_synapses(self) -> tuple[Counts, ...]:
        """Total number of synapses of each projection, [target][source]: that of full scale times both scalings."""
        scaling = self.N_scaling * self.K_scaling
        return tuple(tuple(round(n * scaling) for n in row) for row in self._full_synapses)

    @derived
    def n_thalamic_synapses(self) -> Counts:
        """Total number of synapses from the thalamus to each population; the thalamus itself is not scaled."""
        scaling = self.N_scaling * self.K_scaling
        pairs = zip(self.thalamic_probability, self.N_full, strict=True)
        return tuple(round(total_synapses(p, self.N_thalamus, n) * scaling) for p, n in pairs)

    @derived
    def indegree_ext(self) -> Counts:
        """Number of background inputs per neuron of each population: K_ext times K_scaling, rounded."""
        return tuple(round(k * self.K_scaling) for k in self.K_ext)

    @derived
    def weight(self) -> tuple[Row, ...]:
        """Mean weight (pA) of each projection, [target][source]."""
        return tuple(tuple(w / math.sqrt(self.K_scaling) for w in row) for row in self._full_weights)

    @derived
    def weight_ext(self) -> float:
        """Weight (pA) of the background input."""
        return self.PSP / self._unit_psp / math.sqrt(self.K_scaling)

    @derived
    def weight_thalamus(self) -> float:
        """Mean weight (pA) of thalamic synapses."""
        return self.PSP_thalamus / self._unit_psp / math.sqrt(self.K_scaling)

    @derived
    def I_e(self) -> Row:
        """Constant current (pA) into the neurons of each population.

        A synapse of weight w that receives spikes of rate r carries the mean current w r tau_syn. Scaling keeps
        sqrt(K_scaling) of that; the rest is replaced, and so is all background input where it is not Poisson.
        """
        lost = 1.0 - math.sqrt(self.K_scaling)
        return tuple(
            self._recurrent_current(i) * lost + self._background_current(i) * (lost if self.input == "poisson" else 1.0)
            for i in range(len(POPULATIONS))
        )

    @cached_property
    def _unit_psp(self) -> float:
        """PSP (mV) of a weight of 1 pA."""
        return exponential_psp_amplitude(self.tau_m, self.tau_syn, self.C_m)

    @cached_property
    def _full_synapses(self) -> tuple[Row, ...]:
        """Synapses of each projection at full scale, not rounded."""
        rows = zip(self.connection_probability, self.N_full, strict=True)
        return tuple(
            tuple(total_synapses(p, n_source, n_target) for p, n_source in zip(row, self.N_full, strict=True))
            for row, n_target in rows
        )

    @cached_property
    def _full_weights(self) -> tuple[Row, ...]:
        """Mean weight (pA) of each projection at full scale."""
        excitatory = self.PSP / self._unit_psp
        row = tuple(excitatory if is_excitatory(j) else -self.g * excitatory for j in range(len(POPULATIONS)))
        rows = [list(row) for _ in POPULATIONS]
        rows[POPULATIONS.index("L23E")][POPULATIONS.index("L4E")] = self.PSP_L4E_to_L23E / self._unit_psp
        return tuple(tuple(weights) for weights in rows)

    def _recurrent_current(self, target: int) -> float:
        """Mean current (pA) from within the network into a neuron of population number ``target``, at full scale."""
        terms = zip(self._full_weights[target], self._full_synapses[target], self.full_rates, strict=True)
        total = math.fsum(weight * synapses * rate for weight, synapses, rate in terms)
        return self.tau_syn / MS_PER_S * total / self.N_full[target]

    def _background_current(self, target: int) -> float:
        """Mean current (pA) of the background input at full scale."""
        return self.tau_syn / MS_PER_S * self.PSP / self._unit_psp * self.K_ext[target] * self.rate_ext


def total_synapses(probability: float, n_source: int, n_target: int) -> float:
    """Number of synapses, drawn as random pairs, that connects a pair at least once with ``probability``; not rounded.

    ln(1 - p) / ln(1 - 1 / (n_source n_target)), PD14 equation 1, with the rounding errors of the published numbers:
    1 - 1 / (n_source n_target) is rounded, and the better log1p would give 1 synapse more in two of the projections.
    """
    if probability == 0.0:
        return 0.0
    if n_source * n_target == 1:
        return 1.0
    return log(1.0 - probability) / log(1.0 - 1.0 / (n_source * n_target))


load = Parameters.load
