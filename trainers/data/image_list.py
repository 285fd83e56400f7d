"""Images in memory, each of a shape of its own."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ImageList:
    """N images (3, H, W) uint8, by place. Never write to them."""

    def __init__(self, images: Iterable[NDArray[np.uint8]]) -> None:
        self._images = tuple(images)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self._images[index]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All pixels in one array (P,), and shapes (N, 2), height and width; `from_arrays` is the inverse."""
        flat = np.concatenate([image.reshape(-1) for image in self._images] or [np.empty(0, np.uint8)])
        shapes = np.array([image.shape[1:] for image in self._images], dtype=np.int64).reshape(-1, 2)
        return {"images": flat, "shapes": shapes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "ImageList":
        """Views of the given pixels."""
        shapes = arrays["shapes"]
        ends = np.cumsum(3 * shapes.prod(axis=1))
        parts = np.split(arrays["images"], ends[:-1]) if len(shapes) else []
        return cls(part.reshape(3, *shape) for part, shape in zip(parts, shapes.tolist(), strict=True))
