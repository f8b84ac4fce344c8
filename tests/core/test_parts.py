"""Parts of populations: what is chosen, what they are called, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import IafPscAlpha, InputError, Network


@pytest.fixture
def network():
    network = Network()
    network.population("E", 100, IafPscAlpha())
    network.population("I", 20, IafPscAlpha())
    return network


@pytest.mark.parametrize(
    ("choose", "gids", "name"),
    [
        (lambda e, i: e[:3], [0, 1, 2], "E[0:3]"),
        (lambda e, i: e[-2:], [98, 99], "E[98:100]"),
        (lambda e, i: i[7], [107], "I[7]"),
        (lambda e, i: e[::40], [0, 40, 80], "E[0:81:40]"),
        (lambda e, i: e[[8, 3, 5]], [8, 3, 5], "E[8,3,5]"),
        (lambda e, i: e[np.array([4, 5, 6])], [4, 5, 6], "E[4:7]"),
        (lambda e, i: i[np.arange(20) % 10 == 3], [103, 113], "I[3,13]"),
        (lambda e, i: e[:2] + i[:2], [0, 1, 100, 101], "E[0:2]+I[0:2]"),
        (lambda e, i: e[:2] + e[2:4], [0, 1, 2, 3], "E[0:4]"),
        (lambda e, i: e[:4] | e[2:6], [0, 1, 2, 3, 4, 5], "E[0:6]"),
        (lambda e, i: (e + i)[98:103], [98, 99, 100, 101, 102], "E[98:100]+I[0:3]"),
        (lambda e, i: e[10:20][[9, 0]], [19, 10], "E[19,10]"),
        (lambda e, i: e[10:20][2:8:3], [12, 15], "E[12:16:3]"),
        (lambda e, i: e[::-1][:2], [99, 98], "E[99:97:-1]"),
    ],
)
def test_what_is_chosen(network, choose, gids, name):
    part = choose(*network.populations)
    assert part.gids.tolist() == gids
    assert (part.name, part.size, part.first_gid) == (name, len(gids), min(gids))
    assert part.index_of(np.arange(120)).tolist() == [gids.index(g) if g in gids else -1 for g in range(120)]


def test_long_lists_have_short_names_that_tell_them_apart(network):
    exc = network.find("E")
    first, second = exc[[*range(0, 90, 7), 91]], exc[[*range(0, 90, 7), 92]]
    assert first.name.startswith("E[14 neurons #")
    assert first.name != second.name
    assert len(first.name) < 40


def test_a_whole_population_is_the_population(network):
    exc, inh = network.populations
    assert network.neurons(exc[:]) is exc
    assert network.neurons(exc[:50] + exc[50:]) is exc
    assert network.neurons(inh[range(20)]) is inh
    assert [part.name for part in inh][:2] == ["I[0]", "I[1]"]


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda e, i: e[100], "E: neuron 100 is out of range; 'E' has neurons 0 to 99"),
        (lambda e, i: e[[3, -1]], "E: neuron -1 is out of range"),
        (lambda e, i: i[:21], "I: the end 21 of a slice is out of range"),
        (lambda e, i: e[5:5], "a part of a population is empty"),
        (lambda e, i: e[[]], "a part of a population is empty"),
        (lambda e, i: e[[1, 2, 1]], "neuron 1 of 'E' is there twice"),
        (lambda e, i: e[:3] + i[:2] + e[2:4], "neuron 2 of 'E' is there twice"),
        (lambda e, i: e["x"], "chosen by an index, a slice or a list of indices"),
        (lambda e, i: e[0.5], "chosen by an index"),
        (lambda e, i: e[::0], "a slice is made of whole numbers"),
        (lambda e, i: e[np.ones(7, bool)], "chosen by an index"),
        (lambda e, i: e + "I", "only populations and parts of them can be added"),
    ],
)
def test_what_is_refused(network, choose, message):
    with pytest.raises(InputError) as refused:
        choose(*network.populations)
    assert message in str(refused.value)


def test_a_part_of_another_network_is_refused(network):
    other = Network().population("E", 100, IafPscAlpha())
    with pytest.raises(InputError, match=r"E\[0:10\] is a part of a population of another network"):
        network.neurons(other[:10])
