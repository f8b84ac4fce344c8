"""PyNEST scripts as they are: ``import distsim.nest as nest``, or ``python -m distsim.nest script.py``.

A layer over the public classes of distsim, with no engine of its own. See ``docs/nest.md``.
"""
