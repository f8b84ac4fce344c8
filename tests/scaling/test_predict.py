"""Predictions: what follows from sampled ranks and from the machine, and what is refused before any simulation."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from distsim.core.errors import InputError
from distsim.scaling.dry import DryResult
from distsim.scaling.experiment import Point
from distsim.scaling.machine_file import ASSUMED, COSTS, Exchanged, Machine, read_machine, written
from distsim.scaling.predict import Assumptions, Node, expected_largest, made_up, predicted, sampled_ranks
from distsim.scaling.predict_command import parse, predict_command
from distsim.scaling.report.prediction_figure import draw_predictions

CURVE = tuple(
    Exchanged(ranks, 1, spikes, 2.0 + 0.5 * np.log2(ranks) + 1e-3 * ranks * max(6, spikes), "allgather")
    for ranks in (2, 4, 16)
    for spikes in (1, 10, 1000)
)
MACHINE = Machine('a "fast" one', 16, 500, {"build": 2.0, "update": 3.0, "deliver": 4.0}, CURVE, 250.0, 1.5e8)
HERE = Machine("here", 1, 500, {"build": 1.0, "update": 1.5, "deliver": 8.0}, CURVE, memory=1e8)
POINT = Point((), 100, 10, 64, 1)
TINY = ["--sizes", "60", "--indegree", "20", "--time", "15", "--vary", "neuron_model=ignore_and_fire"]


def result(rank=0, ranks=64, events=(10, 10, 10, 10), **values) -> DryResult:
    counts = np.array(events, np.int64)
    taken = {
        "neurons": 2, "synapses": 20, "table_bytes": 160, "compile_time": 1.0, "build_time": 0.5, "computing": 3.0,
        "seconds": {"update": 1.0, "deliver": 2.0, "create": 0.1}, "memory_start": 10**8, "memory_built": 2 * 10**8,
        "memory_peak": 3 * 10**8, "time": 6.0, "interval": 1.5, "spikes": 3, "intervals": 4, "wrong": 0,
        "first_wrong": None, "known": {}, "exchange_plan": {}, "loop": "compiled",
    }  # fmt: skip
    return DryResult(
        rank=rank, ranks=ranks, **{**taken, **values}, received=np.full(4, ranks * 10), targeted=counts, events=counts
    )


# ---------------------------------------------------------------- the machine


def test_a_machine_is_read_as_it_was_written(tmp_path):
    written(MACHINE, tmp_path / "machine.toml")
    read = read_machine(tmp_path / "machine.toml")
    assert replace(read, name=MACHINE.name, exchange=CURVE) == MACHINE
    assert [e.microseconds for e in read.exchange] == pytest.approx([e.microseconds for e in CURVE], rel=1e-5)
    assert read.name == "a 'fast' one"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("format = 1", "format = 7"), "its format is 7, not 1"),
        (("cores = 16", "corse = 16"), "unknown entry 'corse'; did you mean 'cores'?"),
        (("update = 3", "update = -3"), "compute.update must be larger than 0"),
        (("[compute]", "[computed]"), "unknown entry 'computed'; did you mean 'compute'?"),
        (("microseconds", "seconds"), "unknown entry 'seconds'"),
        (("[compute]", "[compute"), "Expected ']'"),
    ],
    ids=["format", "entry", "cost", "table", "exchange", "no toml"],
)
def test_a_file_of_another_form_is_refused(tmp_path, changed, message):
    path = tmp_path / "machine.toml"
    path.write_text(MACHINE.text().replace(*changed), encoding="utf-8")
    with pytest.raises(InputError, match="is no machine file: ") as refused:
        read_machine(path)
    assert message in str(refused.value)


def test_exchanges_are_measured_ones_or_follow_their_curve():
    assert MACHINE.exchange_seconds(1, 1000.0) == 0.0
    assert MACHINE.exchange_seconds(4, 10.0) == pytest.approx(3.04e-6)
    assert MACHINE.exchange_seconds(4, 505.0) == pytest.approx(0.5e-6 * (3.04 + 7.0))
    assert MACHINE.exchange_seconds(1024, 20.0) == pytest.approx(1e-6 * (2.0 + 5.0 + 20.48))
    assert MACHINE.exchange_error < 1e-9
    other = replace(MACHINE, exchange=(*CURVE[:-1], replace(CURVE[-1], microseconds=40.0)))
    assert 0.05 < other.exchange_error < 0.5


def test_curves_that_fit_as_well_tell_how_far_an_exchange_is_known():
    """Measured well, all of them agree; measured on two ranks alone, they may or may not grow with log2(ranks)."""
    once = MACHINE.exchange_seconds(1024, 20.0)
    assert MACHINE.exchange_range(1024, 20.0) == pytest.approx((once, once), rel=1e-6)
    two = replace(MACHINE, exchange=tuple(e for e in CURVE if e.ranks == 2))
    constant, each = 2.5e-6, 1e-9 * 1024 * 20.0
    assert two.exchange_range(1024, 20.0) == pytest.approx((constant + each, 10.0 * constant + each), rel=1e-6)
    assert two.exchange_range(1, 20.0) == (0.0, 0.0)


# ---------------------------------------------------------------- a prediction


def test_the_expected_largest_is_that_of_normal_numbers():
    random = np.random.default_rng(1)
    for n in (2, 10, 1000):
        found = random.standard_normal((20_000_000 // n // 20, n)).max(axis=1).mean()
        assert expected_largest(n) == pytest.approx(found, rel=0.05)
    assert expected_largest(1) == 0.0


def test_sampled_ranks_are_spread_over_all():
    assert sampled_ranks(1, 3) == (0,)
    assert sampled_ranks(2, 3) == (0, 1)
    assert sampled_ranks(1000, 3) == (0, 500, 999)


def test_equal_ranks_wait_for_none():
    """Computing is slower there by what the machine says; an exchange costs what it measured."""
    given = Assumptions(Node(16, 64e9), MACHINE, HERE)
    found = predicted(POINT, [result(rank) for rank in (0, 31, 63)], given)
    assert found.seconds["update"] == pytest.approx(2.0 * 1.0)
    assert found.seconds["deliver"] == pytest.approx(0.5 * 2.0)
    assert found.seconds["wait"] == pytest.approx(0.0, abs=1e-12)
    assert found.seconds["exchange"] == pytest.approx(4e-6 * (2.0 + 3.0 + 0.64))
    assert found.real_time_factor == pytest.approx(1000.0 * found.sim_time / 6.0)
    assert (found.nodes, found.ranks_per_node, found.build_time) == (4, 16, 1.0)
    assert found.core_hours == pytest.approx(64 * (1.0 + found.sim_time) / 3600.0)
    assert found.memory_per_rank == pytest.approx(3e8 + 0.5e8)
    assert found.energy == pytest.approx(250.0 * 4 * (1.0 + found.sim_time))
    assert found.fits
    assert found.limit == "update"


def test_all_wait_for_the_slowest_of_each_interval():
    """Of two ranks, both known, exactly; of 64, of which some are known, by their deviation."""
    uneven = [result(0, 2, (9, 1, 9, 1)), result(1, 2, (1, 9, 1, 9))]
    given = Assumptions(Node(16, 64e9))
    both = predicted(replace(POINT, ranks=2), uneven, given)
    of_each = 2.0 * np.array([10, 2, 10, 2]) / 24.0
    assert both.seconds["wait"] == pytest.approx(4.0 * of_each.max() - 2.0)
    more = [replace(r, ranks=64, rank=rank) for rank, r in zip((0, 63), uneven, strict=True)]
    deviation = np.std(of_each[:2], ddof=1)
    assert predicted(POINT, more, given).seconds["wait"] == pytest.approx(4.0 * deviation * expected_largest(64))


def test_nodes_that_are_too_small_are_told():
    found = predicted(POINT, [result(rank) for rank in (0, 31, 63)], Assumptions(Node(16, 4e9)))
    assert found.memory_per_node == pytest.approx(16 * 3e8)
    assert not found.fits
    assert found.limit == "memory"


def test_networks_on_the_same_ranks_are_curves_of_their_own():
    """Two sizes on 64 and 128 ranks are two curves; sizes that grow with the ranks are one."""
    given = Assumptions(Node(16, 64e9))

    def names(*places: tuple[int, int]) -> list[str]:
        of_ranks = [replace(POINT, ranks=ranks, size=size) for ranks, size in places]
        found = [predicted(point, [result(0, point.ranks), result(1, point.ranks)], given) for point in of_ranks]
        curves = draw_predictions(found, [None] * len(found)).axes[0].containers
        return [f"{curve.get_label()}: {curve.lines[0].get_xdata().tolist()}" for curve in curves]

    assert names((64, 100), (64, 200), (128, 100), (128, 200)) == ["N = 100: [64, 128]", "N = 200: [64, 128]"]
    assert names((64, 100), (128, 200)) == ["predicted: [64, 128]"]


# ---------------------------------------------------------------- the command line


def test_spikes_at_an_assumed_rate(tmp_path):
    (plan,) = _plans(["--sizes", "1000", "--indegree", "10", "--time", "1000", "--vary", "neuron_model=iaf_psc_alpha"])
    found = made_up(plan.experiment, plan.points[0], 5.0)
    assert sum(len(times) for times, _ in found.values()) == pytest.approx(5000, abs=300)
    with pytest.raises(InputError, match=r"too many to be made up; take a --time of at most"):
        made_up(plan.experiment, plan.points[0], 1e6)


def _plans(arguments):
    from distsim.scaling import predict_command as command

    return list(command._plans(parse(arguments).common))


def test_weak_scaling_is_predicted_for_each_number_of_ranks():
    plans = _plans(
        [
            "--kind",
            "weak",
            "--indegree-grows",
            "false",
            "--size-per-rank",
            "50",
            "--indegree",
            "10",
            "--ranks",
            "4",
            "8",
        ]
    )
    assert [plan.points[0].size for plan in plans] == [200, 400]


def test_prediction_of_a_job_on_two_ranks(tmp_path, monkeypatch, capsys):
    """From the command line: a table, a figure and a record of what it is made of."""
    monkeypatch.chdir(tmp_path)
    assert predict_command([*TINY, "--ranks", "2", "--node", "cores=2 memory=4G", "--out", "p.json"]) == 0
    told = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    (found,) = told["predictions"]
    assert (found["sampled"], found["wrong"], found["nodes"], found["fits"]) == ([0, 1], 0, 1, True)
    assert found["real_time_factor"] == pytest.approx(sum(found["seconds"].values()) * 1000.0 / 15.0)
    assert told["assumed"]["node"] is not None
    assert (tmp_path / "p.pdf").read_bytes().startswith(b"%PDF")
    printed = capsys.readouterr().out
    assert "exchanges: assumed" in printed
    assert max(map(len, printed.splitlines())) <= 110


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--node", "cores=4"], "is not of the form cores=128 memory=256G"),
        (["--node", "cores=4 memroy=2G"], "unknown word 'memroy'; did you mean 'memory'?"),
        (["--machine", "nowhere.toml"], "'nowhere.toml' does not exist; measure one"),
        (["--spikes", "a.h5", "--rate", "3"], "give --spikes or --rate"),
        (["--rate", "-1"], "option --rate must be larger than 0"),
        (["--rnak", "3"], "unknown option '--rnak'; did you mean '--ranks'?"),
    ],
    ids=["node", "word of node", "machine", "spikes and rate", "rate", "option"],
)
def test_what_is_wrong_is_said_before_anything_is_simulated(arguments, message):
    with pytest.raises(InputError) as refused:
        predict_command([*TINY, *arguments])
    assert message in str(refused.value)


def test_a_machine_is_measured_on_its_ranks(mpirun, tmp_path):
    done = mpirun(2, ["-m", "distsim.scaling", "machine", "--neurons", "100", "--out", str(tmp_path / "m.toml")])
    assert "ranks side by side" in done.stdout
    found = read_machine(tmp_path / "m.toml")
    assert found.cores == found.most_ranks == 2
    assert 3e7 < found.memory < 1e9
    assert set(found.compute) == set(COSTS)
    assert [e.spikes for e in found.exchange] == [1, 10, 100, 1000]


def test_assumed_exchanges_follow_the_curve_they_are_said_to():
    assumed = Machine("", 1, 100, dict.fromkeys(COSTS, 1.0), tuple(ASSUMED))
    assert assumed.exchange_error < 1e-6
