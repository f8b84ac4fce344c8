#!/bin/bash
# One simulation, of any model, by as many ranks as the job has.
#
#     sbatch jobs/run.sh microcircuit --time 10000                         to the folder run-results/JOB
#     sbatch --ntasks=128 jobs/run.sh two_population --set N=1000000       on 128 ranks; options go to distsim run
#
# Options of sbatch (before the script) override the lines below.

#SBATCH --job-name=distsim-run
#SBATCH --output=%x-%j.log
#SBATCH --ntasks=64                # ranks
#SBATCH --ntasks-per-node=64       # site: the cores of a node; how many nodes there are follows from the two
#SBATCH --cpus-per-task=1          # one thread per rank
#SBATCH --mem=0                    # all memory of each node
#SBATCH --hint=nomultithread       # one rank per core, not per hardware thread
#SBATCH --exclusive                # nobody else on the nodes while times are taken
#SBATCH --time=02:00:00
#SBATCH --signal=B:USR1@120        # two minutes before that: distsim says so and ends, with all that is done kept
##SBATCH --partition=...           # site
##SBATCH --account=...             # site

set -eu
. jobs/site.sh

model=${1:-microcircuit}

# exec: the launcher takes the place of the shell, and so the signal.
exec $launcher "$SLURM_NTASKS" python -m distsim run "$model" --out "run-results/$SLURM_JOB_ID" "${@:2}"
