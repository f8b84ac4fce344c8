"""distsim's side of against_brian2.py: trials of the liquid, many side by side.

    python distsim_liquid.py --trials 64 --compared 8 --core 0 [--write FILE]

The last line printed is a JSON record: seconds for all trials, spikes of the first ``--compared``. ``--write`` stores
the network and these trials, edge by edge, for Brian2.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np


def main():
    """Run all trials and print the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("trials", "compared", "core", "seed", "repetitions"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--time", type=float, required=True)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    from mpi4py import MPI

    from distsim import SpikeTrains, Trials, __version__
    from distsim.models.liquid_state import MODEL, stimuli

    p = MODEL.load({"seed": options.seed, "T": options.time, "pairs": -(-options.trials // 2)})
    trains = [stimuli.on_grid(train, p) for train in stimuli.poisson_trains(p, options.trials)]
    trials = Trials(MODEL.build_network(p), MPI.COMM_SELF, p.seed)
    numbers = list(range(options.trials))
    if options.write:
        np.savez(options.write, **explicit(p, trials, trains[: options.compared]))
    seconds = []
    for _ in range(options.repetitions):
        begin = time.perf_counter()
        spikes = trials.run(p.T, numbers, {"stimulus": [SpikeTrains([train]) for train in trains]}, p.batch)
        seconds.append((time.perf_counter() - begin) / options.trials)
    found = []
    for trial in range(options.compared):
        step, gid = spikes.of(trial)
        found.append(sorted(zip((step - 1).tolist(), (gid - 1).tolist(), strict=True)))
    versions = {"python": sys.version.split()[0], "distsim": __version__, "numpy": np.__version__}
    print(json.dumps({"seconds": seconds, "spikes": found, "versions": versions}))


def explicit(p, trials, trains):
    """The network and the trials as arrays: parameters, edges (source, target, A, U, D, F), V (mV), stimulus steps.

    A stimulus spike that is stamped with the end of step n acts from step n + 1 on; Brian2 counts that one as n.
    """
    arrays = {name: np.array(value) for name, value in p.as_dict().items()}
    for local in trials._local.tables:
        name = local.name.replace("->", "")
        if name in ("EE", "EI", "IE", "II"):
            t = local.table
            targets = t.targets.astype(np.int64) - local.span[0]
            sources = np.repeat(t.source_gids - t.first_source_gid, np.diff(t.offsets))
            columns = [sources, targets, t.weights, *(t.attributes[a] for a in "UDF")]
            arrays[f"edges_{name}"] = np.stack([np.broadcast_to(c, t.n_edges).astype(float) for c in columns], axis=1)
    (liquid,) = (group.neurons for group in trials._local.groups if group.model.receives)  # E and I side by side
    arrays["V"] = np.array([liquid.initial_values(k)[0] for k in range(len(trains))])
    longest = max(map(len, trains))
    steps = [np.rint(train / p.dt).astype(int) for train in trains]
    arrays["stimulus"] = np.array([np.pad(s, (0, longest - len(s)), constant_values=-1) for s in steps])
    return arrays


if __name__ == "__main__":
    main()
