"""The recipe of a section over another number of epochs, as `--epochs` of a retraining asks for."""

from search.config import load_config
from search.stages.settings import train_settings
from trainers.training.silence import SilenceDecay

RECIPE = "retrain: {epochs: 12, schedule: steps, milestones: [8, 11], warm_up_epochs: 1, validate_every: 3}"


def test_milestones_and_warm_up_stay_in_proportion(least, written):
    section = load_config(written(f"{least}{RECIPE}\n")).retrain
    half = section.over(6)
    assert (half.epochs, half.milestones, half.warm_up_epochs, half.validate_every) == (6, (4.0, 5.5), 0.5, 3)
    assert section.over(12) is section
    assert train_settings(half) == train_settings(section).over(6)


LATENT = "latent_learning_rate: 0.01, latent_weight_decay: 0, silence_decay: {decay: 0.5}"


def test_what_a_section_says_of_latent_weights_reaches_its_training(least, written):
    config = load_config(written(f"{least}retrain: {{{LATENT}}}\nsupernet: {{{LATENT}}}\n"))
    for section in (config.retrain, config.supernet):
        settings = train_settings(section)
        assert (settings.rates["latent"], settings.latent_weight_decay) == (0.01, 0.0)
        assert settings.silence_decay == SilenceDecay(decay=0.5)
    plain = train_settings(config.train)
    assert (set(plain.rates), plain.latent_weight_decay) == ({"logit", "discriminator"}, None)
    assert plain.silence_decay is None
