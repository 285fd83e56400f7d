"""Seeds: one for each purpose, all derived from the run's seed."""

import random


def seeded(seed: int, *names: object) -> int:
    """A seed for one purpose, named by `names`, from the run's seed: the same on every machine, 31 bits."""
    return random.Random("/".join(map(str, (seed, *names)))).getrandbits(31)
