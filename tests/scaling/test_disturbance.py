"""Whether other programs used the cores of a point while it was measured."""

from __future__ import annotations

import pytest

from distsim.scaling import disturbance
from distsim.scaling.disturbance import CoreMeter, Used, are_disturbed

CASES = [
    ("idle", Used(10.0, 55, 0.02), False),
    ("busy", Used(10.0, 1400, 0.75), True),
    ("one_slice_of_a_short_run", Used(0.03, 1, 0.004), True),
    ("too_short_to_tell", Used(0.001, 1, 0.0005), False),
    ("idle_elsewhere", Used(10.0, 55, None), False),
    ("busy_elsewhere", Used(10.0, 1400, None), True),
]


@pytest.mark.parametrize(("used", "disturbed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_rank_that_waits_for_its_core_is_disturbed(used, disturbed):
    assert are_disturbed([Used(10.0, 0, 0.0), used]) is disturbed


class Alone:
    def gather(self, held, root):
        return [held]


@pytest.mark.parametrize("told", [True, False])
def test_what_the_record_holds(told, monkeypatch, tmp_path):
    """Differences between the ends of the measured time; without the file of Linux the switches alone."""
    monkeypatch.setattr(disturbance, "SCHEDULED", tmp_path / "schedstat")
    if told:
        (tmp_path / "schedstat").write_text("5000000000 1000000000 7\n", encoding="ascii")
    meter = CoreMeter()
    with meter:
        if told:
            (tmp_path / "schedstat").write_text("9000000000 3500000000 9\n", encoding="ascii")
    held = disturbance.disturbance(Alone(), meter, oversubscribed=False)
    assert held["waited_for_cores"] == ([2.5] if told else None)
    assert held["disturbed"] is told
    assert held["load_average"] >= 0.0
    assert not disturbance.disturbance(Alone(), meter, oversubscribed=True)["disturbed"]
