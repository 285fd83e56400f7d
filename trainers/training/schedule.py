"""The learning rate over a training or an adaptation: a warm-up, then half a cosine."""

import math
from collections.abc import Callable

WARM_UP_SHARE = 0.05
LAST_RATE_SHARE = 0.02


def warmed_cosine(steps: int) -> Callable[[int], float]:
    """A function from the step, 0 to `steps` - 1, to the share of the learning rate in 0..1, as `LambdaLR` expects it.

    The share rises linearly to 1 over the first `WARM_UP_SHARE` of the steps (at least one step). Then it falls along
    half a cosine towards `LAST_RATE_SHARE` (Loshchilov and Hutter, "SGDR", ICLR 2017, section 3, without restarts).
    """
    warm_up = max(1, int(steps * WARM_UP_SHARE))

    def share(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        done = (step - warm_up) / max(1, steps - warm_up)
        return LAST_RATE_SHARE + (1 - LAST_RATE_SHARE) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    return share
