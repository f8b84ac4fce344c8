"""Nodes in space: what masks hold, parameters by distance, and the connections that follow; numbers of NEST 3.10."""

from __future__ import annotations

import numpy as np
import pytest

CIRCLE = {"circular": {"radius": 1.1}}
MASKS = [
    (CIRCLE, False, (64, 30751, 264.0)),
    ({"rectangular": {"lower_left": [0.0, 0.0], "upper_right": [1.1, 2.1]}}, False, (63, 32132, 517.0)),
    ({"rectangular": {"lower_left": [0.0, 0.0], "upper_right": [1.1, 2.1]}}, True, (63, 32475, 517.0)),
    ({"doughnut": {"inner_radius": 0.5, "outer_radius": 1.5}}, False, (84, 43369, 660.0)),
    ({"elliptical": {"major_axis": 3.4, "minor_axis": 1.5}}, False, (40, 21298, 24.0)),
    ({**CIRCLE, "anchor": [1.0, 0.0]}, True, (54, 28874, 226.0)),
    ({"grid": {"shape": [2, 1]}}, False, (28, 14187, 12.0)),
    ({"grid": {"shape": [2, 1]}, "anchor": [1, 0]}, False, (28, 14962, 12.0)),
]
AT_EDGES = [(CIRCLE, False, (80, 38859, 352.0)), (MASKS[1][0], True, (96, 48748, 1008.0))]


def grids(nest, wrap=False):
    return [
        nest.Create("iaf_psc_alpha", positions=nest.spatial.grid([4, 4], extent=[4.0, 4.0], edge_wrap=wrap))
        for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("mask", "on_source", "expected", "wrap"),
    [(*case, False) for case in MASKS] + [(*case, True) for case in AT_EDGES],
    ids=[f"{next(iter(mask))}-{k}" for k, (mask, *_) in enumerate(MASKS + AT_EDGES)],
)
def test_masks_hold_the_nodes_that_they_hold_in_nest(nest, mask, on_source, expected, wrap):
    a, b = grids(nest, wrap)
    away = nest.spatial.distance
    rule = {"rule": "pairwise_bernoulli", "p": 1.0, "mask": mask, "use_on_source": on_source}
    nest.Connect(a, b, rule, {"weight": away.x + 10.0 * away.y, "delay": 1.0 + away})
    found = nest.GetConnections()
    ends = zip(found.source, found.target, strict=True)
    assert (len(found), sum((31 * s + 17 * t) ** 2 % 1009 for s, t in ends), sum(found.weight)) == expected


def test_rules_by_distance(nest):
    a, b = grids(nest)
    near = nest.spatial.distance < 1.2
    nest.Connect(a, b, {"rule": "pairwise_bernoulli", "p": near})
    assert nest.num_connections == 64
    once = {"allow_multapses": False}
    nest.Connect(a, b, {"rule": "fixed_indegree", "indegree": 3, "mask": CIRCLE} | once)
    nest.Connect(a, b, {"rule": "fixed_outdegree", "outdegree": 3, "p": near})
    assert nest.num_connections == 64 + 2 * 48
    nest.Connect(a, b, {"rule": "pairwise_poisson", "pairwise_avg_num_conns": 50.0})
    assert abs(nest.num_connections - 160 - 256 * 50) < 5 * np.sqrt(256 * 50)
    nest.Connect(a, b, {"rule": "fixed_indegree", "indegree": nest.random.uniform_int(3) + 2})
    assert set(np.unique(nest.GetConnections().target, return_counts=True)[1] > 400) == {True}
    inside = [nodes.tolist() for nodes in nest.GetTargetNodes(a[:1], a)]
    assert inside == [[]]
    with pytest.raises(nest.NESTError, match="Global target ID 17: Not enough sources found inside mask"):
        nest.Connect(a, b, {"rule": "fixed_indegree", "indegree": 4, "mask": CIRCLE} | once)
    with pytest.raises(ValueError, match="only possible connection rules"):
        nest.Connect(a, b, "all_to_all", {"weight": near})
    with pytest.raises(TypeError, match="Presynaptic NodeCollection must have spatial information"):
        nest.Connect(nest.Create("iaf_psc_alpha"), b, {"rule": "pairwise_bernoulli", "p": 1.0, "mask": CIRCLE})
    with pytest.raises(nest.NESTErrors.UndefinedName, match="did you mean 'circular'"):
        nest.Connect(a, b, {"rule": "pairwise_bernoulli", "p": 1.0, "mask": {"circulr": {"radius": 1.0}}})


def test_parameters_by_distance_are_those_of_nest(nest):
    node = nest.Create("iaf_psc_alpha", positions=nest.spatial.free([[0.1, 0.2]], extent=[1.0, 1.0]))
    away, shapes = nest.spatial.distance, nest.spatial_distributions
    places = [[0.1, 0.2], [0.3, 0.3], [-0.4, 0.1]]
    expected = {
        "distance": (away, [0.0, 0.223607, 0.509902]),
        "x": (away.n(1), [0.0, 0.2, 0.5]),
        "target": (nest.spatial.target_pos.y, [0.2, 0.3, 0.1]),
        "exponential": (shapes.exponential(away, beta=0.5), [1.0, 0.639407, 0.360666]),
        "gaussian": (shapes.gaussian(away, mean=0.1, std=0.3), [0.945959, 0.918621, 0.393198]),
        "gaussian2D": (
            shapes.gaussian2D(away.x, away.y, mean_x=0.1, mean_y=0.2, std_x=0.3, std_y=0.4, rho=0.5),
            [0.878421, 0.842572, 0.234788],
        ),
        "gamma": (shapes.gamma(away, kappa=2.0, theta=0.7), [0.0, 0.331557, 0.50227]),
        "gabor": (
            shapes.gabor(away.x, away.y, theta=0.7, gamma=0.6, std=0.8, lam=0.9, psi=0.3),
            [0.999986, 0.759199, 0.730676],
        ),
    }
    for name, (parameter, values) in expected.items():
        assert parameter.is_spatial(), name
        np.testing.assert_allclose(parameter.apply(node, places), values, atol=1e-6, err_msg=name)
    node.V_m = -70.0 + 10.0 * nest.spatial.pos.x
    assert node.V_m == -69.0
    both = nest.CreateMask("circular", {"radius": 0.7}) - nest.CreateMask("circular", {"radius": 0.3})
    assert [both.Inside([x, 0.0]) for x in (0.2, 0.5, 0.8)] == [False, True, False]
    assert nest.SelectNodesByMask(node, [0.6, 0.2], both) == node


def test_ends_of_connections_and_files_of_layers(nest, tmp_path):
    a, _ = grids(nest)
    rule = {"rule": "pairwise_bernoulli", "p": 1.0, "mask": CIRCLE, "allow_autapses": False}
    nest.Connect(a, a, rule)
    assert [nodes.tolist() for nodes in nest.GetTargetNodes(a[:3], a)] == [[2, 5], [1, 3, 6], [2, 4, 7]]
    assert [nodes.tolist() for nodes in nest.GetSourceNodes(a, a[5:7])] == [[2, 5, 7, 10], [3, 6, 8, 11]]
    assert sorted(nest.GetTargetPositions(a[0], a)[0]) == [[-1.5, 0.5], [-0.5, 1.5]]
    nest.DumpLayerNodes(a, str(tmp_path / "nodes"))
    nest.DumpLayerConnections(a, a, "static_synapse", str(tmp_path / "connections"))
    assert (tmp_path / "nodes").read_text().splitlines()[:2] == ["1 -1.5 1.5", "2 -1.5 0.5"]
    assert sorted((tmp_path / "connections").read_text().splitlines())[0] == "1 2 1 1 0 -1"
    assert len(nest.PlotTargets(a[5], a, mask=CIRCLE).axes) == 1
