"""Functions of NEST for what the layer has not: they say so, and what is nearest."""

from __future__ import annotations

from typing import Any

from distsim.nest.nest_errors import NESTErrors


def _refuse(what: str, nearest: str) -> None:
    raise NESTErrors.NotImplemented(f"{what}; {nearest}")


def SonataNetwork(*args: Any, **kwargs: Any) -> None:  # noqa: N802
    """Refuse to read a network from SONATA files."""
    _refuse("SONATA files are not read by this layer", "distsim's own Network.from_file reads them, see docs/sonata.md")


def TripartiteConnect(*args: Any, **kwargs: Any) -> None:  # noqa: N802
    """Refuse to connect three populations."""
    _refuse("third factors (astrocytes) are not there", "Connect connects pairs of populations")


def EnableStructuralPlasticity() -> None:  # noqa: N802
    """Refuse to let connections come and go by themselves."""
    _refuse("structural plasticity is not there", "Connect and Disconnect change connections between runs")


def DisableStructuralPlasticity() -> None:  # noqa: N802
    """Nothing: there is none."""


def SetAcceptableLatency(port_name: str, latency: float) -> None:  # noqa: N802
    """Refuse to couple programs by MUSIC."""
    _refuse("MUSIC is not there", "spike_generator plays recorded spikes")


def SetMaxBuffered(port_name: str, size: int) -> None:  # noqa: N802
    """Refuse to couple programs by MUSIC."""
    _refuse("MUSIC is not there", "spike_generator plays recorded spikes")


def Compartments(*args: Any, **kwargs: Any) -> None:  # noqa: N802
    """Refuse to describe compartments."""
    _refuse("neurons of several compartments are not there", "aeif_psc_exp and iaf_psc_exp_multisynapse are")


def Receptors(*args: Any, **kwargs: Any) -> None:  # noqa: N802
    """Refuse to describe receptors of compartments."""
    _refuse("neurons of several compartments are not there", "aeif_psc_exp and iaf_psc_exp_multisynapse are")


def help(obj: Any = None, return_text: bool = False) -> str | None:
    """What a function does; without one, where the layer is described."""
    text = str(obj.__doc__) if obj is not None and not isinstance(obj, str) else "See docs/nest.md of distsim."
    if return_text:
        return text
    print(text)
    return None
