"""The harness without the engine: command line, experiment files, points."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from distsim.core.errors import InputError
from distsim.models import registry
from distsim.models.model import ExperimentModel
from distsim.models.wings import wing_of
from distsim.scaling.experiment import Point, key_of, points_of, read_experiment
from distsim.scaling.options import parse, seconds
from distsim.scaling.point import network_name
from distsim.scaling.session import Session, expected
from distsim.scaling.settings import Experiment

EXPERIMENTS = Path(__file__).parents[2] / "scaling"
PUBLISHED = EXPERIMENTS / "network_size.toml"
IAF = (("neuron_model", "iaf_psc_alpha"),)
BOTH = {"neuron_model": ("iaf_psc_alpha", "ignore_and_fire")}


def read(*arguments: str) -> Experiment:
    options = parse(list(arguments))
    return read_experiment(options.file, options.settings)[0]


def plan(folder: Path, *arguments: str, ranks: int = 1):
    """What a command line leads to, with ``folder`` for what it writes."""
    with Session(None, parse([*arguments, "--out", str(folder / "out")]), ranks, ranks) as session:
        return session.plan


def write(folder: Path, text: str) -> str:
    path = folder / "trial.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_without_arguments_both_neuron_models_run_at_four_sizes():
    experiment = read()
    assert (experiment.model, experiment.kind, experiment.indegree) == ("two_population", "size", 1250)
    assert experiment.vary == BOTH
    assert parse([]).out == Path("scaling-results")
    assert [p.size for p in points_of(experiment, 1)] == [1250, 1250, 2500, 2500, 3750, 3750, 5000, 5000]


def test_the_published_experiment(tmp_path):
    experiment = read(str(PUBLISHED))
    assert experiment.sizes == tuple(range(1250, 13751, 1250))
    assert (experiment.indegree, experiment.time, experiment.parameters) == (1250, 10_000.0, {"dt": 0.125})
    assert len(points_of(experiment, 2)) == 66
    assert parse([str(PUBLISHED)]).out == Path("network_size-results")


@pytest.mark.parametrize("file", sorted(EXPERIMENTS.glob("*.toml")), ids=lambda path: path.stem)
def test_ready_experiments_can_be_run(file, tmp_path):
    points = plan(tmp_path, str(file), ranks=8).points
    assert len({point.key() for point in points}) == len(points)


# Points


def test_strong_scaling_has_one_network_on_all_ranks():
    experiment = Experiment(kind="strong", sizes=(100,), ranks=(1, 2), indegree=10, seeds=(1, 2), repetitions=2)
    points = points_of(experiment, 1)
    assert [(p.size, p.indegree, p.ranks) for p in points] == 4 * [(100, 10, 1)] + 4 * [(100, 10, 2)]
    assert [(p.seed, p.repetition) for p in points[:4]] == [(1, 1), (1, 2), (2, 1), (2, 2)]


@pytest.mark.parametrize(("grows", "indegrees"), [(False, [10, 10, 10]), (True, [10, 20, 40])])
def test_weak_scaling_grows_with_ranks(grows, indegrees):
    experiment = Experiment(kind="weak", size_per_rank=100, ranks=(1, 2, 4), indegree=10, indegree_grows=grows)
    points = points_of(experiment, 1)
    assert [(p.size, p.ranks) for p in points] == [(100, 1), (200, 2), (400, 4)]
    assert [p.indegree for p in points] == indegrees


def test_size_scaling_runs_on_the_ranks_of_the_job_unless_told():
    assert {point.ranks for point in points_of(Experiment(sizes=(10, 20)), 3)} == {3}
    assert {point.ranks for point in points_of(Experiment(sizes=(10, 20), ranks=(2,)), 3)} == {2}


def test_varied_parameters_are_combined():
    points = points_of(Experiment(sizes=(10,), vary={"g": (4, 5.5), "model": ("a",)}), 1)
    assert [str(point) for point in points] == [
        "g = 4, a, N = 10, seed 1, 1 rank",
        "g = 5.5, a, N = 10, seed 1, 1 rank",
    ]


def test_a_point_is_known_by_its_fields():
    point = Point(IAF, 1250, None, 2, 1, 3)
    assert Point.from_dict(point.as_dict()) == point
    assert key_of({**point.as_dict(), "more": 1}) == point.key()
    assert point.key() != Point(IAF, 1250, None, 2, 1, 2).key()


# Command line


@pytest.mark.parametrize("words", [["1250", "2500"], ["1250,2500"], ["1250,", "2500"]])
def test_lists_take_spaces_and_commas(words):
    assert read("--sizes", *words).sizes == (1250, 2500)


def test_options_override_the_file(tmp_path):
    text = "sizes = [2500]\nseeds = [1, 2]\ntime = 500\n[parameters]\ng = 8.0\neta = 1.5\n[vary]\nJ_E = [0.5, 0.6]\n"
    experiment = read(
        write(tmp_path, text), "--seeds", "7", "--vary", "neuron_model=iaf_psc_alpha", "J_E=0.5", "--set", "g=9"
    )
    assert [dict(point.variant) for point in points_of(experiment, 1)] == [
        {"J_E": 0.5, "neuron_model": "iaf_psc_alpha"}
    ]
    assert experiment.parameters == {"g": 9, "eta": 1.5}
    assert (experiment.time, experiment.seeds) == (500.0, (7,))


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = capsys.readouterr().out
    for word in ("--sizes", "1250, 2500, 3750, 5000", "--resume", "--launcher", "--budget", "report", "runs.jsonl"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "1250"], r"unknown option '--size'; did you mean '--sizes'\?"),
        (["--resum"], r"unknown option '--resum'; did you mean '--resume'\?"),
        (["a.toml", "b.toml"], "'b.toml' is one argument too many"),
        (["--sizes"], "--sizes: expected at least one argument"),
        (["--sizes", ","], "option --sizes: sizes must hold at least one value"),
        (["--sizes", "-5"], r"option --sizes: sizes\[0\] must be at least 1, got -5"),
        (["--sizes", "1250", "1250.5"], r"sizes\[1\] must be a whole number, got 1250.5"),
        (["--sizes", "many"], r"sizes\[0\] must be a whole number, got 'many'"),
        (["--sizes", "1250", "1250"], "sizes holds 1250 twice"),
        (["--kind", "weka"], r"did you mean 'weak'\?"),
        (["--kind", "strong", "--sizes", "1250"], "option --kind: kind = 'strong' needs ranks, as in"),
        (["--kind", "weak", "--size-per-rank", "1250", "--ranks", "1"], "needs indegree_grows, whether the inputs"),
        (["--kind", "weak", "--sizes", "1250"], "--sizes: sizes has no meaning in an experiment of kind 'weak'"),
        (["--indegree-grows", "true"], "indegree_grows has no meaning in an experiment of kind 'size'"),
        (["--ranks", "1", "2"], "an experiment of kind 'size' has one number of ranks"),
        (["--exchange", "altoall"], r"did you mean 'alltoall'\?"),
        (["--precision", "half"], "precision must be one of double, single, got 'half'"),
        (["--time", "0"], "time must be larger than 0"),
        (["--time", "nan"], "time must be"),
        (["--time", "inf"], "time must be finite"),
        (["--presimulation", "-1"], "presimulation must be at least 0"),
        (["--seeds", "-1"], r"seeds\[0\] must be at least 0, got -1"),
        (["--repetitions", "0"], "repetitions must be at least 1"),
        (["--set", "g"], "'g' is not of the form NAME=VALUE"),
        (["--vary", "g="], "'g=' is not of the form NAME=A,B"),
        (["--vary", "g=4,4"], "vary.g holds 4 twice"),
        (["--vary", "g=4", "--set", "g=5"], "option --vary: vary.g is in parameters as well"),
        (["--budget", "soon"], "option --budget: 'soon' is no duration; write e.g. 90s, 30m or 1h30m"),
    ],
)
def test_wrong_options_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        read(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "two_populations"], r"option --model: .*did you mean 'two_population'\?"),
        (["--sizes", "1000"], "indegree = 1250, that of two_population where none is given, is above the 1000 neurons"),
        (["--sizes", "9", "--indegree", "10"], "option --indegree: indegree = 10 is above the 9 neurons of a network"),
        (["--time", "100.03"], "option --time: two_population: T = 100.03 ms is not a whole multiple of dt = 0.125 ms"),
        (["--set", "dt=0.3"], "option --set: two_population: T = 1000 ms is not a whole multiple of dt = 0.3"),
        (["--presimulation", "0.1"], "presimulation = 0.1 ms is not a whole multiple"),
        (["--interval", "0.2"], "option --interval: interval = 0.2 ms is not a whole multiple"),
        (["--interval", "3"], "option --interval: interval = 3 ms is longer than the delay of 1.5 ms"),
        (["--set", "N=5"], "option --set: parameters: 'N' is set by sizes"),
        (["--vary", "seed=5,6"], "option --vary: vary: 'seed' is set by seeds"),
        (["--set", "gg=5"], r"option --set: .*'gg'.*did you mean 'g'\?"),
        (["--vary", "neuron_model=iaf_psc_alfa"], r"option --vary: .*did you mean 'iaf_psc_alpha'\?"),
        (["--kind", "strong", "--sizes", "2500", "--ranks", "1", "4"], "option --ranks: a point needs 4 ranks"),
    ],
)
def test_what_only_the_model_knows_is_found_before_anything_is_written(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        plan(tmp_path, *arguments)
    assert list(tmp_path.iterdir()) == []


# Files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sizes = [1250,\ntime = 3", r"trial.toml: not valid TOML: .*line 2"),
        ("time = 10\n\nsize = [1250]", r"trial.toml, line 3: unknown setting 'size'; did you mean 'sizes'\?"),
        ("time = 10\nsizes = [1250, 99.5]", r"trial.toml, line 2: sizes\[1\] must be a whole number, got 99.5"),
        ("sizes = 1250", r"line 1: sizes must be a list, as in \[1, 2\], got 1250"),
        ("sizes = [true]", r"sizes\[0\] must be a whole number, got True"),
        ('time = "long"', "line 1: time must be a number, got 'long'"),
        ("[parameter]\ng = 8", r"line 1: unknown setting 'parameter'; did you mean 'parameters'\?"),
        ("parameters = 3", r"line 1: parameters must be a table, as in \[parameters\]"),
        ("[parameters]\n\ng = [8]", r"line 3: parameters.g must be a number, a text, true or false"),
        ("[vary]\ng = 8", r"line 2: vary.g must be a list, as in \[1, 2\], got 8"),
        ("vary.g = []", r"line 1: vary.g must hold at least one value"),
        ('kind = "strong"\nranks = [1]\nsize_per_rank = 3', "line 3: size_per_rank has no meaning"),
        ('kind = "weak"\nranks = [1]\nsize_per_rank = 3\nindegree_grows = 1', "line 4: indegree_grows must be true or"),
    ],
)
def test_wrong_files_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[parameters]\nK = 3", "trial.toml, line 2: parameters: 'K' is set by sizes and indegree"),
        ("time = 10\n[parameters]\neta = 1.0\ng = -1.0", "trial.toml, line 4: two_population: g must be"),
        ('[vary]\nneuron_model = ["iaf", "ignore_and_fire"]', "trial.toml, line 2: two_population: neuron_model must"),
        ("sizes = [1250]\nindegree = 2000", "trial.toml, line 2: indegree = 2000 is above the 1250"),
    ],
)
def test_lines_are_named_for_what_only_the_model_knows(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        plan(tmp_path, write(tmp_path, text))


def test_missing_file_names_the_nearest(tmp_path):
    write(tmp_path, "")
    with pytest.raises(InputError, match=r"no experiment file '.*trail.toml'; did you mean '.*trial.toml'\?"):
        read(str(tmp_path / "trail.toml"))


def test_file_that_is_no_text(tmp_path):
    (tmp_path / "trial.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read(str(tmp_path / "trial.toml"))
    with pytest.raises(InputError, match="cannot be read"):
        read(str(tmp_path))


# Models


@pytest.mark.parametrize("name", registry.MODELS)
def test_every_model_can_be_scaled(name, tmp_path):
    """The network has about as many neurons as asked for, and all of the harness's checks pass."""
    sizes = ["1980", "3960"]  # multiples of 5, as Brunel's network has, and of 9, as a column
    found = plan(tmp_path, "--model", name, "--sizes", *sizes, "--time", "100", "--no-plot")
    for point in found.points:
        network = registry.find(name).build_network(found.parameters_of(point))
        neurons = sum(population.size for population in wing_of(network).neurons(network))
        assert math.isclose(neurons, point.size, rel_tol=0.02)


def test_a_model_that_is_no_network_is_refused(tmp_path, monkeypatch):
    class Alone(ExperimentModel):
        name = "alone"

    monkeypatch.setattr("distsim.scaling.plan.find", lambda name: Alone())
    with pytest.raises(InputError, match=r"model 'alone' is no network .* such are .*two_population"):
        plan(tmp_path, "--model", "brunel", "--sizes", "100")


@pytest.mark.parametrize("name", ["brunel_siegert", "binary_ei"])
def test_settings_of_spikes_are_of_no_other_neurons(name, tmp_path):
    for setting, value in (("precision", "single"), ("interval", "1"), ("exchange", "allgather")):
        with pytest.raises(InputError, match=f"option --{setting}: {setting} has no meaning for the model '{name}'"):
            plan(tmp_path, "--model", name, "--sizes", "1980", f"--{setting}", value)


# Time


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("1.5h", 5400), ("2m5s", 125)]
)
def test_durations(text, value):
    assert seconds(text, "--budget") == value


def test_the_next_point_is_judged_by_those_most_like_it():
    def record(size, ranks, wall_time):
        return {**Point(IAF, size, 100, ranks, 1).as_dict(), "wall_time": wall_time}

    records = [record(1000, 1, 10.0), record(2000, 1, 16.0)]
    assert expected(Point(IAF, 1000, 100, 1, 2), []) == 0.0
    assert expected(Point(IAF, 4000, 100, 1, 1), records) == 32.0
    assert expected(Point(IAF, 2000, 100, 2, 1), records) == 10.0
    assert expected(Point(IAF, 500, 100, 1, 1), records) == 10.0  # start-up does not shrink


def test_networks_of_other_random_streams_have_other_names(tmp_path, monkeypatch):
    """Their records are not those of one network, though all parameters are the same."""
    found = plan(tmp_path, "--model", "brunel", "--sizes", "100", "--time", "100", "--no-plot")
    network = registry.find("brunel").build_network(found.parameters_of(found.points[0]))
    fields = {"model": "brunel", "parameters": {}, "presimulation_ms": 0.0, "T_ms": 1.0, "precision": "double"}
    before = network_name(network, fields)
    assert before == network_name(network, fields)
    monkeypatch.setattr("distsim.record.changeable.VERSION", 0)
    assert before != network_name(network, fields)
