"""Brunel's network: sparsely connected excitatory and inhibitory LIF neurons with delta synapses, in two forms.

``network.network()`` is the network of spiking neurons, ``mean_field.mean_field()`` the network of Siegert rate neurons
that predicts its rates, from the same parameters (Brunel 2000, J Comput Neurosci 8:183; NEST, pynest/examples:
brunel_delta_nest.py and brunel_siegert_nest.py).
"""
