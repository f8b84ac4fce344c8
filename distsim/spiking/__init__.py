"""Networks of spiking neurons: network, models, tables of synapses, loop, recorders, file, simulation."""
