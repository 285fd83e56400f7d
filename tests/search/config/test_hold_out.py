"""`data.hold_out`: what a config may hold out of its training images."""

import pytest

from search.config import ConfigError, load_config
from search.plan.sources import image_sets
from trainers.data.hold_out import HoldOut

CONFIG = "name: a\ndata: {format: voc, train: default}\nstudent: {detector: ssd_resnet18}\n"


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["data.hold_out={val: 0.25, test: 0.25}"], {"val": (0, 0.25), "test": (0.75, 1)}),
        (["data.hold_out={test: 0.25, val: 0.5}"], {"val": (0, 0.5), "test": (0.75, 1)}),
        (["data.hold_out={test: 0.5}"], {"test": (0.5, 1)}),
        (["data.hold_out={mine: 0.5}", "data.val=mine"], {"mine": (0, 0.5)}),
        (["data.hold_out={test: 0.5}", "data.val=null"], {"test": (0.5, 1)}),
        (["data.hold_out=null"], {}),
    ],
)
def test_validation_images_are_the_first_and_test_images_the_last(written, overrides, parts):
    assert image_sets(load_config(written(CONFIG), overrides).data).hold_out == HoldOut("default", parts)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.hold_out={val: 0}"], r"data\.hold_out\.val: is 0, must be greater than 0"),
        (["data.hold_out={val: 1}"], r"data\.hold_out\.val: is 1, must be less than 1"),
        (["data.hold_out={val: true}"], r"data\.hold_out\.val: is true, must be a number"),
        (
            ["data.hold_out={val: 0.5, test: 0.5}"],
            r"data\.hold_out: adds up to 1, which leaves no images",
        ),
        (
            ["data.hold_out={vla: 0.5}"],
            r"data\.hold_out\.vla: holds out a set 'vla' that nothing reads; data\.val is 'val' and data\.test",
        ),
        (["data.hold_out={default: 0.5}"], r"data\.hold_out\.default: holds out a set 'default' that nothing reads"),
        (
            ["data={format: shapes, hold_out: {val: 0.5}}"],
            r"data\.hold_out: is given, but data\.format is shapes, whose sets are generated apart; leave it out",
        ),
    ],
)
def test_a_mistake_is_refused_when_the_config_is_read(written, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(CONFIG), overrides)
