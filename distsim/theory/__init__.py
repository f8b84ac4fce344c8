"""Theory that results are compared with: no MPI, no engine."""
