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


def test_networks_of_other_kinds():
    rates = RateNetwork(dt=0.1)
    rates.population("A", 3, SiegertNeuron())
    Recording.of(["rates=A[0]@1"]).apply(rates)
    assert [(r.population, r.neurons, r.interval) for r in rates.recordings] == [("A", (0,), 10)]
    binary = BinaryNetwork()
    binary.population("B", 3, theta=1.0)
    binary.record_activity("B")
    Recording.of(["flips", "activity=B@2"]).apply(binary)
    assert (binary.flip_recordings, binary.activity_recordings) == (["B"], {"B": 2.0})
    with pytest.raises(InputError, match=r"a BinaryNetwork has no states to record; it has flips, activity$"):
        Recording.of(["states=V_m:B"]).apply(binary)
    with pytest.raises(InputError, match=r"a RateNetwork has no spikes to record; it has rates$"):
        Recording.of(["spikes"]).apply(rates)


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
        (["flips=E[1]"], "flips are recorded of whole populations, as in flips=E"),
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
