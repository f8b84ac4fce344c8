"""The scaling harness: ``mpirun -n 4 python -m distsim.scaling [EXPERIMENT.toml]``.

options.py      the command line
experiment.py   what an experiment is: its settings and its points
schema.py       reading and checking of experiment files and options; toml_file.py: lines of a file
plan.py         from the command line to the points that are to be run
desk.py         what rank 0 does around the points: output folder, budget, log, report at the end
folder.py       the output folder; records.py, record_fields.py: its files and what they must hold; budget.py: time
run.py          an experiment within one MPI job
launch.py       an experiment whose points are jobs of their own; worker.py: such a job; process.py: its processes;
                parent.py: how they end with this one; interruption.py: Ctrl-C and SIGTERM
streams.py      output that is closed, full or in ASCII
point.py        one point run, and its record
hosts.py        nodes and cores of its ranks; energy.py: what the processors used
report/         tables, figures, comparisons

Only rank 0 reads, checks, writes and draws; the other ranks import nothing that serves only these purposes.
"""
