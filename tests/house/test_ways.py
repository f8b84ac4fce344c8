"""How far things go: a spike enters few modules on its way, as docs/design.md says."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import distsim
from distsim import Simulation
from distsim.models.two_population.network import build_network
from distsim.models.two_population.parameters import load

PACKAGE = Path(distsim.__file__).parent


def test_a_spike_enters_at_most_nine_rooms():
    """The clock is one of them; what is compiled (neurons, packing, delivering) is entered from those that are seen.

    By which door: how kernels are called, see ``core/jit.py``, is the same for all of them.
    """
    simulation = Simulation(build_network(load({"N": 500, "K": 100})), seed=1, loop="python")
    simulation.run(20.0)
    before, entered = simulation.spike_count(), set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        entered.add(Path(frame.f_code.co_filename))

    sys.settrace(note)
    try:
        simulation._loop.run(80, lambda step: None)
    finally:
        sys.settrace(None)
    rooms = sorted(str(path.relative_to(PACKAGE)) for path in entered if path.is_relative_to(PACKAGE))
    assert simulation.spike_count() > before
    assert "spiking/loop.py" in rooms
    assert len(set(rooms) - {"core/jit.py", "core/argument_kinds.py"}) <= 9, rooms
