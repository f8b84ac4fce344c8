"""The benchmark of trials side by side: both ways find the same spikes. No test looks at a wall time."""

import json

from tests import benchmark_programs


def test_both_ways_find_the_same_spikes() -> None:
    done = benchmark_programs.run("trials_side_by_side.py", "--copies", "3", "--time", "60", "--repetitions", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["copies"] == 3
