"""Comparisons: scores against trained networks, a front against hand-made rivals, arms of a plan seed by seed."""
