"""Published weights: what they are called, and how they get into our networks."""
