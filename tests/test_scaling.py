"""The harness without the engine: command line and experiment files."""

from __future__ import annotations

from pathlib import Path

import pytest

from distsim.errors import InputError
from distsim.scaling.experiment import Experiment, Point
from distsim.scaling.options import parse
from distsim.scaling.schema import read_experiment

PUBLISHED = Path(__file__).parent.parent / "scaling" / "network_size.toml"


def read(*arguments: str) -> Experiment:
    options = parse(list(arguments))
    return read_experiment(options.file, options.settings)


def write(folder: Path, text: str) -> str:
    path = folder / "trial.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_without_arguments_both_models_run_at_four_sizes():
    options = parse([])
    assert read() == Experiment()
    assert options.out == Path("scaling-results")
    assert [point.size for point in Experiment().points()] == [1250, 1250, 2500, 2500, 3750, 3750, 5000, 5000]
    assert {point.neuron_model for point in Experiment().points()} == {"iaf_psc_alpha", "ignore_and_fire"}


def test_the_published_experiment():
    experiment = read(str(PUBLISHED))
    assert experiment.sizes == tuple(range(1250, 13751, 1250))
    assert (experiment.indegree, experiment.time, experiment.dt) == (1250, 10_000.0, 0.125)
    assert len(experiment.points()) == 66
    assert parse([str(PUBLISHED)]).out == Path("network_size-results")


def test_the_quick_experiment_is_valid():
    assert len(read(str(PUBLISHED.with_name("quick.toml"))).points()) == 8


@pytest.mark.parametrize("words", [["1250", "2500"], ["1250,2500"], ["1250,", "2500"]])
def test_lists_take_spaces_and_commas(words):
    assert read("--sizes", *words).sizes == (1250, 2500)


def test_options_override_the_file(tmp_path):
    file = write(tmp_path, "sizes = [2500]\nseeds = [1, 2]\ntime = 500\n[parameters]\ng = 8.0\neta = 1.5\n")
    experiment = read(file, "--seeds", "7", "--neuron-models", "iaf_psc_alpha", "--set", "g=9")
    assert experiment.points() == [Point("iaf_psc_alpha", 2500, 7)]
    assert experiment.parameters == {"g": 9, "eta": 1.5}
    assert experiment.time == 500.0
    given = experiment.model_parameters("iaf_psc_alpha", 2500)
    assert given == {"g": 9, "eta": 1.5, "neuron_model": "iaf_psc_alpha", "N": 2500, "K": 1250, "dt": 0.125, "T": 500.0}


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = capsys.readouterr().out
    for word in ("--sizes", "1250, 2500, 3750, 5000", "--resume", "--set", "examples:", "runs.jsonl", "mpirun"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "1250"], r"unknown option '--size'; did you mean '--sizes'\?"),
        (["--resum"], r"unknown option '--resum'; did you mean '--resume'\?"),
        (["a.toml", "b.toml"], "'b.toml' is one argument too many"),
        (["--sizes"], "--sizes: expected at least one argument"),
        (["--sizes", ","], "option --sizes: sizes must hold at least one value"),
        (["--sizes", "-5"], r"option --sizes: sizes\[0\] must be larger than 0, not -5"),
        (["--sizes", "1250", "1250.5"], r"sizes\[1\] must be a whole number, not 1250.5"),
        (["--sizes", "many"], r"sizes\[0\] must be a whole number, not 'many'"),
        (["--sizes", "1250", "1250"], "sizes holds 1250 twice"),
        (["--neuron-models", "iaf_psc_alfa"], r"option --neuron-models: .*did you mean 'iaf_psc_alpha'\?"),
        (["--exchange", "alltoall"], r"did you mean 'alltoallv'\?"),
        (["--precision", "half"], "precision = 'half' is not one of double, single"),
        (["--indegree", "1251"], "indegree = 1251 is above the 1250 neurons of the smallest network"),
        (["--sizes", "1000"], "indegree = 1250 is above the 1000 neurons of the smallest network"),
        (["--time", "100.03"], "option --time: time = 100.03 ms is not a whole multiple of dt = 0.125 ms"),
        (["--time", "0"], "time must be larger than 0"),
        (["--time", "nan"], "time must be"),
        (["--time", "inf"], "time must be finite"),
        (["--dt", "0.3"], "time = 1000 ms is not a whole multiple of dt = 0.3 ms"),
        (["--interval", "0.2"], "option --interval: interval = 0.2 ms is not a whole multiple"),
        (["--seeds", "-1"], r"seeds\[0\] must be at least 0, not -1"),
        (["--set", "g"], "'g' is not of the form NAME=VALUE"),
        (["--set", "N=5"], "option --set: parameters: 'N' is set by sizes"),
    ],
)
def test_wrong_options_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        read(*arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sizes = [1250,\ntime = 3", r"trial.toml: not valid TOML: .*line 2"),
        ("time = 10\n\nsize = [1250]", r"trial.toml, line 3: unknown setting 'size'; did you mean 'sizes'\?"),
        ("time = 10\nsizes = [1250, 99.5]", r"trial.toml, line 2: sizes\[1\] must be a whole number, not 99.5"),
        ("sizes = 1250", r"line 1: sizes must be a list, as in \[1, 2\], not 1250"),
        ("sizes = [true]", r"sizes\[0\] must be a whole number, not True"),
        ('time = "long"', "line 1: time must be a number, not 'long'"),
        ("[parameter]\ng = 8", r"line 1: unknown setting 'parameter'; did you mean 'parameters'\?"),
        ("parameters = 3", r"line 1: parameters must be a table"),
        ('neuron_models = ["ignore_and_fir"]', r"line 1: neuron_models\[0\] .* did you mean 'ignore_and_fire'\?"),
        ("indegree = 2000\nsizes = [1250]", r"line 1: indegree = 2000 is above the 1250 neurons"),
        ("[parameters]\nK = 3", "'K' is set by indegree"),
    ],
)
def test_wrong_files_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path, text))


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
