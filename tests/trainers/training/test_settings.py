import math

import pytest

from trainers.training.settings import TrainSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0, must be at least 1"),
        ({"epochs": 1, "learning_rate": math.inf}, "learning_rate is inf, must be positive and finite"),
        ({"epochs": 1, "learning_rate": 0.0}, "learning_rate is 0.0, must be positive and finite"),
        ({"epochs": 1, "weight_decay": -1.0}, "weight_decay is -1.0, must be 0 or more and finite"),
        ({"epochs": 1, "clip_norm": 0.0}, "clip_norm is 0.0, must be positive and finite"),
        ({"epochs": 1, "batch_size": 1}, "batch_size is 1, must be at least 2: BatchNorm needs more than one image"),
        ({"epochs": 1, "rates": {"logit": 0.0}}, "The rate of logit is 0.0, must be positive and finite"),
        (
            {"epochs": 1, "rates": {"logits": 0.1}},
            r"No role of parameters is called 'logits'\. Did you mean 'logit'\? Known: logit, discriminator\.",
        ),
    ],
)
def test_settings_that_can_not_train_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainSettings(**settings)


def test_a_role_without_a_rate_has_its_default():
    assert TrainSettings(epochs=1, rates={"logit": 0.5}).rates == {"logit": 0.5, "discriminator": 1e-3}


def test_the_description_has_the_keys_that_results_were_saved_with():
    described = TrainSettings(epochs=7, rates={"logit": 0.5}).described()
    assert described == {
        "epochs": 7,
        "batch_size": 16,
        "learning_rate": 2e-3,
        "logit_learning_rate": 0.5,
        "discriminator_learning_rate": 1e-3,
        "weight_decay": 1e-4,
        "clip_norm": 10.0,
    }
