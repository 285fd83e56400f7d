"""The learning rate over a training or an adaptation: a warm-up, then half a cosine or steps down."""

import math
from collections.abc import Callable, Sequence

WARM_UP_SHARE = 0.05
LAST_RATE_SHARE = 0.02


def usual_warm_up(steps: int) -> int:
    """The steps of the warm-up where none are given: `WARM_UP_SHARE` of all, and at least one."""
    return max(1, int(steps * WARM_UP_SHARE))


def warmed_cosine(steps: int, warm_up: int | None = None) -> Callable[[int], float]:
    """A function from the step, 0 to `steps` - 1, to the share of the learning rate in 0..1, as `LambdaLR` expects it.

    The share rises linearly to 1 over the first `warm_up` steps (None: `usual_warm_up`). Then it falls along half a
    cosine towards `LAST_RATE_SHARE` (Loshchilov and Hutter, "SGDR", ICLR 2017, section 3, without restarts).
    """
    rising = usual_warm_up(steps) if warm_up is None else warm_up

    def share(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        done = (step - rising) / max(1, steps - rising)
        return LAST_RATE_SHARE + (1 - LAST_RATE_SHARE) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    return share


def warmed_steps(milestones: Sequence[int], gamma: float, warm_up: int) -> Callable[[int], float]:
    """As `warmed_cosine`, with a share that is multiplied by `gamma` at each of the steps `milestones`.

    The schedule of SSD (arXiv:1512.02325) and Faster R-CNN (arXiv:1506.01497). A milestone within the warm-up counts.
    """

    def share(step: int) -> float:
        risen = (step + 1) / warm_up if step < warm_up else 1.0
        return float(risen * gamma ** sum(step >= milestone for milestone in milestones))

    return share
