"""The scaling harness: ``mpirun -n 4 python -m distsim.scaling [EXPERIMENT.toml]``.

options.py      the command line
experiment.py   what an experiment is: its settings and its points
schema.py       reading and checking of experiment files and options
records.py      the output folder: one JSON line per finished point, and what resuming needs
point.py        one point run, and its record
provenance.py   where and with what it was run
run.py          the experiment from command line to figure
report.py       table and log lines
figure.py       the three-panel figure

Only rank 0 reads, checks, writes and draws; the other ranks import nothing that serves only these purposes.
"""
