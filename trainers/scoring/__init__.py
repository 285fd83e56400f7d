"""How candidates are scored: what a scorer is made of, and the scorer."""
