"""The optimizer and the schedule of a training, from its settings."""

from collections.abc import Callable

import torch
from torch import nn

from trainers.training import fused
from trainers.training.parameter_groups import optimizer_groups
from trainers.training.schedule import usual_warm_up, warmed_cosine, warmed_steps
from trainers.training.settings import TrainSettings


def make_optimizer(modules: nn.ModuleDict, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW, or SGD with momentum, over all parameters that are trained.

    AdamW's weight decay is apart from the gradient (arXiv:1711.05101); SGD's is added to it, as detectors publish it.
    """
    latent = settings.latent_weight_decay
    decays = {} if latent is None else {"latent": latent}
    groups = optimizer_groups(modules, settings.learning_rate, settings.rates, settings.weight_decay, decays)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    return fused.adamw(groups)


def rate_share(settings: TrainSettings, steps_per_epoch: int) -> Callable[[int], float]:
    """The share of the learning rate at each step; see `schedule`. Epochs are rounded to whole steps."""
    steps, given = settings.epochs * steps_per_epoch, settings.warm_up_epochs
    warm_up = usual_warm_up(steps) if given is None else round(given * steps_per_epoch)
    if settings.schedule == "steps":
        milestones = [round(epoch * steps_per_epoch) for epoch in settings.milestones]
        return warmed_steps(milestones, settings.gamma, warm_up)
    return warmed_cosine(steps, warm_up)
