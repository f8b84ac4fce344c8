#!/bin/bash
# Scaling over nodes: every point is a job step of its own, with as many ranks as it asks for.
#
#     sbatch jobs/many_nodes.sh                                                 weak scaling, scaling/weak.toml
#     sbatch jobs/many_nodes.sh scaling/weak.toml --ranks 64 128 256            options go to distsim.scaling
#     sbatch --ntasks=512 jobs/many_nodes.sh scaling/weak.toml --ranks 256 512  more ranks than below
#
# The same line again goes on where a job stopped. Options of sbatch (before the script) override the lines below.

#SBATCH --job-name=distsim-nodes
#SBATCH --output=%x-%j.log
#SBATCH --ntasks=256               # ranks
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

experiment=${1:-scaling/weak.toml}

# A point that hangs is ended after --timeout and recorded as failed; the others go on.
# exec: the harness takes the place of the shell, and so the signal.
exec python -m distsim.scaling "$experiment" "${@:2}" \
    --launcher "$launcher {ranks}" --timeout 30m --resume --budget 110m
