"""Continuations of a run on the command line: what they change, what they are equal to, and what is refused."""

from __future__ import annotations

import json

import h5py
import pytest
from mpi4py import MPI

from distsim import FixedIndegree, Network, OneToOne, Poisson, Simulation, Static
from distsim.analysis.read import read_connections, read_contents, read_spikes, read_states
from distsim.command.request import parse
from distsim.command.run_command import run
from distsim.core.errors import InputError
from distsim.models import course, registry
from distsim.models.network_differences import differences
from tests.threads import on_ranks

SMALL = ["--set", "N=100", "K=20"]


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    monkeypatch.setattr("distsim.command.run_command.FORMATS", ())


def call(*words, comm=MPI.COMM_SELF, model="two_population"):
    run(comm, parse(["run", model, *map(str, words)]))


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "presimulated"
    call(*SMALL, "--time", 40, "--save", path, "--record", "spikes=E")
    return path


def test_branches_of_one_run(saved, tmp_path):
    call(*SMALL, "--time", 70, "--out", tmp_path / "whole", "--record", "spikes=E")
    names = {"same": [], "seed": ["--seed", 2], "g": ["--set", "g=6"], "both": ["--set", "g=6", "--seed", 2]}
    for name, words in names.items():
        call("--from-checkpoint", saved, "--time", 30, "--out", tmp_path / name, *words)
    on_ranks(3, lambda comm: call("--from-checkpoint", saved, "--time", 30, "--out", tmp_path / "3", *names["both"],
                                  comm=comm))  # fmt: skip
    found = {name: summary(tmp_path / name) for name in ("whole", *names, "3")}
    hashes = {name: (of["spike_hash"], of["weight_hash"]) for name, of in found.items()}
    assert hashes["same"] == hashes["whole"]
    assert hashes["both"] == hashes["3"]
    assert len(set(hashes.values())) == 4
    assert len({of["network"] for of in found.values()}) == 4
    assert [change["what"] for change in found["both"]["changes"]] == ["weights", "weights", "seed"]
    assert found["both"]["changes"][-1] == {"step": 320, "what": "seed", "of": "stimuli and sources", "seed": 2}
    assert (found["both"]["branch_time"], found["both"]["seed"], found["both"]["seed_of_network"]) == (40.0, 2, 1)
    assert found["both"]["parameters"]["g"] == 6
    title = found["both"]["tables"][0]["title"]
    assert title == f"branch of {saved} at 40 ms; all else that is drawn: of seed 1"
    with h5py.File(tmp_path / "both" / "spikes.h5") as file:
        assert json.loads(file.attrs["changes"]) == found["both"]["changes"]
        assert file.attrs["network_name"] == found["both"]["network"]


def test_a_branch_is_saved_goes_on_and_has_branches(saved, tmp_path, monkeypatch):
    words = ["--from-checkpoint", saved, "--set", "g=6", "--seed", 2]
    kept = [*words, "--time", 30, "--checkpoint", "10ms", "--out", tmp_path / "parts"]
    between = course.Course._between

    def stop(self, simulation, ending=False):
        between(self, simulation, ending)
        if simulation.time >= 60.0:
            raise KeyboardInterrupt

    monkeypatch.setattr(course.Course, "_between", stop)
    with pytest.raises(KeyboardInterrupt):
        call(*kept)
    monkeypatch.setattr(course.Course, "_between", between)
    with pytest.raises(InputError, match=r"parameters.seed is 2 there, but 3 here"):
        call(*kept, "--resume", "--seed", 3)
    on_ranks(2, lambda comm: call(*kept, "--resume", comm=comm))
    call(*words, "--time", 30, "--out", tmp_path / "whole")
    parts, whole = summary(tmp_path / "parts"), summary(tmp_path / "whole")
    assert (parts["spike_hash"], parts["network"]) == (whole["spike_hash"], whole["network"])
    assert [(part["from"], part["to"]) for part in parts["parts"]] == [(40.0, 60.0), (60.0, 70.0)]

    call(*words, "--time", 20, "--save", tmp_path / "second")
    call("--from-checkpoint", tmp_path / "second", "--time", 10, "--out", tmp_path / "on")
    assert summary(tmp_path / "on")["spike_hash"] == whole["spike_hash"]
    call(
        "--from-checkpoint", tmp_path / "second", "--set", "g=5", "--seed", 1, "--time", 10, "--out", tmp_path / "back"
    )
    back = summary(tmp_path / "back")
    assert [change["step"] for change in back["changes"]] == [320] * 3 + [480] * 3
    assert (back["parameters"]["g"], back["branch_time"]) == (5, 60.0)


OWN = """
from distsim import BinaryNetwork, FixedIndegree

def build_network(N: int = 60, theta: float = -0.5, m: float = 0.3, J: float = -0.25):
    network = BinaryNetwork()
    network.population("A", N, theta=theta, tau=5.0, m_0=0.4)
    network.external_population("X", 10, m=m)
    network.connect("A", "A", FixedIndegree(10), J=J)
    network.connect("X", "A", FixedIndegree(10), J=0.1)
    return network
"""
RATES = """
from distsim import ConstantRate, DiffusionConnection, FixedIndegree, RateNetwork, SiegertNeuron

def build_network(V_th: float = 15.0, mean: float = 8000.0, drift: float = 0.001, K: int = 2):
    network = RateNetwork(dt=0.1)
    network.population("E", 20, SiegertNeuron(V_th=V_th))
    network.population("X", 5, ConstantRate(mean=mean))
    network.connect("X", "E", FixedIndegree(K), DiffusionConnection(drift, 0.0001))
    return network
"""


@pytest.mark.parametrize(
    ("text", "words", "changed", "wrong", "message"),
    [
        (
            OWN,
            ["--set", "theta=0.5", "m=0.9", "J=-0.5", "--seed", 3],
            ["A", "X", "A->A", "updates and external neurons"],
            ["--set", "N=80"],
            "cannot change size of population 'A'",
        ),
        (
            RATES,
            ["--set", "V_th=12", "mean=7000", "drift=0.002"],
            ["E", "X", "X->E"],
            ["--seed", 5],
            "rate neurons draw nothing while they run",
        ),
    ],
    ids=["binary", "rates"],
)
def test_branches_of_other_neurons(text, words, changed, wrong, message, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    model, path = str(tmp_path / "mine.py"), tmp_path / "saved"
    call("--time", 10, "--save", path, model=model)
    call("--from-checkpoint", path, "--time", 10, *words, "--out", tmp_path / "a", model=model)
    assert [change["of"] for change in summary(tmp_path / "a")["changes"]] == changed
    with pytest.raises(InputError, match=message):
        call("--from-checkpoint", path, "--time", 10, *wrong, model=model)


def test_recordings_of_binary_neurons_go_on(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    model, path = str(tmp_path / "mine.py"), tmp_path / "saved"
    call("--time", 10, "--save", path, model=model)
    with pytest.raises(InputError, match="recordings of these neurons count from the beginning"):
        call("--from-checkpoint", path, "--time", 10, "--record", "flips=A", "--out", tmp_path / "out", model=model)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "K=10"], r"a branch cannot change the rule of projection"),
        (
            ["--set", "N=200"],
            r"cannot change size of population 'E': it is 80 at the checkpoint, but 160 here",
        ),
        (["--set", "stdp_lambda=0.2"], r"cannot change lambda_ of projection 'E->E'"),
        (["--from", "summary.json"], "--from and --from-checkpoint both say where parameters are from"),
    ],
)
def test_what_a_branch_cannot_change(words, message, saved, tmp_path):
    (tmp_path / "summary.json").write_text(json.dumps({"model": "two_population", "parameters": {}}))
    words = [str(tmp_path / word) if word.endswith(".json") else word for word in words]
    with pytest.raises(InputError, match=message):
        call("--from-checkpoint", saved, "--time", 10, "--out", tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_a_branch_that_records_something_else(saved, tmp_path):
    words = ["--from-checkpoint", saved, "--time", 20, "--out"]
    call(*words, tmp_path / "same")
    other = ["spikes=I", "states=V_m:E[:3]@1", "connectivity=E[:50]->I"]
    on_ranks(2, lambda comm: call(*words, tmp_path / "other", "--record", *other, comm=comm))
    same, found = summary(tmp_path / "same"), summary(tmp_path / "other")
    assert (found["spike_hash"], found["network"]) == (same["spike_hash"], same["network"])
    assert found["record"] == other
    file = tmp_path / "other" / "spikes.h5"
    assert read_contents(file)["spikes"] == ["I"]
    assert read_spikes(file, "I")[0].min() > 40.0
    assert read_states(file, "E", "V_m").time.tolist() == list(range(41, 61))
    assert [read_connections(file, "E", "I", time).time for time in (40.0, 60.0)] == [40.0, 60.0]


def test_experiments_have_no_branches():
    with pytest.raises(InputError, match="option --save: 'binary_ei' is an experiment of its own, whose results"):
        call("--save", "x", model="binary_ei")


def test_a_checkpoint_of_something_else(saved, tmp_path):
    with pytest.raises(InputError, match="is of another model: model is two_population there, but brunel here"):
        call("--from-checkpoint", saved, model="brunel")
    found = registry.find("two_population")
    network = found.build_network(found.load({"N": 100, "K": 20}))
    with Simulation(network, MPI.COMM_SELF) as simulation:
        simulation.save(tmp_path / "of a script")
    with pytest.raises(InputError, match="but not of 'run'; what a script saves, a script restores"):
        call("--from-checkpoint", tmp_path / "of a script")
    with pytest.raises(InputError, match="option --save: there is no folder"):
        call("--save", tmp_path / "nowhere" / "saved")


def network_of(weight=10.0, second=10.0, rate=100.0):
    from distsim import IafPscExp

    network = Network(dt=0.1)
    exc = network.population("E", 10, IafPscExp())
    network.connect(exc, exc, FixedIndegree(3), Static(weight, 1.0))
    network.connect(exc[:5], exc[5:], OneToOne(), Static(second, 1.0))
    network.stimulate(exc[:5], Poisson(rate=50.0, weight=1.0))
    network.stimulate(exc[:5], Poisson(rate=rate, weight=1.0))
    return network


def test_differences_are_those_of_their_own_projection_and_stimulus():
    (change,) = differences(network_of(), network_of(rate=200.0))
    with Simulation(network_of(), MPI.COMM_SELF) as simulation:
        change(simulation)
        (told,) = simulation.changes
    assert told == {"step": 0, "what": "stimulus", "of": "E[0:5]", "number": 1, "rate": 200.0}
    assert differences(network_of(), network_of()) == []
    with pytest.raises(InputError, match=r"cannot change weights of projection 'E->E': 'E->E' has syn"):
        differences(network_of(), network_of(weight=20.0))
