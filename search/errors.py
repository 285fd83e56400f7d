"""What a user can do wrong with a run folder."""


class RunError(ValueError):
    """A run folder that can't be used as asked: in use, damaged, of another search, or stopped by its own failures."""
