"""Commands of the scaling harness, and jobs that are handed to Slurm."""

from __future__ import annotations

import shlex
from pathlib import Path

from distsim.command import request
from distsim.scaling.experiment import read_experiment
from distsim.scaling.machine_file import ASSUMED, COSTS, Machine, written
from distsim.scaling.options import parse
from distsim.scaling.store import Folder
from tests.document_commands.running import BEFORE_PYTHON, TINY, Ranks, run_python
from tests.documents import ROOT
from tests.mpi import launcher
from tests.scaling_records import MODELS, make_experiment, strong_records

FEW_RANKS = 100_000  # a dry run of more takes seconds, and a gigabyte for what is known of each


def check_scaling(arguments: list[str], document: str, folder: Path, ranks: Ranks = None) -> None:
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
        smaller = [] if "--spikes" in arguments else list(TINY)  # a recording is of the network that is shown
        if int(arguments[arguments.index("--ranks") + 1]) > FEW_RANKS:
            smaller += ["--ranks", str(FEW_RANKS)]
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
