"""The candidate that a `train` section names."""

import pytest

from search.plan.plan import plan_training


@pytest.mark.parametrize(
    ("detector", "parts"), [("ssd_resnet18", ["backbone"]), ("gfl_resnet18", ["backbone", "fpn", "towers"])]
)
def test_one_method_for_all_layers_reaches_every_part_of_the_detector(training_config, detector, parts):
    candidate = plan_training(training_config("train.layers=sign", f"student.detector={detector}"), None).candidate
    assert candidate.layers() == dict.fromkeys(parts, "sign")


def test_one_method_for_all_layers_is_the_pyramids_and_the_first_stages_too(training_config):
    candidate = plan_training(training_config("student.detector=faster_rcnn_resnet18"), None).candidate
    assert candidate.layers() == {"backbone": "dbs", "fpn": "dbs", "rpn": "dbs"}
