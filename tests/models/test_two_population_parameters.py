"""The parameters of the two-population STDP network: published numbers, the theory behind them, and wrong input."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from distsim.core.errors import InputError
from distsim.models.defaults import read_defaults
from distsim.models.two_population import parameters
from distsim.theory.psp import unit_psp
from tests.theory.test_psp import integrate_membrane

PUBLISHED_I_E = 31.90080273888664  # pA
PUBLISHED_NU_X = 1729.7971034581633  # 1/s


def published_formula(tau_m: float, C_m: float, tau_s: float) -> float:
    """The unit PSP as the published model computes it, operation by operation, with scipy's Lambert W."""
    from scipy.special import lambertw

    a = tau_s / tau_m
    b = 1.0 / tau_s - 1.0 / tau_m
    t_max = 1.0 / b * (-lambertw(-a * np.exp(a), k=-1).real - a)
    decays = (np.exp(-t_max / tau_m) - np.exp(-t_max / tau_s)) / b - t_max * np.exp(-t_max / tau_s)
    return np.exp(1.0) / C_m / (1.0 - tau_s / tau_m) * decays


# ---------------------------------------------------------------- published numbers


def test_published_weight_and_rate():
    p = parameters.load({})
    weight = p.I_E
    assert weight == pytest.approx(PUBLISHED_I_E, rel=1e-12, abs=0.0)
    assert p.nu_X == pytest.approx(PUBLISHED_NU_X, rel=1e-12, abs=0.0)
    assert (p.N_E, p.N_I, p.K_E, p.K_I) == (10000, 2500, 1000, 250)
    assert p.I_I == -10.0 * p.I_E
    assert p.I_X == p.I_E


def test_published_unit_psp_misses_the_maximum():
    """The published helper takes exp(+a) for exp(-a) in the argument of W and so evaluates the PSP 0.6 ms too early."""
    _, maximum = integrate_membrane(20.0, 2.0, 250.0)
    p = parameters.load()
    assert p.J_unit == pytest.approx(published_formula(20.0, 250.0, 2.0), rel=1e-13)
    assert p.J_unit == pytest.approx(unit_psp(7.416132503976981, 20.0, 2.0, 250.0), rel=1e-13)
    assert p.J_unit / maximum == pytest.approx(0.99613, abs=1e-5)
    evoked = p.PSP_E
    assert evoked == pytest.approx(p.I_E * maximum, rel=1e-9)
    assert evoked == pytest.approx(0.50194, abs=1e-5)


def test_exact_unit_psp_gives_psps_of_the_amplitude_asked_for():
    p = parameters.load({"unit_psp": "exact", "J_E": 0.25, "tau_s": 5.0, "tau_m": 10.0})
    _, maximum = integrate_membrane(10.0, 5.0, 250.0)
    assert p.I_E * maximum == pytest.approx(0.25, rel=1e-9)
    evoked = p.PSP_E
    assert evoked == pytest.approx(0.25, rel=1e-14)


@pytest.mark.parametrize("E_L", [0.0, -10.0])
def test_external_input_at_nu_theta_brings_the_mean_potential_to_threshold(E_L):
    """Mean of shot noise (Campbell): E_L + rate * integral of the PSP, here summed from the integrated PSP itself."""
    p = parameters.load({"E_L": E_L})
    step = 0.01  # ms
    area = sum(unit_psp(k * step, p.tau_m, p.tau_s, p.C_m) for k in range(60_000)) * step  # mV ms per pA
    mean = E_L + p.nu_theta / 1000.0 * p.I_X * area
    assert mean == pytest.approx(p.theta, abs=1e-6)
    assert p.nu_X == pytest.approx(1.2 * p.nu_theta, rel=1e-15)


def test_values_are_the_published_ones():
    given_values = {name: default.value for name, default in parameters.Parameters.DEFAULTS.items()}
    assert given_values == {
        "N": 12500,
        "K": 1250,
        "beta": 0.8,
        "allow_autapses": False,
        "allow_multapses": True,
        "neuron_model": "iaf_psc_alpha",
        "E_L": 0.0,
        "C_m": 250.0,
        "tau_m": 20.0,
        "t_ref": 2.0,
        "theta": 20.0,
        "V_reset": 0.0,
        "rate_min": 0.5,
        "rate_max": 1.5,
        "phase_min": 0.01,
        "phase_max": 1.0,
        "integrate_input": False,
        "I_DC": 0.0,
        "eta": 1.2,
        "J_E": 0.5,
        "unit_psp": "published",
        "g": 10.0,
        "delay": 1.5,
        "tau_s": 2.0,
        "stdp_alpha": 0.1,
        "stdp_lambda": 20.0,
        "stdp_mu_plus": 0.4,
        "stdp_tau_plus": 15.0,
        "stdp_tau_minus": 30.0,
        "stdp_tau_minus_ignore_and_fire": 20.0,
        "V_init_min": 0.0,
        "V_init_max": 20.0,
        "T": 10000.0,
        "dt": 0.125,
        "seed": 1,
    }


def test_depression_is_slower_with_integrate_and_fire_neurons():
    assert parameters.load().tau_minus == 30.0
    assert parameters.load({"neuron_model": "ignore_and_fire"}).tau_minus == 20.0
    both = {"neuron_model": "ignore_and_fire", "stdp_tau_minus_ignore_and_fire": 30.0}
    assert parameters.load(both).tau_minus == 30.0


@pytest.mark.parametrize(
    ("N", "beta", "N_E"), [(2501, 0.8, 2000), (13750, 0.8, 11000), (100, 0.29, 29), (1250, 0.1, 125), (3, 0.5, 1)]
)
def test_excitatory_neurons_are_beta_n_rounded_down(N, beta, N_E):
    """In exact arithmetic: int(0.29 * 100) would be 28."""
    p = parameters.load({"N": N, "beta": beta, "allow_autapses": True, "K": 0})
    assert (p.N_E, p.N_I) == (N_E, N - N_E)


# ---------------------------------------------------------------- data


def test_fields_are_those_of_the_defaults_file():
    assert [field.name for field in dataclasses.fields(parameters.Parameters)] == list(parameters.Parameters.DEFAULTS)


def test_every_parameter_has_meaning_and_source():
    for name, default in parameters.Parameters.DEFAULTS.items():
        assert default.meaning, name
        assert default.source, name
    times = [name for name, default in parameters.Parameters.DEFAULTS.items() if default.unit == "ms"]
    assert {"tau_m", "tau_s", "delay", "T", "dt"} <= set(times)


def test_as_dict_is_ready_for_json():
    everything = parameters.load({"N": np.int64(2500), "beta": np.float64(0.5)}).as_dict()
    assert json.loads(json.dumps(everything)) == everything
    assert everything["N_E"] == 1250
    assert everything["I_E"] == pytest.approx(PUBLISHED_I_E)
    assert list(everything) == [*parameters.Parameters.DEFAULTS, *parameters.Parameters.DERIVED]


def test_parameters_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        parameters.load().N = 5
    assert dataclasses.replace(parameters.load(), N=2500) == parameters.load({"N": 2500})
    with pytest.raises(InputError, match="N must be at least 2"):
        dataclasses.replace(parameters.load(), N=0)


def test_whole_floats_count_as_integers_and_integers_as_floats():
    p = parameters.load({"N": 2500.0, "tau_m": 10, "seed": np.uint64(7)})
    assert type(p.N) is int
    assert type(p.seed) is int
    assert type(p.tau_m) is float
    assert p.N == 2500


# ---------------------------------------------------------------- wrong input

WRONG = [
    ({"tau_mm": 10.0}, "unknown parameter 'tau_mm'; did you mean 'tau_m'?"),
    ({"stdp_tau": 10.0}, "unknown parameter 'stdp_tau'; did you mean"),
    ({"N_E": 100}, "N_E follows from other parameters and cannot be set"),
    ({"nu_X": 100.0}, "nu_X follows from other parameters"),
    ({"N": -5}, "N must be at least 2, got -5"),
    ({"N": 12500.5}, "N must be a whole number, got 12500.5"),
    ({"N": True}, "N must be a whole number, got True"),
    ({"N": "many"}, "N must be a whole number, got 'many'"),
    ({"N": 10**9, "beta": 1e-12}, "leaves no excitatory neuron"),
    ({"N": 2, "beta": 0.4}, "leaves no excitatory neuron"),
    ({"K": -1}, "K must be at least 0"),
    ({"beta": 1.0}, "beta must be smaller than 1"),
    ({"beta": 0.0}, "beta must be larger than 0"),
    ({"tau_m": False}, "tau_m must be a number, got False"),
    ({"tau_m": math.nan}, "tau_m must be finite"),
    ({"tau_m": [20.0]}, "tau_m must be a number"),
    ({"tau_m": 0.0}, "tau_m must be larger than 0"),
    ({"tau_s": -2.0}, "tau_s must be larger than 0"),
    ({"C_m": 0.0}, "C_m must be larger than 0"),
    ({"stdp_tau_minus": 0.0}, "stdp_tau_minus must be larger than 0"),
    ({"J_E": -0.5}, "J_E must be larger than 0"),
    ({"g": -1.0}, "g must be at least 0"),
    ({"seed": 2**63}, "seed must be at most 9223372036854775807"),
    ({"seed": 1.5}, "seed must be a whole number"),
    ({"phase_max": 1.5}, "phase_max must be at most 1"),
    ({"phase_min": 0.9, "phase_max": 0.5}, "phase_min = 0.9 must not be above phase_max = 0.5"),
    ({"rate_min": 2.0}, "rate_min = 2 must not be above rate_max = 1.5"),
    ({"rate_max": 9000.0}, "at most one spike per step of dt = 0.125 ms, 8000 /s"),
    ({"V_init_min": 30.0}, "V_init_min = 30 must not be above V_init_max = 20"),
    ({"V_reset": 20.0}, "V_reset = 20 mV must be below theta = 20 mV"),
    ({"E_L": 25.0}, "E_L = 25 mV must be below theta = 20 mV"),
    ({"delay": 1.6}, "delay = 1.6 ms is not a whole multiple of dt = 0.125 ms; write 1.5 or 1.625"),
    ({"delay": 0.0}, "delay must be larger than 0"),
    ({"T": 1000.1}, "T = 1000.1 ms is not a whole multiple"),
    ({"t_ref": 2.1}, "t_ref = 2.1 ms is not a whole multiple"),
    ({"dt": 0.0}, "dt must be larger than 0"),
    ({"dt": 0.7}, "delay = 1.5 ms is not a whole multiple of dt = 0.7 ms"),
    ({"neuron_model": "iaf_psc_alfa"}, "did you mean 'iaf_psc_alpha'?"),
    ({"neuron_model": 3}, "neuron_model must be one of iaf_psc_alpha, ignore_and_fire, got 3"),
    ({"allow_autapses": 1}, "allow_autapses must be true or false, got 1"),
    ({"allow_multapses": "no"}, "allow_multapses must be true or false"),
    ({"K": 20_000, "allow_multapses": False}, "K = 20000 asks for 16000 excitatory inputs per neuron"),
    ({"N": 1250, "allow_multapses": False}, "reduce K or increase N"),
    ({"N": 2, "beta": 0.5}, "0 excitatory source(s) without autapses"),
    ({"tau_s": 20.0}, "set unit_psp = 'exact'"),
    ({"tau_s": 1e6}, "set unit_psp = 'exact'"),
]


@pytest.mark.parametrize(("overrides", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_input_is_an_error_that_says_what_is_wrong(overrides, message):
    with pytest.raises(InputError) as caught:
        parameters.load(overrides)
    assert str(caught.value).startswith("two_population: ")
    assert message in str(caught.value)


def test_in_degrees_at_the_limit_are_met():
    p = parameters.load({"N": 1251, "K": 1250, "beta": 0.8, "allow_multapses": False, "allow_autapses": True})
    assert (p.N_E, p.K_E, p.N_I, p.K_I) == (1000, 1000, 251, 250)
    assert parameters.load({"N": 5, "allow_autapses": True}).N_I == 1


def test_published_formula_reaches_to_its_limit():
    """a exp(a) = 1 / e at a = 0.27846: just below it the published time still exists."""
    p = parameters.load({"tau_s": 20.0 * 0.2784})
    assert p.J_unit == pytest.approx(published_formula(20.0, 250.0, 20.0 * 0.2784), rel=1e-9)
    assert parameters.load({"tau_s": 20.0, "unit_psp": "exact"}).J_unit == pytest.approx(40.0 / (250.0 * math.e))


def test_defaults_file_without_meaning_is_refused(tmp_path):
    file = tmp_path / "defaults.toml"
    file.write_text('[N]\nvalue = 1\nunit = ""\nsource = "example"\n', encoding="utf-8")
    with pytest.raises(Exception, match=r"\[N\].*meaning"):
        read_defaults(file)
