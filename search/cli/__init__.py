"""What a person types and sees: commands, tables, progress, errors."""

from search.cli.app import main

__all__ = ["main"]
