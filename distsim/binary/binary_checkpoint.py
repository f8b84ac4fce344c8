"""What binary neurons remember, as a checkpoint keeps it: states, inputs, the next updates, what was recorded."""

from __future__ import annotations

from distsim.binary.flip_recorder import BinaryRecorder
from distsim.binary.window_course import EXCHANGES, WINDOWS
from distsim.binary.window_loop import BinaryLoop
from distsim.record.checkpoint import Archive

RECORDINGS = "flip_recordings", "activity_recordings", "update_recordings", "state_recordings", "coupling_recordings"
"""Those of a network that a checkpoint keeps; couplings follow from the network."""


def transfer(archive: Archive, loop: BinaryLoop, recorder: BinaryRecorder) -> None:
    """Tell ``archive`` all that the network remembers (collective).

    Numbers of windows are those of one rank; how long they are is found anew.
    """
    loop.time = archive.number("time", loop.time)
    course = loop.windows.course
    for place, name in (WINDOWS, "windows"), (EXCHANGES, "rounds"):
        course[place] = archive.number(name, int(course[place]))
    loop.n_updates = archive.total("updates", loop.n_updates)
    loop.n_flips = archive.total("flips", loop.n_flips)
    neurons = loop.neurons
    for name in ("state", "h", "upcoming", "counter", *(["decided"] if neurons.external else [])):
        archive.array(f"neurons/{name}", recorder.network.size, neurons.gids, getattr(neurons, name))
    loop.tally.transfer(archive, loop.time, neurons.state)
    recorder.transfer(archive)
