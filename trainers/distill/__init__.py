"""Distillation terms, in one visible table."""
