"""What a simulation of spikes can be asked for by name; apart from the engine, so that help and tables are quick."""

PRECISIONS = ("double", "single")
"""Types of weights, and of sums of input, where they allow it."""
EXCHANGES = (
    "auto", "allgather", "allgatherv", "alltoall", "alltoallv", "window", "nodes", "nodes_directed",
)  # fmt: skip
"""Plans of spike exchange."""
LOOPS = ("compiled", "python")
"""What runs intervals."""
