"""Parameters of the liquid state machine, and what follows from them."""

from __future__ import annotations

from distsim.core.errors import InputError, check_names
from distsim.core.units import MS_PER_S
from distsim.models.model_parameters import ModelParameters, derived, share

MODEL = "liquid_state"
MOST_STIMULUS_SPIKES = 200.0  # of one stimulus, on average: the work of comparing two grows with the square
PROJECTIONS = ("EE", "EI", "IE", "II")
KEPT = ("stimuli", "curves", "spikes", "states")
NOTHING = "none"


class Parameters(ModelParameters, model=MODEL):
    """All parameters, whose values, units, meanings and sources stand in defaults.toml, and what follows."""

    def check(self) -> None:
        self._check_neurons()
        self._check_times()
        self._check_experiment()

    @derived
    def N(self) -> int:
        """Number of neurons: the points of the lattice."""
        return self.N_x * self.N_y * self.N_z

    @derived
    def N_E(self) -> int:
        """Number of excitatory neurons: beta N, rounded down."""
        return share(self.beta, self.N)

    @derived
    def N_I(self) -> int:
        """Number of inhibitory neurons: the others."""
        return self.N - self.N_E

    @property
    def all_distances(self) -> tuple[float, ...]:
        """Distances between the stimuli of a pair, the largest first; 0, the last, is the same stimulus twice."""
        return (*sorted(self.distances, reverse=True), 0.0)

    @property
    def kept(self) -> tuple[str, ...]:
        """What of KEPT goes to the file."""
        return () if self.keep == NOTHING else tuple(dict.fromkeys(self.keep.split(",")))

    def of(self, quantity: str, projection: str) -> float:
        """A parameter of a projection: ``of("U", "EI")`` is U_EI."""
        return float(getattr(self, f"{quantity}_{projection}"))

    def _check_neurons(self) -> None:
        if self.N_E == 0:
            raise InputError(
                f"{MODEL}: N = {self.N} with beta = {self.beta:g} leaves no excitatory neuron; enlarge the lattice"
            )
        self.check_below("V_reset", "V_th")
        for projection in PROJECTIONS:
            if self.of("A", projection) == 0.0:
                raise InputError(
                    f"{MODEL}: A_{projection} must not be 0; set C_{projection} = 0 to leave the synapses out"
                )

    def _check_times(self) -> None:
        self.check_steps("T", low=1)
        self.check_steps("t_ref_E", "t_ref_I")
        self.check_steps(*(f"delay_{projection}" for projection in PROJECTIONS), low=1)
        spikes = self.rate * self.T / MS_PER_S
        if spikes > MOST_STIMULUS_SPIKES:
            raise InputError(
                f"{MODEL}: rate = {self.rate:g} /s for T = {self.T:g} ms makes {spikes:g} spikes a stimulus; "
                f"at most {MOST_STIMULUS_SPIKES:g} on average can be compared"
            )
        if self.rate * self.dt > 0.1 * MS_PER_S:
            raise InputError(
                f"{MODEL}: rate = {self.rate:g} /s is too high for one spike per step of dt = {self.dt:g} ms"
            )

    def _check_experiment(self) -> None:
        shown = [f"{d:g}" for d in self.distances]
        for name, entries in (("distances", shown), ("keep_pairs", self.keep_pairs)):
            twice = next((entry for entry in entries if entries.count(entry) > 1), None)
            if twice is not None:
                raise InputError(f"{MODEL}: {name} has {twice} more than once")
        check_names(self.kept, KEPT, "kind of data", f"{MODEL}: keep")
        beyond = [k for k in self.keep_pairs if k >= self.pairs]
        if beyond:
            raise InputError(
                f"{MODEL}: keep_pairs has {beyond[0]}, but the pairs at each distance are 0 to {self.pairs - 1}"
            )
        if {"curves", "states"} & set(self.kept):
            self.check_steps("keep_interval", low=1)
            if self.keep_interval > self.T:
                raise InputError(
                    f"{MODEL}: keep_interval = {self.keep_interval:g} ms is longer than a trial of T = {self.T:g} ms"
                )


load = Parameters.load
