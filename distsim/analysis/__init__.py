"""What a run shows: result files, rates, irregularity, synchrony, weights, figures. No MPI, no engine."""
