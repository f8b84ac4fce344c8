#!/bin/bash
# Network-size scaling on one node: all ranks of the job share each network.
#
#     sbatch jobs/single_node.sh                                 the published experiment
#     sbatch jobs/single_node.sh scaling/quick.toml --seeds 1    another one; options go to distsim.scaling
#
# The same line again goes on where a job stopped. Options of sbatch (before the script) override the lines below.

#SBATCH --job-name=distsim-size
#SBATCH --output=%x-%j.log
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=64       # site: the cores of a node
#SBATCH --cpus-per-task=1          # one thread per rank
#SBATCH --mem=0                    # all memory of each node
#SBATCH --hint=nomultithread       # one rank per core, not per hardware thread
#SBATCH --exclusive                # nobody else on the node while times are taken
#SBATCH --time=02:00:00
#SBATCH --signal=B:USR1@120        # two minutes before that: distsim says so and ends, with all that is done kept
##SBATCH --partition=...           # site
##SBATCH --account=...             # site

set -eu
. jobs/site.sh

experiment=${1:-scaling/network_size.toml}

# exec: the launcher takes the place of the shell, and so the signal.
exec $launcher "$SLURM_NTASKS" python -m distsim.scaling "$experiment" "${@:2}" --resume --budget 110m
