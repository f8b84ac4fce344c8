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
#SBATCH --mem=0                    # all memory of each node
#SBATCH --hint=nomultithread       # one rank per core, not per hardware thread
#SBATCH --exclusive                # nobody else on the node while times are taken
#SBATCH --time=01:00:00
#SBATCH --signal=B:USR1@120        # two minutes before that: distsim says so and ends, with all that is done kept
##SBATCH --partition=...           # site
##SBATCH --account=...             # site

set -u
. jobs/site.sh || exit

budget=${BUDGET:-50m}              # a little less than --time above
links=${LINKS:-20}                 # jobs that may still follow
experiment=${1:-scaling/network_size.toml}

if [ "$links" -gt 0 ]; then
    next=$(BUDGET=$budget LINKS=$((links - 1)) sbatch --parsable --export=ALL --dependency="afterany:$SLURM_JOB_ID" \
        --nodes="$SLURM_NNODES" --ntasks-per-node="$SLURM_NTASKS_PER_NODE" jobs/chain.sh "$@")
fi

# The shell waits beside the launcher, so as to pass on the signal and to go on then.
$launcher "$SLURM_NTASKS" python -m distsim.scaling "$experiment" "${@:2}" --resume --budget "$budget" &
work=$!
trap 'kill -USR1 "$work"' USR1
wait "$work"
code=$?
while kill -0 "$work" 2>/dev/null; do # it was the signal that ended the waiting
    wait "$work"
    code=$?
done

# Exit code 3: points are left. Anything above 128: killed. Otherwise a further job would do no better.
if [ "$code" -ne 3 ] && [ "$code" -le 128 ] && [ -n "${next:-}" ]; then
    scancel "$next"
fi
exit "$code"
