"""Running a script of benchmarks/ from a test."""

import contextlib
import importlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``script`` with the interpreter of the tests; whatever it printed, and its exit code."""
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def check_refused(script: str, arguments: list[str], message: str) -> None:
    """``script`` ends with exit code 2 and ``message`` in its last line; in this process, for it begins no work."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()) as said:
        patch.syspath_prepend(str(BENCHMARKS))
        try:
            code = importlib.import_module(Path(script).stem).main(arguments)
        except SystemExit as stop:  # of argparse
            code = stop.code
    assert code == 2
    assert message in said.getvalue().splitlines()[-1]
