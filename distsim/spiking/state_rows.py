"""States that compiled intervals record: rows that kernels write, until the recorders take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.calls import Block, Blocks
from distsim.core.jit import native
from distsim.record.state_recorder import StateRecorder

BYTES = 1 << 21  # of the rows of a recorder
MOST = 1 << 12  # rows of it


class StateRows:
    """The rows of one recorder of a state of ``group`` (which of them): values (rows, n) float64.

    interval: steps between exchanges, for which there are rows at least.
    """

    def __init__(self, group: int, recorder: StateRecorder, interval: int) -> None:
        self.group, self.recorder = group, recorder
        fit = min(MOST, BYTES // (8 * max(1, len(recorder.local_index))))
        self.rows = np.empty((max(fit, interval // recorder.recording.interval + 1), len(recorder.local_index)))

    def block(self, blocks: Blocks, arrays: tuple[npt.NDArray[Any], ...]) -> Block:
        """What writes the sum of ``arrays``, at most two, each (neurons of the group,), to a row."""
        kernel = write_values if len(arrays) == 1 else write_sums
        return blocks.add(kernel, (*arrays, self.recorder.local_index, self.rows, 0))

    def hand_over(self, n: int, due: int) -> None:
        """Let the recorder have ``n`` rows, the first of which is of the step ``due``."""
        every = self.recorder.recording.interval
        self.recorder.steps.extend(range(due, due + n * every, every))
        self.recorder.values.extend(self.rows[:n].copy())


@native
def write_values(values, chosen, rows, row):  # type: ignore[no-untyped-def]
    """rows[row] (n,) = values[chosen]; returns 1, the number of rows written."""
    for i in range(chosen.size):
        rows[row, i] = values[chosen[i]]
    return 1


@native
def write_sums(values, above, chosen, rows, row):  # type: ignore[no-untyped-def]
    """rows[row] (n,) = (values + above)[chosen]; returns 1, the number of rows written."""
    for i in range(chosen.size):
        rows[row, i] = values[chosen[i]] + above[chosen[i]]
    return 1
