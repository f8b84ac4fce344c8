"""Reading result files, and the figures drawn from them."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

import numpy as np
import pytest

from distsim.analysis import plots, read, weight_plots
from distsim.core.errors import InputError

# ---------------------------------------------------------------- result files

TIMES = np.array([0.125, 0.5, 0.5, 100.0, 250.0])
NEURONS = np.array([3, 0, 2, 1, 1], np.uint64)


@pytest.fixture
def result_file(tmp_path):
    import h5py

    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        file.attrs["distsim"] = json.dumps({"seed": 7, "dt": 0.125, "versions": {"distsim": "0.1"}})
        file["spikes/E/timestamps"] = TIMES
        file["spikes/E/timestamps"].attrs["units"] = "ms"
        file["spikes/E/node_ids"] = NEURONS
        rows = {"source": [0, 1], "target": [5, 2], "weight": [20.0, 30.0], "delay": [1.5, 1.5], "time": [125.0, 125.0]}
        for name, values in rows.items():
            file[f"weights/E->E/{name}"] = values * 2  # recorded twice
        file["weights/E->E/weight"][2:] = [31.9, 1.5]
        file["weights/E->E/time"][2:] = [250.0, 250.0]
        for name in rows:
            file[f"weights/E->I/{name}"] = np.zeros(0)
        file["states/E/V_m/value"] = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        file["states/E/V_m/time"] = [0.125, 0.25, 0.375]
        file["states/E/V_m/neuron"] = [0, 4]
    return path


def test_spikes_are_read_by_population_and_interval(result_file):
    times, neurons = read.read_spikes(result_file, "E")
    assert times.tolist() == TIMES.tolist()
    assert neurons.tolist() == [3, 0, 2, 1, 1]
    assert neurons.dtype == np.int64
    times, neurons = read.read_spikes(result_file, "E", start=0.125, stop=100.0)
    assert times.tolist() == [0.5, 0.5, 100.0]
    assert neurons.tolist() == [0, 2, 1]
    assert read.read_spikes(result_file, "E", 300.0, 400.0)[0].size == 0


def test_connections_states_and_parameters_are_read(result_file):
    found = read.read_connections(result_file, "E", "E")
    assert found.source.tolist() == [0, 1]
    assert found.target.tolist() == [5, 2]
    assert found.weight.tolist() == [31.9, 1.5]
    assert found.delay.tolist() == [1.5, 1.5]
    assert found.time == 250.0
    before = read.read_connections(result_file, "E", "E", time=125.0)
    assert before.weight.tolist() == [20.0, 30.0]
    assert before.source.tolist() == [0, 1]
    states = read.read_states(result_file, "E", "V_m")
    assert states.value.shape == (3, 2)
    assert states.time.tolist() == [0.125, 0.25, 0.375]
    assert states.neuron.tolist() == [0, 4]
    assert read.read_parameters(result_file)["seed"] == 7


def test_reading_says_what_is_missing(result_file, tmp_path):
    with pytest.raises(InputError, match="has no spikes of 'I'; known: E"):
        read.read_spikes(result_file, "I")
    with pytest.raises(InputError, match="has no weights of 'I->E'; did you mean 'E->"):
        read.read_connections(result_file, "I", "E")
    with pytest.raises(InputError, match="none were recorded"):
        read.read_connections(result_file, "E", "I")
    with pytest.raises(InputError, match=r"recorded at 125, 250 ms, not at 130\.0 ms"):
        read.read_connections(result_file, "E", "E", time=130.0)
    with pytest.raises(InputError, match="has no states/E of 'V_n'; did you mean 'V_m'"):
        read.read_states(result_file, "E", "V_n")
    with pytest.raises(InputError, match="has no states of 'I'"):
        read.read_states(result_file, "I", "V_m")
    with pytest.raises(InputError, match="there is no file"):
        read.read_spikes(tmp_path / "none.h5", "E")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        read.read_spikes(tmp_path / "text.h5", "E")


def test_spikes_of_a_killed_run_are_read_as_far_as_written(tmp_path):
    """Killed between two datasets: of both as many rows as both have for sure."""
    import h5py

    path = tmp_path / "killed.h5"
    with h5py.File(path, "w", libver="v110") as file:
        for name, values, kind in (("timestamps", [0.125, 0.5, 0.5], "f8"), ("node_ids", [3, 0, 7], "u8")):
            rows = np.array(values, kind)
            data = file.create_dataset(f"spikes/E/{name}", data=rows, maxshape=(None,), chunks=(64,))
            sure = 3 if name == "timestamps" else 2
            data.attrs["checked"] = np.array([sure, zlib.crc32(rows[:sure].tobytes())], np.uint64)
    times, neurons = read.read_spikes(path, "E")
    assert times.tolist() == [0.125, 0.5]
    assert neurons.tolist() == [3, 0]


# ---------------------------------------------------------------- figures


def poisson_spikes(size, rate, duration, seed):
    generator = np.random.default_rng(seed)
    times = np.sort(generator.uniform(0.0, duration, generator.poisson(size * rate * duration / 1000.0)))
    return times, generator.integers(0, size, times.size)


def test_raster_shows_a_share_of_each_population_and_the_rates_of_all(tmp_path):
    spikes = {"E": poisson_spikes(800, 5.0, 400.0, 1), "I": poisson_spikes(200, 10.0, 400.0, 2)}
    figure = plots.plot_raster(spikes, {"E": 800, "I": 200}, 0.0, 400.0, bin_width=10.0, shown=100)
    raster, rate = figure.axes
    drawn_e, drawn_i = (line.get_ydata() for line in raster.lines)
    assert 0 <= drawn_e.min() < 10
    assert 70 <= drawn_e.max() <= 79
    assert drawn_i.min() >= 80
    assert drawn_i.max() <= 99
    assert drawn_e.size == np.count_nonzero(spikes["E"][1] < 80)
    for patch, (times, _), size in zip(rate.patches, spikes.values(), (800, 200), strict=True):
        values, edges, _ = patch.get_data()
        assert edges.tolist() == np.arange(0.0, 401.0, 10.0).tolist()
        assert values.mean() == pytest.approx(1000.0 * times.size / (400.0 * size))
    figure.savefig(tmp_path / "raster.png")
    assert (tmp_path / "raster.png").stat().st_size > 10_000


def test_raster_of_silence_and_of_unknown_populations(tmp_path):
    figure = plots.plot_raster({"E": ([], [])}, {"E": 3}, 0.0, 100.0)
    figure.savefig(tmp_path / "silence.png")
    with pytest.raises(InputError, match="no size is given for population 'I'"):
        plots.plot_raster({"I": ([], [])}, {"E": 3}, 0.0, 100.0)


def test_raster_of_many_populations_gives_each_a_place():
    """One of 1 % of the neurons has a twentieth of the rows; names in the colours of the dots replace the legend."""
    names = [f"P{i}" for i in range(8)]
    sizes = dict.fromkeys(names[:7], 9900 // 7) | {"P7": 100}
    spikes = {name: poisson_spikes(size, 4.0, 100.0, i) for i, (name, size) in enumerate(sizes.items())}
    figure = plots.plot_raster(spikes, sizes, 0.0, 100.0, shown=400, colours={"P7": "#123456"})
    raster, rate = figure.axes
    middles = raster.get_yticks()
    assert (np.diff(middles) > 0.0).all()
    low, high = raster.get_ylim()
    assert low - middles[-1] == 10.0  # half of 20 rows
    assert high == 0
    assert raster.get_yticklabels()[-1].get_color() == raster.lines[-1].get_color() == "#123456"
    assert rate.get_legend() is None


def test_distributions_are_densities_in_common_bins(tmp_path):
    generator = np.random.default_rng(3)
    rates = {"E": generator.poisson(20, 4000) / 0.5, "I": generator.poisson(40, 1000) / 0.5}
    others = {"CV": {"E": [0.5, np.nan, 0.7], "I": []}, "r": {"E": [1.0]}}
    figure = plots.plot_distributions({"rate (1/s)": rates, **others})
    first, second, _ = figure.axes
    for patch, values in zip(first.patches, rates.values(), strict=True):
        density, edges, _ = patch.get_data()
        width = edges[1] - edges[0]
        assert width == pytest.approx(2.0 * round(width / 2.0))  # rates of 0.5 s are multiples of 2 /s
        assert (density * width).sum() == pytest.approx(1.0, abs=0.03)  # less what lies outside
        assert edges[0] >= 0.0
        assert (density * (edges[:-1] + width / 2.0)).sum() * width == pytest.approx(values.mean(), rel=0.05)
    assert first.lines[0].get_xdata()[0] == rates["E"].mean()
    assert second.lines[0].get_xdata()[0] == pytest.approx(0.6)
    figure.savefig(tmp_path / "distributions.png")
    plots.plot_distributions({"CV": {"E": []}}).savefig(tmp_path / "nothing.png")


def test_boxes_stand_in_order_from_top_to_bottom(tmp_path):
    values = {"a": [1.0, 2.0, 3.0, 50.0], "b": [], "c": [4.0, np.nan, 6.0]}
    figure = plots.plot_boxes(values, "rate (1/s)", colours={"c": "#00ff00"})
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.yaxis_inverted()
    assert axes.get_xlim()[0] == 0.0
    assert axes.get_xlabel() == "rate (1/s)"
    figure.savefig(tmp_path / "boxes.png")


@pytest.mark.parametrize("logarithmic", [False, True])
def test_prediction_lies_on_equal_axes(tmp_path, logarithmic):
    series = {"E": ([0.0, 1.0, 30.0], [0.1, 1.1, 29.0]), "I": ([2.0], [2.2])}
    figure = plots.plot_prediction(series, "rate (1/s)", logarithmic=logarithmic)
    (axes,) = figure.axes
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlim()[1] > 30.0
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted rate (1/s)", "simulated rate (1/s)")
    assert axes.lines[-1].get_xdata() == pytest.approx(axes.lines[-1].get_ydata())
    figure.savefig(tmp_path / "prediction.png")
    with pytest.raises(InputError, match="'E' has 2 predicted, 1 simulated values"):
        plots.plot_prediction({"E": ([1.0, 2.0], [1.0])}, "rate (1/s)")


def test_weight_histogram_figure(tmp_path):
    figure = weight_plots.plot_weight_histogram({"start": np.full(100, 31.9), "end": [10.0, 20.0, 400.0, 30.0]})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["start", "end (25 % outside)"]
    assert axes.get_yscale() == "log"
    assert axes.patches[0].get_data().values.max() == 2.0
    figure.savefig(tmp_path / "histogram.pdf")


def test_matrix_figure(tmp_path):
    matrix = np.zeros((20, 30))
    matrix[3, 4] = 50.0
    figure = weight_plots.plot_connectivity_matrix(matrix, highest=25.0)
    image = figure.axes[0].images[0]
    assert image.get_array().shape == (20, 30)
    assert image.get_clim() == (0.0, 25.0)
    matrix[0, 0] = -10.0
    assert weight_plots.plot_connectivity_matrix(matrix).axes[0].images[0].get_clim() == pytest.approx((-49.6, 49.6))
    weight_plots.plot_connectivity_matrix(np.zeros((3, 3))).savefig(tmp_path / "empty.png")
    with pytest.raises(InputError, match="needs a matrix"):
        weight_plots.plot_connectivity_matrix([1.0, 2.0])


def test_importing_the_analysis_loads_no_heavy_library():
    code = (
        "import sys, distsim.analysis.plots, distsim.analysis.read, distsim.models.two_population.parameters; "
        "print([m for m in ('matplotlib', 'h5py', 'scipy', 'mpi4py', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
