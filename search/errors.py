"""The error that a user's mistake with a run folder raises, in all packages."""

from results.errors import RunError

__all__ = ["RunError"]
