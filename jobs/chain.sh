#!/bin/bash
# An experiment longer than the longest job: each job does what fits into its time, and the next goes on with the rest.
#
#     sbatch jobs/chain.sh                                             the published experiment
#     sbatch --export=ALL,LINKS=5 jobs/chain.sh scaling/weak.toml      at most five jobs; options go to distsim.scaling
#
# The next job is queued first, to begin if this one does not end well: be it that its budget is spent, that its time is
# over or that its node fails, nothing is lost but the point it was at. Once all is done the queued job is cancelled.
# Options of sbatch (before the script) override the lines below.

#SBATCH --job-name=distsim-chain
#SBATCH --output=%x-%j.log
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=64       # site: the cores of a node
#SBATCH --cpus-per-task=1          # one thread per rank
#SBATCH --hint=nomultithread       # one rank per core, not per hardware thread
#SBATCH --exclusive                # nobody else on the node while times are taken
#SBATCH --time=01:00:00
##SBATCH --partition=...           # site
##SBATCH --account=...             # site

set -u

budget=${BUDGET:-50m}              # a little less than --time above
links=${LINKS:-20}                 # jobs that may still follow
experiment=${1:-scaling/network_size.toml}

if [ "$links" -gt 0 ]; then
    next=$(BUDGET=$budget LINKS=$((links - 1)) sbatch --parsable --export=ALL --dependency="afterany:$SLURM_JOB_ID" \
        --nodes="$SLURM_NNODES" --ntasks-per-node="$SLURM_NTASKS_PER_NODE" jobs/chain.sh "$@")
fi

# Site: how Python and MPI are found, such as "module load Python OpenMPI", or the project's own environment.
if [ -e .venv/bin/activate ]; then . .venv/bin/activate; fi

export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# Compiled kernels are kept from job to job, in a folder of your own: never in one that others can make before you.
export NUMBA_CACHE_DIR="${XDG_CACHE_HOME:-$HOME/.cache}"

# Site: with an MPI library that knows Slurm, srun starts the ranks: srun --mpi=pmix --cpu-bind=cores python ...
mpirun -n "$SLURM_NTASKS" --bind-to core \
    python -m distsim.scaling "$experiment" "${@:2}" --resume --budget "$budget"
code=$?

# Exit code 3: points are left. Anything above 128: killed. Otherwise a further job would do no better.
if [ "$code" -ne 3 ] && [ "$code" -le 128 ] && [ -n "${next:-}" ]; then
    scancel "$next"
fi
exit "$code"
