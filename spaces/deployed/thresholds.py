"""What becomes of a 1-bit unit in front of a sign: a comparison of whole numbers, with all that is real folded in."""

import numpy as np

from spaces.deployed.form import Array, Convolution, GroupNorm
from spaces.deployed.reference import finished
from spaces.deployed.rows import arrays_of, row_of


def integer_thresholds(convolution: Convolution, level: int = 0) -> tuple[Array, Array] | None:
    """t (int32) and rising (int8, -1 or +1), each (Co,): y >= 0 where p >= t if rising, else where p <= t.

    p and y see `form`; scale, BatchNorm, bias and PReLU are in t. None where y doesn't follow from p alone, as with a
    shortcut, a gate, a second weight or a centre of weights, or neither rises nor falls with it.
    """
    own = convolution
    norm = own.norms[level] if own.norms else None
    if own.kind != "binary" or own.shortcut is not None or own.centre is not None or isinstance(norm, GroupNorm):
        return None
    if own.gate is not None or own.second is not None:
        return None
    if own.post is not None and (own.post.slope < 0).any():
        return None
    arrays, most = arrays_of(own, level), int(np.prod(own.weight.shape[1:]))
    sums = np.arange(-most, most + 1)
    maps = np.broadcast_to(sums, (1, own.out_channels, 1, len(sums)))
    above = finished(row_of(own), arrays, maps, maps)[0, :, 0] >= 0
    rising = arrays["multiplier"] >= 0
    first = np.where(above.any(1), sums[above.argmax(1)], most + 1)
    last = np.where(above.any(1), sums[len(sums) - 1 - above[:, ::-1].argmax(1)], -most - 1)
    return np.where(rising, first, last).astype(np.int32), np.where(rising, 1, -1).astype(np.int8)
