"""Single path (SPOS, arXiv:1904.00420, section 3.1): a step trains one sampled candidate."""

import random
from collections.abc import Iterator

from trainers.data.batches import Batch
from trainers.training.paths import Paths
from trainers.training.step import Losses


def single_path(paths: Paths, batch: Batch, rng: random.Random) -> Iterator[Losses]:
    """One pass, with one random candidate."""
    yield paths.learn(paths.draws.sample(rng), batch)[1]
