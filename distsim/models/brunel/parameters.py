"""Parameters of Brunel's network, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S
from distsim.models.model_parameters import ModelParameters, derived, share

MODEL = "brunel"


class Input(NamedTuple):
    """What each neuron receives from ``source``: ``number`` inputs of ``weight`` (mV)."""

    source: str
    number: int
    weight: float


class InputOfNeurons:
    """What follows from the parameters that both forms of the network share: numbers of neurons, and their input."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def check_input(self) -> None:
        """InputError where a neuron cannot have such a threshold, or has no input."""
        self.check_below("V_reset", "theta")
        if self.C_E == 0:
            raise InputError(
                f"{self.MODEL}: epsilon = {self.epsilon:g} of {self.N_E} excitatory neurons is less than one; "
                "increase epsilon or order"
            )

    @derived
    def N_E(self) -> int:
        """Number of excitatory neurons."""
        return 4 * self.order

    @derived
    def N_I(self) -> int:
        """Number of inhibitory neurons."""
        return self.order

    @derived
    def C_E(self) -> int:
        """Number of excitatory inputs per neuron from within the network: epsilon N_E, rounded down."""
        return share(self.epsilon, self.N_E)

    @derived
    def C_I(self) -> int:
        """Number of inhibitory inputs per neuron: epsilon N_I, rounded down."""
        return share(self.epsilon, self.N_I)

    @derived
    def J_E(self) -> float:
        """Weight (mV) of excitatory synapses and of external input: J."""
        return self.J

    @derived
    def J_I(self) -> float:
        """Weight (mV) of inhibitory synapses: -g J."""
        return -self.g * self.J

    @derived
    def nu_theta(self) -> float:
        """Rate (1/s) of each of C_E inputs that alone brings the mean potential to threshold: theta / (J C_E tau_m)."""
        return MS_PER_S * self.theta / (self.J * self.C_E * self.tau_m)

    @derived
    def nu_X(self) -> float:
        """Rate (1/s) of the external Poisson input to every neuron: eta nu_theta C_E."""
        return self.eta * self.nu_theta * self.C_E

    @property
    def inputs(self) -> tuple[Input, Input]:
        """What each neuron, excitatory or inhibitory, receives from within the network."""
        return Input("E", self.C_E, self.J_E), Input("I", self.C_I, self.J_I)


class Parameters(InputOfNeurons, ModelParameters, model=MODEL):
    """All parameters, whose values, units, meanings and sources stand in defaults.toml, and what follows."""

    def check(self) -> None:
        self.check_steps("delay", "T", "T_mean_field", low=1)
        self.check_steps("t_ref", "presimulation")
        self.check_input()


def resized(model: str, neurons: int, indegree: int | None) -> dict[str, Any]:
    """What gives so many neurons, a multiple of 5, with ``indegree`` inputs (None: a tenth of them)."""
    if neurons < 5 or neurons % 5:
        raise InputError(f"{model}: the number of neurons must be a positive multiple of 5, got {neurons}")
    if indegree is None:
        return {"order": neurons // 5, "epsilon": max(load().epsilon, 5.0 / neurons)}
    if indegree < 5 or indegree % 5 or indegree > neurons:
        raise InputError(
            f"{model}: the in-degree must be a multiple of 5, at most the number of neurons, {neurons}; got {indegree}"
        )
    return {"order": neurons // 5, "epsilon": indegree / neurons}


load = Parameters.load
