"""What a run shows, of arrays or of its file. No MPI, no engine.

read                result files: spikes, states, synapses, rates, flips, and what is needed to repeat the run
read_liquid         the file of an experiment with a liquid: curves of pairs, stimuli, spikes and states of trials
spike_statistics    rates, irregularity, synchrony
correlation         of the spike counts of pairs of neurons
filtered_trains     spike trains convolved with a kernel: the states of a liquid
liquid_distances    how far apart two states of a liquid are, or two spike trains
weight_statistics   moments and histograms of weights, the connectivity matrix, multapses
published_statistics   those of the published scaling experiment, which leave out NaN
plots               figures: raster, distributions, boxes, simulated against predicted values
weight_plots        figures: distributions of weights, connectivity matrices
liquid_plots        distances of liquid states against time
layer_plots         the raster of a network of many populations
rate_plots          rates of rate neurons against time
figure_look         how all figures look: fonts, colours, markers, letters of panels
activity_plots      activity of binary neurons against time, and their states at any time
"""
