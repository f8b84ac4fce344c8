"""Networks of rate neurons: network, afferents, simulation."""
