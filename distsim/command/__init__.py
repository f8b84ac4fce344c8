"""The command line, ``python -m distsim``: its options, what it lists, how it runs a model and what it writes."""

ELSEWHERE = {
    "scaling": "distsim.scaling.__main__",
    **dict.fromkeys(("init", "show", "report", "compare"), "distsim.scaling.__main__"),
    "nest": "distsim.nest.__main__",
}
"""Commands of ``distsim`` that other programs of the package do: the module whose ``main`` takes the words."""
PROGRAMS = ("scaling", "nest")
"""Those that name the program itself, which does not take its own name."""
