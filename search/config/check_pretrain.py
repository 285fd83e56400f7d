"""Checks of the section `pretrain`."""

from collections.abc import Iterator
from pathlib import Path

from search.config.check_layers import trained_layers
from search.config.pretrain import Pretrain
from search.config.problems import Kind, Problem
from trainers.data.listing import is_file


def pretraining(pretrain: Pretrain) -> Iterator[Problem]:
    """Problems of the layers, the sets and the teacher's file."""
    yield from trained_layers("pretrain.layers", pretrain.layers)
    data, generated = pretrain.data, ("train", "val")
    if data.val == data.train:
        text = f"is {data.val!r}, as pretrain.data.train: figures on what was trained on mean nothing."
        yield Problem("pretrain.data.val", Kind.CONFLICT, text, data.val)
    for key, name in (("train", data.train), ("val", data.val)):
        if data.format == "shapes" and name not in generated:
            text = f"is {name!r}, but generated pictures are those of {' and '.join(generated)}."
            yield Problem(f"pretrain.data.{key}", Kind.CONFLICT, text, name)
    if pretrain.crop_scale == 0:
        yield Problem("pretrain.crop_scale", Kind.NOT_ALLOWED, "is 0, must be above 0 and at most 1.", 0)
    weights = None if pretrain.teacher is None else pretrain.teacher.weights
    if weights is not None and not is_file(Path(weights)):
        text = f"is {weights!r}, but there is no such file. Give a classifier of `bitfront pretrain`, or null."
        yield Problem("pretrain.teacher.weights", Kind.NO_FILE, text, weights)
