"""The mean field of Brunel's network: one Siegert rate neuron for each population, and the same as equations.

What both predict stands beside what was simulated.

Drift and diffusion factors are tau_m C J and tau_m C J^2 for the C inputs of a kind; the external input is a source of
constant rate nu_X with C = 1.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.fixed_indegree import FixedIndegree
from distsim.connect.rules.one_to_one import OneToOne
from distsim.models.brunel.parameters import InputOfNeurons, Parameters, load
from distsim.models.outcome import Outcome, Table
from distsim.rates.rate_network import ConstantRate, DiffusionConnection, RateNetwork, SiegertNeuron
from distsim.rates.rate_simulation import RateSimulation
from distsim.theory.lif_mean_field import FixedPoint, MeanField, drift_and_diffusion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.models.activity import Activity
    from distsim.spiking.simulation import Simulation

NAMES = ("E", "I")


def mean_field(parameters: InputOfNeurons | None = None, *, of_each: bool = False) -> RateNetwork:
    """Siegert neurons "E" and "I" and their drive "X" (default: as published), which start at 0.

    There is one for each population, or, ``of_each``, one for each neuron, with inputs drawn as the neuron's are. The
    rates of the first of E and of I are recorded.
    """
    p = parameters or load()
    network = RateNetwork(dt=p.dt)
    neuron = SiegertNeuron(tau=p.tau, tau_m=p.tau_m, t_ref=p.t_ref, V_th=p.theta, V_reset=p.V_reset)
    sizes = {"E": p.N_E, "I": p.N_I} if of_each else dict.fromkeys(NAMES, 1)
    for name, size in sizes.items():
        network.population(name, size, neuron)
    network.population("X", 1, ConstantRate(mean=p.nu_X, tau=p.tau))
    for target in sizes:
        for source, number, weight in p.inputs:
            rule = FixedIndegree(number) if of_each else OneToOne()
            network.connect(source, target, rule, _inputs(1 if of_each else number, weight, p.tau_m))
        network.connect("X", target, AllToAll(), _inputs(1, p.J_E, p.tau_m))
        network.record_rates(target, [0])
    return network


def _inputs(number: int, weight: float, tau_m: float) -> DiffusionConnection:
    """What stands for ``number`` inputs of ``weight`` (mV)."""
    drift, diffusion = drift_and_diffusion(number, weight, tau_m)
    return DiffusionConnection(float(drift), float(diffusion))


def equations(parameters: InputOfNeurons | None = None) -> MeanField:
    """The self-consistency equations of populations E and I (in this order), whose fixed points predict the rates."""
    p = parameters or load()
    drift, diffusion = drift_and_diffusion(1, p.J_E, p.tau_m)
    return MeanField(
        K=[[given.number for given in p.inputs]] * 2,
        J=[[given.weight for given in p.inputs]] * 2,
        tau_m=p.tau_m,
        t_ref=p.t_ref,
        V_th=p.theta,
        V_reset=p.V_reset,
        mu_ext=float(drift) * p.nu_X,
        var_ext=float(diffusion) * p.nu_X,
    )


def predict(parameters: Parameters, simulation: Simulation, activity: Activity) -> Outcome:
    """The rates of a network of Siegert neurons, and of all solutions of the self-consistency equations; collective."""
    simulated = {name: activity.statistics[name].rate for name in NAMES}
    rate_neurons = RateSimulation(mean_field(parameters), simulation.comm, parameters.seed)
    rate_neurons.run(parameters.T_mean_field)
    recorded = {name: rate_neurons.rates(name) for name in NAMES}
    settled = {name: float(states.value[-1, 0]) for name, states in recorded.items()}
    points = equations(parameters).fixed_points()
    courses = {f"{name}, Siegert": (s.times(parameters.dt), s.value[:, 0]) for name, s in recorded.items()}
    return Outcome(
        tables=(_comparison(simulated, settled), solutions(points)),
        summary={
            "mean_field": {
                "rates": settled,
                "rate_hash": rate_neurons.rate_hash(),
                "fixed_points": described(points),
            }
        },
        figures={"mean_field": partial(_draw, courses, simulated)},
    )


def _comparison(simulated: dict[str, float], predicted: dict[str, float]) -> Table:
    """Predicted are the rates of the Siegert neurons at the end of their simulation."""
    header = ("population", "simulated (1/s)", "Siegert (1/s)", "deviation (%)")
    rows = tuple((n, simulated[n], predicted[n], _deviation(simulated[n], predicted[n])) for n in NAMES)
    return Table("rates, simulated and predicted", header, rows, ("", ".3f", ".4f", ".2f"))


def _deviation(simulated: float, predicted: float) -> float | None:
    """Of the simulated from the predicted rate (%); None where that is 0."""
    return 100.0 * (simulated / predicted - 1.0) if predicted else None


def solutions(points: list[FixedPoint]) -> Table:
    """All solutions of the self-consistency equations; the working point is that of both populations."""
    header = ("rate E (1/s)", "rate I (1/s)", "mean input (mV)", "noise (mV)", "stable")
    rows = tuple((*p.rates.tolist(), float(p.mu[0]), float(p.sigma[0]), "yes" if p.stable else "no") for p in points)
    return Table("self-consistent rates", header, rows, (".4f", ".4f", ".3f", ".3f", ""))


def described(points: list[FixedPoint]) -> list[dict[str, Any]]:
    """The solutions, ready for JSON."""
    return [
        {
            "rates": point.rates.tolist(),
            "mu": point.mu.tolist(),
            "sigma": point.sigma.tolist(),
            "eigenvalues": [[value.real, value.imag] for value in point.eigenvalues.tolist()],
            "stable": point.stable,
        }
        for point in points
    ]


def _draw(courses: dict[str, Any], simulated: dict[str, float]) -> Figure:
    from distsim.analysis.rate_plots import plot_rate_trajectories

    return plot_rate_trajectories(courses, simulated)
