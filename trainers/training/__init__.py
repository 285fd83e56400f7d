"""How networks are trained: the loop, its settings, resuming, detectors and supernets."""
