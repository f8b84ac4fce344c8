"""Connection rules, one file each: parameters, what they ask of populations, and how their edges are drawn."""
