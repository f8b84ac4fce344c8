#!/bin/bash
# Strong scaling as a job array: each number of ranks is a job of its own that waits in the queue by itself.
#
#     sbatch jobs/strong_array.sh                                         scaling/strong.toml
#     sbatch --array=64,128 --ntasks=128 jobs/strong_array.sh scaling/strong.toml --time 500
#
# The numbers of the array are numbers of ranks. Each writes a folder of its own; all of them together are reported by
#
#     python -m distsim.scaling report strong-results/ranks-*
#
# Options of sbatch (before the script) override the lines below. All jobs of an array are given the same allocation,
# with room for the most ranks: --ntasks is the largest number of the array. Where that wastes too much, submit one line
# of sbatch for each number.

#SBATCH --job-name=distsim-strong
#SBATCH --output=%x-%A-%a.log
#SBATCH --array=1,2,4,8,16,32,64   # numbers of ranks
#SBATCH --ntasks=64                # the largest of them
#SBATCH --ntasks-per-node=64       # site: the cores of a node; how many nodes there are follows from the two
#SBATCH --cpus-per-task=1          # one thread per rank
#SBATCH --mem=0                    # all memory of each node
#SBATCH --hint=nomultithread       # one rank per core, not per hardware thread
#SBATCH --exclusive                # nobody else on the nodes while times are taken
#SBATCH --time=00:30:00
#SBATCH --signal=B:USR1@120        # two minutes before that: distsim says so and ends, with all that is done kept
##SBATCH --partition=...           # site
##SBATCH --account=...             # site

set -eu
. jobs/site.sh

experiment=${1:-scaling/strong.toml}
ranks=$SLURM_ARRAY_TASK_ID

# exec: the launcher takes the place of the shell, and so the signal.
exec $launcher "$ranks" python -m distsim.scaling "$experiment" "${@:2}" \
    --ranks "$ranks" --out "strong-results/ranks-$ranks" --resume
