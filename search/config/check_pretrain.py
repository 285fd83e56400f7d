"""Checks of the section `pretrain`."""

from collections.abc import Iterator

from search.config.check_layers import trained_layers
from search.config.pretrain import Pretrain
from search.config.problems import Kind, Problem
from trainers.data.shapes.scene import SHAPE_CLASSES


def pretraining(pretrain: Pretrain) -> Iterator[Problem]:
    """Problems of the layers and the sets. A teacher's file is looked for by the command that reads it."""
    yield from trained_layers("pretrain.layers", pretrain.layers)
    data, generated = pretrain.data, ("train", "val")
    if data.val == data.train:
        text = f"is {data.val!r}, as pretrain.data.train: figures on what was trained on mean nothing."
        yield Problem("pretrain.data.val", Kind.CONFLICT, text, data.val)
    for key, name in (("train", data.train), ("val", data.val)):
        if data.format == "shapes" and name not in generated:
            text = f"is {name!r}, but generated pictures are those of {' and '.join(generated)}."
            yield Problem(f"pretrain.data.{key}", Kind.CONFLICT, text, name)
    if data.format == "shapes" and data.shapes.train < len(SHAPE_CLASSES):
        text = f"is {data.shapes.train}, must be {len(SHAPE_CLASSES)} or more: a picture of each class."
        yield Problem("pretrain.data.shapes.train", Kind.NOT_ALLOWED, text, data.shapes.train)
    if pretrain.crop_scale == 0:
        yield Problem("pretrain.crop_scale", Kind.NOT_ALLOWED, "is 0, must be above 0 and at most 1.", 0)
