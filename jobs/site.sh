# What the templates of this folder share, and all that differs from site to site but the lines of #SBATCH. They read it
# in the folder that they are submitted from, the project's; it is no job itself.

# Site: how Python and MPI are found, such as "module load Python OpenMPI", or the project's own environment.
if [ -e .venv/bin/activate ]; then . .venv/bin/activate; fi

export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# Compiled kernels are kept from job to job, in a folder of your own: never in one that others can make before you.
export NUMBA_CACHE_DIR="${XDG_CACHE_HOME:-$HOME/.cache}"

# $launcher and a number start so many ranks, one on a core, one node filled after the other: by the mpirun of Open MPI
# or of MPICH, whichever is found, else by srun. Site: srun does for both as well, where its list (srun --mpi=list) has
# pmix for Open MPI, pmi2 for MPICH:
#     LAUNCHER="srun --mpi=pmi2 --cpu-bind=cores --distribution=block:block,Pack -n"
case "$(mpirun --version 2>&1)" in
    *"Open MPI"*) # other nodes are told no variables unasked
        found="mpirun --map-by core --bind-to core -x OMP_NUM_THREADS -x NUMBA_NUM_THREADS -x NUMBA_CACHE_DIR -n" ;;
    *HYDRA*) found="mpirun --bind-to core -n" ;;
    *) found="srun --cpu-bind=cores --distribution=block:block,Pack -n" ;;
esac
launcher=${LAUNCHER:-$found}
