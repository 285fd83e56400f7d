"""Boxes in the pixels of pictures of every kind and size, where the object was drawn."""

import pytest
import torch
from odd_pictures import object_box, readable, scene, turned, unreadable
from PIL import Image
from red_finder import SIDE, red_finder

from trainers.data.errors import DataError

KINDS = [
    *("grey.png", "bits.png", "cmyk.jpg", "cmyk.tif", "rgba.png", "palette.png", "clear.png", "grey_alpha.png"),
    *("animated.webp", "wide.png", "tall.jpg", "no_ending"),
]
UNREADABLE = ["cut.jpg", "empty.jpg", "text.png", "bomb.png", "deep.png", "moving.gif"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def pictures(folder):
    return readable(folder)


@pytest.fixture(scope="module")
def broken(folder):
    return unreadable(folder)


def found_in(picture):
    (prediction,) = red_finder().predict([picture])
    return prediction


def is_right(prediction, width, height):
    assert (prediction.width, prediction.height) == (width, height)
    assert (prediction.labels.tolist(), prediction.class_names, prediction.scores.tolist()) == ([1], ("red",), [0.75])
    torch.testing.assert_close(prediction.boxes, torch.tensor([object_box(width, height)]), rtol=0, atol=2.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_object_is_found_in_the_pictures_own_pixels(pictures, kind):
    path, width, height = pictures[kind]
    prediction = found_in(path)
    is_right(prediction, width, height)
    assert (prediction.index, prediction.path) == (0, path)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_of_the_picture_turned_upright(tmp_path, form, orientation):
    path = turned(tmp_path / "a", orientation, form)
    is_right(found_in(path), 200, 120)
    with Image.open(path) as image:
        is_right(found_in(image), 200, 120)
        image.load()
        is_right(found_in(image), 200, 120)


def test_a_picture_of_one_pixel_is_one_box(tmp_path):
    Image.new("RGB", (1, 1), (255, 0, 0)).save(tmp_path / "a.png")
    assert found_in(tmp_path / "a.png").boxes.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(("width", "height"), [(8000, 300), (10, 5000), (100, 100), (50, 20)])
def test_where_the_edges_lie_on_pixels_of_the_square_the_box_is_exact(width, height):
    torch.testing.assert_close(found_in(scene(width, height)).boxes, torch.tensor([object_box(width, height)]))


@pytest.mark.parametrize("size", [(200, 120), (120, 200), (60, 60), (8000, 300), (30, 2000)])
@pytest.mark.parametrize("resizing", [{"resize": "letterbox"}, {"resize": "shortest_edge", "longest": 200}])
def test_pictures_that_keep_their_shape_have_boxes_in_their_own_pixels(resizing, size):
    finder = red_finder(**resizing)
    first, second = finder.predict([scene(*size), scene(100, 100)], score=0.1)
    scale = max(size) / max(finder.network.batches[0][0].shape[1:])
    torch.testing.assert_close(first.boxes[0], torch.tensor(object_box(*size)), rtol=0, atol=max(1.0, 0.6 * scale))
    torch.testing.assert_close(second.boxes, torch.tensor([object_box(100, 100), [0, 0, 100, 100]]))
    assert [len(batch) for batch in finder.network.batches] == ([1, 1] if "longest" in resizing else [2])


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_no_picture_is_named_with_the_reason(broken, kind):
    path, reason = broken[kind]
    with pytest.raises(DataError, match=rf"{kind}: .*{reason}"):
        found_in(path)


def test_unreadable_pictures_are_handed_over_and_the_others_keep_their_places(pictures, broken):
    errors = []
    given = [broken["cut.jpg"][0], pictures["grey.png"][0], "none.jpg", broken["empty.jpg"][0], scene()]
    found = list(red_finder().predict(given, on_unreadable=errors.append, batch_size=2))
    assert [prediction.index for prediction in found] == [1, 4]
    assert [str(error.where).rpartition("/")[-1] for error in errors] == ["cut.jpg", "none.jpg", "empty.jpg"]
    assert errors[1].reason == "the image can't be read (No such file or directory)"


def test_pictures_are_read_batch_by_batch_as_predictions_are_asked_for():
    detector, taken = red_finder(), []
    predictions = detector.predict((taken.append(n) or scene() for n in range(7)), batch_size=3)
    assert taken == []
    next(predictions)
    assert taken == [0, 1, 2]
    assert [prediction.index for prediction in predictions] == [1, 2, 3, 4, 5, 6]
    assert [len(batch) for batch in detector.network.batches] == [3, 3, 1]
    assert detector.network.batches[0][0].shape == (3, SIDE, SIDE)


def test_score_and_number_of_boxes_bound_what_is_returned():
    predict = red_finder().predict

    def count(**options):
        return [len(prediction.scores) for prediction in predict([scene()], **options)]

    assert [count(score=score) for score in (0.0, 0.25, 0.26, 0.75, 0.76)] == [[2], [2], [1], [1], [0]]
    assert [count(score=0.0, max_boxes=number) for number in (1, 2, 500)] == [[1], [2], [2]]
    (nothing,) = predict([scene()], score=1.0)
    assert (nothing.boxes.shape, nothing.class_names) == ((0, 4), ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score": 1.5}, r"score is 1\.5, must be from 0 to 1\."),
        ({"score": float("nan")}, "score is nan, must be from 0 to 1"),
        ({"max_boxes": 0}, "max_boxes is 0, must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0, must be at least 1"),
    ],
)
def test_impossible_settings_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        red_finder().predict([scene()], **options)
