"""Parameters of the mean field of Brunel's network: those of the spiking network that it needs, and its own."""

from __future__ import annotations

from pathlib import Path

from distsim.models.brunel import parameters as brunel
from distsim.models.defaults import read_defaults
from distsim.models.model_parameters import TABLE, ModelParameters

MODEL = "brunel_siegert"
SHARED = ("order", "epsilon", "tau_m", "theta", "V_reset", "t_ref", "J", "g", "eta", "tau", "dt", "seed")
_OF_BRUNEL = brunel.Parameters.DEFAULTS
DEFAULTS = {
    **{name: _OF_BRUNEL[name] for name in SHARED},
    "T": _OF_BRUNEL["T_mean_field"],
    **read_defaults(Path(__file__).with_name(TABLE)),
}


class Parameters(brunel.InputOfNeurons, ModelParameters, model=MODEL, defaults=DEFAULTS):
    """All parameters, whose values, units, meanings and sources stand in the two tables, and what follows."""

    def check(self) -> None:
        self.check_steps("T", low=1)
        self.check_input()


load = Parameters.load
