"""Batches of images on a disk are those of the same images in memory, whoever makes them."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.data.augmentation import Augmentation
from trainers.data.decoding import decode

SIZE = 32


def same(some, others):
    some, others = list(some), list(others)
    assert len(some) == len(others)
    for (images, targets), (other_images, other_targets) in zip(some, others, strict=True):
        assert len(images) == len(other_images)
        assert all(map(torch.equal, images, other_images))
        for target, other in zip(targets, other_targets, strict=True):
            assert all(torch.equal(target[name], other[name]) for name in ("boxes", "labels", "difficult"))


@pytest.fixture(scope="module")
def sets(tiny_root, tmp_path_factory):
    """In memory, and by (workers, with a file of pixels) from a disk."""
    from trainers.data.decoding import Memory
    from trainers.data.formats import data_format
    from trainers.data.streaming.cache import Streaming

    listed = data_format("voc").image_sets(tiny_root).read("train", class_names=("cat", "dog"))
    folder = tmp_path_factory.mktemp("cache")
    ways = {(n, True): Streaming(folder, workers=n) for n in range(4)} | {(1, False): Streaming(workers=1)}
    return decode(listed, SIZE), {way: decode(listed, SIZE, Memory(0.001, one)) for way, one in ways.items()}


@settings(max_examples=40)
@given(
    way=st.sampled_from([(0, True), (1, True), (2, True), (3, True), (1, False)]),
    batch_size=st.integers(1, 9),
    skip=st.integers(0, 9),
    seed=st.integers(0, 3),
    epoch=st.integers(0, 3),
    augment=st.booleans(),
    drop_last=st.booleans(),
)
def test_any_number_of_workers_and_any_skip_make_the_batches_of_memory(sets, way, batch_size, **asked):
    memory, streamed = sets
    same(streamed[way].batches(batch_size, **asked), memory.batches(batch_size, **asked))


def test_published_augmentations_draw_alike_in_any_process(sets):
    ssd = Augmentation(photometric=True, expand=0.5, iou_crop=True, scale_jitter=(0.5, 2), crops=False, colours=False)
    memory, streamed = (replace(one, augmentation=ssd) for one in (sets[0], sets[1][2, True]))
    asked = {"seed": 1, "epoch": 2, "augment": True}
    torch.manual_seed(5)  # which nothing depends on
    same(streamed.batches(3, **asked), memory.batches(3, **asked))
    same(streamed.batches(3, **asked, skip=1), list(memory.batches(3, **asked))[1:])
    assert streamed.fingerprint() == memory.fingerprint() != sets[0].fingerprint()


def test_a_pass_that_was_left_and_one_within_another_disturb_none(sets):
    memory, streamed = sets
    asked = {"seed": 1, "epoch": 0, "augment": True}
    data, expected = streamed[2, True], list(memory.batches(2, **asked))
    left = data.batches(2, **asked)
    next(left)
    left.close()
    outer = data.batches(2, **asked)
    same([next(outer)], expected[:1])
    same(data.batches(2, **asked), expected)  # made in this process
    same(outer, expected[1:])


def test_the_objects_and_the_fingerprint_are_those_of_memory(sets):
    memory, streamed = sets
    for one in streamed.values():
        assert one.fingerprint() == memory.fingerprint()
        assert one.has_fingerprint(memory.fingerprint())
        assert one.image_ids == memory.image_ids
        np.testing.assert_array_equal(one.boxes, memory.boxes)
        np.testing.assert_array_equal(one.in_memory(), memory.images)


def test_a_subset_is_in_memory(sets):
    memory, streamed = sets
    some = streamed[0, True].subset([5, 2])
    assert isinstance(some.images, np.ndarray)
    np.testing.assert_array_equal(some.images, memory.images[[5, 2]])


def test_global_generators_are_not_drawn_from(sets, generators):
    with generators:
        list(sets[1][2, True].batches(4, seed=0, epoch=5, augment=True))


def test_another_process_reads_the_cache_where_it_is_and_the_files_where_it_is_not(sets, tiny_root, streamed, tmp_path):
    memory, _ = sets
    asked = {"seed": 1, "epoch": 0, "augment": True}
    data = streamed(tiny_root, tmp_path / "cache", workers=1)
    same(data.batches(4, **asked), memory.batches(4, **asked))
    sent = pickle.dumps(data)
    same(pickle.loads(sent).batches(4, **asked), memory.batches(4, **asked))  # noqa: S301
    (tmp_path / "cache").rename(tmp_path / "of another machine")
    same(pickle.loads(sent).batches(4, **asked), memory.batches(4, **asked))  # noqa: S301
