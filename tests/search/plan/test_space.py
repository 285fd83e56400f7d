"""From a config to the knobs of its space."""

import pytest

from search.config import ConfigError, load_config
from search.plan.detectors import layer_roots, student_spec
from search.plan.space import build_space, layer_choices


def _config(*overrides: str):
    return load_config("demo", overrides)


def _spec(config):
    return student_spec(config.student, config.data.image_size, 5)


def _choices(config):
    return layer_choices(config.space, _spec(config))


@pytest.mark.parametrize(
    ("granularity", "count", "first"),
    [("layer", 16, "backbone.layer1.0.conv1"), ("block", 8, "backbone.layer1.0"), ("stage", 4, "backbone.layer1")],
)
def test_granularity_decides_how_many_units_share_a_knob(granularity, count, first):
    config = _config(f"space.granularity={granularity}")
    choices = _choices(config)
    assert len(choices) == count
    assert next(iter(choices)) == first
    assert set(choices.values()) == {("real", "sign", "bireal")}


@pytest.mark.parametrize(
    ("granularity", "others"),
    [
        ("layer", [*(f"fpn.p{n}.{unit}" for n in (2, 3, 4, 5) for unit in ("lateral", "output")), "rpn.head.conv"]),
        ("block", ["fpn.p2", "fpn.p3", "fpn.p4", "fpn.p5", "rpn.head"]),
        ("stage", ["fpn", "rpn"]),
    ],
)
def test_what_a_detector_has_beside_its_backbone_is_searched_too(granularity, others):
    config = _config("student.detector=faster_rcnn_resnet18", f"space.granularity={granularity}")
    choices = _choices(config)
    assert [prefix for prefix in choices if not prefix.startswith("backbone.")] == others


@pytest.mark.parametrize(
    ("detector", "roots"), [("ssd_resnet18", ("backbone",)), ("faster_rcnn_resnet18", ("backbone", "fpn", "rpn"))]
)
def test_the_roots_of_a_detector_name_all_its_units(detector, roots):
    config = _config(f"student.detector={detector}")
    assert layer_roots(_spec(config)) == roots


def test_a_term_brings_a_teacher_and_a_weight_knob():
    config = _config("space.granularity=stage")
    keys = [knob.key for knob in build_space(_choices(config), config.space.terms).knobs]
    assert keys[4:] == ["teacher/feature_hint", "weight/feature_hint"]


def test_a_unit_kept_real_inside_a_searched_block_gets_a_knob_with_one_choice():
    config = _config("space.layers.keep_real=[backbone.layer1.0.conv1, backbone.layer2]")
    choices = _choices(config)
    assert choices["backbone.layer1.0.conv1"] == ("real",)
    assert len(choices["backbone.layer1.0"]) == 3
    assert not any(prefix.startswith("backbone.layer2") for prefix in choices)


def test_keep_real_must_name_layers_that_exist_and_leave_some():
    config = _config("space.layers.keep_real=[backbone.layer9]")
    with pytest.raises(
        ConfigError, match=r"keep_real names 'backbone.layer9', but no searchable layer of ssd_resnet18"
    ):
        _choices(config)
    config = _config("space.layers.keep_real=[backbone]")
    with pytest.raises(ConfigError, match="covers every searchable layer: nothing is left to search"):
        _choices(config)


def test_what_is_real_by_default_gets_a_knob_for_each_convolution_that_is_opened():
    config = _config("space.granularity=stage", "space.layers.open={stem: [real, int8], heads: [real, sign]}")
    choices = _choices(config)
    assert list(choices)[:5] == [*(f"backbone.layer{stage}" for stage in (1, 2, 3, 4)), "backbone.conv1"]
    assert choices["backbone.conv1"] == ("real", "int8")
    heads = {f"{kind}_heads.{level}.2": ("real", "sign") for kind in ("cls", "box") for level in range(4)}
    assert dict(list(choices.items())[5:]) == heads


def test_a_part_that_a_detector_lacks_can_not_be_opened():
    config = _config("student.detector=ssd_vgg11", "space.layers.open={shortcuts: [real, int8]}")
    with pytest.raises(ConfigError, match=r"space.layers.open.shortcuts: ssd_vgg11 has no shortcuts with weights"):
        _choices(config)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("space.layers.open={roof: [real]}", "roof"),
        ("space.layers.open={stem: [binary]}", r"space.layers.open.stem: 'binary' is not known"),
        ("space.layers.open={stem: []}", "must have one entry or more"),
        ("supernet.search_losses={fgfi: 1.0}", r"supernet.search_losses.fgfi: .*compares layers"),
        ("supernet.search_losses={angular: 0}", "supernet.search_losses.angular"),
    ],
)
def test_what_can_not_be_opened_or_searched_on_is_refused(override, message):
    with pytest.raises(ConfigError, match=message):
        _config(override)


@pytest.mark.parametrize(
    ("detector", "parts"), [("ssd_resnet18", ["backbone"]), ("gfl_resnet18", ["backbone", "fpn", "towers"])]
)
def test_the_layer_roots_reach_every_unit(detector, parts):
    config = _config(f"student.detector={detector}")
    assert list(layer_roots(_spec(config))) == parts


def test_a_detector_with_units_beyond_its_backbone_has_knobs_for_them():
    config = _config("student.detector=gfl_resnet18", "space.granularity=stage")
    choices = _choices(config)
    assert list(choices) == [*(f"backbone.layer{stage}" for stage in (1, 2, 3, 4)), "fpn", "towers"]
    config = _config("student.detector=gfl_resnet18", "space.granularity=block")
    blocks = list(_choices(config))[8:]
    assert blocks == [*(f"fpn.p{level}" for level in range(3, 8)), "towers.cls", "towers.box"]
