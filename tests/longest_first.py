"""Files with slow tests come first where files run side by side: short ones fill the end, and no core is idle."""

from collections import Counter
from pathlib import Path

SLOW = 25  # tests take as long as one that is marked slow

TESTS = Path(__file__).parent
BEGIN = [
    TESTS / name
    for name in (
        "spiking/test_rank_invariance.py",
        "house/test_site.py",
        "parallel/test_failing_jobs.py",
        "scaling/test_jobs.py",
        "command/test_going_on.py",
        "house/test_documentation.py",
    )
]
"""One process begins with the jobs of 3 and of 7 ranks, which compile most kernels. Meanwhile others do what needs none
of them, or few, and waits for programs: who wants a kernel that another process compiles just then waits for it.
"""


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):  # the same order in all processes of pytest-xdist
        weights = Counter()
        for item in items:
            weights[item.path] += SLOW if item.get_closest_marker("slow") else 1
        places = {path.resolve(strict=True): number for number, path in enumerate(BEGIN)}
        # which keeps the order within a file
        items.sort(key=lambda item: (places.get(item.path, len(BEGIN)), -weights[item.path], item.path))
