"""Brunel's network: its parameters, its two forms, and the rates of the one beside those of the other and of NEST.

In the diffusion approximation the spiking network fires at the self-consistent rate of its mean field; NEST's runs of
brunel_delta and ours differ by their random numbers alone.
"""

import json

import numpy as np
import pytest
from mpi4py import MPI
from numpy.testing import assert_allclose

from distsim import FixedIndegree, InputError, Poisson, RateSimulation, Simulation
from distsim.analysis.spike_statistics import mean_cv, mean_rate
from distsim.models import registry
from distsim.models.brunel import MODEL
from distsim.models.brunel.mean_field import equations, mean_field
from distsim.models.brunel.network import build_network
from distsim.models.brunel.parameters import Parameters, load
from distsim.spiking.neurons.iaf_psc_delta import IafPscDelta


def test_published_parameters():
    p = load()
    assert (p.N_E, p.N_I, p.C_E, p.C_I) == (10_000, 2500, 1000, 250)
    assert (p.J_E, p.J_I, p.nu_theta, p.nu_X) == (0.1, -0.5, 10.0, 20_000.0)
    assert set(p.as_dict()) > set(Parameters.DEFAULTS)
    json.dumps(p.as_dict())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"g": "strong"}, "brunel: g must be a number, got 'strong'"),
        ({"g": float("nan")}, "brunel: g must be finite"),
        ({"epsilon": 0.0}, "brunel: epsilon must be larger than 0, got 0"),
        ({"epsilon": 1.01}, "brunel: epsilon must be at most 1, got 1.01"),
        ({"epsilon": 0.01, "order": 20}, "epsilon = 0.01 of 80 excitatory neurons is less than one"),
        ({"V_reset": 20.0}, "V_reset = 20 mV must be below theta = 20 mV"),
        ({"tau_m": -20.0}, "brunel: tau_m must be larger than 0, got -20"),
        ({"tau": 0.0}, "brunel: tau must be larger than 0, got 0"),
        ({"t_ref": -2.0}, "brunel: t_ref must be at least 0, got -2"),
        ({"delay": 0.05}, "brunel: delay = 0.05 ms is not a whole multiple of dt"),
        ({"T": 0.25}, "brunel: T = 0.25 ms is not a whole multiple of dt"),
        ({"order": 2.5}, "brunel: order must be a whole number, got 2.5"),
        ({"J": 0.0}, "brunel: J must be larger than 0, got 0"),
        ({"ETA": 2.0}, "unknown parameter 'ETA'; did you mean 'eta'?"),
        ({"nu_X": 1.0}, "nu_X follows from other parameters and cannot be set"),
    ],
)
def test_wrong_parameters(overrides, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        load(overrides)


def test_spiking_network_is_the_published_one():
    net = build_network(load())
    assert [(p.name, p.size, p.initial) for p in net.populations] == [
        ("E", 10_000, {"V_m": 0.0}),
        ("I", 2500, {"V_m": 0.0}),
    ]
    for population in net.populations:
        model = population.model
        assert isinstance(model, IafPscDelta)
        assert (model.tau_m, model.t_ref, model.E_L, model.V_th, model.V_reset) == (20.0, 2.0, 0.0, 20.0, 0.0)
    synapses = {p.name: (p.rule, p.synapse.weight, p.synapse.delay) for p in net.projections}
    for name, (rule, weight, delay) in synapses.items():
        number, expected = (1000, 0.1) if name.startswith("E") else (250, -0.5)
        assert (rule, weight, delay) == (FixedIndegree(number, autapses=True, multapses=True), expected, 1.5)
    assert [s.stimulus for s in net.stimulations] == [Poisson(rate=20_000.0, weight=0.1, delay=1.5)] * 2


@pytest.mark.parametrize(
    "overrides", [{}, {"order": 100, "g": 6.0, "eta": 1.5, "J": 0.3, "tau_m": 15.0, "epsilon": 0.3}]
)
def test_both_forms_have_the_same_mean_and_noise(overrides):
    """Drift is tau_m C J, diffusion tau_m C J^2, of synapses and Poisson input alike; the equations say the same."""
    p = load(overrides)
    spiking, rates, theory = build_network(p), mean_field(p), equations(p)
    for target in ("E", "I"):
        factors = {c.source.name: c.connection for c in rates.projections if c.target.name == target}
        for projection in (c for c in spiking.projections if c.target.name == target):
            weight, number = projection.synapse.weight, projection.rule.indegree
            factor = factors[projection.source.name]
            assert factor.drift_factor == pytest.approx(p.tau_m / 1000.0 * number * weight, rel=1e-14)
            assert factor.diffusion_factor == pytest.approx(p.tau_m / 1000.0 * number * weight**2, rel=1e-14)
        (poisson,) = (s.stimulus for s in spiking.stimulations if s.target.name == target)
        drive = rates.find("X").model
        assert factors["X"].drift_factor * drive.mean == pytest.approx(poisson.rate * poisson.weight * p.tau_m / 1000.0)
    rate_neuron, neuron = rates.find("E").model, spiking.find("E").model
    for name in ("tau_m", "t_ref", "V_th", "V_reset"):
        assert getattr(rate_neuron, name) == getattr(neuron, name)
    simulation = RateSimulation(rates, comm=MPI.COMM_WORLD)
    simulation.run(60.0)
    assert_allclose(simulation.current_rates("I"), theory.fixed_point().rates[1], rtol=1e-9)


@pytest.mark.slow  # the full network, three seeds: 20 s
def test_rates_and_irregularity_of_nest():
    """NEST 3.10, three seeds: E 32.09 (sd 0.08), I 32.16 (sd 0.04) /s, CV of E 0.174; Siegert within 1 %."""
    p = load()
    found = []
    for seed in (1, 2, 3):
        with Simulation(build_network(p), comm=MPI.COMM_WORLD, seed=seed) as simulation:
            simulation.run(p.presimulation)
            simulation.run(p.T)
            start, stop = p.presimulation, p.presimulation + p.T
            spikes = {name: simulation.spikes(name) for name in "EI"}
        E, I = ((spikes[name].times(p.dt), spikes[name].neuron) for name in "EI")
        rates = mean_rate(E[0], p.N_E, start, stop), mean_rate(I[0], p.N_I, start, stop)
        found.append((*rates, mean_cv(*E, p.N_E, start, stop)))
    for rate_e, rate_i, cv in found:
        assert abs(rate_e - 32.0883) < 3.0 * 0.0755
        assert abs(rate_i - 32.1568) < 3.0 * 0.0407
        assert abs(cv - 0.1743) < 0.004
    mean = np.mean(found, axis=0)
    assert abs(mean[0] - 32.0883) < 3.0 * 0.0755 / np.sqrt(1.5)  # of the difference of two means of three
    predicted = equations(p).fixed_point().rates
    assert_allclose(mean[:2], predicted, rtol=0.01)


# ---------------------------------------------------------------- as the command line runs it

SMALL = ["--order", "100", "--time", "60", "--set", "presimulation=20"]


@pytest.fixture(scope="module")
def result(mpirun, pytestconfig, tmp_path_factory):
    """What a run on two ranks printed, its summary, and the folder of its files."""
    folder = tmp_path_factory.mktemp("brunel") / "out"
    arguments = ["-m", "distsim", "run", "brunel", *SMALL, "--out", str(folder)]
    done = mpirun(2, arguments, cwd=pytestconfig.rootpath)
    return done.stdout, json.loads((folder / "summary.json").read_text()), folder


def test_a_run_shows_simulation_and_prediction(result):
    printed, summary, folder = result
    assert "rates, simulated and predicted" in printed
    assert "self-consistent rates" in printed
    titles = [table["title"] for table in summary["tables"]]
    assert {"activity", "rates, simulated and predicted", "self-consistent rates", "run"} <= set(titles)
    predicted = equations(load({"order": 100})).fixed_point().rates
    assert_allclose(summary["mean_field"]["rates"]["E"], predicted[0], rtol=1e-9)
    assert summary["mean_field"]["fixed_points"][0]["stable"] is True
    assert summary["parameters"]["presimulation"] == summary["presimulation"] == 20.0
    for stem in ("raster", "distributions", "mean_field"):
        for kind in ("png", "pdf"):
            assert (folder / f"{stem}.{kind}").stat().st_size > 1000


def test_wrong_input_on_the_command_line(mpirun, pytestconfig):
    arguments = ["-m", "distsim", "run", "brunel", "--set", "V_reset=30"]
    done = mpirun(1, arguments, cwd=pytestconfig.rootpath, check=False)
    assert done.returncode == 2
    assert "V_reset = 30 mV must be below theta = 20 mV" in done.stderr
    assert "Traceback" not in done.stderr


def test_registered():
    assert registry.find("brunel") is MODEL


@pytest.mark.parametrize(("neurons", "indegree"), [(12_500, 1250), (1000, 100), (60, 20), (2505, 835), (5, 5)])
def test_resized(neurons, indegree):
    p = load(MODEL.resized(neurons, indegree))
    assert neurons == p.N_E + p.N_I
    assert indegree == p.C_E + p.C_I


def test_resized_without_an_indegree():
    assert load(MODEL.resized(12_500, None)) == load()
    assert load(MODEL.resized(20, None)).C_E == 4


@pytest.mark.parametrize(("neurons", "indegree"), [(12, None), (0, None), (100, 12), (100, 105), (100, 0)])
def test_resized_to_what_cannot_be(neurons, indegree):
    with pytest.raises(InputError, match="must be a"):
        MODEL.resized(neurons, indegree)
