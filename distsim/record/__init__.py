"""What a run leaves: its HDF5 file, other files, provenance; and the base of all simulations, which leave it.

With ``analysis.read``, and ``core.mapped`` for arrays that are given, the only place that knows h5py.
"""
