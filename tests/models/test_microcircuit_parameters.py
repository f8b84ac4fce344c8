"""Parameters of the cortical microcircuit: published values, numbers of synapses, scaling, wrong input."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from distsim import InputError
from distsim.models.microcircuit import parameters
from distsim.models.microcircuit.parameters import POPULATIONS, load
from distsim.theory.psp import exponential_psp_amplitude
from tests.nest_fixtures import FOLDER

PUBLISHED = json.loads((FOLDER / "microcircuit.json").read_text(encoding="utf-8"))


def test_fields_are_those_of_the_defaults_file():
    assert [field.name for field in dataclasses.fields(parameters.Parameters)] == list(parameters.Parameters.DEFAULTS)


def test_every_parameter_has_a_unit_and_a_source():
    defaults = parameters.Parameters.DEFAULTS
    assert all(default.meaning and default.source for default in defaults.values())
    without = {name for name, default in defaults.items() if not default.unit}
    counts = {"N_full", "N_scaling", "K_scaling", "connection_probability", "g", "weight_rel_sd", "delay_rel_sd"}
    assert without == counts | {"V_init", "input", "K_ext", "thalamus", "N_thalamus", "thalamic_probability", "seed"}


def test_values_are_those_published():
    p, thalamus = load(), PUBLISHED["thalamus"]
    assert list(POPULATIONS) == PUBLISHED["populations"]
    assert list(p.N) == PUBLISHED["num_neurons"]
    assert [list(row) for row in p.connection_probability] == PUBLISHED["connection_probability"]["values"]
    assert list(p.indegree_ext) == PUBLISHED["indegree_external"]
    assert list(p.full_rates) == PUBLISHED["full_scale_mean_rates_hz"]
    assert list(p.V_init_mean) == PUBLISHED["V_initial"]["optimised"]["mean"]
    assert list(p.V_init_sd) == PUBLISHED["V_initial"]["optimised"]["sd"]
    assert {name: getattr(p, name) for name in PUBLISHED["neuron"] if name != "model"} | {"model": "iaf_psc_exp"} == {
        **PUBLISHED["neuron"]
    }
    assert (p.rate_ext, p.delay_ext) == (PUBLISHED["rate_external_hz"], PUBLISHED["delay_external_ms"])
    assert (p.delay_ex, p.delay_in) == tuple(PUBLISHED["delay_mean_ms"].values())
    assert (p.N_thalamus, p.thalamic_rate) == (thalamus["num_neurons"], thalamus["rate_hz"])
    assert list(p.thalamic_probability) == thalamus["connection_probability"]
    assert p.dt == PUBLISHED["dt_ms"]


def test_numbers_of_synapses_of_all_64_projections_are_those_published():
    p = load()
    assert [list(row) for row in p.n_synapses] == PUBLISHED["num_synapses"]["values"]
    assert sum(map(sum, p.n_synapses)) == PUBLISHED["num_synapses"]["total"] == 298_880_968


def test_a_pair_is_connected_with_the_given_probability():
    """Of n synapses between M pairs, drawn at random, one pair gets none with probability (1 - 1 / M)**n."""
    p = load({"N_full": [50, 20, 50, 20, 50, 20, 50, 20]})
    for i, row in enumerate(p.n_synapses):
        for j, n in enumerate(row):
            connected = 1.0 - (1.0 - 1.0 / (p.N[i] * p.N[j])) ** n
            assert connected == pytest.approx(p.connection_probability[i][j], abs=1.0 / (p.N[i] * p.N[j]))


def test_weights_evoke_the_psps():
    p = load()
    assert 1.0 / exponential_psp_amplitude(10.0, 0.5, 250.0) == pytest.approx(585.3899568613897, rel=1e-14)
    weight = np.array(p.weight)
    assert weight[0, 2] == pytest.approx(0.3 * 585.3899568613897)
    weight[0, 2] /= 2.0
    assert weight[:, ::2] == pytest.approx(0.15 * 585.3899568613897)
    assert weight[:, 1::2] == pytest.approx(-0.6 * 585.3899568613897)
    assert p.weight_ext == p.weight_thalamus == weight[0, 0]


@pytest.mark.parametrize(("tau_m", "tau_s"), [(10.0, 0.5), (10.0, 10.0), (3.0, 9.0), (10.0, 10.0 * (1 + 1e-9))])
def test_the_amplitude_is_the_largest_potential(tau_m, tau_s):
    """V(t) = (exp(-t / tau_m) - exp(-t / tau_s)) tau_m tau_s / (C_m (tau_m - tau_s)), or its limit."""
    t = np.linspace(0.0, 30.0, 300_001)
    if abs(tau_m - tau_s) < 1e-6:
        V = t * np.exp(-t / tau_m) / 250.0
    else:
        V = (np.exp(-t / tau_m) - np.exp(-t / tau_s)) * tau_m * tau_s / (250.0 * (tau_m - tau_s))
    assert exponential_psp_amplitude(tau_m, tau_s, 250.0) == pytest.approx(V.max(), rel=1e-8)


# ---------------------------------------------------------------- scaling and kinds of input


def mean_input(p):
    """Mean current (8,) (pA) into a neuron of each population when all fire at the full-scale rates."""
    indegree = np.array(p.n_synapses) / (p.N_scaling * np.array(p.N_full))[:, None]  # before rounding
    recurrent = (np.array(p.weight) * indegree) @ np.array(p.full_rates)
    external = p.weight_ext * np.array(p.indegree_ext) * p.rate_ext if p.input == "poisson" else 0.0
    return 1e-3 * p.tau_syn * (recurrent + external) + np.array(p.I_e)


def test_full_scale_needs_no_constant_current():
    assert load().I_e == (0.0,) * 8


@pytest.mark.parametrize("scaling", [{"K_scaling": 0.1}, {"K_scaling": 0.25, "N_scaling": 0.3}, {"N_scaling": 0.1}])
@pytest.mark.parametrize("kind", ["poisson", "dc"])
def test_scaling_keeps_the_mean_input(scaling, kind):
    p = load({**scaling, "input": kind})
    assert mean_input(p) == pytest.approx(mean_input(load()), rel=1e-3)


def test_scaling_keeps_the_variance_of_the_input():
    """It goes as the in-degree times the square of the weight."""
    p, full = load({"K_scaling": 0.1}), load()
    variance = [np.array(q.n_synapses) / np.array(q.N)[:, None] * np.array(q.weight) ** 2 for q in (p, full)]
    assert variance[0] == pytest.approx(variance[1], rel=1e-3)


def test_numbers_at_a_tenth():
    p = load({"N_scaling": 0.1, "K_scaling": 0.1})
    assert p.N == (2068, 583, 2192, 548, 485, 106, 1440, 295)
    assert sum(map(sum, p.n_synapses)) == 2_988_807  # as NEST counts with the formula of the model's authors
    assert p.indegree_ext == (160, 150, 210, 190, 200, 190, 290, 210)


def test_thalamic_synapses():
    numbers = load().n_thalamic_synapses
    assert [n > 0 for n in numbers] == [False, False, True, True, False, False, True, True]
    assert numbers[2] == pytest.approx(-np.log1p(-0.0983) * 902 * 21915, rel=1e-6)


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"N_scale": 0.1}, "unknown parameter 'N_scale'; did you mean 'N_scaling'"),
        ({"N_scaling": 0.0}, "N_scaling must be larger than 0"),
        ({"N_scaling": 4e-4}, "leaves no neuron of L5I"),
        ({"weight": 1.0}, "weight follows from other parameters"),
        ({"N_full": [1, 2]}, "N_full must be a list of 8 entries"),
        ({"N_full": 20683}, "N_full must be a list of 8 entries"),
        ({"N_full": [0, 1, 1, 1, 1, 1, 1, 1]}, r"N_full\[0\] must be at least 1"),
        ({"full_rates": ["fast", 1, 1, 1, 1, 1, 1, 1]}, r"full_rates\[0\] must be a number"),
        ({"connection_probability": [[0.1] * 8] * 7 + [[0.1] * 7 + [1.0]]}, r"\[7\]\[7\] must be smaller than 1"),
        ({"input": "current"}, "input must be one of poisson, dc"),
        ({"T": 10.05}, "T = 10.05 ms is not a whole multiple of dt"),
        ({"V_reset": -40.0}, "V_reset = -40 mV must be below V_th"),
    ],
)
def test_wrong_input_is_refused(overrides, message):
    with pytest.raises(InputError, match=message):
        load(overrides)
