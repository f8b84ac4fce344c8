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
#SBATCH --hint=nomultithread       # one rank per core, not per hardware thread
#SBATCH --exclusive                # nobody else on the node while times are taken
#SBATCH --time=02:00:00
##SBATCH --partition=...           # site
##SBATCH --account=...             # site

set -eu

# Site: how Python and MPI are found, such as "module load Python OpenMPI", or the project's own environment.
if [ -e .venv/bin/activate ]; then . .venv/bin/activate; fi

export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# Compiled kernels are kept from job to job, in a folder of your own: never in one that others can make before you.
export NUMBA_CACHE_DIR="${XDG_CACHE_HOME:-$HOME/.cache}"

experiment=${1:-scaling/network_size.toml}

# Site: with an MPI library that knows Slurm, srun starts the ranks: srun --mpi=pmix --cpu-bind=cores python ...
mpirun -n "$SLURM_NTASKS" --bind-to core \
    python -m distsim.scaling "$experiment" "${@:2}" --resume --budget 110m
