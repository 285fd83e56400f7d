"""Matching in blocks of images: the same as all at once, however many images a block has."""

import numpy as np
import pytest

from trainers.evaluate import matching
from trainers.evaluate.detections import Flat
from trainers.evaluate.matching import match


def random_flat(rng, counts, flags):
    """Boxes of images with so many of them each, in the order of the images and labels."""
    image = np.repeat(np.arange(len(counts)), counts)
    corner = rng.uniform(0, 20, (len(image), 2))
    labels = rng.integers(1, 3, len(image))
    order = np.lexsort((labels, image))
    values = rng.random(len(image)) < 0.1 if flags else -np.sort(-rng.random(len(image)))
    return Flat(image, np.hstack([corner, corner + rng.uniform(5, 20, (len(image), 2))]), labels[order], values)


@pytest.mark.parametrize("block", [1, 5, 12, 39])
@pytest.mark.parametrize("with_outside", [False, True])
def test_blocks_change_nothing(monkeypatch, block, with_outside):
    rng = np.random.default_rng(1)
    detections = random_flat(rng, [0, 9, 3, 12, 0, 1, 14, 0], flags=False)
    truth = random_flat(rng, [2, 4, 0, 6, 3, 1, 5, 2], flags=True)
    outside = rng.random(len(truth.labels)) < 0.3 if with_outside else None
    matched, ignored = match(detections, truth, 2, outside)
    assert 0 < ignored.sum() < matched.sum()
    monkeypatch.setattr(matching, "BLOCK", block)
    again = match(detections, truth, 2, outside)
    assert np.array_equal(again[0], matched)
    assert np.array_equal(again[1], ignored)


def test_a_block_ends_with_an_image(monkeypatch):
    monkeypatch.setattr(matching, "BLOCK", 4)
    image = np.repeat([1, 2, 3, 5], [3, 2, 6, 1])
    assert list(matching._blocks(image)) == [(1, 2), (2, 3), (3, 4), (5, 6)]
    assert list(matching._blocks(np.repeat([0, 1, 2], [2, 2, 1]))) == [(0, 2), (2, 3)]
    assert list(matching._blocks(np.empty(0, dtype=np.int64))) == []
