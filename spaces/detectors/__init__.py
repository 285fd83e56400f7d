"""Detectors under one contract, in one visible table."""
