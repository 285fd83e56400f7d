import numpy as np
import pytest

from trainers.data.boxes import clipped, reach


@pytest.mark.parametrize(
    ("corners", "pixels"),
    [
        ([0, 0, 20, 10], 0.0),
        ([-1, 0, 20, 10], 1.0),
        ([0, -0.5, 20, 10], 0.5),
        ([0, 0, 22, 10], 2.0),
        ([3, 3, 4, 13.5], 3.5),
    ],
)
def test_a_box_reaches_beyond_an_image_of_20_by_10_pixels_by_so_many(corners, pixels):
    assert reach(np.array(corners, dtype=np.float64), 20, 10) == pixels


def test_a_box_is_clipped_to_its_image():
    box = clipped(np.array([-1.0, 2.0, 21.0, 12.0]), 20, 10)
    assert box.tolist() == [0, 2, 20, 10]
    assert box.dtype == np.float32
