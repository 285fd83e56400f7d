import numpy as np
import pytest

from trainers.data.shapes.scene import SHAPE_CLASSES, Difficulty, draw_scene

DIFFICULTY = Difficulty()
SCENES = [draw_scene(np.random.default_rng((0, i)), 96, DIFFICULTY) for i in range(150)]


def test_boxes_are_the_exact_extent_of_the_masks():
    for scene in SCENES:
        for (x1, y1, x2, y2), mask in zip(scene.boxes, scene.masks, strict=True):
            assert mask[y1:y2, x1:x2].sum() == mask.sum()  # nothing outside
            inside = mask[y1:y2, x1:x2]
            assert inside[0].any()  # and each side touches
            assert inside[-1].any()
            assert inside[:, 0].any()
            assert inside[:, -1].any()


def test_arrays_fit_together_and_stay_inside_the_image():
    for scene in SCENES:
        count = len(scene.labels)
        assert (scene.image.shape, scene.image.dtype) == ((96, 96, 3), np.uint8)
        assert (scene.boxes.shape, scene.difficult.shape, scene.masks.shape) == ((count, 4), (count,), (count, 96, 96))
        assert (scene.boxes >= 0).all()
        assert (scene.boxes <= 96).all()
        assert set(scene.labels.tolist()) <= set(range(1, len(SHAPE_CLASSES) + 1))


def test_objects_are_of_8_to_80_percent_of_the_side_and_of_all_classes():
    sides = np.concatenate([(s.boxes[:, 2:] - s.boxes[:, :2]).max(axis=1) for s in SCENES]) / 96
    assert sides.min() >= 0.08 * 0.6  # one that the edge cuts is smaller
    assert sides.max() <= 0.8 + 2 / 96
    assert (sides < 0.25).mean() > 0.05
    assert (sides > 0.5).mean() > 0.2
    labels = np.concatenate([s.labels for s in SCENES])
    assert np.bincount(labels, minlength=6)[1:].min() > 0.12 * len(labels)


def test_some_images_are_empty_and_some_hold_many_objects():
    counts = [len(scene.labels) for scene in SCENES]
    assert 0 in counts
    assert max(counts) >= 5


def test_an_object_mostly_hidden_is_difficult_and_one_hidden_altogether_is_not_annotated():
    crowded = Difficulty(
        objects=(6, 6), many_share=0, empty_share=0, careless_share=1, unsorted_share=1, outlined_share=0
    )
    scenes = [draw_scene(np.random.default_rng(i), 96, crowded) for i in range(40)]
    assert any(scene.difficult.any() for scene in scenes)
    assert any(len(scene.labels) < 6 for scene in scenes)
    for scene in scenes:
        for index, (mask, difficult) in enumerate(zip(scene.masks, scene.difficult, strict=True)):
            # Objects that aren't annotated may hide it too, so this is the most that can be seen.
            visible = mask & ~scene.masks[index + 1 :].any(axis=0)
            if visible.sum() < 0.3 * mask.sum():
                assert difficult


def test_without_overlap_nothing_is_difficult():
    single = Difficulty(objects=(1, 1), many_share=0, empty_share=0)
    assert not any(draw_scene(np.random.default_rng(i), 96, single).difficult.any() for i in range(20))


def test_the_generator_decides_the_whole_image():
    first, again, other = (draw_scene(np.random.default_rng(seed), 64, DIFFICULTY) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("size", [32, 128, 200])
def test_other_image_sizes_work(size):
    assert draw_scene(np.random.default_rng(0), size, DIFFICULTY).image.shape == (size, size, 3)
