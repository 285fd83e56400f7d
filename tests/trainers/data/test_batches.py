from dataclasses import replace

import numpy as np
import pytest
import torch

from trainers.data.balanced import balanced_indices
from trainers.data.batches import batches
from trainers.data.decoded import Decoded


def decoded(labels, size=16, difficult=None):
    """One image for each list of labels, with distinct noise and boxes."""
    rng = np.random.default_rng(0)
    flat = [label for image in labels for label in image]
    corner = rng.uniform(0, size / 2, (len(flat), 2))
    return Decoded(
        images=rng.integers(0, 256, (len(labels), 3, size, size), dtype=np.uint8),
        boxes=np.hstack([corner, corner + rng.uniform(2, size / 2, corner.shape)]).astype(np.float32),
        labels=np.array(flat, dtype=np.int64),
        difficult=np.zeros(len(flat), dtype=np.bool_) if difficult is None else np.array(difficult),
        offsets=np.cumsum([0] + [len(image) for image in labels], dtype=np.int64),
        image_ids=tuple(str(i) for i in range(len(labels))),
        class_names=("cat", "dog", "cow"),
    )


DATA = decoded([[1], [2, 3], [], [1, 1], [3], [2], [1]])


def flat(batch_list):
    return [pair for images, targets in batch_list for pair in zip(images, targets, strict=True)]


def same(first, second):
    first, second = flat(first), flat(second)
    return len(first) == len(second) and all(
        torch.equal(a, b) and all(torch.equal(s[key], t[key]) for key in s)
        for (a, s), (b, t) in zip(first, second, strict=True)
    )


def test_without_augmentation_images_come_in_order_as_floats_from_zero_to_one():
    got = list(batches(DATA, 3, seed=5, epoch=2, augment=False))
    assert [len(images) for images, _ in got] == [3, 3, 1]
    for index, (image, target) in enumerate(flat(got)):
        assert (image.dtype, image.shape) == (torch.float32, (3, 16, 16))
        torch.testing.assert_close(image, torch.from_numpy(DATA.images[index]) / 255, rtol=0, atol=0)
        torch.testing.assert_close(target["boxes"], torch.from_numpy(DATA.target(index)["boxes"]))
        assert set(target) == {"boxes", "labels", "difficult"}


def test_an_image_without_objects_has_boxes_of_shape_zero_four():
    _, targets = next(batches(DATA.subset([2]), 1, seed=0, epoch=0, augment=False))
    assert (targets[0]["boxes"].shape, targets[0]["labels"].shape) == ((0, 4), (0,))
    assert (targets[0]["labels"].dtype, targets[0]["difficult"].dtype) == (torch.int64, torch.bool)
    (image,), (target,) = next(batches(DATA.subset([2]), 1, seed=0, epoch=0, augment=True))
    assert (image.shape, target["boxes"].shape) == ((3, 16, 16), (0, 4))


def test_seed_and_epoch_decide_everything():
    first = list(batches(DATA, 2, seed=1, epoch=3, augment=True))
    np.random.seed(7)  # the global generators must not matter
    torch.manual_seed(7)
    assert same(first, batches(DATA, 2, seed=1, epoch=3, augment=True))
    assert not same(first, batches(DATA, 2, seed=2, epoch=3, augment=True))
    assert not same(first, batches(DATA, 2, seed=1, epoch=4, augment=True))


def test_the_batch_size_does_not_change_the_images():
    assert same(
        batches(DATA, 2, seed=1, epoch=3, augment=True),
        batches(DATA, 5, seed=1, epoch=3, augment=True),
    )


def test_an_epoch_shows_every_image_once():
    grey = decoded([[1]] * 9)
    grey.images[:] = (np.arange(9) * 25)[:, None, None, None]
    seen = [float(image.mean()) for image, _ in flat(batches(grey, 4, seed=0, epoch=0, augment=False))]
    np.testing.assert_allclose(sorted(seen), np.arange(9) * 25 / 255, rtol=1e-6)
    assert len(flat(batches(grey, 4, seed=0, epoch=0, augment=True))) == 9


def test_the_last_incomplete_batch_can_be_dropped():
    assert [len(images) for images, _ in batches(DATA, 3, seed=0, epoch=0, augment=True, drop_last=True)] == [3, 3]
    assert not list(batches(DATA, 8, seed=0, epoch=0, augment=False, drop_last=True))


@pytest.mark.parametrize("augment", [False, True])
def test_shared_read_only_arrays_are_never_written_and_never_handed_out(augment):
    shared = {name: array.copy() for name, array in DATA.arrays().items()}
    for array in shared.values():
        array.flags.writeable = False
    data = Decoded.from_arrays(shared, DATA.image_ids, DATA.class_names)
    for images, targets in batches(data, 2, seed=0, epoch=0, augment=augment):
        for image, target in zip(images, targets, strict=True):
            image.zero_()
            target["boxes"].zero_()
            target["labels"].zero_()
    for name, array in shared.items():
        np.testing.assert_array_equal(array, DATA.arrays()[name])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0, "seed": 0, "epoch": 0}, "batch_size is 0, must be at least 1"),
        ({"batch_size": 1, "seed": -1, "epoch": 0}, "seed is -1 and epoch is 0, neither may be negative"),
        ({"batch_size": 1, "seed": 0, "epoch": -1}, "seed is 0 and epoch is -1, neither may be negative"),
    ],
)
def test_impossible_arguments_are_refused_at_the_call(arguments, message):
    with pytest.raises(ValueError, match=message):
        batches(DATA, augment=False, **arguments)


def test_a_balanced_choice_has_each_class_equally_often():
    skewed = decoded([[1]] * 80 + [[2]] * 12 + [[3]] * 8)
    chosen = balanced_indices(skewed, 15, seed=0)
    assert np.bincount(skewed.subset(chosen).labels).tolist() == [0, 5, 5, 5]
    assert len(set(chosen.tolist())) == 15


def test_a_balanced_choice_goes_on_when_a_class_is_used_up():
    skewed = decoded([[1]] * 8 + [[2]] * 2 + [[]] * 3)
    assert np.bincount(skewed.subset(balanced_indices(skewed, 7, seed=0)).labels).tolist() == [0, 5, 2]
    assert sorted(balanced_indices(skewed, 12, seed=0).tolist())[:10] == list(range(10))  # empty images last


def test_difficult_objects_do_not_count_for_the_balance():
    data = decoded([[1], [2], [1], [1]], difficult=[False, True, False, False])
    assert 1 not in balanced_indices(data, 3, seed=0)


def test_a_balanced_choice_is_seeded_and_sorted():
    data = decoded([[1]] * 40 + [[2]] * 40)
    first = balanced_indices(data, 10, seed=3)
    assert first.tolist() == sorted(first.tolist())
    assert first.tolist() == balanced_indices(data, 10, seed=3).tolist()
    assert first.tolist() != balanced_indices(data, 10, seed=4).tolist()
    assert balanced_indices(data, 100, seed=0).tolist() == list(range(80))
    with pytest.raises(ValueError, match="count is 0, must be at least 1"):
        balanced_indices(data, 0, seed=0)


@pytest.mark.parametrize("augment", [False, True])
def test_crowds_and_ignored_regions_are_in_no_batch(augment):
    crowded = replace(decoded([[1, 2], [0], [3]], difficult=[True, False, True, False]), learns_difficult=False)
    for _, targets in batches(crowded, 3, seed=0, epoch=0, augment=augment):
        assert sorted(target["labels"].tolist() for target in targets) == [[], [2], [3]]
