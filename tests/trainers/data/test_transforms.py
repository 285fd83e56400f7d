from dataclasses import replace

import numpy as np
import pytest

from trainers.data.augmentation import Augmentation
from trainers.data.published_transforms import random_scale
from trainers.data.resizing import MEAN_COLOUR
from trainers.data.transforms import colour_jitter, crop, horizontal_flip, random_crop, zoom_out


def target(*boxes):
    count = len(boxes)
    return {
        "boxes": np.array(boxes, dtype=np.float32).reshape(-1, 4),
        "labels": np.arange(1, count + 1),
        "difficult": np.arange(count) % 2 == 1,
    }


def painted(box, size=40, value=255):
    """Black but for the pixels of the box."""
    image = np.zeros((3, size, size), dtype=np.uint8)
    x1, y1, x2, y2 = box
    image[:, y1:y2, x1:x2] = value
    return image


def extent(image):
    """Corners of what is brighter than half."""
    bright = image[0] > 127
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def test_a_flip_mirrors_x_and_leaves_y():
    _, flipped = horizontal_flip(np.zeros((3, 40, 40), dtype=np.uint8), target([5, 6, 15, 36]))
    assert flipped["boxes"].tolist() == [[25, 6, 35, 36]]


def test_a_flip_moves_the_pixels_with_the_box():
    box = [3, 8, 17, 22]
    image, flipped = horizontal_flip(painted(box), target(box))
    assert extent(image) == flipped["boxes"][0].tolist()


def test_flipping_twice_is_no_change():
    image = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    twice, boxes = horizontal_flip(*horizontal_flip(image, target([1, 2, 3, 4])))
    np.testing.assert_array_equal(twice, image)
    assert boxes["boxes"].tolist() == [[1, 2, 3, 4]]


def test_a_crop_scales_and_clips_boxes():
    # The window is 20 wide and 10 high in an image of 40: x is doubled, y four times as large.
    _, cropped = crop(np.zeros((3, 40, 40), dtype=np.uint8), target([12, 12, 20, 16], [4, 8, 18, 30]), (10, 10, 30, 20))
    # The second box has its centre at (11, 19), inside; it is clipped to 10..18 and 10..20.
    assert cropped["boxes"].tolist() == [[4, 8, 20, 24], [0, 0, 16, 40]]


def test_an_object_whose_centre_leaves_is_dropped_with_its_label_and_flag():
    inside, outside, edge = [10, 10, 20, 20], [0, 10, 19, 20], [0, 10, 20, 20]
    _, cropped = crop(np.zeros((3, 40, 40), dtype=np.uint8), target(outside, inside, edge), (10, 0, 40, 40))
    assert cropped["labels"].tolist() == [2, 3]  # centre x: 9.5 out, 15 in, 10 on the edge
    assert cropped["difficult"].tolist() == [True, False]
    assert (cropped["boxes"][:, 2] - cropped["boxes"][:, 0] > 0).all()


@pytest.mark.parametrize("window", [(0, 0, 40, 40), (5, 10, 25, 30), (8, 0, 40, 16), (10, 10, 20, 30)])
def test_a_crop_moves_the_pixels_with_the_box(window):
    box = [9, 11, 18, 19]
    image, cropped = crop(painted(box), target(box), window)
    np.testing.assert_allclose(extent(image), cropped["boxes"][0], atol=0.51)  # half a pixel is rounding


def test_a_crop_of_the_whole_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (3, 40, 40), dtype=np.uint8)
    same, boxes = crop(image, target([1, 2, 3, 4]), (0, 0, 40, 40))
    np.testing.assert_array_equal(same, image)
    assert boxes["boxes"].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("seed", range(30))
def test_a_random_crop_keeps_pixels_and_boxes_together(seed):
    rng = np.random.default_rng(seed)
    box = [12, 14, 30, 26]
    image, cropped = random_crop(painted(box), target(box), rng)
    assert cropped["labels"].tolist() == [1]
    np.testing.assert_allclose(extent(image), cropped["boxes"][0], atol=1.01)


def test_a_random_crop_never_loses_the_last_object():
    corner = target([0, 0, 2, 2])
    crops = [random_crop(np.zeros((3, 40, 40), dtype=np.uint8), corner, np.random.default_rng(s)) for s in range(50)]
    assert all(len(cropped["labels"]) == 1 for _, cropped in crops)


def test_an_image_without_objects_may_be_cropped_anywhere():
    image, empty = random_crop(painted([0, 0, 20, 20]), target(), np.random.default_rng(0))
    assert (image.shape, empty["boxes"].shape) == ((3, 40, 40), (0, 4))


def test_zooming_out_scales_boxes_and_moves_them():
    # Half of 40 is 20, so there are 21 places each way; pixels and box must agree on the drawn one.
    _, zoomed = zoom_out(painted([8, 12, 24, 36]), target([8, 12, 24, 36]), np.random.default_rng(0), side=(0.5, 0.5))
    x1, y1, x2, y2 = zoomed["boxes"][0].tolist()
    assert (x2 - x1, y2 - y1) == (8, 12)
    assert (x1 % 1, y1 % 1) == (0, 0)


@pytest.mark.parametrize("seed", range(20))
def test_zooming_out_moves_the_pixels_with_the_box_and_fills_with_the_mean(seed):
    box = [12, 14, 30, 26]
    image, zoomed = zoom_out(painted(box), target(box), np.random.default_rng(seed))
    np.testing.assert_allclose(extent(image), zoomed["boxes"][0], atol=0.76)
    assert set(np.unique(image[:, [0, -1]][:, :, [0, -1]])) <= {0, int(painted(box).mean())}


def test_zooming_out_by_nothing_is_no_change():
    image, same = zoom_out(painted([1, 2, 3, 4]), target([1, 2, 3, 4]), np.random.default_rng(0), side=(1.0, 1.0))
    np.testing.assert_array_equal(image, painted([1, 2, 3, 4]))
    assert same["boxes"].tolist() == [[1, 2, 3, 4]]


def test_brightness_scales_a_grey_image():
    grey = np.full((3, 4, 4), 100, dtype=np.uint8)
    only = {"contrast": 0.0, "saturation": 0.0}
    expected = round(100 * (1 + 0.5 * np.random.default_rng(0).uniform(-1, 1)))
    np.testing.assert_array_equal(colour_jitter(grey, np.random.default_rng(0), brightness=0.5, **only), expected)


def test_contrast_and_saturation_leave_an_even_grey_alone():
    grey = np.full((3, 4, 4), 100, dtype=np.uint8)
    changed = colour_jitter(grey, np.random.default_rng(0), brightness=0.0, contrast=0.5, saturation=0.5)
    np.testing.assert_array_equal(changed, 100)


def test_no_jitter_is_no_change():
    image = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    np.testing.assert_array_equal(colour_jitter(image, np.random.default_rng(0), 0.0, 0.0, 0.0), image)


def test_full_saturation_loss_makes_grey():
    class Lowest:
        def uniform(self, low, high):
            return low

    red = np.zeros((3, 2, 2), dtype=np.uint8)
    red[0] = 200
    changed = colour_jitter(red, Lowest(), brightness=0.0, contrast=0.0, saturation=1.0)
    np.testing.assert_array_equal(changed, round(0.299 * 200))


def test_augmenting_changes_nothing_in_place_and_depends_on_the_generator_only():
    image = np.random.default_rng(0).integers(0, 256, (3, 40, 40), dtype=np.uint8)
    objects = target([5, 5, 20, 20], [15, 15, 38, 38])
    image.flags.writeable = objects["boxes"].flags.writeable = False
    first, one = Augmentation().of(image, objects, np.random.default_rng(3))
    again, same = Augmentation().of(image, objects, np.random.default_rng(3))
    other, _ = Augmentation().of(image, objects, np.random.default_rng(4))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(one["boxes"], same["boxes"])
    assert not np.array_equal(first, other)
    assert (first.shape, first.dtype, one["boxes"].dtype) == ((3, 40, 40), np.uint8, np.float32)


@pytest.mark.parametrize("seed", range(40))
def test_augmented_boxes_stay_inside_the_image_and_keep_their_order_of_corners(seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 30, (6, 2))
    boxes = np.hstack([corner, corner + rng.uniform(1, 10, (6, 2))])
    _, moved = Augmentation().of(np.zeros((3, 40, 40), dtype=np.uint8), target(*boxes), rng)
    assert (moved["boxes"] >= 0).all()
    assert (moved["boxes"] <= 40).all()
    assert (moved["boxes"][:, :2] < moved["boxes"][:, 2:]).all()


SSD = Augmentation(photometric=True, expand=0.5, iou_crop=True, crops=False, colours=False)
EXPANDED = Augmentation(expand=1.0, crops=False, colours=False)
LARGE_SCALES = Augmentation(scale_jitter=(0.3, 2.0), crops=False, colours=False)


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0, 4.0])
def test_the_scale_of_an_image_that_is_not_square_is_the_factor(factor):
    image, box = np.zeros((3, 80, 160), dtype=np.uint8), [70, 35, 90, 45]
    ground, objects = random_scale(image, target(box), np.random.default_rng(3), (factor, factor))
    assert ground.shape == image.shape
    if factor == 1.0:
        assert objects["boxes"].tolist() == [box]
    elif factor == 0.5:
        width, height = (objects["boxes"][0, 2:] - objects["boxes"][0, :2]).tolist()
        assert (width, height) == (10, 5)


@pytest.mark.parametrize("how", [replace(SSD, photometric=False), LARGE_SCALES, EXPANDED])
def test_what_is_painted_moves_with_its_box_and_the_image_keeps_its_shape(how):
    rng, box = np.random.default_rng(0), [30, 20, 70, 60]
    image = np.zeros((3, 80, 120), dtype=np.uint8)
    image[0, 20:60, 30:70] = 255
    found, whole = 0, 0
    for _ in range(60):
        changed, objects = how.of(image, target(box), rng)
        assert (changed.shape, changed.dtype) == ((3, 80, 120), np.uint8)
        if not len(objects["labels"]):
            continue
        red = changed[0].astype(int) - changed[1] > 127
        rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
        seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert np.abs(objects["boxes"][0] - seen).max() < 2.5
        found, whole = found + 1, whole + (objects["boxes"][0].tolist() in ([30, 20, 70, 60], [50, 20, 90, 60]))
    assert found > 40
    assert whole < 50  # others were moved


def test_an_expanded_image_lies_on_the_mean_colour():
    image = np.full((3, 40, 40), 255, dtype=np.uint8)
    changed, objects = Augmentation(expand=1.0, flip=0, crops=False, colours=False).of(
        image, target([0, 0, 40, 40]), np.random.default_rng(1)
    )
    x1, y1, x2, y2 = objects["boxes"][0].round().astype(int)
    assert changed[:, (y1 + y2) // 2, (x1 + x2) // 2].tolist() == [255, 255, 255]
    outside = np.ones((40, 40), bool)
    outside[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = False
    assert outside.any()
    assert {tuple(pixel) for pixel in changed[:, outside].T} == {MEAN_COLOUR}


def test_an_iou_crop_keeps_objects_whose_centre_is_inside_and_leaves_images_without_any():
    rng, image = np.random.default_rng(0), np.zeros((3, 80, 120), dtype=np.uint8)
    how = Augmentation(iou_crop=True, flip=0, crops=False, colours=False)
    kept = [len(how.of(image, target([0, 0, 30, 30], [80, 40, 120, 80]), rng)[1]["labels"]) for _ in range(40)]
    assert set(kept) == {1, 2}
    same, nothing = how.of(np.arange(28800, dtype=np.int64).astype(np.uint8).reshape(3, 80, 120), target(), rng)
    assert (same.reshape(-1)[:5].tolist(), len(nothing["labels"])) == ([0, 1, 2, 3, 4], 0)


@pytest.mark.parametrize("how", [SSD, LARGE_SCALES])
def test_published_augmentations_depend_on_the_generator_given_alone(how, generators):
    image = np.random.default_rng(0).integers(0, 256, (3, 40, 60), dtype=np.uint8)
    image.flags.writeable = False
    objects = target([5, 5, 20, 20], [15, 15, 38, 38])
    with generators:
        first, again, other = (how.of(image, objects, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1]["boxes"], again[1]["boxes"])
    assert not np.array_equal(first[0], other[0])


def test_the_usual_augmentation_has_no_description_and_draws_as_it_always_did():
    assert Augmentation().described() == {}
    assert SSD.described() == {"photometric": True, "expand": 0.5, "iou_crop": True, "crops": False, "colours": False}
    image, objects = np.random.default_rng(0).integers(0, 256, (3, 40, 40), dtype=np.uint8), target([5, 5, 20, 20])
    for seed in range(6):
        rng = np.random.default_rng(seed)
        expected = horizontal_flip(image, objects) if rng.random() < 0.5 else (image, objects)
        zoom = rng.random()
        if zoom < 2 / 3:
            expected = (random_crop if zoom < 1 / 3 else zoom_out)(*expected, rng)
        changed, moved = Augmentation().of(image, objects, np.random.default_rng(seed))
        np.testing.assert_array_equal(changed, colour_jitter(expected[0], rng))
        np.testing.assert_array_equal(moved["boxes"], expected[1]["boxes"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flip": 1.5}, "flip is 1.5, must be from 0 to 1"),
        ({"scale_jitter": (2.0, 0.5)}, r"scale_jitter is \[2.0, 0.5\], must be \[lowest, highest\]"),
    ],
)
def test_an_augmentation_that_can_not_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**arguments)
