"""From a network to the part of it that one rank simulates: neurons, edges drawn per target, tables by source."""
