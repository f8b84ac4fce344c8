#!/bin/bash
# Scaling over nodes: every point is a job step of its own, with as many ranks as it asks for.
#
#     sbatch jobs/many_nodes.sh                                        weak scaling, scaling/weak.toml
#     sbatch jobs/many_nodes.sh scaling/weak.toml --ranks 64 128 256   other ranks; options go to distsim.scaling
#
# The same line again goes on where a job stopped. Options of sbatch (before the script) override the lines below.

#SBATCH --job-name=distsim-nodes
#SBATCH --output=%x-%j.log
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=64       # site: the cores of a node
#SBATCH --cpus-per-task=1          # one thread per rank
#SBATCH --hint=nomultithread       # one rank per core, not per hardware thread
#SBATCH --exclusive                # nobody else on the nodes while times are taken
#SBATCH --time=02:00:00
##SBATCH --partition=...           # site
##SBATCH --account=...             # site

set -eu

# Site: how Python and MPI are found, such as "module load Python OpenMPI", or the project's own environment.
if [ -e .venv/bin/activate ]; then . .venv/bin/activate; fi

export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# Compiled kernels are kept from job to job, in a folder of your own: never in one that others can make before you.
export NUMBA_CACHE_DIR="${XDG_CACHE_HOME:-$HOME/.cache}"

# Site: ranks fill one node after the other. With an MPI library that knows Slurm:
#     launcher="srun --mpi=pmix --cpu-bind=cores --distribution=block:block -n {ranks}"
launcher="mpirun -n {ranks} --map-by core --bind-to core -x OMP_NUM_THREADS -x NUMBA_NUM_THREADS -x NUMBA_CACHE_DIR"

experiment=${1:-scaling/weak.toml}

# A point that hangs is ended after --timeout and recorded as failed; the others go on.
python -m distsim.scaling "$experiment" "${@:2}" --launcher "$launcher" --timeout 30m --resume --budget 110m
