"""Scripts run as they are, and NEST's own tests where a folder with them is given."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTSUITE = os.environ.get("DISTSIM_NEST_TESTSUITE")
SCRIPT = """
import sys

import nest
import nest.raster_plot
from nest.random import uniform

neurons = nest.Create("iaf_psc_alpha", 3, {"I_e": 800.0})
neurons.V_m = uniform(-70.0, -60.0)
recorder = nest.Create("spike_recorder")
nest.Connect(neurons, recorder)
nest.Simulate(100.0)
nest.raster_plot.from_device(recorder, hist=True)
print(sys.argv[1:], recorder.n_events, nest.__name__)
"""
STAND_IN = "import distsim.nest\n\ndistsim.nest.stand_in()\n"


def python(*arguments, cwd):
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, env=environment)


def test_a_script_is_run_with_its_arguments_and_knows_nothing(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = python("-m", "distsim.nest", "script.py", "--fast", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['--fast'] ")
    assert done.stdout.endswith(" distsim.nest\n")
    lost = python("-m", "distsim.nest", "scripd.py", cwd=tmp_path)
    assert lost.returncode == 2
    assert "there is no script 'scripd.py'" in lost.stderr


@pytest.mark.skipif(not TESTSUITE, reason="DISTSIM_NEST_TESTSUITE names no folder with NEST's tests")
@pytest.mark.slow(reason="NEST's own tests")
def test_files_of_nests_tests_pass_whole(tmp_path):
    shutil.copytree(TESTSUITE, tmp_path / "testsuite")
    (tmp_path / "conftest.py").write_text(STAND_IN, encoding="utf-8")
    assert list((tmp_path / "testsuite").rglob("test_*.py"))
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "testsuite", cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]
