"""What a run leaves: its HDF5 file (with analysis/read.py all that knows h5py), other files, provenance; and the base of
all simulations, which record.
"""
