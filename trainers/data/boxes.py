"""How far a box may reach beyond its image."""

import numpy as np
from numpy.typing import NDArray

ROUNDING = 0.5
"""Pixels that a rounded coordinate may lie beyond the image; such a box is clipped without a word."""

SLACK = 2.0
"""The most pixels that a box may reach beyond its image: tools that count from 0, or to the border, are off by so few.
Such a box is clipped and counted; one that reaches further is a defect."""


def reach(corners: NDArray[np.float64], width: int, height: int) -> float:
    """By how many pixels a box (4,) reaches beyond an image of that size; 0 for a box inside it."""
    x1, y1, x2, y2 = corners.tolist()
    return float(max(-x1, -y1, x2 - width, y2 - height, 0.0))


def clipped(corners: NDArray[np.float64], width: int, height: int) -> NDArray[np.float32]:
    """The part of a box (4,) within its image, float32."""
    return corners.clip(0, [width, height, width, height]).astype(np.float32)
