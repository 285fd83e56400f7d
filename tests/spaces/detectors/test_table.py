from dataclasses import asdict, replace

import pytest

from spaces.detectors import DETECTORS, DetectorSpec, build_detector
from spaces.without_values import without_values


def spec_with(**changes):
    return DetectorSpec(**({"detector": "ssd_resnet18", "num_classes": 3, "image_size": 96} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"detector": "yolo"}, r"No detector is called 'yolo'\. Known: .*ssd_resnet18, "),
        ({"num_classes": 0}, "num_classes is 0, must be at least 1"),
        ({"image_size": 95}, "image_size is 95; ssd_resnet18 takes 96 to 320 pixels"),
        ({"image_size": 321}, "image_size is 321; ssd_resnet18 takes 96 to 320 pixels"),
        (
            {"detector": "faster_rcnn_resnet18", "image_size": 1345},
            "image_size is 1345; faster_rcnn_resnet18 takes 96 to 1344 pixels",
        ),
        (
            {"detector": "gfl_resnet18", "image_size": 1345},
            "image_size is 1345; gfl_resnet18 takes 96 to 1344 pixels",
        ),
        ({"width": 0.0}, "width is 0.0, must be positive"),
        ({"width": float("nan")}, "width is nan, must be positive and finite"),
        ({"width": float("inf")}, "width is inf, must be positive and finite"),
        ({"heads": "heavy"}, "heads is 'heavy'; ssd_resnet18 can only have 'light' or 'full'"),
        (
            {"detector": "ssdlite_mobilenetv2", "heads": "full"},
            "heads is 'full'; ssdlite_mobilenetv2 can only have 'light'",
        ),
        (
            {"detector": "faster_rcnn_resnet18", "heads": "full"},
            "heads is 'full'; faster_rcnn_resnet18 can only have 'light'",
        ),
    ],
)
def test_a_description_that_can_not_be_built_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        spec_with(**changes)


@pytest.mark.parametrize("heads", ["light", None])
@pytest.mark.parametrize("detector", ["faster_rcnn_resnet18", "ssdlite_mobilenetv2"])
def test_a_detector_with_one_kind_of_heads_has_none_in_its_spec_however_it_was_written(detector, heads):
    spec = spec_with(detector=detector, heads=heads)
    assert spec == spec_with(detector=detector)
    assert spec.described() == {"detector": detector, "num_classes": 3, "image_size": 96, "width": 1.0, "heads": None}
    assert DetectorSpec(**asdict(spec)) == replace(spec, width=1.0) == spec


@pytest.mark.parametrize(("heads", "expected"), [(None, "light"), ("light", "light"), ("full", "full")])
def test_a_detector_with_a_choice_of_heads_has_light_ones_unless_it_says_otherwise(heads, expected):
    assert spec_with(heads=heads).heads == expected


@pytest.mark.parametrize("image_size", [96, 320])
def test_the_smallest_and_the_largest_image_size_are_allowed(image_size):
    assert spec_with(image_size=image_size).image_size == image_size


@pytest.mark.parametrize("detector", sorted(DETECTORS))
@pytest.mark.parametrize(("image_size", "first"), [(96, 2), (160, 2), (161, 3), (320, 3)])
def test_every_detector_of_the_table_can_be_built_and_names_its_pyramid(detector, image_size, first):
    if image_size < DETECTORS[detector].sizes[0]:
        pytest.skip(f"{detector} takes larger images only")
    with without_values():
        network = build_detector(spec_with(detector=detector, image_size=image_size, width=0.125), lambda _: ("real",))
    families = {"faster_rcnn": range(2, 7), "gfl": range(3, 8), "ssd300": range(3, 9)}
    levels = next((levels for name, levels in families.items() if detector.startswith(name)), range(first, first + 4))
    assert list(network.feature_channels) == [f"p{level}" for level in levels]
    assert all(channels % 8 == 0 for channels in network.feature_channels.values())


def test_units_are_asked_for_by_the_names_that_they_have_in_the_detector():
    asked = []
    network = build_detector(spec_with(width=0.125), lambda name: asked.append(name) or ("real",))
    names = dict(network.named_modules())
    assert len(asked) == 16
    assert all(name in names for name in asked)
