"""The sandwich rule with in-place distillation (arXiv:1903.05134, section 3; BigNAS, arXiv:2003.11142, section 3.1)."""

import random
from collections.abc import Iterator

from trainers.data.batches import Batch
from trainers.distill.in_place import as_teacher
from trainers.training.paths import Paths
from trainers.training.step import Losses

RANDOM_PATHS = 2


def sandwich(paths: Paths, batch: Batch, rng: random.Random) -> Iterator[Losses]:
    """Four passes: the dearest candidate learns from labels; the cheapest and two random ones from its responses.

    All keep their own terms with their own teachers, which train the distiller's adapters.
    """
    output, losses = paths.learn(paths.draws.dearest(rng), batch)
    teacher = as_teacher(output)
    yield losses
    draws = paths.draws
    for candidate in (draws.cheapest(rng), *(draws.sample(rng) for _ in range(RANDOM_PATHS))):
        yield paths.follow(candidate, batch, teacher)[1]
