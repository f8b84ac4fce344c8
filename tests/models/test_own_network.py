"""Networks of users' own: from a file or an installed package, by both doors, with every mistake told by its line."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import shutil
import sys
from pathlib import Path

import pytest
from mpi4py import MPI

from distsim.__main__ import main
from distsim.core.errors import InputError
from distsim.core.kernel_cache import store
from distsim.models import own_network, registry
from distsim.models.run import run
from distsim.parallel.progress import silent
from distsim.scaling import jobs
from distsim.scaling.options import parse
from distsim.scaling.plan import make_plan
from tests.documents import ROOT
from tests.models.test_one_driver import compare, one_point
from tests.scaling.test_launch import LAUNCHER
from tests.scaling.test_run import HARNESS, finish, hashes, read, start

COMM = MPI.COMM_SELF
OWN = str(ROOT / "docs" / "own" / "my_network.py")
SOURCE = Path(OWN).read_text(encoding="utf-8")
TINY = ["--sizes", "60", "--indegree", "6", "--time", "20", "--no-plot"]


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def rewrite(folder: Path, text: str, name: str = "mine.py") -> None:
    """Change a file, and begin as a new process does."""
    write(folder, text, name)
    own_network.of_file.cache_clear()


def simulated(path, given=(), **settings):
    model = registry.find(path)
    return run(model, COMM, model.load(dict(given)), None, silent, {"time": 20.0, **settings}).summary


# ---------------------------------------------------------------- what a file makes


def test_arguments_are_parameters():
    model = registry.find(OWN)
    assert (model.name, model.line.split(":")[0]) == ("my_network", "Inhibition in a ring")
    assert model.load().as_dict() == {"N": 400, "K": 40, "rate": 8000.0, "J": 50.0, "g": 2.0}
    rate = model.parameters.DEFAULTS["rate"]
    assert (rate.unit, rate.meaning) == ("1/s", "rate of the external input")
    assert model.load({"rate": 9000}).rate == 9000.0
    for wrong, message in (
        ({"N": 1.5}, "my_network: N must be a whole number"),
        ({"rat": 1.0}, "my_network: unknown parameter 'rat'; did you mean 'rate'?"),
        ({"rate": "fast"}, "my_network: rate must be a number, got 'fast'"),
    ):
        with pytest.raises(InputError) as caught:
            model.load(wrong)
        assert message in str(caught.value)


KINDS = """
from __future__ import annotations
from typing import Annotated, Literal
def build_network(n=3, x: float = 2, on=True, kind: Annotated[Literal["a", "b"], "which"] = "a", sizes=(1, 2),
                  J=[[.1]], *, weight: Annotated[float, "(pA)"] = 1.0): ...
"""


def test_kinds_of_arguments(tmp_path):
    model = registry.find(write(tmp_path, KINDS))
    assert list(model.load().values().values()) == [3, 2.0, True, "a", (1, 2), ((0.1,),), 1.0]
    assert model.parameters.DEFAULTS["weight"].unit == "pA"
    assert model.load({"sizes": [5, 6, 7], "J": [[0.5, 1.0], [2.0, 3]]}).J == ((0.5, 1.0), (2.0, 3.0))
    for wrong, message in (({"kind": "c"}, "one of a, b"), ({"on": 1}, "true or false"), ({"sizes": 3}, "a list")):
        with pytest.raises(InputError, match=message):
            model.load(wrong)
    model = registry.find(write(tmp_path, KINDS.replace("x: float", "x: NotThere"), "unknown.py"))
    assert model.load().x == 2


def test_both_doors_run_it_alike(tmp_path):
    """Also with a seed that the network is built with, and settings of its own."""
    more = "\nfrom distsim.models import RunSettings\nSETTINGS = RunSettings(presimulation=5.0, precision='single')\n"
    path = write(tmp_path, SOURCE + more)
    summary = simulated(path, {"N": 60, "K": 6}, seed=3)
    assert (summary["presimulation"], summary["precision"], summary["n_neurons"]) == (5.0, "single", 60)
    record = one_point(tmp_path, "--model", path, *TINY[:-1], "--seeds", "3")
    given = {**registry.find(path).load({"N": 60, "K": 6}).as_dict(), "seed": 3}
    compare(record, summary, type("Given", (), {"as_dict": lambda self: given})())
    assert (record["model"], record["seed"]) == ("mine", 3)
    assert simulated(path, {"N": 60, "K": 6}, seed=4)["spike_hash"] != summary["spike_hash"]


def test_time_and_seed_may_be_arguments(tmp_path):
    source = SOURCE.replace("def build_network(", "def build_network(\n    T: float = 30.0,\n    seed: int = 2,")
    source = source.replace('"I", N,', '"I", N + seed + int(T),')
    path = write(tmp_path, source)
    model = registry.find(path)
    assert model.parameter_of == {"time": "T", "seed": "seed"}
    summary = run(model, COMM, model.load({"N": 60, "K": 6, "seed": 5}), None, silent).summary
    assert (summary["n_neurons"], summary["time"], summary["seed"]) == (95, 30.0, 5)


def test_a_class_of_parameters_and_results_of_its_own(tmp_path):
    (tmp_path / "defaults.toml").write_text(
        '[N]\nvalue = 20\nunit = ""\nmeaning = "neurons"\nsource = "here"\nlow = 1\n', encoding="utf-8"
    )
    path = write(tmp_path, """
from distsim import IafPscExp, Network
from distsim.models import ModelParameters, derived
from distsim.models.outcome import Outcome
class Parameters(ModelParameters, model="classy"):
    @derived
    def twice(self) -> int:
        "Twice as many."
        return 2 * self.N
def build_network(parameters):
    network = Network()
    network.record_spikes(network.population("A", parameters.twice, IafPscExp()))
    return network
def extra(simulation, activity, parameters):
    return Outcome(summary={"found": simulation.network.size + activity.sizes["A"], "N": parameters.N})
""")  # fmt: skip
    model = registry.find(path)
    summary = simulated(path)
    assert (summary["n_neurons"], summary["found"], summary["N"]) == (40, 80, 20)
    with pytest.raises(InputError, match="N must be at least 1"):
        model.load({"N": 0})
    before = model.digest
    rewrite(tmp_path, (tmp_path / "defaults.toml").read_text().replace("20", "30"), "defaults.toml")
    assert registry.find(path).digest != before
    assert registry.find(path).load().N == 30


def test_modules_beside_the_file_and_kernels_of_its_own(tmp_path, monkeypatch):
    """Two files of one name do not share their kernels; a module beside it is part of what it is."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, f"SIZE = {len(name) + len(name[0])}", f"beside_{name}.py")
        kernel = f"@jit\ndef kernel(x):\n    return x + beside_{name}.SIZE + {len(name) * (name == 'two')}\n"
        write(tmp_path / name, f"from distsim.core.jit import jit\nimport beside_{name}\n"
              f"SIZE = beside_{name}.SIZE\n{kernel.replace(f'beside_{name}.SIZE', 'SIZE')}"
              "def build_network(n=1):\n    raise ValueError(kernel(n))\n")  # fmt: skip
    for name, value in (("one", 5), ("two", 8), ("one", 5)):
        model = registry.find(str(tmp_path / name / "mine.py"))
        with pytest.raises(InputError, match=rf"mine\.py', line 8: ValueError: {value}$"):
            model.build_network(model.load())
    before = model.digest
    rewrite(tmp_path / "one", "SIZE = 7", "beside_one.py")
    assert registry.find(str(tmp_path / "one" / "mine.py")).digest != before


def test_parameters_travel_to_other_ranks(tmp_path):
    path = write(tmp_path, SOURCE)
    sent = pickle.dumps(registry.find(path).load({"N": 7}))
    own_network.of_file.cache_clear()
    assert pickle.loads(sent).N == 7
    rewrite(tmp_path, SOURCE + "\nMORE = 1\n")
    with pytest.raises(InputError, match="is not the same file on all ranks"):
        pickle.loads(sent)


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def build_network(:", "mine.py', line 1: invalid syntax"),
        ("x = 1\ny = x / 0\n", "mine.py', line 2: ZeroDivisionError: division by zero"),
        ("import numpi\n", "mine.py', line 1: ModuleNotFoundError: No module named 'numpi'"),
        ("import sys\nsys.exit(3)\n", "mine.py', line 2: SystemExit: 3"),
        ("def build_net(): ...", "has no function build_network that makes the network; did you mean 'build_net'?"),
        ("from distsim import Network as build_network", "has no function build_network"),
        ("\ndef build_network(N): ...", "line 2: build_network: the argument 'N' has no default; write N=..."),
        ("def build_network(*N): ...", "the argument '*N' has no name by which it can be set"),
        ("def build_network(N=None): ...", "the argument 'N' = None must be a number, a text, true or false, or"),
        ("def build_network(check=1): ...", "the argument 'check' needs another name"),
        ("def build_network(N=1): ...", "must return a Network or a RateNetwork or a BinaryNetwork, not None"),
        ("def build_network(N=1):\n  return [][N]", "mine.py', line 2: IndexError: list index out of range"),
        ("import distsim\ndef build_network():\n  return distsim.Network(dt=-1.0)", "mine.py', line 3: "),
        ("SETTINGS = 3\ndef build_network(): ...", "SETTINGS must be a RunSettings, not 3"),
        ("def build_network(x=1e13): ...", "mine: x must be at most 1e+12 in size"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(tmp_path, capsys, source, message):
    path = write(tmp_path, source)
    assert main(["run", path]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_files_that_are_none(tmp_path, capsys):
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "bytes.py").write_bytes(b"\xff")
    for name, message in (
        ("none.py", "cannot be read: No such file"),
        ("folder.py", "cannot be read: it is no file"),
        ("bytes.py", "cannot be read: it is not text"),
        ("mine", "unknown model"),
    ):
        assert main(["run", str(tmp_path / name)]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        (SOURCE.partition("def resized")[0], [], "model 'mine' has 400 neurons, not 60; for other sizes"),
        (SOURCE.partition("def resized")[0], ["--indegree", "3"], "needs a function resized"),
        (SOURCE.replace('{"N": neurons', '{"M": neurons'), [], "unknown parameter 'M'"),
        (SOURCE.replace('    return {"N"', '    return 1, {"N"'), [], "resized must return a dict"),
        (SOURCE.replace('    return {"N"', '    neurons / 0\n    return {"N"'), [], "line 26: ZeroDivisionError"),
        (SOURCE, ["--set", "N=3"], "'N' is set by sizes"),
        (SOURCE, ["--vary", "G=3,4"], "did you mean 'g'?"),
        (SOURCE.replace("return network", "return"), [], "or a BinaryNetwork, not None"),
    ],
)  # fmt: skip
def test_mistakes_that_an_experiment_finds(tmp_path, source, arguments, message):
    path = write(tmp_path, source)
    with pytest.raises(InputError) as caught:
        one_point(tmp_path, "--model", path, "--sizes", "60", "--time", "20", *arguments)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_network_of_one_size_can_be_an_experiment(tmp_path):
    path = write(tmp_path, SOURCE.partition("def resized")[0])
    assert one_point(tmp_path, "--model", path, "--sizes", "60", "--time", "5", "--set", "N=60", "K=6")["N"] == 60


# ---------------------------------------------------------------- experiments


@pytest.fixture
def experiment(tmp_path):
    """A folder with a network, an experiment beside it, and a folder to work in."""
    write(tmp_path, SOURCE)
    write(
        tmp_path,
        'model = "mine.py"\nkind = "strong"\nranks = [1, 2]\nsizes = [60]\nindegree = 6\ntime = 20.0\n',
        "e.toml",
    )
    (tmp_path / "work").mkdir()
    return tmp_path


def test_launcher_resume_and_report(experiment):
    """Points that are jobs of their own, also from another folder; a file that has changed is refused."""
    work = experiment / "work"
    arguments = [*HARNESS, "../e.toml", "--no-plot", "--out", "out", "--launcher", LAUNCHER]
    finish(start([*arguments, "--ranks", "1"], work))
    further = [*HARNESS, "../../e.toml", "--no-plot", "--out", "../out", "--resume", "--launcher", LAUNCHER]
    printed = finish(start(further, work / "out"))
    assert "2 points, 1 of them done before" in printed
    assert printed.count("\nmine ") == 2  # in the table of all points
    assert [(row["model"], row["ranks"]) for row in read(work / "out")] == [("mine", 1), ("mine", 2)]
    assert len(set(hashes(work / "out").values())) == 1
    assert "2 points: 2 done" in finish(start([*HARNESS, "show", "out"], work))
    write(experiment, SOURCE.replace("-55.0", "-56.0"))
    printed = finish(start([*arguments, "--resume"], work), code=2)
    assert "holds another experiment: there file = " in printed


def test_a_file_that_changes_while_its_points_wait_ends_them(experiment, tmp_path):
    """A point that is a job of its own reads the file anew."""
    plan = make_plan(parse([str(experiment / "e.toml"), "--no-plot"]), 2, 2)
    digest = plan.identity()["file"]
    task = {"settings": plan.experiment.settings(), "point": plan.points[0].as_dict(), "digest": digest, "live": 0}
    task["folder"] = task["checkpoint"] = None
    (tmp_path / jobs.TASK).write_text(json.dumps(task), encoding="utf-8")
    assert jobs._task(tmp_path)[0].parameters.N == 60
    rewrite(experiment, SOURCE.replace("-55.0", "-56.0"))
    with pytest.raises(InputError, match=r"mine\.py' has changed since the experiment began"):
        jobs._task(tmp_path)


def test_all_ranks_read_the_same_file(tmp_path, mpirun):
    """A path that is another file on every rank, as on the disks of nodes."""
    for rank in (0, 1):
        (tmp_path / str(rank)).mkdir()
        write(tmp_path / str(rank), SOURCE + f"\nRANK = {rank}\n")
    program = (
        "import os, sys; from distsim.__main__ import main; from distsim.parallel import launched_rank as rank;"
        "os.chdir(str(rank())); sys.exit(main(['run', 'mine.py', '--time', '5']))"
    )
    program = program.replace("distsim.parallel import", "distsim.parallel.communicator import")
    done = mpirun(2, ["-c", program], cwd=tmp_path, check=False, env={"PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 2
    assert "model 'mine': the ranks are not given the same: file is" in done.stderr
    assert done.stderr.count("distsim: error") == 1


# ---------------------------------------------------------------- installed packages


def test_an_installed_package_brings_a_model(tmp_path, monkeypatch, capsys):
    write(tmp_path, SOURCE, "their_network.py")
    monkeypatch.syspath_prepend(tmp_path)
    point = importlib.metadata.EntryPoint("ring", "their_network", registry.GROUP)
    broken = importlib.metadata.EntryPoint("broken", "not_there", registry.GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point, broken])
    registry.installed.cache_clear()
    try:
        assert main(["list"]) == 0
        assert "ring            of their_network\n" in capsys.readouterr().out
        assert registry.find("ring").digest == registry.find(str(tmp_path / "their_network.py")).digest
        assert one_point(tmp_path, "--model", "ring", *TINY[:-1])["model"] == "ring"
        assert pickle.loads(pickle.dumps(registry.find("ring").load({"N": 9}))).N == 9
        for name, message in (
            ("rin", "unknown model 'rin'; did you mean 'ring'?"),
            (
                "broken",
                "model 'broken': not_there cannot be imported: ModuleNotFoundError: No module named",
            ),
        ):
            assert main(["run", name]) == 2
            assert message in capsys.readouterr().err
    finally:
        registry.installed.cache_clear()


def test_help_tells_of_the_door(capsys):
    for words in (["--help"], ["list"], ["run", "--help"]):
        assert main(words) == 0
        assert "FILE.py" in capsys.readouterr().out
    assert main(["run", OWN, "--help"]) == 0
    said = capsys.readouterr().out
    assert "weight of inhibition, relative to J" in said
    assert "--presimulation" in said


def test_a_run_is_kept_and_repeated(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["run", OWN, "--set", "N=60", "K=6", "--time", "20", "--precision", "single", "--out", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["model"], summary["precision"], summary["time"]) == ("my_network", "single", 20.0)
    capsys.readouterr()
    assert main(["run", OWN, "--from", str(out / "summary.json")]) == 0
    assert summary["spike_hash"] in capsys.readouterr().out


NETWORK_OF_OWN = """
from distsim import FixedIndegree, Network, Poisson, Static

def build_network(N=60):
    network = Network(dt=0.1)
    neurons = network.population("N", N, Izhikevich())
    network.stimulate(neurons, Poisson(rate=5000.0, weight=1.0))
    network.connect(neurons, neurons, FixedIndegree(10), Static(weight=0.5, delay=1.0))
    network.record_spikes(neurons)
    return network
"""


EXCHANGING = {"distsim.spiking.exchange_steps", "distsim.parallel.capacity", "distsim.spiking.interval"}
"""Modules of kernels that a job of one rank does without: what waits for others and exchanges spikes with them."""


def test_a_neuron_of_ones_own_in_the_file_has_kernels_that_other_jobs_find(tmp_path, mpirun):
    """A second job, of two ranks, compiles nothing but what exchanges spikes, and finds the same spikes.

    The neuron is one that no other test has; its kernels go to a folder of links to those of all tests.
    """
    neuron = (ROOT / "docs" / "own" / "izhikevich.py").read_text(encoding="utf-8")
    assert "140.0" in neuron
    write(tmp_path, neuron.replace("140.0", "141.0") + NETWORK_OF_OWN)
    folder = tmp_path / "cache" / "distsim"
    shutil.copytree(store.folder, folder, copy_function=os.symlink)
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "NUMBA_CACHE_DIR": str(folder.parent)}
    command = ["-m", "distsim", "run", "mine.py", "--time", "100", "--out"]
    found, kernels = [], []
    for ranks in (1, 2):
        mpirun(ranks, [*command, str(ranks)], cwd=tmp_path, env=environment)
        found.append(json.loads((tmp_path / str(ranks) / "summary.json").read_text(encoding="utf-8")))
        kernels.append({path.name for path in folder.glob("*.kernel") if not path.is_symlink()})
    assert found[0]["n_spikes"] > 5
    assert found[0]["spike_hash"] == found[1]["spike_hash"]
    assert kernels[0] <= kernels[1]
    assert {name.split("-")[0].rpartition(".")[0] for name in kernels[1] - kernels[0]} <= EXCHANGING
    assert any("neuron_loop.update" in name for name in kernels[0])
