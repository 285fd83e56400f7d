"""Scoring of candidates: the scorer, and the parts that it is built from."""
