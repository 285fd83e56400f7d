"""The settings under which this machine computes right: older x86 processors add products of 8 bits with saturation."""

from functools import cache
from typing import Any

import numpy as np

from spaces.deployed.form import Convolution, IntegerInput
from trainers.export.openvino.layers import build_layer
from trainers.export.openvino.runtime import EXACT, compiled, model, op

WITHOUT_BYTES = {"LP_TRANSFORMS_MODE": "NO"}
"""Products of 8 bits are computed in floats then."""

CHANNELS, LARGEST_INPUT, LARGEST_WEIGHT = 64, 255, 127


@cache
def has_exact_bytes() -> bool:
    """Whether the sum of the largest products of 8 bits is right here.

    It is with VNNI. Without, two products are added in 16 bits, which hold one: results are silently wrong.
    """
    weight = np.full((1, CHANNELS, 1, 1), LARGEST_WEIGHT, np.int8)
    layer = Convolution("probe", "int8", "int8", weight, np.ones(1, np.float32), IntegerInput(1.0, 0, LARGEST_INPUT))
    image = op.parameter([1, CHANNELS, 4, 4], np.float32)
    ready = compiled(model([build_layer(layer, image.output(0))], [image], "probe"))
    made = ready(np.full((1, CHANNELS, 4, 4), LARGEST_INPUT, np.float32))[0]
    return bool((made == CHANNELS * LARGEST_INPUT * LARGEST_WEIGHT).all())


def settings() -> dict[str, Any]:
    """Those with which a graph computes here what torch does."""
    return EXACT if has_exact_bytes() else EXACT | WITHOUT_BYTES
