"""Writing what was recorded to HDF5; with analysis/read.py the only place that knows h5py."""
