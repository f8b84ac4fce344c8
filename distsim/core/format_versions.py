"""Versions of the formats that distsim writes. Something that is added does not change one; what readers know does."""

FILES = 1
"""Groups and datasets of HDF5 files of runs: the attribute ``format``; 1 where it is missing."""
RECORDS = 1
"""Lines of runs.jsonl and failed.jsonl, see scaling/runs.schema.json: the field ``format``; 1 where it is missing."""
SUMMARIES = 1
"""summary.json of a run, see command/summary.schema.json: the field ``format``."""
