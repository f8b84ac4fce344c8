"""``nest.voltage_trace``: figures of the membrane potentials of a voltmeter."""

from __future__ import annotations

from typing import Any

import numpy as np


def from_device(
    detec: Any, neurons: Any = None, title: str | None = None, grayscale: bool = False, timeunit: str = "ms"
) -> Any:
    """V_m of every neuron that a voltmeter, or a multimeter, has recorded; neurons: ids of those that are shown."""
    import matplotlib.pyplot as plt

    if len(detec) != 1 or detec.get("model") not in ("voltmeter", "multimeter"):
        raise ValueError("give one voltmeter or multimeter")
    events = detec.get("events")
    if "V_m" not in events or not len(events["times"]):
        raise ValueError("No events recorded! Make sure that V_m is recorded")
    factor = {"ms": 1.0, "s": 1e-3, "us": 1e3}[timeunit]
    chosen = np.unique(events["senders"]) if neurons is None else np.asarray(neurons)
    lines = []
    for sender in chosen.tolist():
        mine = events["senders"] == sender
        color = "gray" if grayscale else None
        lines += plt.plot(events["times"][mine] * factor, events["V_m"][mine], label=f"neuron {sender}", color=color)
    plt.title(title or "Membrane potential")
    plt.xlabel(f"time ({timeunit})")
    plt.ylabel("membrane potential (mV)")
    plt.legend(loc="best")
    plt.draw()
    return lines


def from_file(fname: Any, title: str | None = None, grayscale: bool = False) -> Any:
    """The same of a file that a voltmeter has written."""
    import matplotlib.pyplot as plt

    data = np.loadtxt(fname, skiprows=3, ndmin=2)
    lines = []
    for sender in np.unique(data[:, 0]):
        mine = data[:, 0] == sender
        lines += plt.plot(data[mine, 1], data[mine, 2], label=f"neuron {int(sender)}")
    plt.title(title or "Membrane potential")
    plt.xlabel("time (ms)")
    plt.ylabel("membrane potential (mV)")
    plt.legend(loc="best")
    return lines


def show() -> None:
    """Show the figures."""
    import matplotlib.pyplot as plt

    plt.show()
