"""From a config to the knobs of its space."""

import pytest

from search.config import ConfigError, config_text, load_config
from search.plan.detectors import student_spec
from search.plan.space import Choices, build_space, layer_choices

LAYERS = ["space.layers.methods=[real, sign, bireal]", "space.layers.open={}"]


def choices_of(*overrides: str) -> Choices:
    """The choices of the demo with overrides, for five classes; three methods and nothing opened unless they say so."""
    config = load_config("demo", [*LAYERS, *overrides])
    return layer_choices(config.space, student_spec(config.student, config.data, 5))


@pytest.mark.parametrize(
    ("granularity", "count", "first"),
    [("layer", 16, "backbone.layer1.0.conv1"), ("block", 8, "backbone.layer1.0"), ("stage", 4, "backbone.layer1")],
)
def test_granularity_decides_how_many_units_share_a_knob(granularity, count, first):
    choices = choices_of(f"space.granularity={granularity}")
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
    choices = choices_of("student.detector=faster_rcnn_resnet18", f"space.granularity={granularity}")
    assert [prefix for prefix in choices if not prefix.startswith("backbone.")] == others


def test_a_term_brings_a_teacher_and_a_weight_knob():
    terms = load_config("demo").space.terms
    space = build_space(choices_of("space.granularity=stage"), terms)
    assert [knob.key for knob in space.knobs] == [
        *(f"layer/backbone.layer{stage}" for stage in (1, 2, 3, 4)),
        "teacher/feature_hint",
        "weight/feature_hint",
    ]


def test_a_unit_kept_real_inside_a_searched_block_gets_a_knob_with_one_choice():
    choices = choices_of("space.layers.keep_real=[backbone.layer1.0.conv1, backbone.layer2]")
    assert choices["backbone.layer1.0.conv1"] == ("real",)
    assert len(choices["backbone.layer1.0"]) == 3
    assert not any(prefix.startswith("backbone.layer2") for prefix in choices)


def test_keep_real_must_name_layers_that_exist_and_leave_some():
    with pytest.raises(
        ConfigError, match=r"keep_real names 'backbone.layer9', but no searchable layer of ssd_resnet18"
    ):
        choices_of("space.layers.keep_real=[backbone.layer9]")
    with pytest.raises(ConfigError, match="covers every searchable layer: nothing is left to search"):
        choices_of("space.layers.keep_real=[backbone]")


def opened_of(*overrides: str) -> Choices:
    """The choices of what is opened, beside those of the backbone's stages."""
    choices = choices_of("space.granularity=stage", *overrides)
    stages = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
    assert list(choices)[:4] == stages
    return {name: methods for name, methods in choices.items() if name not in stages}


def test_everything_is_opened_by_groups_unless_a_config_says_otherwise():
    few = ("real", "int8", "int4")
    groups = ["stem", "shortcuts", "heads.cls", "heads.box"]
    assert opened_of("space.layers.open={all: [real, int8, int4]}") == dict.fromkeys(groups, few)
    assert load_config("demo").space.layers.open == {"all": few}
    assert opened_of() == {}
    parts = opened_of("space.layers.open={stem: [real, int8], heads: [real, sign]}")
    assert parts == {"stem": ("real", "int8"), "heads.cls": ("real", "sign"), "heads.box": ("real", "sign")}


def test_the_longest_name_decides_what_is_opened_and_single_layers_come_first():
    named = "{all: [real, int8], heads: [real], heads.cls: [real, int4], cls_heads.0.2: [int8]}"
    assert opened_of(f"space.layers.open={named}") == {
        "stem": ("real", "int8"),
        "shortcuts": ("real", "int8"),
        "heads.cls": ("real", "int4"),
        "cls_heads.0.2": ("int8",),
        "heads.box": ("real",),
    }
    alone = opened_of("space.layers.open={cls_heads.0.2: [real, int8]}")
    assert alone == {"cls_heads.0.2": ("real", "int8")}


def test_each_layer_may_have_a_knob_of_its_own():
    opened = opened_of("space.layers.open={stem: [real, int8], heads.box: [real, int8]}", "space.layers.open_by=layer")
    boxes = [f"box_heads.{level}.{layer}" for level in range(4) for layer in (0, 2)]
    assert opened == dict.fromkeys(["backbone.conv1", *boxes], ("real", "int8"))


def test_what_is_opened_can_be_kept_real_by_group_and_by_layer():
    every = "space.layers.open={all: [real, int8]}"
    assert list(opened_of(every, "space.layers.keep_real=[stem, heads]")) == ["shortcuts"]
    kept = opened_of(every, "space.layers.keep_real=[heads.cls, box_heads.3.2]")
    assert list(kept) == ["stem", "shortcuts", "heads.box", "box_heads.3.2"]
    assert kept["box_heads.3.2"] == ("real",)
    assert opened_of("space.layers.keep_real=[stem, backbone.conv1]") == {}
    finer = "space.layers.open={all: [real, int8], heads.cls: [int8]}"
    assert list(opened_of(finer, "space.layers.keep_real=[heads]")) == ["stem", "shortcuts", "heads.cls"]


def test_a_part_that_a_detector_lacks_can_not_be_opened():
    message = r"space.layers.open.shortcuts: ssd_vgg11 has nothing of this name to open\..* There are: all, stem, "
    with pytest.raises(ConfigError, match=message):
        choices_of("student.detector=ssd_vgg11", "space.layers.open={shortcuts: [real, int8]}")
    assert "shortcuts" not in opened_of_vgg("{all: [real, int8]}")
    with pytest.raises(ConfigError, match=r"space.layers.open.heads.clss: .* Did you mean 'heads.cls'\?"):
        choices_of("space.layers.open={heads.clss: [real]}")


def opened_of_vgg(opened: str) -> Choices:
    return choices_of("student.detector=ssd_vgg11", f"space.layers.open={opened}")


def test_knobs_of_depthwise_layers_are_by_stage_and_of_a_second_stage_by_kind():
    every = "space.layers.open={all: [real, int8]}"
    mobile = choices_of("student.detector=ssdlite_mobilenetv1", "space.granularity=stage", every)
    assert list(mobile)[5:] == ["stem", *(f"depthwise.stage{s}" for s in range(1, 6)), "heads.cls", "heads.box"]
    two = choices_of("student.detector=faster_rcnn_resnet18", "space.granularity=stage", every)
    assert list(two)[-4:] == ["heads.rpn", "heads.fc", "heads.cls", "heads.box"]


def test_a_config_that_a_run_of_before_wrote_has_a_knob_for_each_convolution(tmp_path):
    """Its text has every key, but for `open_by`, and its parts were their dense convolutions."""
    text = config_text(load_config("demo", ["space.layers.open={stem: [real, int8], heads: [real, sign]}"]))
    assert "open_by: group" in text
    (tmp_path / "config.yaml").write_text("".join(line for line in text.splitlines(True) if "open_by" not in line))
    config = load_config(tmp_path / "config.yaml")
    choices = layer_choices(config.space, student_spec(config.student, config.data, 5))
    heads = {f"{kind}_heads.{level}.2": ("real", "sign") for kind in ("cls", "box") for level in range(4)}
    assert dict(list(choices.items())[8:]) == {"backbone.conv1": ("real", "int8")} | heads
    (tmp_path / "again.yaml").write_text(config_text(config))
    assert load_config(tmp_path / "again.yaml") == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("space.layers.open={stm: [real]}", r"space.layers.open.stm: there is no such key. Did you mean 'stem'\?"),
        ("space.layers.open={stem: [binary]}", r"space.layers.open.stem: 'binary' is not known"),
        ("space.layers.open={stem: []}", "must have one entry or more"),
        ("supernet.search_losses={fgfi: 1.0}", r"supernet.search_losses.fgfi: .*compares layers"),
        ("supernet.search_losses={angular: 0}", "supernet.search_losses.angular"),
    ],
)
def test_what_can_not_be_opened_or_searched_on_is_refused(override, message):
    with pytest.raises(ConfigError, match=message):
        load_config("demo", [override])


def test_a_detector_with_units_beyond_its_backbone_has_knobs_for_them():
    choices = choices_of("student.detector=gfl_resnet18", "space.granularity=stage")
    assert list(choices) == [*(f"backbone.layer{stage}" for stage in (1, 2, 3, 4)), "fpn", "towers"]
    blocks = list(choices_of("student.detector=gfl_resnet18", "space.granularity=block"))[8:]
    assert blocks == [*(f"fpn.p{level}" for level in range(3, 8)), "towers.cls", "towers.box"]
