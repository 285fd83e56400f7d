"""Boxes drawn into copies of pictures, whatever classes are called."""

import numpy as np
import pytest
import torch
from odd_pictures import readable, scene, turned
from PIL import Image
from red_finder import red_finder

from search.stages.drawing import colour, draw, drawable, with_boxes
from search.stages.printable import printable
from trainers.prediction import Prediction


def boxed(*boxes, names=None, labels=None):
    count = len(boxes)
    labels = torch.tensor(labels or [1] * count)
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return Prediction(0, None, 200, 120, boxes, torch.full((count,), 0.5), labels, tuple(names or ["cat"] * count))


def test_the_frame_is_drawn_on_the_boxs_edges_in_its_classs_colour():
    drawn = np.asarray(with_boxes(Image.new("RGB", (200, 120)), boxed([100, 40, 180, 100], labels=[7])))
    for row, column in ((40, 190 - 11), (100, 100), (70, 100), (70, 180), (100, 140)):
        assert tuple(drawn[row, column]) == colour(7)
    assert drawn[70, 140].tolist() == [0, 0, 0]
    assert drawn[:40].sum() == drawn[101:].sum() == drawn[:, :100].sum() == drawn[:, 181:].sum() == 0


def test_a_label_lies_in_the_picture_as_a_whole():
    def coloured(x, y):
        """Where the picture has the colour of a box of one pixel there, and of its label."""
        drawn = np.asarray(with_boxes(Image.new("RGB", (200, 120)), boxed([x, y, x + 1, y + 1])))
        return (drawn == colour(1)).all(-1)

    inside, at_the_right, at_the_bottom = coloured(100, 40), coloured(198, 40), coloured(100, 118)
    assert inside[43:].sum() > 100
    assert at_the_right[43:].sum() == inside[43:].sum()
    assert at_the_bottom[:, 103:].sum() == inside[:, 103:].sum()


def test_colours_of_the_first_labels_differ_and_are_bright():
    colours = [colour(label) for label in range(1, 21)]
    assert len(set(colours)) == 20
    assert all(max(one) == 255 for one in colours)


NAMES = ["", "\n" * 50, "a" * 100_000, "\x00\x1b[2J", "\ud800", "人", "سيارة", "машина", "👾", "%s{0}\\", "‮reversed"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_class_name_breaks_drawing(name):
    drawn = with_boxes(scene(), boxed([10, 10, 100, 100], names=[name]))
    assert drawn.size == (200, 120)
    assert drawn.tobytes() != scene().tobytes()


def test_a_name_is_cut_and_escaped_and_a_number_stands_for_one_without_letters_in_the_font():
    assert [drawable(name, 3) for name in ("cat", "машина", "人", "👾")] == ["cat", "машина", "class 3", "class 3"]
    assert drawable("a" * 41, 3) == "a" * 39 + "…"
    assert drawable("a" * 40, 3) == "a" * 40
    assert drawable("a\nb\x1b", 3) == r"a\nb\x1b"


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [200, 120, 200, 120], [0, 0, 200, 120], [0.4, 0.4, 0.6, 0.6]])
def test_boxes_without_area_and_on_the_edge_can_be_drawn(box):
    assert with_boxes(scene(), boxed(box)).size == (200, 120)
    assert with_boxes(Image.new("RGB", (1, 1)), boxed([0, 0, 1, 1])).size == (1, 1)


def test_a_picture_without_boxes_stays_as_it_is():
    assert with_boxes(scene(), boxed()).tobytes() == scene().tobytes()


def test_a_copy_has_the_format_of_its_picture_and_lies_upright(tmp_path):
    forms = {"cmyk.jpg": "JPEG", "cmyk.tif": "TIFF", "palette.png": "PNG", "animated.webp": "WEBP", "no_ending": "BMP"}
    files = readable(tmp_path)
    turned(tmp_path / "turned.jpg", 6)
    for name, form in (forms | {"turned.jpg": "JPEG"}).items():
        path = files[name][0] if name in files else tmp_path / name
        before = path.read_bytes()
        (prediction,) = red_finder().predict([path])
        draw(path, prediction, tmp_path / "out" / name)
        with Image.open(tmp_path / "out" / name) as copy:
            assert (copy.format, copy.size, copy.mode) == (form, (200, 120), "RGB")
            assert 0x0112 not in copy.getexif()
        assert path.read_bytes() == before


def test_names_are_shown_with_escapes_for_what_no_terminal_shows():
    assert printable("café 人") == "café 人"
    assert printable("a\x1b[2J\r\n\u202e\udcff") == r"a\x1b[2J\r\n\u202e\udcff"
