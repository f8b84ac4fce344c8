"""What is recorded, chosen by words: their forms, what they make a network record, what is wrong with others."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distsim import (
    BinaryNetwork,
    FixedIndegree,
    IafPscAlpha,
    InputError,
    Network,
    RateNetwork,
    SiegertNeuron,
    Static,
    StdpPowerLaw,
)
from distsim.models.recording import Recording


def network():
    made = Network(dt=0.1)
    made.population("E", 300, IafPscAlpha())
    made.population("I", 20, IafPscAlpha())
    made.connect("I", "E", FixedIndegree(3), Static(weight=-1.0, delay=1.0))
    made.connect("E", "E", FixedIndegree(3), StdpPowerLaw(weight=1.0, delay=1.0))
    made.record_spikes("E", first=3)
    made.record_states("I")
    made.record_weights("E", "E")
    return made


def recorded(*texts):
    """The recordings that ``texts`` make: spikes, states, weights."""
    made = network()
    Recording.of(texts).apply(made)
    return (
        {r.population: list(r.indices) for r in made.spike_recordings},
        [(r.population, r.variable, list(r.neurons), r.interval) for r in made.state_recordings],
        [(r.source, r.target, list(r.sources), list(r.targets)) for r in made.weight_recordings],
    )


@pytest.mark.parametrize(
    ("text", "spikes"),
    [
        ("none", {}),
        ("spikes", {"E": range(300), "I": range(20)}),
        ("spikes=I", {"I": range(20)}),
        ("spikes=E[:100],I[5, 8,9]", {"E": range(100), "I": [5, 8, 9]}),
        ("spikes=E[299,7,10:20:5,7]", {"E": [7, 10, 15, 299]}),
        ("spikes=E[:],I[20:]", {"E": range(300), "I": []}),
        ("spikes=E[295:], I", {"E": range(295, 300), "I": range(20)}),
    ],
)
def test_spikes(text, spikes):
    assert recorded(text) == ({name: list(neurons) for name, neurons in spikes.items()}, [], [])


def test_states_and_connectivity():
    _, states, weights = recorded("states=V_m:E[:2],I[1]@2", "states=I_syn:I", "connectivity")
    assert states == [
        ("E", "V_m", [0, 1], 20),
        ("I", "V_m", [1], 20),
        ("I", "I_syn", list(range(20)), 1),
    ]
    assert weights == [("E", "E", list(range(200)), list(range(200)))]
    _, states, weights = recorded("states=V_m@0.5", "connectivity=E[:3]->E,I->E[5]", "spikes")
    assert [(name, interval) for name, _, _, interval in states] == [("E", 5), ("I", 5)]
    assert weights == [("E", "E", [0, 1, 2], list(range(300))), ("I", "E", list(range(20)), [5])]


def test_connectivity_of_parts_of_populations():
    parts = Network()
    for name in "AB":
        parts.population(name, 300, IafPscAlpha())
    a, b = parts.populations
    plastic = StdpPowerLaw(weight=1.0, delay=1.0, alpha=0.1)
    parts.connect(a[50:] + b[:3], b[10:20], FixedIndegree(2), plastic)
    Recording.of(["connectivity"]).apply(parts)
    assert [(r.source, list(r.sources)) for r in parts.weight_recordings] == [("A", list(range(50, 250)))]
    assert [(r.target, list(r.targets)) for r in parts.weight_recordings] == [("B", list(range(10, 20)))]


def test_networks_of_other_kinds():
    rates = RateNetwork(dt=0.1)
    rates.population("A", 3, SiegertNeuron())
    Recording.of(["rates=A[0]@1"]).apply(rates)
    assert [(r.population, list(r.neurons), r.interval) for r in rates.recordings] == [("A", [0], 10)]
    binary = BinaryNetwork()
    binary.population("B", 3, theta=1.0)
    binary.record_activity("B")
    Recording.of(["flips=B[:2]", "activity=B@2"]).apply(binary)
    assert {name: list(chosen) for name, chosen in binary.flip_recordings.items()} == {"B": [0, 1]}
    assert binary.activity_recordings == {"B": 2.0}
    Recording.of(["flips"]).apply(binary)
    assert (binary.flip_recordings, binary.activity_recordings) == ({"B": None}, {})
    with pytest.raises(InputError, match=r"has no states to record; it has flips, activity, updates, couplings$"):
        Recording.of(["states=V_m:B"]).apply(binary)
    with pytest.raises(InputError, match=r"a RateNetwork has no spikes to record; it has rates$"):
        Recording.of(["spikes"]).apply(rates)


def test_updates_and_couplings_of_binary_networks():
    binary = BinaryNetwork()
    for name in "AB":
        binary.population(name, 5, theta=0.0)
    binary.connect("A", "B", FixedIndegree(2), J=1.0)
    binary.connect("B", "B", FixedIndegree(2), J=1.0)
    Recording.of(["updates", "couplings"]).apply(binary)
    assert binary.update_recordings == ["all"]
    assert [(r.source, r.target, len(r.targets)) for r in binary.coupling_recordings] == [("A", "B", 5), ("B", "B", 5)]
    Recording.of(["couplings=A[3]->B[1:4]"]).apply(binary)
    assert binary.update_recordings == []
    assert [(r.sources.tolist(), r.targets.tolist()) for r in binary.coupling_recordings] == [([3], [1, 2, 3])]
    with pytest.raises(InputError, match=r"record 'couplings=A->A': there is no projection 'A->A'$"):
        Recording.of(["couplings=A->A"]).apply(binary)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["spike"], "record 'spike': there is no such recording; did you mean 'spikes'?"),
        (["nothing"], "record 'nothing': there is no such recording; "),
        (["spikes="], "nothing stands behind the ="),
        (["none", "spikes"], "'none' stands beside other words"),
        ([], "the list is empty; 'none' records nothing"),
        ("spikes", "must be a list of texts"),
        ([1], "must be a list of texts"),
        (["spikes=F"], "record 'spikes=F': unknown population 'F'; known: E, I"),
        (["spikes=E[300]"], "'E' has neurons 0 to 299, not 300"),
        (["spikes=E[:301]"], "'E' has neurons 0 to 299, not 300"),
        (["spikes=E[0:301:300]"], "'E' has neurons 0 to 299, not 300"),
        (["spikes=E[301:]"], "'E' has neurons 0 to 299, not 300"),
        (["spikes=E[-1]"], "'-1' is neither an index nor a slice of the form 10:20 or :100"),
        (["spikes=E[1::0]"], "neither an index nor a slice"),
        (["spikes=E[]"], "'' is neither an index"),
        (["spikes=E[1"], "not a population and its neurons, such as E, E"),
        (["spikes=E", "spikes=E[1]"], "the spikes of 'E' are recorded already"),
        (["states"], "it says of which state variable"),
        (["states=Vm"], "no population has a state variable 'Vm'; did you mean 'V_m'?"),
        (["states=Vm:E"], "unknown state variable 'Vm'; did you mean 'V_m'?"),
        (["states=V_m@x"], "'x' behind the @ is not a number of ms"),
        (["states=V_m:E@0.33"], "interval = 0.33 ms is not a whole multiple"),
        (["connectivity=E-"], "it goes from sources to targets"),
        (["connectivity=E->I"], "there is no projection 'E->I'"),
        (["rates=E"], "a Network has no rates to record; it has spikes, states, connectivity"),
        (["couplings=E"], "it goes from sources to targets, as in 'couplings=E[:200]->E[:200]'"),
        (["updates=E"], "updates are recorded of all neurons, by the word alone"),
        (["activity=E[1]"], "activity are recorded of whole populations, as in activity=E"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(texts, message):
    with pytest.raises(InputError) as error:
        Recording.of(texts).apply(network())
    assert message in str(error.value)
    assert str(error.value).startswith("record")


def test_without_a_plastic_projection_one_is_named():
    static = Network()
    static.population("A", 2, IafPscAlpha())
    static.connect("A", "A", FixedIndegree(1), Static(weight=1.0, delay=1.0))
    with pytest.raises(InputError, match=r"no projection is plastic; say which one, .*; known: A->A"):
        Recording.of(["connectivity"]).apply(static)


def test_words_are_understood_without_engine_and_mpi():
    code = (
        "import sys; from distsim.models.recording import Recording; print(Recording.of(['spikes=E[:5]']).texts, "
        "[m for m in ('numba', 'mpi4py', 'scipy', 'h5py', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "('spikes=E[:5]',) []\n"


WORDS = st.text("spikestanco=E[:,5]@->I V_m\n1.\u00b2", max_size=16)


@given(
    st.lists(
        WORDS | st.sampled_from(["spikes=", "states=V_m:", "connectivity="]).flatmap(lambda w: WORDS.map(w.__add__))
    )
)
def test_any_text_is_understood_or_refused_in_one_sentence(texts):
    said = ""
    try:
        Recording.of(texts).apply(network())
    except InputError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 400
