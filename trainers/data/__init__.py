"""Data sets, the generated shapes, transforms and batches."""
