"""What a run shows, of arrays or of its file. No MPI, no engine.

read                result files: spikes, states, synapses, rates, flips, and what is needed to repeat the run
spike_statistics    rates, irregularity, synchrony
correlation         of the spike counts of pairs of neurons
weight_statistics   moments and histograms of weights, the connectivity matrix, multapses
plots               figures: raster, distributions, boxes, simulated against predicted values
weight_plots        figures: distributions of weights, connectivity matrices
layer_plots         the raster of a network of many populations
rate_plots          rates of rate neurons against time
activity_plots      activity of binary neurons against time, and their states at any time
"""
