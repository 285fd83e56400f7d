"""Trained detectors in other forms: one file a target, and the table of them."""
