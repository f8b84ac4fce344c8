"""What the documents say holds: Python runs and prints what they show, commands work, links lead somewhere.

Commands that would take long get other options on top (a tiny network). A command that no function here knows how to
check is a failure: teach it to ``check``.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from distsim import __version__
from distsim.command import request
from distsim.models import registry
from distsim.record.jsonable import write_json
from distsim.scaling.experiment import read_experiment
from distsim.scaling.machine_file import ASSUMED, COSTS, Machine, written
from distsim.scaling.options import parse
from distsim.scaling.store import Folder
from tests import documents
from tests.documents import DOCUMENTS, ROOT
from tests.mpi import JOB_ENVIRONMENT, launcher, mpirun, outside_of_any_job
from tests.scaling_records import MODELS, make_experiment, strong_records

TINY = ["--sizes", "60", "--indegree", "20", "--time", "20"]
PHASE_DIAGRAM = "docs/tutorial/brunel_phase_diagram.py"
SMALLER = {"microcircuit": ["--N-scaling", "0.02", "--K-scaling", "0.02"]}
"""Options of models that are too large for tests."""
RANKS = 3  # at most: more would only take turns
BEFORE_PYTHON = {
    "docs/coming_from.md": "python -m distsim run two_population --set N=2500 K=250 --time 500 "
    "--record spikes 'connectivity=E[:2000]->E[:2000]' --out data",
    "docs/dry.md": "python -m distsim run two_population --set N=2500 K=250 --time 200 --record spikes --out recorded",
    "docs/liquid.md": "python -m distsim run liquid_state --pairs 5 --keep stimuli,curves,spikes,states "
    "--set 'distances=[0.1,0.2,0.3,0.4]' 'keep_pairs=[0,3]' --out kept",
    "docs/rates.md": "python -m distsim run brunel_siegert --time 40 --dt 0.05 --record rates=E,I@1 --out results",
    "docs/recording.md": "python -m distsim run two_population --set N=2500 K=250 --time 500 "
    "--record 'spikes=E[:100],I' connectivity --out recorded",
    "docs/scaling.md": "python -m distsim.scaling --sizes 500 1000 --indegree 100 --time 200 "
    "--keep spikes,connectivity,parameters --out kept",
    "docs/running.md": "python -m distsim run two_population --set N=2500 K=250 --time 500 --out results",
}
"""The command of a document whose results its Python reads."""
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}

WALKS = ("docs/clusters.md", "docs/first_experiment.md")
"""Documents whose commands are typed one after the other, in a folder without the project."""

WITH_PYTHON = [document for document in DOCUMENTS if documents.fenced(document, "python")]


def commands_to_check() -> list[tuple[str, str]]:
    """Documents and their commands, those that mean the same in several documents once, without BEFORE_PYTHON's."""
    everywhere = re.compile(r"(mpirun -n \d+ )?python (-m distsim|benchmarks/)(?!.*--populations)|make ")
    found = {}
    for document in (each for each in DOCUMENTS if each not in WALKS):
        for command in documents.commands(document):
            if BEFORE_PYTHON.get(document) != command:
                found.setdefault(command if everywhere.match(command) else (document, command), (document, command))
    return list(found.values())


COMMANDS = commands_to_check()


def run(command: list[str], cwd: Path) -> str:
    """What a command prints; it must end well."""
    inherited = {k: v for k, v in outside_of_any_job(os.environ).items() if not k.startswith(("MAKE", "MFLAGS"))}
    environment = {**inherited, **JOB_ENVIRONMENT, **ENVIRONMENT}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def run_python(arguments: list[str], ranks: int | None, cwd: Path) -> str:
    """What ``python ARGUMENTS`` prints, started directly (None) or on ``ranks`` ranks."""
    if ranks is None:
        return run([sys.executable, *arguments], cwd)
    return mpirun(min(ranks, RANKS), arguments, timeout=300, cwd=cwd, env=ENVIRONMENT).stdout


# ---------------------------------------------------------------- Python


@pytest.mark.parametrize("document", WITH_PYTHON)
def test_python_runs_and_prints_the_same_on_any_number_of_ranks(document: str, tmp_path: Path) -> None:
    """All blocks of a document are one script; the text blocks of a document show what it prints.

    A script that knows no MPI is run as it is meant, without.
    """
    printed = []
    source = "\n".join(documents.fenced(document, "python"))
    for ranks in (None, RANKS) if "rank == 0" in source else (None,):
        folder = tmp_path / f"ranks-{ranks}"
        folder.mkdir()
        if document in BEFORE_PYTHON:
            assert BEFORE_PYTHON[document] in documents.commands(document)
            words = shlex.split(BEFORE_PYTHON[document])
            run_python(words[1:], ranks, folder)
            assert list((folder / words[-1]).glob("summary.json")) or list((folder / words[-1]).glob("runs.jsonl"))
        script = folder / documents.script_name(document)
        script.write_text(source, encoding="utf-8")
        printed.append(run_python([script.name], ranks, folder))
    assert printed[0] == printed[-1]
    shown = "".join(documents.fenced(document, "text"))
    assert shown in ("", printed[0])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_are_in_languages_that_are_checked(document: str) -> None:
    assert documents.languages(document) <= {"python", "text", "sh", "bash", "console", "toml"}


def test_experiment_files_that_are_shown_are_valid(tmp_path: Path) -> None:
    for block in documents.fenced("docs/scaling.md", "toml"):
        (tmp_path / "shown.toml").write_text(block, encoding="utf-8")
        read_experiment(tmp_path / "shown.toml", {})


def test_files_of_ones_own_are_those_that_are_shown() -> None:
    shown = "docs/own_network.md"
    assert documents.text_of("docs/own/my_network.py").endswith(documents.fenced(shown, "python")[0])
    of_file = tomllib.loads(documents.text_of("docs/own/my_experiment.toml"))
    assert of_file == tomllib.loads(documents.fenced(shown, "toml")[0])


# ---------------------------------------------------------------- commands


@pytest.mark.parametrize(("document", "command"), COMMANDS, ids=[f"{d}: {c}" for d, c in COMMANDS])
def test_command_works(document: str, command: str, tmp_path: Path) -> None:
    check(shlex.split(command), document, tmp_path)


@pytest.mark.parametrize("document", WALKS)
def test_commands_work_one_after_the_other(document: str, tmp_path: Path) -> None:
    """From installing to a report, without the project; what would load, install or queue is looked at."""
    folder = tmp_path
    for command in documents.commands(document):
        words = shlex.split(command)
        if "--launcher" in words:
            words[words.index("--launcher") + 1] = f"{' '.join(launcher())} -n {{ranks}}"
        if words[0] == "cd":
            folder /= words[1]
        elif words[0] == "distsim":
            run_python(["-m", *words], None, folder)
        elif words[0] == "sbatch":
            check_sbatch(words[1:], document, folder, folder)
        elif words[:4] == ["python", "-m", "pip", "install"]:
            check_pip(words[4:], document, folder)
        elif words[0] == "mpirun" and words[5] == "distsim.scaling":
            check_sbatch(["jobs/single_node.sh", *words[6:]], document, folder, folder)
        elif words[0] == "mpirun":
            run_python(words[4:] if words[3] == "python" else ["-m", *words[3:]], int(words[2]), folder)
        else:
            assert words[0] in (".", "module") or words[:3] == ["python", "-m", "venv"], command
    results = list(folder.glob("*/runs.jsonl"))
    assert len(results) == (2 if document == "docs/first_experiment.md" else 0)
    assert len(list(folder.glob("*/report.html"))) == len(results) / 2


def check(words: list[str], document: str, folder: Path) -> None:
    """Check a command of ``document``, with ``folder`` for what it writes; fails where it is not known how."""
    for begin, check_rest in CHECKS.items():
        if words[: len(begin.split())] == begin.split():
            check_rest(words[len(begin.split()) :], document, folder)
            return
    pytest.fail(f"{document}: no test knows how to check the command: {shlex.join(words)}")


def check_make(words: list[str], document: str, folder: Path) -> None:
    """make knows the target and the variables, and what it passes on in ARGS works."""
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    targets = [word for word in words if "=" not in word]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in settings:
        assert re.search(rf"^{name}\s*\?=", makefile, re.MULTILINE), f"the Makefile has no variable {name}"
    placeholder = {"PYTHON": f"PYTHON={sys.executable}"}
    run(["make", "-n", *targets, *(placeholder.get(k, f"{k}={v}") for k, v in settings.items())], ROOT)
    arguments = shlex.split(settings.get("ARGS", ""))
    if arguments and targets == ["run"]:
        check_scaling(arguments, document, folder)
    elif arguments and targets == ["benchmark"]:
        check_benchmark(arguments, document, folder)
    else:
        assert not arguments or targets == ["test"], f"no test knows the arguments of make {targets}"


def check_pip(words: list[str], document: str, folder: Path) -> None:
    """The project is what is installed, or its wheel, with extras that it has."""
    wheel = rf"distsim-{re.escape(__version__)}-py3-none-any\.whl"
    match = re.fullmatch(rf"(?:\.|{wheel})(?:\[([\w,]+)\])?", " ".join(words))
    assert match, f"{words} is not this project"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set((match[1] or "").split(",")) - {""} <= set(project["optional-dependencies"])


def check_scaling(arguments: list[str], document: str, folder: Path, ranks: int | None = None) -> None:
    """The harness runs with these options, at a tiny size; reports are of made-up records or of points with data."""
    if arguments[:1] in (["report"], ["compare"], ["show"]):
        of_points = [word for word in arguments if word.startswith("--")]
        for path in (word for word in arguments[1:] if not word.startswith("--")):
            if of_points:
                one = ["--set", "neuron_model=iaf_psc_alpha", "--no-plot", "--out", path]
                with_data = [*TINY, "--keep", "spikes,connectivity", *one]
                run_python(["-m", "distsim.scaling", *with_data], None, folder)
                continue
            settings = make_experiment(
                sizes=(1250,), vary={"neuron_model": MODELS}, seeds=(1, 2), kind="strong", ranks=(1, 2, 4)
            )
            made_up = Folder(
                folder / path, settings.identity(), {**settings.settings(), "indegree": 1250}, resume=False
            )
            for record in strong_records():
                made_up.add(record)
            made_up.close()
        run_python(["-m", "distsim.scaling", *arguments], None, folder)
        return
    if arguments[:1] == ["dry"]:
        if "--spikes" in arguments:
            run_python(shlex.split(BEFORE_PYTHON[document])[1:], None, folder)
        smaller = [] if "--spikes" in arguments else TINY  # a recording is of the network that is shown
        run_python(["-m", "distsim.scaling", *arguments, *smaller], None, folder)
        assert (folder / "dry.json").exists()
        return
    if arguments[:1] == ["machine"]:
        run_python(["-m", "distsim.scaling", *arguments, "--neurons", "100"], ranks, folder)
        return
    if arguments[:1] == ["predict"]:
        written(Machine("made up", 2, 100, dict.fromkeys(COSTS, 1.0), ASSUMED), folder / "cluster.toml")
        few = ["--ranks", "2", "--seeds", "1", *TINY]
        run_python(["-m", "distsim.scaling", *arguments, *few], None, folder)
        return
    smaller = [*TINY, "--seeds", "1", "--out", str(folder / "out")]
    if "binary_ei" in arguments:
        smaller += ["--indegree", "18"]  # a multiple of 9
    if "scaling/strong.toml" in arguments:
        smaller += ["--ranks", "1", "2"]
    if "--launcher" in arguments:
        place = arguments.index("--launcher") + 1
        assert arguments[place] == "mpirun -n {ranks}"
        arguments[place] = f"{' '.join(launcher())} -n {{ranks}}"
    run_python(["-m", "distsim.scaling", *arguments, *smaller], ranks, ROOT)
    assert (folder / "out" / "runs.jsonl").exists()


def check_sbatch(words: list[str], document: str, folder: Path, root: Path = ROOT) -> None:
    """The template, the experiment and its options exist; test_jobs.py runs the templates."""
    while words[0].startswith("--"):
        words = words[1:]
    template, *arguments = words
    assert (root / template).exists()
    if template == "jobs/run.sh":
        assert isinstance(request.parse(["run", *arguments]), request.Request)
        return
    options = parse(arguments)
    read_experiment(options.file and root / options.file, options.settings)


def check_models(arguments: list[str], document: str, folder: Path, ranks: int | None = None) -> None:
    """The command line works; a run takes a short time, and what earlier runs left is there."""
    if "--from" in arguments:
        model, path = arguments[1], folder / arguments[arguments.index("--from") + 1]
        module = registry.find(model)
        small = module.load(module.resized(500, None)).as_dict()
        write_json(path, {"model": model, "parameters": small})
    if "--from-checkpoint" in arguments:
        path = arguments[arguments.index("--from-checkpoint") + 1]
        run_python(
            ["-m", "distsim", "run", arguments[1], "--set", "N=100", "K=20", "--time", "5", "--save", path],
            None,
            folder,
        )
    if "--populations" in arguments:
        file = folder / arguments[arguments.index("--populations") + 1]
        file.write_text(documents.fenced(document, "toml")[0], encoding="utf-8")
    arguments = [str(ROOT / word) if word.endswith(".py") else word for word in arguments]
    shorter = ["--time", "10"] if arguments[0] == "run" and "--help" not in arguments else []
    if shorter and arguments[1] in SMALLER:
        shorter += SMALLER[arguments[1]]
    run_python(["-m", "distsim", *arguments, *shorter], ranks, folder)
    if "--out" in arguments:
        assert (folder / arguments[arguments.index("--out") + 1] / "summary.json").exists()


def check_benchmark(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, at a tiny size and without NEST."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    fewer = ["--ranks", "1", "--repetitions", "1", "--cases", "ignore_and_fire", "--distsim-only"]
    run_python(["benchmarks/against_nest.py", *arguments, *TINY, *fewer, "--out", str(folder / "out.json")], None, ROOT)
    assert (folder / "out.json").exists()


def check_dry(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark finds the same spikes, at a tiny size and on one rank."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    fewer = ["--ranks", "1", "--networks", "own", "--repeat", "1", "--scale", "0.02"]
    assert "0 of 200" in run_python(["benchmarks/dry.py", *arguments, *fewer], None, ROOT)


def check_predictions(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark has these options; networks so small as tests have are predicted less well."""
    run_python(["benchmarks/predictions.py", *arguments, "--help"], None, ROOT)


def check_nest_scripts(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs the script that a document shows, without NEST."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    shown = documents.fenced("docs/nest.md", "python")
    (folder / "script.py").write_text("\n".join(shown), encoding="utf-8")
    alone = ["--only", "distsim", str(folder / "script.py")]
    assert "spike_recorder" in run_python(["benchmarks/nest_scripts.py", *alone], None, ROOT)
    assert arguments[-1] == "script.py"


def check_nest(arguments: list[str], document: str, folder: Path) -> None:
    """The script that a document shows runs in NEST's place, ``import nest`` and all."""
    shown = "\n".join(documents.fenced(document, "python"))
    (folder / arguments[0]).write_text(shown.replace("import distsim.nest as nest", "import nest"), encoding="utf-8")
    assert run_python(["-m", "distsim.nest", *arguments], None, folder) == "".join(documents.fenced(document, "text"))


def check_against_nnmt(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark of binary neurons runs with these options, for a short time."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    fewer = ["--repetitions", "1", "--time", "0.5", "--out", str(folder / "out.json")]
    run_python(["benchmarks/against_nnmt.py", *arguments, *fewer], None, ROOT)
    assert (folder / "out.json").exists()


def check_against_brian2(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, without Brian2 and for a few trials."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    fewer = ["--distsim-only", "--trials", "2", "--distsim-trials", "4", "--repetitions", "1"]
    given = [*arguments, *fewer, "--out", str(folder / "out.json")]
    run_python(["benchmarks/against_brian2.py", *given], None, ROOT)
    assert (folder / "out.json").exists()


def check_checkpoints(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, with a small network."""
    fewer = ["--neurons", "300", "--time", "5", "--repetitions", "2", "--folder", str(folder)]
    found = json.loads(run_python(["benchmarks/checkpoints.py", *arguments, *fewer], None, ROOT))
    if "--overhead" in arguments:
        assert set(found["seconds"]) == {"without", "with", "finer"}
        return
    assert set(found["seconds"]) == {"build", "save", "write", "restore"}
    assert {name: ratio["at most"] for name, ratio in found["ratios"].items()} == {
        "bytes / plastic weights": 1.1,
        "save / write": 2.0,
        "restore / build": 1.3,
    }


def check_start(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark prints a line for each phase, on one rank and once."""
    if sys.platform != "linux":
        pytest.skip("the benchmark reads memory as Linux tells it")
    launcher_of_tests = f"{' '.join(launcher())} -n {{ranks}}"
    fewer = ["--ranks", "1", "--repetitions", "1", "--launcher", launcher_of_tests]
    printed = run_python(["benchmarks/start.py", *arguments, *fewer], None, ROOT)
    assert [line.split()[0] for line in printed.splitlines()[2:]] == ["1"] * 5


def check_many_projections(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, with a small network."""
    fewer = ["--populations", "4", "--time", "10", "--repetitions", "1"]
    assert "one, the same edges" in run_python(["benchmarks/many_projections.py", *arguments, *fewer], None, ROOT)


def check_interval(arguments: list[str], document: str, folder: Path) -> None:
    """The benchmark runs with these options, for a few intervals of one network on one rank."""
    if sys.platform != "linux":
        pytest.skip("the benchmark pins cores as Linux does it")
    core = str(min(os.sched_getaffinity(0)))
    fewer = ["--cases", "alpha, 1 population", "--ranks", "1", "--intervals", "20", "--repetitions", "1"]
    given = [*arguments, *fewer, "--cores", core, "--out", str(folder / "out.json")]
    assert "alpha, 1 population" in run_python(["benchmarks/interval.py", *given], None, ROOT)
    (row,) = json.loads((folder / "out.json").read_text())["rows"]
    assert (row["loop"], row["ranks"], row["intervals"]) == ("compiled", 1, 20)


def check_kernels(arguments: list[str], document: str, folder: Path) -> None:
    """The options are known. It compiles everything anew, too long for here; test_benchmark_kernels.py runs it."""
    parse = "import sys, kernels; kernels.parser().parse_args(sys.argv[1:])"
    run_python(["-c", parse, *arguments], None, ROOT / "benchmarks")


def check_generate(arguments: list[str], document: str, folder: Path) -> None:
    """That it works is tested below; here it would write into the project."""
    assert not arguments


def check_mpirun(words: list[str], document: str, folder: Path) -> None:
    """``-n RANKS python``, and then the harness or the script of the document, which runs in its own test."""
    assert words[0] == "-n", words
    assert words[2] == "python", words
    if words[3:5] == ["-m", "distsim.scaling"]:
        check_scaling(words[5:], document, folder, int(words[1]))
    elif words[3] in ("benchmarks/binary_large.py", "benchmarks/binary_ranks.py"):
        run_python([*words[3:], "--neurons", "2000", "--time", "1"], int(words[1]), ROOT)
    elif words[3:5] == ["-m", "distsim"]:
        check_models(words[5:], document, folder, int(words[1]))
    elif words[3] == "benchmarks/exchange.py":
        check_exchange(words[4:], document, folder, int(words[1]))
    elif words[3] == PHASE_DIAGRAM:
        check_phase_diagram(words[4:], document, folder, int(words[1]))
    else:
        assert words[3:] == [documents.script_name(document)], words


def check_exchange(arguments: list[str], document: str, folder: Path, ranks: int) -> None:
    """The benchmark runs with these options, for a few exchanges; each plan has a time."""
    printed = run_python(["benchmarks/exchange.py", *arguments, "--exchanges", "3"], ranks, ROOT)
    assert {line.split()[0] for line in printed.splitlines()[1:]} >= {"allgather", "window", "nodes"}


def check_phase_diagram(arguments: list[str], document: str, folder: Path, ranks: int | None = None) -> None:
    """The sweep prints simulated and predicted rates and draws them, in a tiny network with four states."""
    tiny = ["--order", "25", "--time", "30", "--g", "3", "6", "--eta", "0.9", "2", "--out", str(folder / "out.png")]
    printed = run_python([PHASE_DIAGRAM, *arguments, *tiny], ranks, ROOT)
    assert len(printed.splitlines()) == 5
    assert (folder / "out.png").stat().st_size > 10_000


def check_rm(words: list[str], document: str, folder: Path) -> None:
    """What is removed is written by the script of the document."""
    assert all(f'"{word}"' in "".join(documents.fenced(document, "python")) for word in words)


CHECKS: dict[str, Callable[[list[str], str, Path], None]] = {
    "make": check_make,
    "python -m pip install": check_pip,
    "pip install": check_pip,
    "python -m distsim.nest": check_nest,
    "python -m distsim.scaling": check_scaling,
    "python -m distsim": check_models,
    "python benchmarks/against_nest.py": check_benchmark,
    "python benchmarks/against_nnmt.py": check_against_nnmt,
    "python benchmarks/nest_scripts.py": check_nest_scripts,
    "python benchmarks/many_projections.py": check_many_projections,
    "python benchmarks/against_brian2.py": check_against_brian2,
    "python benchmarks/checkpoints.py": check_checkpoints,
    "python benchmarks/interval.py": check_interval,
    "python benchmarks/kernels.py": check_kernels,
    "python benchmarks/start.py": check_start,
    "python benchmarks/predictions.py": check_predictions,
    "python benchmarks/dry.py": check_dry,
    "python docs/generate.py": check_generate,
    f"python {PHASE_DIAGRAM}": check_phase_diagram,
    "mpirun": check_mpirun,
    "rm": check_rm,
    "sbatch": check_sbatch,
}
"""How a command begins -> what checks the rest of it."""


def test_commands_are_found() -> None:
    """Each kind of block and span yields its commands: no test is empty."""
    found = {command for _, command in COMMANDS}
    assert {"make test", "python -m pip install .", "mpirun -n 3 python tutorial.py"} <= found
    assert any(command.startswith("python benchmarks/against_nest.py") for command in found)


def test_an_unknown_command_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="no test knows"):
        check(["distsim", "run"], "README.md", tmp_path)
    with pytest.raises(AssertionError):
        check(["make", "nothing"], "README.md", tmp_path)
    with pytest.raises(AssertionError):
        check(["python", "-m", "pip", "install", ".[openmp]"], "README.md", tmp_path)


# ---------------------------------------------------------------- links and generated pages


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files_and_headings(document: str) -> None:
    for link in documents.links(document):
        name, _, anchor = link.partition("#")
        target = (ROOT / document).parent / name if name else ROOT / document
        assert target.exists(), f"{document}: {link}"
        if anchor:
            assert anchor in documents.anchors(os.path.relpath(target, ROOT)), f"{document}: {link}"


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_extras_that_are_named_exist(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"'\.\[(\w+)\]'", documents.text_of(name))) <= set(project["optional-dependencies"])


def test_the_table_of_parameters_has_a_line_for_each() -> None:
    defaults = registry.find("two_population").parameters.DEFAULTS
    table = runpy.run_path(str(ROOT / "docs" / "generate.py"))["markdown_table"](defaults).splitlines()
    assert len(table) == 2 + len(defaults)
    assert "| `N` | 12500 |  | number of neurons, excitatory and inhibitory | example |" in table


def test_generated_pages_are_up_to_date() -> None:
    for name, make in runpy.run_path(str(ROOT / "docs" / "generate.py"))["PAGES"].items():
        assert documents.text_of(f"docs/{name}") == make(), f"docs/{name} is out of date: python docs/generate.py"
