"""Configs that come with the package: published settings and runnable demos."""
