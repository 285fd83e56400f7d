"""What a scorer is made of: settings that can score, and no more images than it needs."""

import math
from dataclasses import replace

import pytest

from trainers.scoring.parts import ScoreSettings, images_of, pack, seen_by


def test_only_the_training_images_that_are_needed_are_broadcast(spec, supernet, settings, blobs):
    def packed(**changes):
        changed = replace(settings, **changes)
        return pack(
            spec=spec,
            settings=changed,
            supernet=supernet.state_dict(),
            distiller={},
            terms={},
            teachers={},
            train=seen_by(changed, blobs(40)),
            val=blobs(3),
        )

    assert len(packed().image_ids["train"]) == 3 * 4
    assert len(packed(adapt_steps=0).image_ids["train"]) == 6
    assert len(packed(adapt_steps=100).image_ids["train"]) == 40
    assert packed().image_ids == packed().image_ids != packed(seed=1).image_ids
    assert packed().image_ids["val"] == ("000", "001", "002")


def test_a_worker_learns_and_measures_by_the_rule_and_the_flags_of_the_data(spec, supernet, settings, blobs):
    train, val = (replace(blobs(count), rule="coco", learns_difficult=False) for count in (40, 3))
    parts = pack(
        spec=spec,
        settings=settings,
        supernet=supernet.state_dict(),
        distiller={},
        terms={},
        teachers={},
        train=seen_by(settings, train),
        val=val,
    )
    for split, count in (("train", 3 * 4), ("val", 3)):
        data = images_of(parts, split)
        assert (len(data), data.rule, data.learns_difficult) == (count, "coco", False)
        assert data.class_names == ("red", "green", "blue")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"adapt_steps": -1}, "adapt_steps is -1, must be 0 or more"),
        ({"batch_size": 1}, "batch_size is 1, must be at least 2: BatchNorm needs more than one image"),
        ({"recalibrate_images": 0}, "recalibrate_images is 0, must be at least 1"),
        ({"adapt_learning_rate": 0.0}, "adapt_learning_rate is 0.0, must be positive"),
        ({"rates": {"logit": math.inf}}, "The rate of logit is inf, must be positive and finite"),
        ({"rates": {"discriminator": 0.0}}, "The rate of discriminator is 0.0, must be positive"),
        ({"rates": {"judge": 1.0}}, "No role of parameters is called 'judge'"),
    ],
)
def test_settings_that_can_not_score_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ScoreSettings(**changes)


def test_the_default_rates_are_multiples_of_the_adaptations_own():
    assert ScoreSettings(rates={"logit": 3.0}).rates == {"logit": 3.0, "discriminator": 0.5}
