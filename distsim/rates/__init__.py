"""Networks of rate neurons: network, afferents, loop, simulation and its file."""
