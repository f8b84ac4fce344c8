"""Leaky integrate-and-fire neuron with synaptic currents that are held during a step, one for each receptor.

    tau_m dV/dt = -(V - E_L) + R_m (I_e + sum over receptors of I_k + I_stimulus)
    dI_k/dt = -I_k / tau_syn[k]        dI_stimulus/dt = -I_stimulus / tau_stimulus   (a current of its own)
    a spike of weight w (pA) adds w to the current of the receptor it arrives at

The neuron of the liquid of Maass, Natschläger & Markram 2002 (Neural Comput 14) as simulated with Brian2. Order within
a step: the synaptic currents decay; V is advanced, unless refractory, with the decayed synaptic currents held constant
over the step and the stimulus current integrated exactly from its value at the start; the stimulus current decays; a
neuron above (not at) V_th fires with the step's end as its stamp; input that arrives at the end of the step is added.
After a spike in step n the first step in which V moves again is n + t_ref / dt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from distsim.core.accurate import exp, expm1
from distsim.core.errors import InputError, check_arguments
from distsim.core.jit import inline, jit
from distsim.core.poisson_counts import BLOCK, add_events
from distsim.core.units import check_number, to_steps
from distsim.core.values import Value, check_array
from distsim.spiking.neurons.group import FloatArray, Local, at, part, same_kind
from distsim.spiking.neurons.membrane import emit, leak, settle
from distsim.spiking.neurons.neuron_checks import check_below, check_sizes, check_time_constants, freeze_values

STIMULUS = "stimulus"


@check_arguments
@dataclass(frozen=True, eq=False)
class LifMultisynapse:
    """Parameters: tau_m, t_ref, tau_syn, tau_stimulus (ms), R_m (GOhm), E_L, V_th, V_reset (mV), I_e (pA).

    tau_m, R_m, E_L, V_th, V_reset, I_e are one number, an array (size,), or a distribution each; t_ref is a whole
    multiple of dt; tau_syn has one number per receptor. A synapse names its receptor: 0, 1, ... (the entry of tau_syn)
    or "stimulus"; where it does not, positive weights drive receptor 0 and negative ones receptor 1, or 0 where there
    is no other.
    """

    tau_m: Value = 30.0
    t_ref: float = 3.0
    R_m: Value = 0.001
    E_L: Value = 0.0
    V_th: Value = 15.0
    V_reset: Value = 13.5
    I_e: Value = 0.0
    tau_syn: tuple[float, ...] = (3.0, 6.0)
    tau_stimulus: float = 3.0

    initial_states: ClassVar[tuple[str, ...]] = ("V_m",)
    receives: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive = {name: {"above": 0.0} for name in ("tau_m", "R_m")}
        freeze_values(
            self, positive | {"t_ref": {"low": 0.0}}, ("tau_m", "t_ref", "R_m", "E_L", "V_th", "V_reset", "I_e")
        )
        check_below(self, "V_reset", "V_th", "mV")
        taus = check_array(np.atleast_1d(self.tau_syn), "LifMultisynapse: tau_syn", above=0.0)
        if taus.ndim != 1 or not taus.size:
            raise InputError(
                "LifMultisynapse: tau_syn needs one time constant (ms) for each receptor, as in (3.0, 6.0)"
            )
        object.__setattr__(self, "tau_syn", tuple(taus.tolist()))
        tau_stimulus = check_number(self.tau_stimulus, "LifMultisynapse: tau_stimulus", above=0.0)
        object.__setattr__(self, "tau_stimulus", tau_stimulus)

    @property
    def receptors(self) -> tuple[int | str, ...]:
        """Names of the receptors, in the order of the inputs."""
        return (*range(len(self.tau_syn)), STIMULUS)

    @property
    def state_variables(self) -> tuple[str, ...]:
        return ("V_m", *(f"I_syn_{k}" for k in range(len(self.tau_syn))), "I_stimulus")

    def check(self, size: int, dt: float, where: str) -> None:
        check_sizes(self, size, where)
        check_time_constants(self, dt, where, "tau_m", "tau_syn", "tau_stimulus")
        to_steps(self.t_ref, dt, f"{where}: LifMultisynapse t_ref")

    def inputs(self) -> int:
        return len(self.receptors)

    def input_of(self, negative: bool) -> int:
        return int(negative and len(self.tau_syn) > 1)

    def group(self, local: Local) -> LifMultisynapseGroup:
        return LifMultisynapseGroup(self, local)


def stimulus_propagator(dt: float, tau_m: Any, R_m: Any, tau: float) -> Any:
    """What a unit (pA) of a current that decays with ``tau`` adds to V (mV) over a step of ``dt`` (ms).

    R_m tau / (tau - tau_m) (exp(-dt / tau) - exp(-dt / tau_m)); the series in the difference of the rates where they
    are near each other. Of numbers or arrays (n,).
    """
    propagators = np.empty(np.size(tau_m))
    fill_stimulus_propagators(dt, np.atleast_1d(np.asarray(tau_m, np.float64)), tau, propagators)
    return R_m * propagators if isinstance(tau_m, np.ndarray) else R_m * float(propagators[0])


@jit
def fill_stimulus_propagators(dt, tau_m, tau, propagators):  # type: ignore[no-untyped-def]
    """propagators[i] = stimulus_propagator of tau_m[i], for R_m = 1; both (n,)."""
    for i in range(tau_m.size):
        x = dt / tau_m[i] - dt / tau
        if abs(x) < 1e-3:
            difference = 1.0 + x * (1.0 / 2.0 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0)))
        else:
            difference = expm1(x) / x
        propagators[i] = dt / tau_m[i] * exp(-dt / tau_m[i]) * difference


class LifMultisynapseGroup:
    """State of the local neurons: V relative to E_L (mV), I (receptors, n) and stimulus (n,) in pA.

    refractory (n,) int64: steps in which V will stay as it is.
    """

    def __init__(self, model: LifMultisynapse, local: Local) -> None:
        dt, n = local.dt, local.n
        p = {
            name: local.parameter(getattr(model, name), name)
            for name in ("tau_m", "R_m", "E_L", "V_th", "V_reset", "I_e")
        }
        decay, from_current = leak(dt, p["tau_m"] / p["R_m"], p["tau_m"])
        membrane = (
            decay, from_current, stimulus_propagator(dt, p["tau_m"], p["R_m"], model.tau_stimulus), p["I_e"],
            np.nextafter(p["V_th"] - p["E_L"], np.inf), p["V_reset"] - p["E_L"],
        )  # fmt: skip
        self.membrane = same_kind(membrane, n)
        self.decays = np.array([exp(-dt / tau) for tau in (*model.tau_syn, model.tau_stimulus)])
        self.refractory_steps = max(to_steps(model.t_ref, dt, "t_ref") - 1, 0)
        self.E_L = p["E_L"]
        self.local = local
        self.V = self.initial_V()
        self.I = np.zeros((len(model.tau_syn), n))
        self.stimulus = np.zeros(n)
        self.refractory = np.zeros(n, np.int64)

    def initial_V(self, trial: int = 0) -> FloatArray:
        """V (n,) at the start of a trial; by default V_reset."""
        return self.local.initial("V_m", self.membrane[-1] + self.E_L, trial) - self.E_L

    def update(self, first_step, n_steps, ring, unit, current, drives, index, stamp):  # type: ignore[no-untyped-def]
        return update(
            self.V, self.I, self.stimulus, self.refractory, self.membrane, self.decays, self.refractory_steps,
            first_step, n_steps, ring, unit, current, drives, index, stamp,
        )  # fmt: skip

    def state(self, name: str) -> FloatArray:
        if name == "V_m":
            return self.V + self.E_L
        return self.stimulus.copy() if name == "I_stimulus" else self.I[int(name.rpartition("_")[2])].copy()


@inline
def integrate(V, current, stimulus, decay, from_current, from_stimulus):  # type: ignore[no-untyped-def]
    """V (mV) after a step without threshold, from the held current and the stimulus current at its start (pA)."""
    return decay * V + from_current * current + from_stimulus * stimulus


@jit
def update(  # type: ignore[no-untyped-def]
    V, I, stimulus, refractory, membrane, decays, refractory_steps,
    first_step, n_steps, ring, unit, current, drives, index, stamp,
):  # fmt: skip
    """Advance all neurons through n_steps steps; see ``Group.update``. V, I, stimulus, refractory are modified.

    Neurons go through all steps in blocks, whose state then stays in the L1 cache.
    """
    n_slots = ring.shape[1]
    receptors = I.shape[0]
    held = np.empty(BLOCK)
    fired = np.empty(BLOCK, np.uint8)
    random = np.empty(BLOCK, np.uint64)
    spikes = 0
    for begin in range(0, V.size, BLOCK):
        size = min(BLOCK, V.size - begin)
        v, wait, s = V[begin : begin + size], refractory[begin : begin + size], stimulus[begin : begin + size]
        m_decay, m_current, m_stimulus, m_I_e, m_th, m_reset = membrane
        decay, from_current = part(m_decay, begin, size), part(m_current, begin, size)
        from_stimulus, I_e = part(m_stimulus, begin, size), part(m_I_e, begin, size)
        V_th, V_reset = part(m_th, begin, size), part(m_reset, begin, size)
        for step in range(n_steps):
            slot = (first_step + step) % n_slots
            for i in range(size):
                held[i] = current[step] + at(I_e, i)
            for k in range(receptors):
                x, arriving = I[k, begin : begin + size], ring[k, slot, begin : begin + size]
                add_events(drives[k], begin, first_step + step, arriving, random)
                for i in range(size):
                    decayed = decays[k] * x[i]
                    held[i] += decayed
                    x[i] = decayed + arriving[i] * unit
                    arriving[i] = 0
            arriving = ring[receptors, slot, begin : begin + size]
            add_events(drives[receptors], begin, first_step + step, arriving, random)
            n_fired = 0
            for i in range(size):
                integrated = integrate(v[i], held[i], s[i], at(decay, i), at(from_current, i), at(from_stimulus, i))
                s[i] = decays[receptors] * s[i] + arriving[i] * unit
                arriving[i] = 0
                v[i], wait[i], fires = settle(v[i], wait[i], integrated, at(V_th, i), at(V_reset, i), refractory_steps)
                fired[i] = 1 if fires else 0
                n_fired += 1 if fires else 0
            if n_fired > 0:
                spikes = emit(fired[:size], begin, first_step + step, index, stamp, spikes)
    return spikes
