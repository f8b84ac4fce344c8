"""Files with slow tests come first where files run side by side: short ones fill the end, and no core is idle."""

from collections import Counter

SLOW = 25  # tests take as long as one that is marked slow


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):  # the same order in all processes of pytest-xdist
        weights = Counter()
        for item in items:
            weights[item.path] += SLOW if item.get_closest_marker("slow") else 1
        items.sort(key=lambda item: (-weights[item.path], item.path))  # which keeps the order within a file
