"""The recipe of a section over another number of epochs, as `--epochs` of a retraining asks for."""

from search.config import load_config
from search.stages.candidate_training import train_settings

RECIPE = "retrain: {epochs: 12, schedule: steps, milestones: [8, 11], warm_up_epochs: 1, validate_every: 3}"


def test_milestones_and_warm_up_stay_in_proportion(least, written):
    section = load_config(written(f"{least}{RECIPE}\n")).retrain
    half = section.over(6)
    assert (half.epochs, half.milestones, half.warm_up_epochs, half.validate_every) == (6, (4.0, 5.5), 0.5, 3)
    assert section.over(12) is section
    assert train_settings(half) == train_settings(section).over(6)
