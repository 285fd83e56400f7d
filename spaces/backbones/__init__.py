"""Backbones made of searchable units."""
