"""Running a script of benchmarks/ from a test."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``script`` with the interpreter of the tests; whatever it printed, and its exit code."""
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def check_refused(script: str, arguments: list[str], message: str) -> None:
    """``script`` ends with exit code 2 and ``message`` in its last line, without a traceback."""
    done = run(script, *arguments)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
