"""The command line: commands, tables, progress, errors."""

from search.cli.app import main

__all__ = ["main"]
