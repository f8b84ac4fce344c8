"""The full-scale model of the cortical microcircuit below 1 mm^2 of cortex: Potjans & Diesmann (2014).

Cerebral Cortex 24:785-806, doi:10.1093/cercor/bhs358. Eight populations in four layers, 77,169 neurons, 299 million
synapses, weights and delays of their own.
"""
