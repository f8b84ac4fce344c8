"""``nest.raster_plot``: figures of the spikes of a recorder."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def from_device(
    detec: Any, title: str | None = None, hist: bool = False, hist_binwidth: float = 5.0, grayscale: bool = False,
    plot_lid: bool = False,
) -> Any:  # fmt: skip
    """The spikes of a spike recorder against time; hist: with the rate of all senders below, in bins (ms)."""
    if len(detec) != 1 or detec.get("model") != "spike_recorder":
        raise ValueError("give one spike_recorder")
    if detec.get("record_to") == "ascii":
        return from_file(
            detec.get("filenames"), title=title, hist=hist, hist_binwidth=hist_binwidth, grayscale=grayscale
        )
    events = detec.get("events")
    steps = bool(detec.get("time_in_steps"))
    return _plot(events["times"], events["senders"], title, hist, hist_binwidth, grayscale, steps)


def from_data(data: Any, sel: Any = None, **kwargs: Any) -> Any:
    """The same of an array (n, 2) of senders and times (ms); sel: of these senders."""
    data = np.asarray(data)
    data = data if sel is None else data[np.isin(data[:, 0], sel)]
    return _plot(data[:, 1], data[:, 0], **_options(kwargs))


def from_file(fname: Any, **kwargs: Any) -> Any:
    """The same of files that a recorder has written."""
    names = [fname] if isinstance(fname, str) else list(fname)
    return from_data(np.concatenate([np.loadtxt(name, skiprows=3, ndmin=2) for name in names]), **kwargs)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    known = {"title": None, "hist": False, "hist_binwidth": 5.0, "grayscale": False}
    return {name: given.get(name, default) for name, default in known.items()} | {"in_steps": False}


def _plot(
    times: FloatArray, senders: FloatArray, title: str | None, hist: bool, hist_binwidth: float, grayscale: bool,
    in_steps: bool,
) -> Any:  # fmt: skip
    import matplotlib.pyplot as plt

    unit = "steps" if in_steps else "ms"
    if not len(times):
        raise ValueError("No events recorded")
    _, axes = plt.subplots(2 if hist else 1, 1, sharex=True, height_ratios=[4, 1] if hist else None, squeeze=False)
    upper, lower = axes[0, 0], axes[-1, 0]
    (marks,) = upper.plot(times, senders, ".", markersize=3, color="black" if grayscale else "tab:blue")
    upper.set_ylabel("neuron ID")
    upper.set_title(title or "Raster plot")
    if hist:
        bins = np.arange(np.min(times), np.max(times) + 2 * hist_binwidth, hist_binwidth)
        counts, _ = np.histogram(times, bins)
        rate = 1000.0 * counts / (hist_binwidth * len(np.unique(senders)))
        lower.bar(bins[:-1], rate, hist_binwidth, align="edge", color="gray" if grayscale else "tab:blue")
        lower.set_ylabel("rate (1/s)")
    lower.set_xlabel(f"time ({unit})")
    plt.draw()
    return marks


def show() -> None:
    """Show the figures."""
    import matplotlib.pyplot as plt

    plt.show()


def extract_events(data: Any, time: Any = None, sel: Any = None) -> npt.NDArray[Any]:
    """The rows (sender, time) of ``data`` within ``time`` (an end, or begin and end; ms), of the senders ``sel``."""
    data = np.asarray(data)
    begin, end = (-np.inf, np.inf) if time is None else (0.0, time) if np.ndim(time) == 0 else time
    chosen = (data[:, 1] >= begin) & (data[:, 1] < end)
    return data[chosen] if sel is None else data[chosen & np.isin(data[:, 0], sel)]
