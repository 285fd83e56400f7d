"""The supernet rules, in one visible table: adding one is a file and a line here."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trainers.data.batches import Batch
from trainers.training.paths import Paths
from trainers.training.rules.fair import fair
from trainers.training.rules.nas_bnn import nas_bnn
from trainers.training.rules.sandwich import sandwich
from trainers.training.rules.single_path import single_path
from trainers.training.step import Losses


@dataclass(frozen=True)
class Rule:
    """One step of a supernet's training.

    step: from the paths, a batch and a generator to the losses of each pass; see `step.StepLosses`. samples: whether it
    draws candidates with `Draws.sample`. needs_binary: whether it needs layers that can be 1-bit.
    """

    step: Callable[[Paths, Batch, random.Random], Iterable[Losses]]
    samples: bool = True
    needs_binary: bool = False


RULES: dict[str, Rule] = {
    "single_path": Rule(single_path),
    "fair": Rule(fair, samples=False),
    "sandwich": Rule(sandwich),
    "nas_bnn": Rule(nas_bnn, needs_binary=True),
}
