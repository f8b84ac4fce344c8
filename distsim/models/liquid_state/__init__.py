"""The liquid state machine of Maass, Natschläger & Markram (2002), figure 2: how far apart two stimuli drive a liquid.

A column of neurons with short-term plastic synapses whose probability falls with distance, as in Brian2's example.
"""
