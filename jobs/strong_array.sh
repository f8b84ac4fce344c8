#!/bin/bash
# Strong scaling as a job array: each number of ranks is a job of its own that waits in the queue by itself.
#
#     sbatch jobs/strong_array.sh                                           scaling/strong.toml
#     sbatch --array=64,128 --nodes=2 --ntasks=128 jobs/strong_array.sh scaling/strong.toml --time 500
#
# The numbers of the array are numbers of ranks. Each writes a folder of its own; all of them together are reported by
#
#     python -m distsim.scaling report strong-results/ranks-*
#
# Options of sbatch (before the script) override the lines below. All jobs of an array are given the same allocation: it
# must be large enough for the most ranks, and more than a node has cores need --nodes and --ntasks, as above. Where
# that wastes too much, submit one line of sbatch for each number.

#SBATCH --job-name=distsim-strong
#SBATCH --output=%x-%A-%a.log
#SBATCH --array=1,2,4,8,16,32,64   # numbers of ranks
#SBATCH --nodes=1
#SBATCH --ntasks=64                # the largest of them
#SBATCH --cpus-per-task=1          # one thread per rank
#SBATCH --hint=nomultithread       # one rank per core, not per hardware thread
#SBATCH --exclusive                # nobody else on the node while times are taken
#SBATCH --time=00:30:00
##SBATCH --partition=...           # site
##SBATCH --account=...             # site

set -eu

# Site: how Python and MPI are found, such as "module load Python OpenMPI", or the project's own environment.
if [ -e .venv/bin/activate ]; then . .venv/bin/activate; fi

export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# Compiled kernels are kept from job to job, in a folder of your own: never in one that others can make before you.
export NUMBA_CACHE_DIR="${XDG_CACHE_HOME:-$HOME/.cache}"

experiment=${1:-scaling/strong.toml}
ranks=$SLURM_ARRAY_TASK_ID

# Site: with an MPI library that knows Slurm, srun starts the ranks: srun --mpi=pmix --cpu-bind=cores -n "$ranks" ...
mpirun -n "$ranks" --bind-to core \
    python -m distsim.scaling "$experiment" "${@:2}" --ranks "$ranks" --out "strong-results/ranks-$ranks" --resume
