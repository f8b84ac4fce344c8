"""The command line, ``python -m distsim``: its options, what it lists, how it runs a model and what it writes."""
