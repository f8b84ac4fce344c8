"""What is published of measured experiments: complete, without names of machines, as the program makes it."""

from __future__ import annotations

import json
import re
import runpy

import pytest

from distsim.scaling import store
from distsim.scaling.report.summary import disagreements
from distsim.scaling.store import Folder
from tests.documents import ROOT
from tests.mpi import JOB_ENVIRONMENT
from tests.scaling_records import MODELS, make_experiment, strong_records

PUBLISHED = sorted(path.parent for path in (ROOT / "scaling" / "results").glob("*/runs.jsonl"))
MACHINE = "somebodys-machine"
PATH = re.compile(r"(?<![\w.])/(home|root|tmp|work|usr|opt|mnt|scratch|users)\b", re.IGNORECASE)


@pytest.fixture
def program():
    return runpy.run_path(str(ROOT / "scaling" / "publish.py"))


def texts(folder) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.iterdir() if path.suffix != ".png")


def test_names_and_paths_of_the_machine_are_left_out(program, tmp_path):
    settings = make_experiment(
        sizes=(1250,), vary={"neuron_model": MODELS}, seeds=(1, 2), kind="strong", ranks=(4,)
    )  # fmt: skip
    measured = Folder(tmp_path / "measured", settings.identity(), settings.settings(), resume=False)
    for record in strong_records():
        variables = {"OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": "/home/me", "SLURM_JOB_NODELIST": MACHINE}
        measured.add({**record, "hosts": {MACHINE: record["ranks"]}, "environment": variables})
    measured.close()
    program["publish"](tmp_path / "measured", tmp_path / "strong")
    found = texts(tmp_path / "strong")
    assert MACHINE not in found
    assert not PATH.search(found)
    assert "OMP_NUM_THREADS" in found
    assert json.loads((tmp_path / "strong" / "experiment.json").read_text())["settings"]["ranks"] == [1, 2, 4]
    page = (tmp_path / "strong" / "README.md").read_text(encoding="utf-8")
    first = strong_records()[0]
    assert first["launch_line"] in page
    assert first["spike_hash"][:16] in page
    assert "| 1, 2, 4 " in page


def test_measuring(program, tmp_path, monkeypatch):
    for name, value in JOB_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    measure = program["measure"]
    monkeypatch.setitem(measure.__globals__, "MEASURED", tmp_path / "measured")
    measure("weak", ["--size-per-rank", "60", "--indegree", "20", "--time", "20", "--seeds", "1"], (1, 2))
    program["publish"](tmp_path / "measured" / "weak", tmp_path / "weak")
    rows = store.read(tmp_path / "weak")
    assert [(row["ranks"], row["N"]) for row in rows] == [(1, 60)] * 2 + [(2, 120)] * 2
    assert {row["launch_line"].split()[0] for row in rows} == {"mpirun"}
    assert (tmp_path / "weak" / "weak_overview.png").stat().st_size > 10_000


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda path: path.name)
def test_published_results_are_what_the_program_makes_of_their_records(program, folder):
    records = store.read(folder)
    assert folder.name in program["EXPERIMENTS"]
    assert disagreements(records) == []
    assert (folder / "README.md").read_text(encoding="utf-8") == program["readme"](folder.name, records)
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "experiment.json", "runs.jsonl", "summary.csv", f"{records[0]['kind']}_overview.png",
    }  # fmt: skip
    assert not PATH.search(texts(folder))
    assert {host for row in records for host in row["hosts"]} <= {f"node{n}" for n in range(1, 100)}
