"""What a run leaves: its HDF5 file, other files, provenance; and the base of all simulations, which record."""
