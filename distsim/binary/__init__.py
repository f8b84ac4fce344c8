"""Networks of binary neurons: network, couplings, loop, recorders, file, simulation."""
