"""The two-population STDP network: excitatory and inhibitory neurons, plastic excitatory synapses among the former.

The balanced random network of Brunel (2000) with the power-law STDP of Morrison, Aertsen & Diesmann (2007), as
published with NEST ("two population STDP network model", pynest/examples/ignore_and_fire).
"""
