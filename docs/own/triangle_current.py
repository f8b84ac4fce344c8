"""A current that rises and falls in turn: a drive that the package does not have."""

import numpy as np

from distsim import Drive, number


class TriangleCurrent(Drive):
    """A current to every neuron that goes from 0 to ``highest`` (pA) and back within every ``period`` (ms)."""

    highest: float = number(unit="pA")
    period: float = number(unit="ms", above=0.0)

    def bind(self, driven):
        """Add to the current of the steps that follow ``first_step``, that one included."""
        steps = self.period / driven.share.dt

        def add(current, first_step):
            phase = (np.arange(first_step, first_step + len(current)) % steps) / steps
            current += self.highest * (1.0 - np.abs(2.0 * phase - 1.0))

        driven.add_current(add)
