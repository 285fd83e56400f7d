"""From a config to the knobs of its space."""

import pytest

from search.config import ConfigError, load_config
from search.space_builder import build_space, layer_choices, student_spec


def _config(*overrides: str):
    return load_config("demo", overrides)


@pytest.mark.parametrize(
    ("granularity", "count", "first"),
    [("layer", 16, "backbone.layer1.0.conv1"), ("block", 8, "backbone.layer1.0"), ("stage", 4, "backbone.layer1")],
)
def test_granularity_decides_how_many_units_share_a_knob(granularity, count, first):
    config = _config(f"space.granularity={granularity}")
    choices = layer_choices(config, student_spec(config, 5))
    assert len(choices) == count
    assert next(iter(choices)) == first
    assert set(choices.values()) == {("real", "sign", "bireal")}


def test_a_term_brings_a_teacher_and_a_weight_knob():
    config = _config("space.granularity=stage")
    keys = [knob.key for knob in build_space(config, student_spec(config, 5)).knobs]
    assert keys[4:] == ["teacher/feature_hint", "weight/feature_hint"]


def test_a_unit_kept_real_inside_a_searched_block_gets_a_knob_with_one_choice():
    config = _config("space.layers.keep_real=[backbone.layer1.0.conv1, backbone.layer2]")
    choices = layer_choices(config, student_spec(config, 5))
    assert choices["backbone.layer1.0.conv1"] == ("real",)
    assert len(choices["backbone.layer1.0"]) == 3
    assert not any(prefix.startswith("backbone.layer2") for prefix in choices)


def test_keep_real_must_name_layers_that_exist_and_leave_some():
    config = _config("space.layers.keep_real=[backbone.layer9]")
    with pytest.raises(
        ConfigError, match=r"keep_real names 'backbone.layer9', but no searchable layer of ssd_resnet18"
    ):
        layer_choices(config, student_spec(config, 5))
    config = _config("space.layers.keep_real=[backbone]")
    with pytest.raises(ConfigError, match="covers every searchable layer: nothing is left to search"):
        layer_choices(config, student_spec(config, 5))
