"""What is simulated: populations, projections, rules, distributions and recordings, without ranks."""
