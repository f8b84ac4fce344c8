"""The mean field of Brunel's network: one Siegert rate neuron for each population, and the same as equations.

Drift and diffusion factors are tau_m C J and tau_m C J^2 for the C inputs of a kind; the external input is a source of
constant rate nu_X with C = 1.
"""

from __future__ import annotations

from distsim.connect.rules.one_to_one import OneToOne
from distsim.models.brunel.parameters import Parameters, load
from distsim.rates.rate_network import ConstantRate, DiffusionConnection, RateNetwork, SiegertNeuron
from distsim.theory.lif_mean_field import MeanField, drift_and_diffusion


def mean_field(parameters: Parameters | None = None) -> RateNetwork:
    """Siegert neurons "E" and "I" and their drive "X" (default: as published); the rates of E and I are recorded."""
    p = parameters or load()
    network = RateNetwork(dt=p.dt)
    neuron = SiegertNeuron(tau=p.tau, tau_m=p.tau_m, t_ref=p.t_ref, V_th=p.theta, V_reset=p.V_reset)
    for name in ("E", "I"):
        network.population(name, 1, neuron)
    network.population("X", 1, ConstantRate(mean=p.nu_X, tau=p.tau))
    for target in ("E", "I"):
        for source, number, weight in (*p.inputs, ("X", 1, p.J_E)):
            drift, diffusion = drift_and_diffusion(number, weight, p.tau_m)
            network.connect(source, target, OneToOne(), DiffusionConnection(float(drift), float(diffusion)))
        network.record_rates(target)
    return network


def equations(parameters: Parameters | None = None) -> MeanField:
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
