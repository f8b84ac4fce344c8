"""The states of Brunel's network over relative inhibition g and external input eta: simulated, and as theory predicts.

    mpirun -n 2 python docs/tutorial/brunel_phase_diagram.py --out phase_diagram.png

For every pair of g and eta the spiking network is simulated, and the self-consistency equations are solved with the
same parameters (Brunel 2000, J Comput Neurosci 8:183, figures 1 and 2). Any number of ranks prints the same table.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import Simulation
from distsim.analysis.figure_look import COLOURS, MARKERS, letters, new_figure, styled
from distsim.analysis.spike_statistics import mean_cv, mean_rate, synchrony
from distsim.models.brunel.mean_field import equations
from distsim.models.brunel.network import build_network
from distsim.models.brunel.parameters import Parameters, load

SYNCHRONY_BIN = 3.0  # ms
QUIET = 0.1  # 1/s


def main() -> None:
    """Simulate every pair of g and eta, print what became of it, draw all."""
    options = parser().parse_args()
    comm = MPI.COMM_WORLD
    if comm.rank == 0:
        print("  g   eta   simulated (1/s)   CV of ISI   synchrony   predicted (1/s)")
    measured = {}
    for eta, g in itertools.product(options.eta, options.g):
        p = load({"order": options.order, "g": g, "eta": eta, "T": options.time})
        rate, cv, sync = measured[eta, g] = simulated(p, comm)
        if comm.rank == 0:
            predicted = ", ".join(f"{solution:.3f}" for solution in stable_rates(p))
            print(f"{g:4g} {eta:5g} {rate:17.3f} {cv:11.3f} {sync:11.2f}   {predicted}", flush=True)
    if comm.rank == 0:
        draw(options, measured).savefig(options.out)


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = result.add_argument
    add("--g", type=float, nargs="+", default=[2.5, 3, 3.5, 3.75, 4, 4.25, 4.5, 5, 6, 7, 8], help="relative inhibition")
    add("--eta", type=float, nargs="+", default=[0.8, 0.9, 1, 1.5, 2, 3, 4], help="external input")
    add("--order", type=int, default=2500, help="4 order excitatory and order inhibitory neurons, default 2500")
    add("--time", type=float, default=300.0, help="simulated time (ms) after a warm-up of 100 ms, default 300")
    add("--out", type=Path, default=Path("phase_diagram.png"), help="file of the figure")
    return result


def simulated(p: Parameters, comm: MPI.Comm) -> tuple[float, float, float]:
    """Rate (1/s), CV of inter-spike intervals, and synchrony of the excitatory neurons."""
    with Simulation(build_network(p), comm=comm, seed=p.seed) as simulation:
        simulation.run(p.presimulation)
        simulation.run(p.T)
        spikes = simulation.spikes("E")
    times, start, stop = spikes.times(p.dt), p.presimulation, p.presimulation + p.T
    rate, cv = mean_rate(times, p.N_E, start, stop), mean_cv(times, spikes.neuron, p.N_E, start, stop)
    return rate, cv, synchrony(times, start, stop, SYNCHRONY_BIN)


def stable_rates(p: Parameters) -> list[float]:
    """The self-consistent rates (1/s) that are stable in the mean field, ascending."""
    return [float(point.rates[0]) for point in equations(p).fixed_points() if point.stable]


def branches(order: int, eta: float, g: np.ndarray) -> np.ndarray:
    """Lowest and highest stable rate (2, n) along g (n,); where there is only one, the other is NaN."""
    result = np.full((2, len(g)), np.nan)
    for place, value in enumerate(g):
        rates = stable_rates(load({"order": order, "g": float(value), "eta": eta}))
        result[0, place] = rates[0] if rates else np.nan
        result[1, place] = rates[-1] if len(rates) > 1 else np.nan
    return result


@styled
def draw(options: argparse.Namespace, measured: dict[tuple[float, float], tuple[float, float, float]]) -> Any:
    """Rates along g, and the plane of g and eta with the irregularity and the synchrony of the simulated spikes."""
    figure = new_figure(8.0, 2.9)
    rates, irregularity, together = figure.subplots(1, 3, width_ratios=(1.5, 1.0, 1.0))
    fine = np.unique(np.concatenate([np.linspace(min(options.g), max(options.g), 45), options.g]))
    kinds = zip(itertools.cycle(COLOURS), itertools.cycle(MARKERS), strict=False)
    for eta, (colour, marker) in zip(options.eta, kinds, strict=False):
        for branch in branches(options.order, eta, fine):
            rates.plot(fine, np.where(branch > 1e-3, branch, np.nan), "-", color=colour)
        found = [measured[eta, g][0] for g in options.g]
        rates.plot(options.g, found, marker, color=colour, ms=4.5, mfc="none", label=rf"$\eta$ = {eta:g}")
    rates.set_yscale("log")
    rates.set_ylim(1e-1, 1e3)
    rates.set_xlabel("relative inhibition $g$")
    rates.set_ylabel("rate (1/s)")
    rates.set_title("lines: predicted, markers: simulated", loc="right")
    figure.legend(*rates.get_legend_handles_labels(), loc="outside upper center", ncols=len(options.eta))
    x, y = np.array([(g, eta) for eta, g in measured]).T
    values = np.array(list(measured.values()))
    values[values[:, 0] < QUIET, 1:] = np.nan  # too few spikes to tell
    panels = (
        (irregularity, values[:, 1], "CV of inter-spike intervals", (0.0, 0.4)),
        (together, np.log10(values[:, 2]), r"synchrony (log$_{10}$)", (0.0, 3.0)),
    )
    for axes, colour_values, name, (low, high) in panels:
        shown = axes.scatter(x, y, c=colour_values, s=24, cmap="viridis", vmin=low, vmax=high, edgecolors="0.6", lw=0.5)
        silent = np.isnan(colour_values)
        crosses = axes.plot(x[silent], y[silent], "x", color="0.4", ms=4, label=f"below {QUIET:g} /s: too few spikes")
        axes.set_yscale("log")
        axes.set_yticks(options.eta, [f"{eta:g}" for eta in options.eta])
        axes.set_yticks([], minor=True)
        figure.colorbar(shown, ax=axes, extend="max", label=name)
        balance = axes.axvline(4.0, color="0.5", ls="--", lw=0.8, zorder=0, label="$g$ = 4: input cancels on average")
        axes.set_xlabel("relative inhibition $g$")
        axes.set_ylabel(r"external input $\eta$")
    figure.legend(handles=[balance, *crosses], loc="outside lower right", ncols=2)
    letters((rates, irregularity, together))
    return figure


if __name__ == "__main__":
    main()
