"""Drawing the edges of projections, target by target, and the values they have of their own."""
