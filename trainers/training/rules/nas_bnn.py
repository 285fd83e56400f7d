"""NAS-BNN's step (arXiv:2408.15484): binary inputs with real weights teach binary inputs with binary weights."""

import random
from collections.abc import Iterator

from spaces.detectors import traced
from trainers.data.batches import Batch
from trainers.distill.in_place import as_teacher
from trainers.distill.own_weights import own_weight_loss
from trainers.training.paths import Paths
from trainers.training.searched_signs import inputs_only
from trainers.training.step import Losses

RANDOM_PATHS = 2


def nas_bnn(paths: Paths, batch: Batch, rng: random.Random) -> Iterator[Losses]:
    """Four passes: the cheapest candidate with real weights, as it is, and two random ones.

    The first has the same binary inputs as the second and learns from labels; its responses teach the other three, each
    of which has `own_weight_loss` too. (The published supernet varies in width and depth, and its largest network
    teaches; ours varies in precision, so that the dearest would have real inputs too.) All keep their own terms with
    their own teachers.
    """
    draws = paths.draws
    cheapest = draws.cheapest(rng)
    with inputs_only(paths.supernet):
        output, losses = paths.learn(cheapest, batch)
    teacher = as_teacher(output)
    yield losses
    for candidate in (cheapest, *(draws.sample(rng) for _ in range(RANDOM_PATHS))):
        with traced(paths.supernet):
            output, losses = paths.follow(candidate, batch, teacher)
        yield losses | own_weight_loss(paths.supernet, output.layers)
