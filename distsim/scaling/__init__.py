"""The scaling harness: ``mpirun -n 4 python -m distsim.scaling [EXPERIMENT.toml]``.

The way of a point: options.py      the command line
                    settings.py     the table of all settings, from which options, help and checks follow; and
                                    what a record must hold
                    experiment.py   reading of experiment files, and the points of an experiment
                    plan.py         what only the model knows: its parameters, and what is wrong with them
                    session.py      the points, one after the other, on all ranks of a job
                    point.py        one point run, and its record: costs, rates, weights, nodes, cores, energy
                    store.py        the output folder

jobs.py      points as jobs of their own; process.py: a command run to its end
one_point.py    a point from Python; record_table.py: records as a table, for scripts
report/      tables, figures, comparisons
"""
