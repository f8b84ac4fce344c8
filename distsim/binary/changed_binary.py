"""Binary neurons and their couplings changed between runs.

Intervals are exponential, so that what is left of one under way is that of the new mean times the ratio of both: no
number is drawn again. A state that is set becomes a flip just after the present. Other couplings are made anew, in a
unit that suits them, between the same neurons; inputs are those that the neurons that are active now give by them.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.couplings import Couplings, build_couplings
from distsim.binary.flip_tally import Flipped
from distsim.binary.update_kernels import draw_states
from distsim.binary.window_loop import BinaryLoop
from distsim.connect.rule import check_of_edges
from distsim.core.changed_values import local_places, of_piece, values_at
from distsim.core.errors import InputError, check_names
from distsim.core.parts import Neurons, Piece
from distsim.core.rng import streams_of
from distsim.core.values import Value, check_value, largest

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
STATE = "state"
LIMITS: dict[str, dict[str, float]] = {"theta": {}, "tau": {"above": 0.0}, "m": {"low": 0.0}, STATE: {"low": 0.0}}
"""What can be set, and what it must be."""
CHANCES = ("m", STATE)
PURPOSES = {"m": "m_ext"}
"""Of streams of distributions, where these have another name than the value."""


class ChangedBinary:
    """The neurons and ``couplings`` of a simulation; network: with these as they are now.

    again: while the changes of a checkpoint are made again, which has the states.
    """

    def __init__(self, network: BinaryNetwork, loop: BinaryLoop, couplings: Couplings, seed: int) -> None:
        self.network, self.loop, self.couplings, self.seed = copy(network), loop, couplings, seed
        self.again = False

    def set(self, neurons: Neurons, values: dict[str, Any], number: int) -> Flipped:
        """Set values of ``neurons``: a number, an array (size,) or a distribution each; the flips of this rank.

        number: of the change; states that are drawn differ from change to change. Raises InputError, with nothing
        changed, for wrong ones.
        """
        pieces = neurons.by_population()
        planned = [self._planned(piece, neurons, values) for piece in pieces]
        before = self.loop.neurons.state.copy()
        for piece, own in zip(pieces, planned, strict=True):
            mine, place = local_places(piece, self.loop.neurons.gids)
            gids = self.loop.neurons.gids[mine]
            for name, value in own.items():
                if name == STATE:
                    chance = values_at(value, place, self.seed, f"set {name}", gids, number)
                    self._set_states(mine, chance, number)
                else:
                    self._set(name, mine, values_at(value, place, self.seed, PURPOSES.get(name, name), gids))
        if "tau" in values:
            self.loop.set_pace()
        index = np.flatnonzero(self.loop.neurons.state != before).astype(np.int32)
        if STATE in values:
            self.loop.find_inputs()
        time = np.full(len(index), np.nextafter(self.loop.time, np.inf))
        return time, index, self.loop.neurons.state[index]

    def couple(self, source: Neurons, target: Neurons, number: int | None, J: Any) -> None:
        """Let projections, see ``Populations.find_connected``, have couplings ``J`` from now on (collective)."""
        where = f"set_couplings '{source.name}->{target.name}'"
        chosen = self.network.find_connected(source, target, number, where)
        strength = check_value(J, f"{where}: J")
        projections = list(self.network.projections)
        for index in chosen:
            check_of_edges(strength, projections[index].rule.array_shape(projections[index].ends), f"{where}: J")
            projections[index] = replace(projections[index], J=strength)
        self.network.projections = projections
        self.couplings = build_couplings(self.network, self.loop.comm, self.seed)

    def _planned(self, piece: Piece, neurons: Neurons, values: dict[str, Any]) -> dict[str, Value]:
        """What is given for the neurons of ``piece``, checked."""
        where, population = f"set '{neurons.name}'", piece.population
        names = ("tau", "m", STATE) if population.m_ext is not None else ("theta", "tau", STATE)
        check_names(values, names, "parameter or state", f"{where}, population '{population.name}'")
        if STATE in values and self.network.update_recordings:
            raise InputError(f"{where}: states cannot be set where updates are recorded: it would be none")
        own = {n: of_piece(v, neurons, piece, f"{where}: {n}", **LIMITS[n]) for n, v in values.items()}
        wrong = next((name for name in CHANCES if name in own and largest(own[name]) > 1.0), None)
        if wrong is not None:
            raise InputError(f"{where}: {wrong} is a probability and must be at most 1, got {largest(own[wrong]):g}")
        return own

    def _set(self, name: str, mine: Int64Array, new: FloatArray) -> None:
        """Give the local neurons ``mine`` (m,) other parameters, ``new`` (m,)."""
        neurons = self.loop.neurons
        if name == "theta":
            neurons.limits[mine] = new
            neurons.theta[mine] = self.couplings.threshold(new)
        elif name == "m":
            neurons.m_ext[mine] = new
        else:
            self._set_intervals(mine, new)

    def _set_states(self, mine: Int64Array, chance: FloatArray, number: int) -> None:
        """Let the local neurons ``mine`` be active with ``chance`` (m,); not where a checkpoint brings them back."""
        states = np.empty(len(mine), np.uint8)
        draw_states(streams_of(self.seed, "states that are set", number, self.loop.neurons.gids[mine]), chance, states)
        if not self.again:
            self.loop.neurons.state[mine] = states

    def _set_intervals(self, mine: Int64Array, new: FloatArray) -> None:
        neurons, now = self.loop.neurons, self.loop.time
        neurons.tau = np.array(np.broadcast_to(neurons.tau, neurons.n), np.float64)
        left = (neurons.upcoming[mine] - now) * (new / neurons.tau[mine])
        neurons.upcoming[mine] = np.maximum(now + left, np.nextafter(now, np.inf))
        neurons.tau[mine] = new
