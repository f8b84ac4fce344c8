"""Neuron models, one file each: equations, parameters with units, state and kernel."""
