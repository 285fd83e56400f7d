"""Configs that runs wrote down before layers were opened by groups: what they meant then, in today's words."""

from collections.abc import Iterator

from torch import nn

from search.config.schema import Config
from spaces.detectors import DetectorSpec, build_detector, openable
from spaces.layers import REAL
from spaces.without_values import without_values

WRITTEN_OUT = frozenset({"seed", "device", "tensorboard", "teachers", "ensemble", "supernet", "retrain", "train"})
"""Keys that a run writes into its config.yaml, and that nobody writes all by hand."""


def with_single_layers(config: Config) -> Config:
    """The config, with single layers in place of parts in `space.layers.open`, if a run of before wrote it down.

    Such a config has every key but `space.layers.open_by`. Its knobs were single convolutions, none of them depthwise,
    and none was in a second stage. Others come back as they are.
    """
    layers = config.space.layers
    if not layers.open or not config.model_fields_set >= WRITTEN_OUT or "open_by" in layers.model_fields_set:
        return config
    single = {name: methods for part, methods in layers.open.items() for name in _dense(config, part)}
    layers = layers.model_copy(update={"open": single, "open_by": "layer"})
    return config.model_copy(update={"space": config.space.model_copy(update={"layers": layers})})


def _dense(config: Config, part: str) -> Iterator[str]:
    student = config.student
    spec = DetectorSpec(
        detector=student.detector,
        num_classes=1,
        image_size=config.data.image_size,
        width=student.width,
        heads=student.heads,
        resize=config.data.resize,
        longest=config.data.longest,
    )
    with without_values():
        network = build_detector(spec, lambda _: (REAL,))
    for group, names in openable(network).items():
        for name in names if group.partition(".")[0] == part else ():
            layer = network.get_submodule(name)
            if isinstance(layer, nn.Conv2d) and layer.groups == 1:
                yield name
