"""What rate neurons remember, as a checkpoint keeps it: the step, their rates, what was recorded of them."""

from __future__ import annotations

from distsim.rates.rate_loop import RateLoop
from distsim.record.checkpoint import Archive

RECORDINGS = ("recordings",)
"""Those of a network that a checkpoint keeps."""


def transfer(archive: Archive, loop: RateLoop) -> None:
    """Tell ``archive`` all that the network remembers (collective)."""
    loop.step = archive.number("step", loop.step)
    for local in loop.populations:
        population = local.population
        archive.array(f"rates/{population.name}", population.size, local.gids - population.first_gid, local.rate)
    for name, (recorder, _) in loop.recorders.items() if archive.records else ():
        recorder.transfer(archive, f"recorded/{name}")
