"""What drives a network from outside: Poisson input, explicit spike trains, injected current."""
