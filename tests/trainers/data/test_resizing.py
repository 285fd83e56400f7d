"""Pictures as they are: where they lie in a resized image, and whether boxes still fit what is seen there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trainers.data.batches import grouped, ordered
from trainers.data.decoded import Decoded
from trainers.data.decoding import Memory, decode
from trainers.data.image_list import ImageList
from trainers.data.resizing import MEAN_COLOUR, Placement, Resizing
from trainers.data.sample import DetectionData, Sample
from trainers.data.streaming.cache import Streaming
from trainers.data.streaming.survey import survey_key

SQUASH, LETTERBOX, OWN = Resizing(160), Resizing(160, "letterbox"), Resizing(120, "shortest_edge", 200)


@pytest.mark.parametrize(
    ("resizing", "size", "content", "corner", "shape"),
    [
        (SQUASH, (500, 375), (160, 160), (0, 0), (160, 160)),
        (LETTERBOX, (500, 375), (160, 120), (0, 20), (160, 160)),
        (LETTERBOX, (30, 60), (80, 160), (40, 0), (160, 160)),
        (LETTERBOX, (1000, 1), (160, 1), (0, 79), (160, 160)),
        (OWN, (500, 375), (160, 120), (0, 0), (120, 160)),  # the shorter side has 120
        (OWN, (60, 120), (100, 200), (0, 0), (200, 100)),  # else the longer would have 240
        (Resizing(800, "shortest_edge", 1333), (640, 480), (1067, 800), (0, 0), (800, 1067)),
        (Resizing(800, "shortest_edge", 1333), (1920, 1080), (1333, 750), (0, 0), (750, 1333)),
    ],
)
def test_where_a_picture_lies(resizing, size, content, corner, shape):
    assert resizing.placed(*size) == Placement(size, content, corner, shape)
    assert resizing.pixels(Image.new("RGB", size)).shape == (3, *shape)


def test_a_letterbox_is_filled_with_the_mean_colour():
    image = LETTERBOX.pixels(Image.new("RGB", (80, 40), (255, 0, 0)))
    assert {tuple(pixel) for pixel in image[:, :40].reshape(3, -1).T} == {MEAN_COLOUR}
    assert {tuple(pixel) for pixel in image[:, 40:120].reshape(3, -1).T} == {(255, 0, 0)}
    assert {tuple(pixel) for pixel in image[:, 120:].reshape(3, -1).T} == {MEAN_COLOUR}


def edges(line: np.ndarray) -> tuple[float, float]:
    """Where a bright stretch begins and ends on a dark line, to a fraction of a pixel: of its mass and its middle."""
    width = line.sum() / line.max()
    middle = (line * (np.arange(len(line)) + 0.5)).sum() / line.sum()
    return middle - width / 2, middle + width / 2


@pytest.mark.parametrize("resizing", [SQUASH, LETTERBOX, OWN], ids=str)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_pasted_object_is_where_its_box_says_and_comes_back(resizing, data):
    width, height = (data.draw(st.integers(60, 400), label=side) for side in ("width", "height"))
    left, top = (data.draw(st.integers(0, side - 30), label=name) for side, name in ((width, "left"), (height, "top")))
    right = data.draw(st.integers(left + 24, width), label="right")
    bottom = data.draw(st.integers(top + 24, height), label="bottom")
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[top:bottom, left:right] = 255
    place, box = resizing.placed(width, height), np.array([[left, top, right, bottom]], dtype=np.float32)
    (x, y), (across, down) = place.corner, place.content
    image = resizing.pixels(Image.fromarray(picture))[0].astype(float)[y : y + down, x : x + across]
    (x1, x2), (y1, y2) = edges(image[image.sum(1).argmax()]), edges(image[:, image.sum(0).argmax()])
    seen = np.array([[x1 + x, y1 + y, x2 + x, y2 + y]])
    assert np.abs(place.forward(box) - seen).max() < 0.5
    assert np.abs(place.back(seen) - box).max() < 0.5 * max(1, width / across, height / down)
    np.testing.assert_allclose(place.back(place.forward(box)), box, atol=1e-4)


def test_detections_in_padding_are_left_out_and_others_clipped_to_the_picture():
    place = LETTERBOX.placed(80, 40)  # rows 40 to 120
    boxes = np.array([[10, 0, 30, 39], [10, 20, 30, 60], [0, 50, 160, 130]], dtype=np.float32)
    found = place.inside({"boxes": boxes, "scores": np.array([0.9, 0.8, 0.7]), "labels": np.array([1, 2, 3])})
    assert found["boxes"].tolist() == [[10, 40, 30, 60], [0, 50, 160, 120]]
    assert (found["scores"].tolist(), found["labels"].tolist()) == ([0.8, 0.7], [2, 3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "size is 0, must be at least 1"),
        ((100, "crop"), "resize is 'crop', must be squash, letterbox or shortest_edge"),
        ((100, "letterbox", 200), "longest is 200, but only shortest_edge has one; resize is letterbox"),
        ((100, "shortest_edge"), "longest is None, must be a whole number from the shorter side on, which is 100"),
        ((100, "shortest_edge", 90), "longest is 90, must be"),
    ],
)
def test_a_resizing_that_means_nothing_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Resizing(*arguments)


def written(folder, sizes):
    """Pictures of these (width, height), each with a box over its left half."""
    samples = []
    for number, (width, height) in enumerate(sizes):
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        objects = np.array([[0, 0, width / 2, height]], np.float32), np.ones(1, np.int64), np.zeros(1, np.bool_)
        samples.append(Sample(str(number), folder / f"{number}.png", width, height, *objects))
    return DetectionData(("thing",), tuple(samples))


SIZES = [(60, 40), (40, 60), (64, 64), (120, 30), (41, 59), (70, 40)]


@pytest.fixture
def listed(tmp_path):
    return written(tmp_path, SIZES)


@pytest.mark.parametrize("resizing", [LETTERBOX, OWN], ids=str)
def test_images_from_a_disk_and_of_packed_arrays_are_those_in_memory(listed, tmp_path, resizing):
    here = decode(listed, resizing)
    [streamed, bare] = [
        decode(listed, resizing, Memory(0.001, Streaming(tmp_path / "cache", pixels, 0))) for pixels in (True, False)
    ]
    packed = Decoded.from_arrays(here.arrays(), here.image_ids, here.class_names, resizing=resizing)
    for other in (streamed, bare, packed):
        assert other.fingerprint() == here.fingerprint()
        for augment in (False, True):
            ours, theirs = (one.batches(2, seed=3, epoch=1, augment=augment) for one in (here, other))
            for (images, targets), (same, boxes) in zip(ours, theirs, strict=True):
                assert all(one.equal(two) for one, two in zip(images, same, strict=True))
                assert all(one["boxes"].equal(two["boxes"]) for one, two in zip(targets, boxes, strict=True))
    chosen = streamed.subset([4, 1])
    assert [image.shape for image in chosen.images] == [here.images[4].shape, here.images[1].shape]
    assert here.bytes_of(np.arange(2)) == sum(here.images[index].nbytes for index in (0, 1))


def test_images_of_their_own_shapes_have_them_and_boxes_fit(listed):
    decoded = decode(listed, OWN)
    assert isinstance(decoded.images, ImageList)
    assert [image.shape for image in decoded.images] == [(3, *OWN.placed(*size).shape) for size in SIZES]
    for index, image in enumerate(decoded.images):
        assert decoded.target(index)["boxes"].tolist() == [[0, 0, image.shape[2] / 2, image.shape[1]]]
    areas = [1 / 9, 1 / 9, (64 / 120) ** 2, 0.6**2, 41 / 120 * 59 / 173, 70 / 200 * 40 / 114]
    assert decoded.areas == pytest.approx(areas)


def test_batches_have_upright_or_wide_images_alone_as_long_as_there_are_enough():
    upright = np.array([True, False] * 5 + [False] * 3)
    batches = [one.indices for one in ordered(13, 3, seed=1, epoch=0, augment=True, upright=upright)]
    assert sorted(np.concatenate(batches).tolist()) == list(range(13))
    assert [len(one) for one in batches] == [3, 3, 3, 3, 1]
    assert [len(set(upright[one])) for one in batches[:3]] == [1, 1, 1]
    later = ordered(13, 3, seed=1, epoch=0, augment=True, upright=upright, skip=2)
    assert [one.indices.tolist() for one in later] == [one.tolist() for one in batches[2:]]
    in_order = ordered(13, 3, seed=1, epoch=0, augment=False, upright=upright)
    assert np.concatenate([one.indices for one in in_order]).tolist() == list(range(13))


def test_groups_come_in_the_order_in_which_they_are_full():
    kinds = np.array([False, True, False, True, True, False, True])
    order = np.array([1, 0, 3, 4, 2, 6, 5])
    assert grouped(order, kinds, 2).tolist() == [1, 3, 0, 2, 4, 6, 5]
    assert grouped(order, np.zeros(7, np.bool_), 8).tolist() == order.tolist()


def test_squashed_images_keep_their_digests(listed):
    """Those of runs and caches that were made before there was a choice."""
    assert (SQUASH.key, LETTERBOX.key) == (160, ["letterbox", 160, None])
    assert decode(listed, Resizing(64)).fingerprint() == decode(listed, 64).fingerprint()
    keys = {survey_key(listed.samples, one) for one in (Resizing(120), Resizing(120, "letterbox"), OWN)}
    assert len(keys) == 3
