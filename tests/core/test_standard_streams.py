"""Standard output and error as they may be: closed, a pipe that is read no more, without Unicode."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.mpi import JOB_ENVIRONMENT, outside_of_any_job

ENVIRONMENT = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)}
LIST = "-m distsim list"
WRONG = "-m distsim run brunel --set g=-1"
MADE_LASTING = "from distsim.core.standard_streams import make_lasting; make_lasting()"


def shell(line, **environment):
    """What a shell makes of a line, in which PYTHON is this interpreter: exit code, standard output and error."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("PYTHON", sys.executable)],
        env={**ENVIRONMENT, **environment}, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_texts_are_shown_without_unicode(environment):
    script = MADE_LASTING + "; print(f'rate 1 {chr(177)} 2 {chr(215)} 3')"
    code, out, err = shell(f'PYTHON -c "{script}"', **environment)
    assert (code, err) == (0, "")
    assert out.strip() in ("rate 1 +- 2 x 3", "rate 1 \u00b1 2 \u00d7 3")


def test_a_reader_that_has_gone_ends_nothing():
    code, out, err = shell(f"PYTHON {LIST} | head -1")
    assert (code, out.count("\n"), err) == (0, 1, "")
    script = MADE_LASTING + "; [print('x' * 999, flush=True) for _ in range(999)]"
    code, out, err = shell(f'PYTHON -c "{script}" | head -1')
    assert (code, out.count("\n"), err) == (0, 1, "")


def test_closed_streams():
    assert shell(f"PYTHON {WRONG} 2>&-") == (2, "", "")
    assert shell(f"PYTHON {LIST} >&-") == (0, "", "")
    code, out, err = shell(f"PYTHON {WRONG} <&- >&-")
    assert (code, out) == (2, "")
    assert "g must be at least 0" in err


def test_a_file_does_not_take_the_place_of_a_closed_stream(tmp_path):
    """Else what a library writes to standard error would go to the file."""
    script = (
        "from distsim.core.standard_streams import make_lasting; make_lasting(); import os;"
        f"f = open('{tmp_path / 'data'}', 'w'); os.write(2, b'noise'); f.write('data'); f.close()"
    )
    assert shell(f'PYTHON -c "{script}" 2>&-')[0] == 0
    assert (tmp_path / "data").read_text(encoding="ascii") == "data"
