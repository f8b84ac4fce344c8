"""Published networks, one folder each: defaults with unit, meaning and source, parameters, and the network itself."""
