import math

import pytest

from trainers.training.settings import TrainSettings
from trainers.training.silence import SilenceDecay


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0, must be at least 1"),
        ({"epochs": 1, "learning_rate": math.inf}, "learning_rate is inf, must be positive and finite"),
        ({"epochs": 1, "learning_rate": 0.0}, "learning_rate is 0.0, must be positive and finite"),
        ({"epochs": 1, "weight_decay": -1.0}, "weight_decay is -1.0, must be 0 or more and finite"),
        ({"epochs": 1, "latent_weight_decay": -1.0}, "latent_weight_decay is -1.0, must be 0 or more and finite"),
        ({"epochs": 1, "clip_norm": 0.0}, "clip_norm is 0.0, must be positive and finite"),
        ({"epochs": 1, "batch_size": 1}, "batch_size is 1, must be at least 2: BatchNorm needs more than one image"),
        ({"epochs": 1, "rates": {"logit": 0.0}}, "The rate of logit is 0.0, must be positive and finite"),
        (
            {"epochs": 1, "rates": {"logits": 0.1}},
            r"No role of parameters is called 'logits'\. Did you mean 'logit'\? Known: logit, discriminator, latent\.",
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


def test_only_what_is_set_of_the_recipe_is_described():
    plain = TrainSettings(epochs=7).described()
    recipe = {"optimizer": "sgd", "schedule": "steps", "milestones": (3.0, 5.0), "validate_every": 2, "patience": 1}
    described = TrainSettings(epochs=7, **recipe).described()
    assert described == {**plain, **recipe, "milestones": [3.0, 5.0]}


def test_what_is_set_of_latent_weights_is_described_and_not_meant_for_real_ones():
    plain = TrainSettings(epochs=7)
    latent = TrainSettings(epochs=7, rates={"latent": 0.5}, latent_weight_decay=0.0, silence_decay=SilenceDecay())
    silence = {"decay": 2e-5, "momentum": 0.999, "threshold": 1e-4}
    own = {"latent_learning_rate": 0.5, "latent_weight_decay": 0.0, "silence_decay": silence}
    assert latent.described() == {**plain.described(), **own}
    assert latent.with_real_weights() == plain


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "steps"}, r"milestones are \[\] with the schedule steps over 9 epochs"),
        ({"milestones": (3.0,)}, r"milestones are \[3.0\] with the schedule cosine over 9 epochs"),
        ({"schedule": "steps", "milestones": (3.0, 9.0)}, "steps needs rising epochs within the training"),
        ({"optimizer": "adam"}, "optimizer is 'adam', must be adamw or sgd"),
        ({"momentum": 1.0}, "momentum is 1.0, must be 0 or more and below 1"),
        ({"patience": 2}, "patience is 2, but validate_every is None: nothing is validated"),
    ],
)
def test_recipes_that_contradict_themselves_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainSettings(epochs=9, **settings)
