"""Kinds of synapses, one file each: parameters and kernels."""
