"""A process that ends once the one that started it, or the one that waits for it, is gone, however that came to be.

A launcher that is killed, or a shell between the two, tells its children nothing. Two signs are watched: the parent,
which the system replaces when it ends, and standard input, which launchers pass on to rank 0: the harness holds its
other end, and where that closes the harness has ended. Both serve on Linux and macOS alike.
"""

from __future__ import annotations

import os
import select
import threading
import time

HELD = b"distsim-harness-waits\n"
"""What the harness writes first: an input that begins otherwise, or is closed at once, tells nothing of it."""
ORPHANED = 143
POLL = 1.0  # s


def end_with_parent(descriptor: int = 0) -> None:
    """From now on, end this process when its parent ends, or the harness at the other end of ``descriptor``."""
    threading.Thread(target=_watch, args=(os.getppid(), descriptor), daemon=True).start()


def _watch(parent: int, descriptor: int) -> None:
    heard = b""
    listening = True
    while os.getppid() == parent:
        if not listening:
            time.sleep(POLL)
            continue
        try:
            ready, _, _ = select.select([descriptor], [], [], POLL)
            told = os.read(descriptor, len(HELD)) if ready else None
        except (OSError, ValueError):  # there is no input
            told = b""
        if told:
            heard = (heard + told)[: len(HELD)]
        elif told is not None:  # its end
            if heard == HELD:
                break
            listening = False
    os._exit(ORPHANED)
