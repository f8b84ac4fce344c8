"""What all engines share: errors, units, random numbers, kernels, values, rules, placement of neurons on ranks."""
