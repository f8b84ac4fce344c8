import json

import numpy as np
import pytest


def test_ids_count_devices_and_collections_are_sorted_unions(nest):
    first = nest.Create("iaf_psc_alpha", 4)
    device = nest.Create("poisson_generator")
    last = nest.Create("iaf_psc_exp", 3)
    assert device.global_id == 5
    union = last + first[1:3]
    assert union.tolist() == [2, 3, 6, 7, 8]
    assert union == nest.NodeCollection([2, 3, 6, 7, 8])
    assert 6 in union
    assert 5 not in union
    assert [node.global_id for node in last] == [6, 7, 8]
    assert np.array(first[::2]).tolist() == [1, 3]
    assert first[[0, 3]].tolist() == [1, 4]
    assert first[[True, False, False, True]].tolist() == [1, 4]
    assert union.index(6) == 2
    assert nest.GetNodes({"model": "iaf_psc_exp"}) == last
    assert "model=iaf_psc_exp, size=3, first=6, last=8" in repr(last)
    with pytest.raises(nest.NESTError, match="overlapping"):
        first + first[:1]
    with pytest.raises(IndexError, match="outside"):
        first[4]
    with pytest.raises(IndexError, match="stop"):
        first[:5]
    with pytest.raises(nest.NESTErrors.UnknownNode, match="99"):
        nest.NodeCollection([99])


def test_nodes_of_an_earlier_kernel_are_refused(nest):
    nodes = nest.Create("iaf_psc_alpha", 2)
    nest.ResetKernel()
    with pytest.raises(nest.NESTError, match="InvalidNodeCollection"):
        nodes[0]


def test_values_are_numbers_lists_and_parameters(nest):
    nodes = nest.Create("iaf_psc_alpha", 3, {"C_m": [200.0, 210.0, 220.0], "tau_m": 12.0})
    assert nodes.C_m == (200.0, 210.0, 220.0)
    nodes[1].C_m = 300.0
    nodes.set([{"V_m": -60.0}, {"V_m": -61.0}, {"V_m": -62.0}])
    assert nodes.get(["C_m", "V_m"]) == {"C_m": (200.0, 300.0, 220.0), "V_m": (-60.0, -61.0, -62.0)}
    nodes.V_m = nest.random.uniform(-70.0, -60.0)
    drawn = nodes.V_m
    assert len(set(drawn)) == 3
    assert all(-70.0 <= value <= -60.0 for value in drawn)
    assert json.loads(nodes[0].get("tau_m", output="json")) == 12.0
    other = nest.Create("iaf_psc_delta", 1)
    assert (nodes + other).get("tau_syn_ex") == (2.0, 2.0, 2.0, None)
    nest.SetDefaults("iaf_psc_delta", {"V_th": -50.0})
    nest.CopyModel("iaf_psc_delta", "leaky", {"t_ref": 5.0})
    assert nest.Create("leaky").get(["V_th", "t_ref"]) == {"V_th": -50.0, "t_ref": 5.0}


def test_parameters_are_computed_with(nest):
    nodes = nest.Create("iaf_psc_alpha", 1000)
    nodes.V_m = -70.0 + 2.0 * nest.random.uniform() - 1.0
    assert -71.0 <= min(nodes.V_m) < max(nodes.V_m) <= -69.0
    nodes.V_m = nest.math.redraw(nest.random.normal(-70.0, 10.0), -75.0, -65.0)
    assert -75.0 <= min(nodes.V_m) < max(nodes.V_m) <= -65.0
    nodes.V_m = nest.math.max(nest.random.exponential(3.0), 1.0)
    assert min(nodes.V_m) == 1.0
    nodes.V_m = nest.logic.conditional(nest.random.uniform_int(2) < 1, -80.0, nest.math.exp(nest.random.uniform()))
    assert {value == -80.0 for value in nodes.V_m} == {True, False}


@pytest.mark.parametrize(
    ("error", "told", "what"),
    [
        ("UnknownModelName", "iaf_psc_alpha", lambda nest: nest.Create("iaf_psc_alhpa")),
        ("UnaccessedDictionaryEntry", "C_m", lambda nest: nest.Create("iaf_psc_alpha", params={"C_n": 1.0})),
        ("BadProperty", "one_to_one", lambda nest: nest.Connect(*[nest.Create("iaf_psc_exp")] * 2, "one_to_oen")),
        (
            "UnknownSynapseType",
            "static_synapse",
            lambda nest: nest.Connect(*[nest.Create("iaf_psc_exp")] * 2, None, "static_sinapse"),
        ),
        (
            "UnaccessedDictionaryEntry",
            "weight",
            lambda nest: nest.Connect(*[nest.Create("iaf_psc_exp")] * 2, None, {"wieght": 1.0}),
        ),
        ("UnknownModelName", "static_synapse", lambda nest: nest.CopyModel("static_synapze", "mine")),
        ("UnaccessedDictionaryEntry", "tau_plus", lambda nest: nest.SetDefaults("stdp_pl_synapse_hom", {"tau_plu": 1})),
        ("UnknownComponent", "iaf_psc_exp'", lambda nest: nest.SetDefaults("iaf_psc_ex", {"tau_m": 10.0})),
        ("BadProperty", "below V_th", lambda nest: nest.Create("iaf_psc_alpha", params={"V_th": -90.0})),
        ("UndefinedName", "circular", lambda nest: nest.CreateMask("circle", {"radius": 1.0})),
    ],
    ids=[
        "model",
        "parameter",
        "rule",
        "synapse",
        "synapse parameter",
        "copied",
        "default",
        "no model",
        "value",
        "space",
    ],
)
def test_wrong_names_raise_what_nest_raises_and_tell_the_nearest(nest, error, told, what):
    with pytest.raises(getattr(nest.NESTErrors, error), match=told):
        what(nest)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ("V_m", lambda nest: nest.Create("iaf_psc_alpha").get("V_n")),
        ("tau_m", lambda nest: nest.Create("iaf_psc_alpha").tau_mm),
        ("tau_m", lambda nest: nest.GetDefaults("iaf_psc_alpha", "tau_mm")),
        ("rng_seed", lambda nest: nest.GetKernelStatus("rng_sed")),
        ("all_to_all", lambda nest: nest.Connect(*[nest.Create("iaf_psc_exp")] * 2, {"indegree": 1})),
    ],
    ids=["get", "attribute", "default", "kernel", "no rule"],
)
def test_what_is_asked_by_a_wrong_name_is_a_key_error(nest, told, what):
    with pytest.raises(KeyError, match=told):
        what(nest)
    assert not len(nest.GetNodes({"modl": "iaf_psc_alpha"}))


def test_attributes_of_the_kernel(nest):
    nest.SetKernelStatus({"tics_per_ms": 1024.0, "resolution": 2**-3, "local_num_threads": 4, "rng_seed": 5})
    assert (nest.resolution, nest.tics_per_step, nest.GetKernelStatus("rng_seed")) == (0.125, 128, 5)
    nest.Create("iaf_psc_alpha", 2)
    assert (nest.network_size, nest.num_connections, nest.biological_time) == (2, 0, 0.0)
    with pytest.raises(nest.NESTError, match="cannot be changed"):
        nest.resolution = 0.1
    with pytest.raises(AttributeError, match="resolution"):
        nest.resolutoin = 0.1
    with pytest.raises(ValueError, match="resolution"):
        nest.SetKernelStatus({"resolutoin": 0.1})
    with pytest.raises(AttributeError, match="Simulate"):
        nest.Simulat  # noqa: B018


def test_nodes_have_positions(nest):
    grid = nest.Create("iaf_psc_alpha", positions=nest.spatial.grid([3, 2], extent=[3.0, 2.0], edge_wrap=True))
    assert nest.GetPosition(grid[:3]) == [[-1.0, 0.5], [-1.0, -0.5], [0.0, 0.5]]
    assert grid[1:3].spatial["network_size"] == 2
    np.testing.assert_array_equal(grid.spatial["shape"], [3, 2])
    assert nest.Distance(grid[0], grid[3:5]) == [2.0**0.5, 1.0]
    assert nest.FindNearestElement(grid, [1.0, 0.4]) == grid[4]
    assert nest.FindCenterElement(grid).tolist()[0] in (3, 4)
    places = nest.random.uniform(-1.0, 1.0)
    free = nest.Create("iaf_psc_alpha", 5, positions=nest.spatial.free(places, num_dimensions=3))
    assert np.abs(free.spatial["positions"]).max() < 1.0
    assert "metadata=spatial" in repr(free)
    assert len(nest.PlotLayer(free).axes) == 1
    assert nest.Create("iaf_psc_alpha").spatial is None
    with pytest.raises(nest.NESTErrors.LayerExpected, match="no positions"):
        nest.GetPosition(nest.Create("iaf_psc_alpha", 2))
    with pytest.raises(nest.NESTErrors.BadProperty, match="a grid has 2 or 3"):
        nest.Create("iaf_psc_alpha", positions=nest.spatial.grid([3]))
