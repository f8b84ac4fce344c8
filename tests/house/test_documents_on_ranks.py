"""What documents show for several ranks holds: it runs on the ranks of one job, one after the other."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from mpi4py import MPI

from tests import documents
from tests.document_commands.checks import check_mpirun
from tests.document_commands.running import COMMANDS, run_document, write_script
from tests.documents import DOCUMENTS

pytestmark = pytest.mark.mpi(min_size=2)

SHOWN = [each for each in DOCUMENTS if documents.knows_ranks(each) and documents.fenced(each, "text")]
ON_RANKS = [(document, command) for document, command in COMMANDS if command.startswith("mpirun ")]


@pytest.mark.parametrize("document", SHOWN)
def test_python_prints_what_is_shown(comm: MPI.Comm, document: str, tmp_path: Path) -> None:
    if comm.rank == 0:
        write_script(document, tmp_path)
    printed = run_document(document, comm, comm.bcast(tmp_path))
    assert printed == "".join(documents.fenced(document, "text"))


@pytest.mark.parametrize(("document", "command"), ON_RANKS, ids=map(": ".join, ON_RANKS))
def test_command_works(comm: MPI.Comm, document: str, command: str, tmp_path: Path) -> None:
    check_mpirun(shlex.split(command)[1:], document, comm.bcast(tmp_path), comm)
